import type { Function as CodeFunction } from "../api/schema";
import { triggerLine } from "../config/triggers";
import { pathTo } from "../shell/routes";
import { Link } from "../shell/ui/Link";
import type { Column } from "../shell/ui/Table";
import { Ago, Table } from "../shell/ui/Table";
import { settingWords } from "./settings";

interface FunctionTableProps {
  readonly functions: readonly CodeFunction[];
  /** Where those that follow are. */
  readonly nextCursor: string | null;
}

const COLUMNS: readonly Column<CodeFunction>[] = [
  { head: "Function", cell: (one) => <Name one={one} /> },
  { head: "Starts with", cell: (one) => <Tags words={one.triggers.map(triggerText)} none="Only when it is invoked" /> },
  { head: "Settings", cell: (one) => <Tags words={settingWords(one.settings)} none="—" /> },
  {
    head: "Version",
    cell: (one) => (
      <>
        v{one.version}
        {one.app_version !== null && <span className="muted table-id">{one.app_version}</span>}
      </>
    ),
  },
  { head: "Changed", cell: (one) => <Ago time={one.updated_at} /> },
  {
    head: "Runs",
    cell: ({ id }) => (
      <Link className="table-time" href={`${pathTo("runs")}?${new URLSearchParams({ workflow: id }).toString()}`}>
        Last runs
      </Link>
    ),
  },
];

/** The functions of applications, and what starts each. */
export function FunctionTable({ functions, nextCursor }: FunctionTableProps): React.JSX.Element {
  return (
    <Table
      label="Functions"
      columns={COLUMNS}
      items={functions}
      keyOf={({ id }) => id}
      testIdOf={({ id }) => `function-${id}`}
      empty="No application has a function."
      nextCursor={nextCursor}
    />
  );
}

function Name({ one }: { readonly one: CodeFunction }): React.JSX.Element {
  return (
    <>
      <strong className="table-strong" title={one.description ?? undefined}>
        {one.name}
      </strong>{" "}
      {!one.enabled && <span className="status status-cancelled">off</span>}
      <span className="muted table-id">{one.id}</span>
    </>
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
