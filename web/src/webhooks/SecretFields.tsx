import { useState } from "react";
import { t } from "../locale/locale";
import { Button, IconButton } from "../shell/ui/Button";
import { copy } from "../shell/ui/JsonTree";
import { MOST_SECRETS, canMakeSecret, newSecret } from "./webhook";

interface SecretFieldsProps {
  readonly preset: string;
  /** What is typed; nothing that is stored is ever filled in. */
  readonly secrets: readonly string[];
  /** Where the sender shows it. */
  readonly hint?: string | undefined;
  readonly problem: string | undefined;
  readonly onChange: (secrets: readonly string[]) => void;
}

/** The secrets that are to be in force: one, and several while one is replaced. */
export function SecretFields({ preset, secrets, hint, problem, onChange }: SecretFieldsProps): React.JSX.Element {
  const [shown, setShown] = useState("");
  const shape = preset === "basic" ? t("Write it as user:password") : undefined;
  const make = (): void => {
    const secret = newSecret();
    setShown(secret);
    onChange([secret, ...secrets.slice(1)]);
    copy(secret);
  };
  return (
    <div className="field webhook-secrets">
      {secrets.map((secret, index) => (
        // oxlint-disable-next-line react/no-array-index-key -- fields have no other key, and what is in them is not kept there
        <div key={index} className="webhook-secret">
          <label className="field grow">
            <span className="field-label">
              {secrets.length === 1 ? t("Secret") : t("Secret {name}", { name: index + 1 })}
            </span>
            <input
              className="input mono"
              // What was made here has to be given to the sender; what somebody types is not shown.
              type={secret !== "" && secret === shown ? "text" : "password"}
              autoComplete="new-password"
              spellCheck={false}
              dir="ltr"
              data-testid={`webhook-secret-${index}`}
              value={secret}
              onChange={(event) => onChange(secrets.with(index, event.target.value))}
            />
          </label>
          {secrets.length > 1 && (
            <IconButton
              icon="trash"
              label={t("Remove secret {number}", { number: index + 1 })}
              onClick={() => onChange(secrets.toSpliced(index, 1))}
            />
          )}
        </div>
      ))}
      {problem !== undefined && (
        <span className="field-error" role="alert">
          {problem}
        </span>
      )}
      <span className="field-help">
        {hint ?? shape ?? t("As the sender shows it, or as you give it to the sender.")}{" "}
        {t("Nobody can see it here again.")}
      </span>
      <div className="row">
        {canMakeSecret(preset) && <Button onClick={make}>{t("Make one up, and copy it")}</Button>}
        {secrets.length < MOST_SECRETS && (
          <Button icon="plus" look="quiet" onClick={() => onChange([...secrets, ""])}>
            {t("One more")}
          </Button>
        )}
      </div>
      {secrets.length > 1 && <p className="field-help">{t("Each of them counts, so that one can be replaced.")}</p>}
    </div>
  );
}
