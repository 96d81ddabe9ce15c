import { useId, useState } from "react";
import type { ApiError } from "../api/client";
import type { Secret } from "../api/schema";
import { api } from "../api/session";
import { asApiError } from "../api/useLoaded";
import { t } from "../locale/locale";
import { problemText } from "../problems/words";
import { Button } from "../shell/ui/Button";
import { Dialog } from "../shell/ui/Dialog";
import { isSecretName } from "./reference";
import "./secrets.css";

interface SecretDialogProps {
  /** The one to change; `undefined` for a new one. */
  readonly secret?: Secret | undefined;
  readonly onClose: () => void;
  readonly onSaved: (name: string) => void;
}

/** Stores a secret, or replaces what is stored of one. Nothing that was stored is ever filled in. */
export function SecretDialog({ secret, onClose, onSaved }: SecretDialogProps): React.JSX.Element {
  const [name, setName] = useState(secret?.name ?? "");
  const [value, setValue] = useState("");
  const [description, setDescription] = useState(secret?.description ?? "");
  const [error, setError] = useState<ApiError | undefined>(undefined);
  const formId = useId();
  const isNew = secret === undefined;
  const save = async (): Promise<void> => {
    const changed = value === "" ? { description } : { value, description };
    try {
      if (isNew) await api.send("POST", "/secrets", { name, value, description });
      else await api.send("PUT", `/secrets/${encodeURIComponent(name)}`, changed);
    } catch (reason) {
      return setError(asApiError(reason));
    }
    onSaved(name);
    return onClose();
  };
  return (
    <Dialog
      title={isNew ? t("New secret") : t("Secret {name}", { name })}
      size="small"
      testId="secret-dialog"
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>{t("Cancel")}</Button>
          <button type="submit" form={formId} className="button button-primary">
            {isNew ? t("Store the secret") : t("Save")}
          </button>
        </>
      }
    >
      <form
        id={formId}
        className="stack"
        autoComplete="off"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        {error !== undefined && (
          <p className="callout callout-error" role="alert">
            {error.problems.length > 0 ? error.problems.map(problemText).join("; ") : error.message}
          </p>
        )}
        {isNew && <NameField name={name} onChange={setName} />}
        <ValueField value={value} isNew={isNew} onChange={setValue} />
        <label className="field">
          <span className="field-label">{t("What it is for")}</span>
          <input
            className="input"
            autoComplete="off"
            value={description}
            onChange={(event) => setDescription(event.target.value)}
          />
        </label>
      </form>
    </Dialog>
  );
}

function NameField({ name, onChange }: { readonly name: string; readonly onChange: (name: string) => void }) {
  const isWrong = name !== "" && !isSecretName(name);
  return (
    <label className="field">
      <span className="field-label">{t("Name")}</span>
      <input
        className="input mono"
        autoComplete="off"
        spellCheck={false}
        required
        data-autofocus
        data-testid="secret-name"
        aria-invalid={isWrong}
        value={name}
        onChange={(event) => onChange(event.target.value)}
      />
      <span className={isWrong ? "field-error" : "field-help"}>
        {t("Letters, digits, _ . and -, such as stripe_live.")}
      </span>
    </label>
  );
}

interface ValueFieldProps {
  readonly value: string;
  readonly isNew: boolean;
  readonly onChange: (value: string) => void;
}

/** The value. A field for passwords takes one line; keys in PEM have several. */
function ValueField({ value, isNew, onChange }: ValueFieldProps): React.JSX.Element {
  const [isLong, setLong] = useState(false);
  const common = {
    // Nothing that a browser has kept for somebody's login belongs in here.
    autoComplete: "new-password",
    spellCheck: false,
    required: isNew,
    "data-testid": "secret-value",
    placeholder: isNew ? undefined : t("Unchanged"),
    value,
  };
  return (
    <div className="stack">
      <label className="field">
        <span className="field-label">{isNew ? t("Value") : t("New value")}</span>
        {isLong ? (
          <textarea {...common} className="input mono secret-text" onChange={(event) => onChange(event.target.value)} />
        ) : (
          <input {...common} className="input" type="password" onChange={(event) => onChange(event.target.value)} />
        )}
        <span className="field-help">{t("6 characters or more. Nobody can see it again.")}</span>
      </label>
      <label>
        <input type="checkbox" checked={isLong} onChange={({ target }) => setLong(target.checked)} />{" "}
        {t("It has several lines")}
      </label>
    </div>
  );
}
