import type { Alert } from "../api/schema";
import { api, useMay } from "../api/session";
import { t } from "../locale/locale";
import { pathTo } from "../shell/routes";
import { fullTime } from "../shell/times";
import { Link } from "../shell/ui/Link";
import { Menu } from "../shell/ui/Menu";
import type { Column } from "../shell/ui/Table";
import { Ago, Table } from "../shell/ui/Table";
import { useBusy } from "../shell/useBusy";
import { conditionText, formOf, ruleOf } from "./rule";

interface AlertTableProps {
  readonly rules: readonly Alert[];
  readonly onEdit: (rule: Alert) => void;
  readonly onChange: () => void;
}

/** The rules, each with its state, what it looks for, and what can be done with it. */
export function AlertTable({ rules, onEdit, onChange }: AlertTableProps): React.JSX.Element {
  return (
    <Table
      label={t("Rules")}
      columns={columnsFor({ onEdit, onChange })}
      items={rules}
      keyOf={({ id }) => id}
      testIdOf={({ id }) => `alert-${id}`}
      empty={t("No rule yet.")}
    />
  );
}

function columnsFor({ onEdit, onChange }: Omit<AlertTableProps, "rules">): readonly Column<Alert>[] {
  return [
    {
      head: t("Rule"),
      cell: (rule) => (
        <button type="button" className="table-link link-button" onClick={() => onEdit(rule)}>
          {rule.name}
        </button>
      ),
    },
    { head: t("State"), cell: (rule) => <State rule={rule} /> },
    { head: t("Fires at"), cell: conditionText },
    {
      head: t("About"),
      className: "table-wrap",
      cell: (rule) => (rule.workflow_id === null ? t("All workflows") : <About workflowId={rule.workflow_id} />),
    },
    { head: t("Watches"), cell: (rule) => <Watches rule={rule} onChange={onChange} /> },
    {
      head: t("More"),
      isHeadHidden: true,
      className: "table-menu",
      cell: (rule) => <More rule={rule} onEdit={onEdit} onChange={onChange} />,
    },
  ];
}

interface RuleProps extends Pick<AlertTableProps, "onChange"> {
  readonly rule: Alert;
}

function pathOf(rule: Alert): string {
  return `/alerts/${encodeURIComponent(rule.id)}`;
}

/** Mutes a rule, or lets it watch again. */
function toggled(rule: Alert): Promise<unknown> {
  return api.send("PUT", pathOf(rule), { ...ruleOf(formOf(rule)), enabled: !rule.enabled });
}

function Watches({ rule, onChange }: RuleProps): React.JSX.Element {
  const [isBusy, begin] = useBusy();
  const mayWrite = useMay("alerts:write");
  return (
    <button
      type="button"
      role="switch"
      className="switch"
      aria-checked={rule.enabled}
      aria-label={t("{name} watches", { name: rule.name })}
      disabled={isBusy || !mayWrite}
      onClick={() => begin(() => toggled(rule).then(onChange))}
    />
  );
}

function More({ rule, onEdit, onChange }: RuleProps & Pick<AlertTableProps, "onEdit">): React.JSX.Element | null {
  const [, begin] = useBusy();
  if (!useMay("alerts:write")) return null;
  const mute = (): void => begin(() => toggled(rule).then(onChange));
  const remove = (): void => begin(() => api.send("DELETE", pathOf(rule)).then(onChange));
  return (
    <Menu
      label={t("More for {name}", { name: rule.name })}
      icon="dots"
      items={[
        { label: t("Edit"), icon: "pencil", onSelect: () => onEdit(rule) },
        rule.enabled
          ? { label: t("Mute"), icon: "pause", onSelect: mute }
          : { label: t("Watch again"), icon: "play", onSelect: mute },
        { label: t("Delete"), icon: "trash", onSelect: remove },
      ]}
    />
  );
}

function State({ rule }: { readonly rule: Alert }): React.JSX.Element {
  if (!rule.enabled)
    return (
      <span className="status status-cancelled" title={fullTime(rule.since)}>
        {t("muted")}
      </span>
    );
  const isFiring = rule.state === "firing";
  return (
    <>
      <span className={`status status-${isFiring ? "failed" : "completed"}`}>
        {isFiring ? t("firing") : t("at rest")}
      </span>{" "}
      <span className="muted">
        <Ago time={rule.since} />
      </span>
    </>
  );
}

/** A workflow opens in the editor; a function of an application shows its runs. */
function About({ workflowId }: { readonly workflowId: string }): React.JSX.Element {
  const runs = `${pathTo("runs")}?${new URLSearchParams({ workflow: workflowId, status: "failed" }).toString()}`;
  const href = workflowId.includes("/") ? runs : pathTo("workflows", workflowId);
  return <Link href={href}>{workflowId}</Link>;
}
