import { Suspense, lazy, useCallback, useState } from "react";
import { query } from "../api/client";
import type { Secret, SecretPage as Page } from "../api/schema";
import { api, useMay } from "../api/session";
import { useLoaded } from "../api/useLoaded";
import { t } from "../locale/locale";
import { pathTo, useAddress } from "../shell/routes";
import { Button } from "../shell/ui/Button";
import { Link } from "../shell/ui/Link";
import { ListPage } from "../shell/ui/ListPage";
import { Menu } from "../shell/ui/Menu";
import type { Column } from "../shell/ui/Table";
import { Ago, Table } from "../shell/ui/Table";
import { DeleteDialog } from "./DeleteDialog";

const SecretDialog = lazy(() => import("./SecretDialog").then((module) => ({ default: module.SecretDialog })));

/** What a dialog is open for. */
type Asked = { readonly what: "new" } | { readonly what: "edit" | "delete"; readonly secret: Secret };

/** The secrets of the tenant: their names, and what uses them. */
export function SecretsPage(): React.JSX.Element {
  const cursor = useAddress().query.get("cursor") ?? "";
  const load = useCallback(() => api.get<Page>(`/secrets${query({ cursor, usage: "true" })}`), [cursor]);
  const { value: page, error, reload } = useLoaded(load);
  const [asked, setAsked] = useState<Asked | undefined>(undefined);
  const mayWrite = useMay("secrets:write");
  const close = (): void => setAsked(undefined);
  return (
    <ListPage
      title={t("Secrets")}
      error={error}
      onReload={reload}
      isEmpty={page === undefined}
      actions={
        mayWrite && (
          <Button icon="plus" look="primary" testId="new-secret" onClick={() => setAsked({ what: "new" })}>
            {t("New secret")}
          </Button>
        )
      }
    >
      {page !== undefined && (
        <Table
          label={t("Secrets")}
          columns={columnsFor(mayWrite, setAsked)}
          items={page.items}
          keyOf={({ name }) => name}
          testIdOf={({ name }) => `secret-${name}`}
          empty={t("No secret yet. One is stored here once, and steps are given it by its name.")}
          nextCursor={page.next_cursor}
        />
      )}
      {(asked?.what === "new" || asked?.what === "edit") && (
        <Suspense>
          <SecretDialog secret={asked.what === "edit" ? asked.secret : undefined} onClose={close} onSaved={reload} />
        </Suspense>
      )}
      {asked?.what === "delete" && <DeleteDialog secret={asked.secret} onClose={close} onDeleted={reload} />}
    </ListPage>
  );
}

function columnsFor(mayWrite: boolean, onAsk: (asked: Asked) => void): readonly Column<Secret>[] {
  const columns: readonly Column<Secret>[] = [
    { head: t("Secret"), className: "mono", cell: ({ name }) => name },
    { head: t("What it is for"), className: "table-wrap", cell: ({ description }) => description || "—" },
    { head: t("Used by"), className: "table-wrap", cell: ({ used_by }) => <Users ids={used_by ?? []} /> },
    { head: t("Changed"), cell: ({ updated_at }) => (updated_at === null ? "" : <Ago time={updated_at} />) },
    { head: t("By"), className: "mono muted", cell: ({ updated_by }) => updated_by },
  ];
  if (!mayWrite) return columns;
  const more: Column<Secret> = {
    head: t("More"),
    isHeadHidden: true,
    className: "table-menu",
    cell: (secret) => (
      <Menu
        label={t("More for {name}", { name: secret.name })}
        icon="dots"
        items={[
          { label: t("Replace"), icon: "pencil", onSelect: () => onAsk({ what: "edit", secret }) },
          { label: t("Delete"), icon: "trash", onSelect: () => onAsk({ what: "delete", secret }) },
        ]}
      />
    ),
  };
  return [...columns, more];
}

/** Workflows, each of which opens in the editor. */
function Users({ ids }: { readonly ids: readonly string[] }): React.JSX.Element {
  if (ids.length === 0) return <span className="muted">—</span>;
  return (
    <>
      {ids.map((id, index) => (
        <span key={id}>
          {index > 0 && t(", ")}
          <Link href={pathTo("workflows", id)}>{id}</Link>
        </span>
      ))}
    </>
  );
}
