import { useEffect } from "react";
import { t } from "../locale/locale";
import { loadSecretNames, useSecretNames } from "../secrets/names";
import { secretName, secretReference } from "../secrets/reference";

interface SecretBlankProps {
  /** The reference to a secret. */
  readonly text: string;
  readonly onChange: (text: string) => void;
}

/** Which secret a step of a template is given. One that is missing can be stored later. */
export function SecretBlank({ text, onChange }: SecretBlankProps): React.JSX.Element {
  const names = useSecretNames((state) => state.names);
  useEffect(() => void loadSecretNames(), []);
  const chosen = secretName(text) ?? "";
  return (
    <select className="input" value={text} onChange={({ target }) => onChange(target.value)}>
      {names?.includes(chosen) !== true && <option value={text}>{t("{name} (to be stored)", { name: chosen })}</option>}
      {names?.map((name) => (
        <option key={name} value={secretReference(name)}>
          {name}
        </option>
      ))}
    </select>
  );
}
