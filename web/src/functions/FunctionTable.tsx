import type { Function as CodeFunction } from "../api/schema";
import { triggerLine } from "../config/triggers";
import { t } from "../locale/locale";
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

function columns(): readonly Column<CodeFunction>[] {
  return [
    { head: t("Function"), cell: (one) => <Name one={one} /> },
    {
      head: t("Starts with"),
      cell: (one) => <Tags words={one.triggers.map(triggerText)} none={t("Only when it is invoked")} />,
    },
    { head: t("Settings"), cell: (one) => <Tags words={settingWords(one.settings)} none="—" /> },
    {
      head: t("Version"),
      cell: (one) => (
        <>
          v{one.version}
          {one.app_version !== null && <span className="muted table-id">{one.app_version}</span>}
        </>
      ),
    },
    { head: t("Changed"), cell: (one) => <Ago time={one.updated_at} /> },
    {
      head: t("Runs"),
      cell: ({ id }) => (
        <Link className="table-time" href={`${pathTo("runs")}?${new URLSearchParams({ workflow: id }).toString()}`}>
          {t("Last runs")}
        </Link>
      ),
    },
  ];
}

/** The functions of applications, and what starts each. */
export function FunctionTable({ functions, nextCursor }: FunctionTableProps): React.JSX.Element {
  return (
    <Table
      label={t("Functions")}
      columns={columns()}
      items={functions}
      keyOf={({ id }) => id}
      testIdOf={({ id }) => `function-${id}`}
      empty={t("No application has a function.")}
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
      {!one.enabled && <span className="status status-cancelled">{t("off")}</span>}
      <span className="muted table-id">{one.id}</span>
    </>
  );
}

function triggerText(trigger: CodeFunction["triggers"][number]): string {
  const event = triggerLine(trigger);
  return typeof trigger.if === "string" ? t("{event} if {condition}", { event, condition: trigger.if }) : event;
}

function Tags({ words, none }: { readonly words: readonly string[]; readonly none: string }): React.JSX.Element {
  if (words.length === 0) return <span className="muted">{none}</span>;
  return (
    <ul className="tags">
      {words.map((word) => (
        <li key={word} className="tag">
          <bdi>{word}</bdi>
        </li>
      ))}
    </ul>
  );
}
