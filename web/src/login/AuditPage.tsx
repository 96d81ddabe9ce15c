import { useCallback } from "react";
import type { AuditEntry, AuditPage as Page } from "../api/schema";
import { query } from "../api/client";
import { api, useSession } from "../api/session";
import { useLoaded } from "../api/useLoaded";
import type { Message } from "../locale/locale";
import { t } from "../locale/locale";
import { pathTo, useAddress } from "../shell/routes";
import { Button } from "../shell/ui/Button";
import { ListPage } from "../shell/ui/ListPage";
import { QueryField, QuerySelect } from "../shell/ui/QueryField";
import type { Column } from "../shell/ui/Table";
import { Ago, Table } from "../shell/ui/Table";

/** What is entered, as the server names it, for people. */
const WORDS: Readonly<Record<AuditEntry["action"], Message>> = {
  "login.succeeded": "Logged in",
  "login.failed": "Login failed",
  "session.ended": "Logged out",
  "user.created": "Made a user",
  "user.roles_changed": "Changed roles",
  "user.password_changed": "Changed a password",
  "user.disabled": "Disabled a user",
  "user.enabled": "Enabled a user",
  "key.created": "Made a key",
  "key.revoked": "Revoked a key",
  "workflow.published": "Published a workflow",
  "workflow.enabled": "Enabled a workflow",
  "workflow.disabled": "Disabled a workflow",
  "workflow.paused": "Paused a workflow",
  "workflow.resumed": "Resumed a workflow",
  "workflow.drained": "Drained a workflow",
  "workflow.undrained": "Stopped draining a workflow",
  "workflow.archived": "Archived a workflow",
  "workflow.restored": "Restored a workflow",
  "run.repeated": "Repeated a run with changes",
  "run.moved": "Moved a run to another version",
  "webhook.created": "Made a webhook",
  "webhook.changed": "Changed a webhook",
  "webhook.rotated": "Gave a webhook a new URL",
  "webhook.deleted": "Deleted a webhook",
  "secret.set": "Stored a secret",
  "secret.deleted": "Deleted a secret",
  "alert.created": "Made an alert rule",
  "alert.changed": "Changed an alert rule",
  "alert.deleted": "Deleted an alert rule",
  "app.archived": "Archived an app",
  "app.unarchived": "Brought an app back",
  "embed_token.issued": "Gave an embed token",
};

/** Who logged in and who changed what, newest first, for whoever may see that. */
export function AuditPage(): React.JSX.Element {
  const address = useAddress().query;
  const [action = "", actor = "", subject = "", cursor = ""] = ["action", "actor", "subject", "cursor"].map(
    (name) => address.get(name) ?? "",
  );
  const load = useCallback(
    () => api.get<Page>(`/audit${query({ action, actor, subject, cursor })}`),
    [action, actor, subject, cursor],
  );
  const { value: page, error, reload } = useLoaded(load);
  const self = useSession(({ state }) => state?.actor);
  return (
    <ListPage
      title={t("Audit log")}
      back={{ href: pathTo("users"), label: t("Users") }}
      error={error}
      onReload={reload}
      isEmpty={page === undefined}
      actions={
        <>
          <QuerySelect
            label={t("What was done")}
            name="action"
            value={action}
            none={t("Everything")}
            options={Object.keys(WORDS)}
            labelOf={(name) => t(WORDS[name as AuditEntry["action"]])}
          />
          <QueryField label={t("Who")} name="actor" value={actor} />
          <QueryField label={t("To whom or what")} name="subject" value={subject} />
          <Button onClick={reload}>{t("Refresh")}</Button>
        </>
      }
    >
      {page !== undefined && (
        <Table
          label={t("Entries")}
          columns={columnsFor(self)}
          items={page.items}
          keyOf={({ seq }) => String(seq)}
          testIdOf={(entry) => `audit-${entry.action}`}
          empty={t("No entry is like this.")}
          nextCursor={page.next_cursor}
        />
      )}
    </ListPage>
  );
}

/** `self` is whoever looks. */
function columnsFor(self: string | null | undefined): readonly Column<AuditEntry>[] {
  return [
    { head: t("What"), cell: ({ action }) => t(WORDS[action]) },
    { head: t("When"), cell: ({ at }) => <Ago time={at} /> },
    {
      head: t("Who"),
      className: "mono",
      cell: ({ actor }) => (
        <>
          {actor} {actor === self && <span className="muted">{t("you")}</span>}
        </>
      ),
    },
    { head: t("To whom or what"), className: "mono table-wrap", cell: ({ subject }) => subject },
    { head: t("More"), className: "muted table-wrap", cell: ({ detail }) => (detail === null ? "" : wordsOf(detail)) },
    { head: t("From"), className: "mono muted", cell: ({ address }) => address },
  ];
}

/** What an entry says besides, in one line. */
function wordsOf(detail: NonNullable<AuditEntry["detail"]>): string {
  return Object.entries(detail)
    .map(([name, value]) => `${name}: ${Array.isArray(value) ? value.join(", ") : String(value)}`)
    .join(" · ");
}
