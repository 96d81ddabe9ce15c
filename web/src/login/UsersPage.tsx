import { useCallback, useState } from "react";
import type { User, UserPage } from "../api/schema";
import { api, useSession } from "../api/session";
import { asApiError, useLoaded } from "../api/useLoaded";
import { notify } from "../shell/notices";
import { setQuery, useAddress } from "../shell/routes";
import { ago, fullTime } from "../shell/times";
import { Button } from "../shell/ui/Button";
import type { MenuItem } from "../shell/ui/Menu";
import { Menu } from "../shell/ui/Menu";
import { TableCard } from "../shell/ui/TableCard";
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
  const close = (): void => {
    setOpen(undefined);
    reload();
  };
  return (
    <main className="page">
      <header className="page-header">
        <h1>Users</h1>
        <Button icon="plus" look="primary" testId="new-user" onClick={() => setOpen({ what: "new" })}>
          New user
        </Button>
      </header>
      {error !== undefined && (
        <p className="callout callout-error" role="alert">
          {error.message} <Button onClick={reload}>Try again</Button>
        </p>
      )}
      {page === undefined && error === undefined && <p className="page-loading">Loading…</p>}
      {page !== undefined && <UserTable users={page.items} onOpen={setOpen} onChange={reload} />}
      {typeof page?.next_cursor === "string" && (
        <Button onClick={() => setQuery({ cursor: page.next_cursor ?? undefined })}>More</Button>
      )}
      {open?.what === "new" && <NewUserDialog onClose={close} />}
      {open?.what === "roles" && <RolesDialog user={open.user} onClose={close} />}
      {open?.what === "password" && <UserPasswordDialog user={open.user} onClose={close} />}
    </main>
  );
}

interface UserTableProps {
  readonly users: readonly User[];
  readonly onOpen: (open: Open) => void;
  readonly onChange: () => void;
}

function UserTable({ users, onOpen, onChange }: UserTableProps): React.JSX.Element {
  const self = useSession(({ state }) => state?.actor);
  if (users.length === 0)
    return (
      <div className="empty">
        <h2>No user yet</h2>
        <p>Users log in with a name and a password. What they may do is up to their roles.</p>
      </div>
    );
  return (
    <TableCard label="Users">
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Roles</th>
          <th scope="col">Last login</th>
          <th scope="col">
            <span className="visually-hidden">More</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {users.map((user) => (
          <tr key={user.id} data-testid={`user-${user.name}`}>
            <td>
              {user.display_name}
              {user.disabled_at !== null && <span className="tag workflow-hold">disabled</span>}
              {user.display_name !== user.name && <span className="muted table-id">{user.name}</span>}
            </td>
            <td>{user.roles.join(", ")}</td>
            <td title={user.last_login_at === null ? "" : fullTime(user.last_login_at)}>
              {user.last_login_at === null ? "never" : ago(user.last_login_at)}
            </td>
            <td>
              {self === `user:${user.id}` ? (
                <span className="muted">you</span>
              ) : (
                <Menu label={`More for ${user.name}`} icon="dots" items={itemsFor(user, onOpen, onChange)} />
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </TableCard>
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
    { label: "Change roles", icon: "pencil", onSelect: () => onOpen({ what: "roles", user }) },
    {
      label: "Set a password",
      icon: "lock",
      isDisabled: !user.has_password,
      onSelect: () => onOpen({ what: "password", user }),
    },
    user.disabled_at === null
      ? { label: "Disable: end all sessions", icon: "pause", onSelect: send("POST", "/disable") }
      : { label: "Enable", icon: "play", onSelect: send("POST", "/enable") },
    { label: "Remove from this tenant", icon: "trash", onSelect: send("DELETE", "") },
  ];
}
