import { useCallback, useState } from "react";
import type { User, UserPage } from "../api/schema";
import { api, useMay, useSession } from "../api/session";
import { asApiError, useLoaded } from "../api/useLoaded";
import { listed, t } from "../locale/locale";
import { notify } from "../shell/notices";
import { pathTo, useAddress } from "../shell/routes";
import { Button } from "../shell/ui/Button";
import { Link } from "../shell/ui/Link";
import { ListPage } from "../shell/ui/ListPage";
import type { MenuItem } from "../shell/ui/Menu";
import { Menu } from "../shell/ui/Menu";
import type { Column } from "../shell/ui/Table";
import { Ago, Table } from "../shell/ui/Table";
import { roleText } from "./roles";
import { NewUserDialog, RolesDialog, UserPasswordDialog } from "./UserDialogs";
import "./login.css";

type Open = { readonly what: "new" } | { readonly what: "roles" | "password"; readonly user: User };

/** Those who may log in for this tenant, for whoever manages them. */
export function UsersPage(): React.JSX.Element {
  const cursor = useAddress().query.get("cursor");
  const load = useCallback(
    () => api.get<UserPage>(`/users${cursor === null ? "" : `?${new URLSearchParams({ cursor }).toString()}`}`),
    [cursor],
  );
  const { value: page, error, reload } = useLoaded(load);
  const [open, setOpen] = useState<Open | undefined>(undefined);
  const mayAudit = useMay("audit:read");
  const close = (): void => {
    setOpen(undefined);
    reload();
  };
  return (
    <ListPage
      title={t("Users")}
      error={error}
      onReload={reload}
      isEmpty={page === undefined}
      actions={
        <>
          {mayAudit && (
            <Link className="button" href={pathTo("audit")}>
              {t("Audit log")}
            </Link>
          )}
          <Button icon="plus" look="primary" testId="new-user" onClick={() => setOpen({ what: "new" })}>
            {t("New user")}
          </Button>
        </>
      }
    >
      {page !== undefined && (
        <UserTable users={page.items} nextCursor={page.next_cursor} onOpen={setOpen} onChange={reload} />
      )}
      {open?.what === "new" && <NewUserDialog onClose={close} />}
      {open?.what === "roles" && <RolesDialog user={open.user} onClose={close} />}
      {open?.what === "password" && <UserPasswordDialog user={open.user} onClose={close} />}
    </ListPage>
  );
}

interface UserTableProps {
  readonly users: readonly User[];
  /** Where those that follow are. */
  readonly nextCursor: string | null;
  readonly onOpen: (open: Open) => void;
  readonly onChange: () => void;
}

function UserTable({ users, nextCursor, onOpen, onChange }: UserTableProps): React.JSX.Element {
  const self = useSession(({ state }) => state?.actor);
  return (
    <Table
      label={t("Users")}
      columns={columnsFor(self, { onOpen, onChange })}
      items={users}
      keyOf={({ id }) => id}
      testIdOf={({ name }) => `user-${name}`}
      empty={
        <>
          <h2>{t("No user yet")}</h2>
          <p>{t("Users log in with a name and a password. What they may do is up to their roles.")}</p>
        </>
      }
      nextCursor={nextCursor}
    />
  );
}

/** `self` is whoever looks: nobody changes themselves. */
function columnsFor(
  self: string | null | undefined,
  { onOpen, onChange }: Pick<UserTableProps, "onOpen" | "onChange">,
): readonly Column<User>[] {
  return [
    { head: t("Name"), cell: (user) => <Name user={user} /> },
    { head: t("Roles"), cell: ({ roles }) => listed(roles.map(roleText)) },
    { head: t("Last login"), cell: ({ last_login_at: last }) => (last === null ? t("Never") : <Ago time={last} />) },
    {
      head: t("More"),
      isHeadHidden: true,
      className: "table-menu",
      cell: (user) =>
        self === `user:${user.id}` ? (
          <span className="muted">{t("you")}</span>
        ) : (
          <Menu
            label={t("More for {name}", { name: user.name })}
            icon="dots"
            items={itemsFor(user, onOpen, onChange)}
          />
        ),
    },
  ];
}

function Name({ user }: { readonly user: User }): React.JSX.Element {
  return (
    <>
      <strong className="table-strong">{user.display_name}</strong>
      {user.disabled_at !== null && <span className="tag tag-warn">{t("disabled")}</span>}
      {user.display_name !== user.name && <span className="muted table-id">{user.name}</span>}
    </>
  );
}

function itemsFor(user: User, onOpen: (open: Open) => void, onChange: () => void): readonly MenuItem[] {
  const path = `/users/${encodeURIComponent(user.id)}`;
  const send = (method: string, what: string) => (): void => {
    api
      .send(method, path + what)
      .catch((reason: unknown) => notify(asApiError(reason).message, "error"))
      .finally(onChange);
  };
  return [
    { label: t("Change roles"), icon: "pencil", onSelect: () => onOpen({ what: "roles", user }) },
    {
      label: t("Set a password"),
      icon: "lock",
      isDisabled: !user.has_password,
      onSelect: () => onOpen({ what: "password", user }),
    },
    user.disabled_at === null
      ? { label: t("Disable: end all sessions"), icon: "pause", onSelect: send("POST", "/disable") }
      : { label: t("Enable"), icon: "play", onSelect: send("POST", "/enable") },
    { label: t("Remove from this tenant"), icon: "trash", onSelect: send("DELETE", "") },
  ];
}
