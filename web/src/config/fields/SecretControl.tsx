import { useEffect, useState } from "react";
import type { Json } from "../../base/json";
import { useSession } from "../../api/session";
import { t, withPanelWords } from "../../locale/locale";
import { loadSecretNames, useSecretNames } from "../../secrets/names";
import { secretName, secretReference } from "../../secrets/reference";
import "../../secrets/secrets.css";
import { laterDialog } from "../../shell/later";
import { IconButton } from "../../shell/ui/Button";
import type { ScalarControlProps } from "./ScalarControl";

const SecretDialog = laterDialog(() =>
  withPanelWords(() => import("../../secrets/SecretDialog")).then((module) => module.SecretDialog),
);

/** Stands for a value that somebody has written into the document; no name of a secret begins like this. */
const WRITTEN = "-written";

/** A field for a secret: the names to choose from, never a value. */
export function SecretControl(props: ScalarControlProps): React.JSX.Element {
  const { value, isReadOnly, onChange } = props;
  const error = useSecretNames((state) => state.error);
  const [isAdding, setAdding] = useState(false);
  // In the page of a host nobody has said what its user may do, and tokens of hosts store no secrets.
  const mayAdd = useSession(({ state }) => state?.permissions.includes("secrets:write") === true);
  useEffect(() => void loadSecretNames(), []);
  const choose = (name: string): void => {
    onChange(secretReference(name));
    void loadSecretNames();
  };
  return (
    <div className="secret-control">
      <Choice {...props} onChange={(choice) => onChange(choice === WRITTEN ? value : choice)} />
      {mayAdd && !isReadOnly && <IconButton icon="plus" label={t("New secret")} onClick={() => setAdding(true)} />}
      {error !== undefined && (
        <span className="muted" role="status">
          {error.message}
        </span>
      )}
      {isAdding && <SecretDialog onClose={() => setAdding(false)} onSaved={choose} />}
    </div>
  );
}

function Choice(props: ScalarControlProps): React.JSX.Element {
  const { id, pointer, value, isInvalid, describedBy, isReadOnly, onChange } = props;
  const names = useSecretNames((state) => state.names);
  const chosen = secretName(value);
  const isWritten = chosen === undefined && isThere(value);
  return (
    <select
      id={id}
      className="input"
      data-testid={`field-${pointer}`}
      aria-invalid={isInvalid}
      aria-describedby={describedBy}
      disabled={isReadOnly}
      value={isWritten ? WRITTEN : chosen === undefined ? "" : secretReference(chosen)}
      onChange={({ target }) => onChange(target.value === "" ? undefined : target.value)}
    >
      <option value="">—</option>
      {isWritten && <option value={WRITTEN}>{t("A value that is written here")}</option>}
      {chosen !== undefined && names?.includes(chosen) !== true && (
        <option value={secretReference(chosen)}>
          {names === undefined ? chosen : t("{name} (missing)", { name: chosen })}
        </option>
      )}
      {names?.map((name) => (
        <option key={name} value={secretReference(name)}>
          {name}
        </option>
      ))}
    </select>
  );
}

function isThere(value: Json | undefined): boolean {
  return value !== undefined && value !== null && value !== "";
}
