import type { ReactNode } from "react";
import { useState } from "react";
import type { ApiError } from "../api/client";
import type { NewUser, User } from "../api/schema";
import { api, useMay } from "../api/session";
import { asApiError } from "../api/useLoaded";
import { Dialog } from "../shell/ui/Dialog";

type Role = NewUser["roles"][number];

const ROLES: readonly { readonly role: Role; readonly about: string }[] = [
  { role: "viewer", about: "sees everything" },
  { role: "editor", about: "changes drafts" },
  { role: "publisher", about: "changes and publishes" },
  { role: "operator", about: "cancels and repeats runs, sends events, decides approvals" },
  { role: "admin", about: "everything, users and keys included" },
  { role: "owner", about: "the same, and what concerns the whole installation" },
];

/** Somebody who may log in from now on. */
export function NewUserDialog({ onClose }: { readonly onClose: () => void }): React.JSX.Element {
  const [user, setUser] = useState<NewUser>({ name: "", display_name: "", password: "", roles: ["viewer"] });
  const set = (change: Partial<NewUser>): void => setUser((old) => ({ ...old, ...change }));
  return (
    <FormDialog
      title="New user"
      button="Make the user"
      onClose={onClose}
      onSubmit={() => api.send("POST", "/users", { ...user, roles: [...user.roles] })}
    >
      <TextField
        label="Name"
        hint="What they log in with, such as an e-mail address."
        value={user.name}
        isFirst
        onChange={(name) => set({ name })}
      />
      <TextField
        label="Name to show"
        value={user.display_name ?? ""}
        isOptional
        onChange={(shown) => set({ display_name: shown })}
      />
      <TextField
        label="Password"
        hint="12 characters or more. They can change it."
        isPassword
        value={user.password}
        onChange={(password) => set({ password })}
      />
      <RoleFields roles={user.roles} onChange={(roles) => set({ roles })} />
    </FormDialog>
  );
}

interface UserDialogProps {
  readonly user: User;
  readonly onClose: () => void;
}

/** What somebody may do. */
export function RolesDialog({ user, onClose }: UserDialogProps): React.JSX.Element {
  const [roles, setRoles] = useState(user.roles);
  return (
    <FormDialog
      title={`Roles of ${user.display_name}`}
      button="Change roles"
      onClose={onClose}
      onSubmit={() => api.send("PUT", `/users/${encodeURIComponent(user.id)}/roles`, { roles: [...roles] })}
    >
      <RoleFields roles={roles} onChange={setRoles} />
    </FormDialog>
  );
}

/** Another password for somebody else. */
export function UserPasswordDialog({ user, onClose }: UserDialogProps): React.JSX.Element {
  const [password, setPassword] = useState("");
  return (
    <FormDialog
      title={`Password of ${user.display_name}`}
      button="Set the password"
      onClose={onClose}
      onSubmit={() => api.send("PUT", `/users/${encodeURIComponent(user.id)}/password`, { password })}
    >
      <p>Their sessions end. Tell them the password on a way of your own.</p>
      <TextField
        label="New password"
        hint="12 characters or more."
        isPassword
        isFirst
        value={password}
        onChange={setPassword}
      />
    </FormDialog>
  );
}

interface FormDialogProps {
  readonly title: string;
  readonly button: string;
  readonly onClose: () => void;
  readonly onSubmit: () => Promise<unknown>;
  readonly children: ReactNode;
}

function FormDialog({ title, button, onClose, onSubmit, children }: FormDialogProps): React.JSX.Element {
  const [error, setError] = useState<ApiError | undefined>(undefined);
  return (
    <Dialog title={title} size="small" onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit().then(onClose, (reason: unknown) => setError(asApiError(reason)));
        }}
      >
        {error !== undefined && (
          <p className="callout callout-error" role="alert">
            {error.problems.length > 0 ? error.problems.map(({ message }) => message).join("; ") : error.message}
          </p>
        )}
        {children}
        <button type="submit" className="button button-primary">
          {button}
        </button>
      </form>
    </Dialog>
  );
}

interface TextFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly hint?: string;
  readonly isPassword?: boolean;
  readonly isOptional?: boolean;
  readonly isFirst?: boolean;
}

function TextField(props: TextFieldProps): React.JSX.Element {
  return (
    <label className="field">
      <span className="field-label">{props.label}</span>
      <input
        className="input"
        type={props.isPassword === true ? "password" : "text"}
        autoComplete={props.isPassword === true ? "new-password" : "off"}
        required={props.isOptional !== true}
        data-autofocus={props.isFirst}
        value={props.value}
        onChange={(event) => props.onChange(event.target.value)}
      />
      {props.hint !== undefined && <span className="muted">{props.hint}</span>}
    </label>
  );
}

interface RoleFieldsProps {
  readonly roles: readonly string[];
  readonly onChange: (roles: Role[]) => void;
}

function RoleFields({ roles, onChange }: RoleFieldsProps): React.JSX.Element {
  const isOwner = useMay("system:read");
  const offered = ROLES.filter(({ role }) => role !== "owner" || isOwner || roles.includes(role));
  return (
    <fieldset className="role-choice">
      <legend className="field-label">Roles</legend>
      {offered.map(({ role, about }) => (
        <label key={role} className="role">
          <input
            type="checkbox"
            checked={roles.includes(role)}
            onChange={({ target }) => {
              const names = ROLES.map((each) => each.role);
              onChange(names.filter((name) => (name === role ? target.checked : roles.includes(name))));
            }}
          />
          {`${role}: ${about}`}
        </label>
      ))}
    </fieldset>
  );
}
