import type { Function as CodeFunction } from "../api/schema";
import { triggerLine } from "../config/triggers";
import { pathTo, setQuery } from "../shell/routes";
import { ago, fullTime } from "../shell/times";
import { Button } from "../shell/ui/Button";
import { Link } from "../shell/ui/Link";
import { TableCard } from "../shell/ui/TableCard";
import { settingWords } from "./settings";

interface FunctionTableProps {
  readonly functions: readonly CodeFunction[];
  /** Where those that follow are. */
  readonly nextCursor: string | null;
}

export function FunctionTable({ functions, nextCursor }: FunctionTableProps): React.JSX.Element {
  if (functions.length === 0) return <div className="empty">No application has a function.</div>;
  return (
    <TableCard label="Functions" footer={nextCursor !== null && <More cursor={nextCursor} />}>
      <thead>
        <tr>
          <th scope="col">Function</th>
          <th scope="col">Starts with</th>
          <th scope="col">Settings</th>
          <th scope="col">Version</th>
          <th scope="col">Changed</th>
          <th scope="col">Runs</th>
        </tr>
      </thead>
      <tbody>
        {functions.map((one) => (
          <FunctionLine key={one.id} one={one} />
        ))}
      </tbody>
    </TableCard>
  );
}

function More({ cursor }: { readonly cursor: string }): React.JSX.Element {
  return (
    <footer className="card-footer">
      <Button onClick={() => setQuery({ cursor })}>More</Button>
    </footer>
  );
}

function FunctionLine({ one }: { readonly one: CodeFunction }): React.JSX.Element {
  return (
    <tr data-testid={`function-${one.id}`}>
      <td>
        <strong className="function-name" title={one.description ?? undefined}>
          {one.name}
        </strong>{" "}
        {!one.enabled && <span className="status status-cancelled">off</span>}
        <span className="muted table-id">{one.id}</span>
      </td>
      <td>
        <Tags words={one.triggers.map(triggerText)} none="Only when it is invoked" />
      </td>
      <td>
        <Tags words={settingWords(one.settings)} none="—" />
      </td>
      <td>
        v{one.version}
        {one.app_version !== null && <span className="muted table-id">{one.app_version}</span>}
      </td>
      <td className="table-time" title={fullTime(one.updated_at)}>
        {ago(one.updated_at)}
      </td>
      <td>
        <Link href={`${pathTo("runs")}?${new URLSearchParams({ workflow: one.id }).toString()}`}>Last runs</Link>
      </td>
    </tr>
  );
}

function triggerText(trigger: CodeFunction["triggers"][number]): string {
  const condition = typeof trigger.if === "string" ? ` if ${trigger.if}` : "";
  return triggerLine(trigger) + condition;
}

function Tags({ words, none }: { readonly words: readonly string[]; readonly none: string }): React.JSX.Element {
  if (words.length === 0) return <span className="muted">{none}</span>;
  return (
    <ul className="tags">
      {words.map((word) => (
        <li key={word} className="tag">
          {word}
        </li>
      ))}
    </ul>
  );
}
