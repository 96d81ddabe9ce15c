import type { Alert } from "../api/schema";
import { api, useMay } from "../api/session";
import { pathTo } from "../shell/routes";
import { ago, fullTime } from "../shell/times";
import { Link } from "../shell/ui/Link";
import { Menu } from "../shell/ui/Menu";
import { TableCard } from "../shell/ui/TableCard";
import { useBusy } from "../shell/useBusy";
import { conditionText, formOf, ruleOf } from "./rule";

interface AlertTableProps {
  readonly rules: readonly Alert[];
  readonly onEdit: (rule: Alert) => void;
  readonly onChange: () => void;
}

export function AlertTable({ rules, onEdit, onChange }: AlertTableProps): React.JSX.Element {
  return (
    <TableCard label="Rules">
      <thead>
        <tr>
          <th scope="col">Rule</th>
          <th scope="col">State</th>
          <th scope="col">Fires at</th>
          <th scope="col">About</th>
          <th scope="col">Watches</th>
          <th scope="col">
            <span className="visually-hidden">More</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {rules.map((rule) => (
          <AlertLine key={rule.id} rule={rule} onEdit={onEdit} onChange={onChange} />
        ))}
      </tbody>
    </TableCard>
  );
}

interface AlertLineProps extends Omit<AlertTableProps, "rules"> {
  readonly rule: Alert;
}

function AlertLine({ rule, onEdit, onChange }: AlertLineProps): React.JSX.Element {
  const [isBusy, begin] = useBusy();
  const mayWrite = useMay("alerts:write");
  const path = `/alerts/${encodeURIComponent(rule.id)}`;
  const mute = (): void =>
    begin(async () => {
      await api.send("PUT", path, { ...ruleOf(formOf(rule)), enabled: !rule.enabled });
      onChange();
    });
  const remove = (): void =>
    begin(async () => {
      await api.send("DELETE", path);
      onChange();
    });
  return (
    <tr data-testid={`alert-${rule.id}`}>
      <td>
        <button type="button" className="table-link link-button" onClick={() => onEdit(rule)}>
          {rule.name}
        </button>
      </td>
      <td title={fullTime(rule.since)}>
        <StateTag rule={rule} /> <span className="muted">{rule.enabled && ago(rule.since)}</span>
      </td>
      <td>{conditionText(rule)}</td>
      <td>{rule.workflow_id === null ? "All workflows" : <About workflowId={rule.workflow_id} />}</td>
      <td>
        <button
          type="button"
          role="switch"
          className="switch"
          aria-checked={rule.enabled}
          aria-label={`${rule.name} watches`}
          disabled={isBusy || !mayWrite}
          onClick={mute}
        />
      </td>
      <td>
        {mayWrite && (
          <Menu
            label={`More for ${rule.name}`}
            icon="dots"
            items={[
              { label: "Edit", icon: "pencil", onSelect: () => onEdit(rule) },
              rule.enabled
                ? { label: "Mute", icon: "pause", onSelect: mute }
                : { label: "Watch again", icon: "play", onSelect: mute },
              { label: "Delete", icon: "trash", onSelect: remove },
            ]}
          />
        )}
      </td>
    </tr>
  );
}

function StateTag({ rule }: { readonly rule: Alert }): React.JSX.Element {
  if (!rule.enabled) return <span className="status status-cancelled">muted</span>;
  const isFiring = rule.state === "firing";
  return (
    <span className={`status status-${isFiring ? "failed" : "completed"}`}>{isFiring ? "firing" : "at rest"}</span>
  );
}

/** A workflow opens in the editor; a function of an application shows its runs. */
function About({ workflowId }: { readonly workflowId: string }): React.JSX.Element {
  const runs = `${pathTo("runs")}?${new URLSearchParams({ workflow: workflowId, status: "failed" }).toString()}`;
  const href = workflowId.includes("/") ? runs : pathTo("workflows", workflowId);
  return <Link href={href}>{workflowId}</Link>;
}
