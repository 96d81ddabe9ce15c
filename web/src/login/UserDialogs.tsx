import type { ReactNode } from "react";
import { useId, useState } from "react";
import type { ApiError } from "../api/client";
import type { NewUser, User } from "../api/schema";
import { api, useMay } from "../api/session";
import { asApiError } from "../api/useLoaded";
import { t } from "../locale/locale";
import { problemText } from "../problems/words";
import { Button } from "../shell/ui/Button";
import { Dialog } from "../shell/ui/Dialog";
import type { Role } from "./roles";
import { ROLES } from "./roles";

/** Somebody who may log in from now on. */
export function NewUserDialog({ onClose }: { readonly onClose: () => void }): React.JSX.Element {
  const [user, setUser] = useState<NewUser>({ name: "", display_name: "", password: "", roles: ["viewer"] });
  const set = (change: Partial<NewUser>): void => setUser((old) => ({ ...old, ...change }));
  return (
    <FormDialog
      title={t("New user")}
      button={t("Make the user")}
      onClose={onClose}
      onSubmit={() => api.send("POST", "/users", { ...user, roles: [...user.roles] })}
    >
      <TextField
        label={t("Name")}
        hint={t("What they log in with, such as an e-mail address.")}
        value={user.name}
        isFirst
        onChange={(name) => set({ name })}
      />
      <TextField
        label={t("Name to show")}
        value={user.display_name ?? ""}
        isOptional
        onChange={(shown) => set({ display_name: shown })}
      />
      <TextField
        label={t("Password")}
        hint={t("12 characters or more. They can change it.")}
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
      title={t("Roles of {name}", { name: user.display_name })}
      button={t("Change roles")}
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
      title={t("Password of {name}", { name: user.display_name })}
      button={t("Set the password")}
      onClose={onClose}
      onSubmit={() => api.send("PUT", `/users/${encodeURIComponent(user.id)}/password`, { password })}
    >
      <p>{t("Their sessions end. Tell them the password on a way of your own.")}</p>
      <TextField
        label={t("New password")}
        hint={t("12 characters or more.")}
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
  const formId = useId();
  const [error, setError] = useState<ApiError | undefined>(undefined);
  return (
    <Dialog
      title={title}
      size="small"
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>{t("Cancel")}</Button>
          <button type="submit" form={formId} className="button button-primary">
            {button}
          </button>
        </>
      }
    >
      <form
        id={formId}
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit().then(onClose, (reason: unknown) => setError(asApiError(reason)));
        }}
      >
        {error !== undefined && (
          <p className="callout callout-error" role="alert">
            {error.problems.length > 0 ? error.problems.map(problemText).join("; ") : error.message}
          </p>
        )}
        {children}
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
      {props.hint !== undefined && <span className="field-help">{props.hint}</span>}
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
      <legend className="field-label">{t("Roles")}</legend>
      {offered.map(({ role, name, about }) => (
        <label key={role} className="role">
          <input
            type="checkbox"
            checked={roles.includes(role)}
            onChange={({ target }) => {
              const names = ROLES.map((each) => each.role);
              onChange(names.filter((each) => (each === role ? target.checked : roles.includes(each))));
            }}
          />
          {`${t(name)}: ${t(about)}`}
        </label>
      ))}
    </fieldset>
  );
}
