import { t } from "../locale/locale";
import { LabelledField } from "../shell/ui/LabelledField";
import type { HmacForm } from "./webhook";
import { PRESETS, presetText } from "./webhook";

interface VerificationFieldsProps {
  readonly preset: string;
  readonly hmac: HmacForm;
  /** What is wrong, by the name of the field. */
  readonly problems: ReadonlyMap<string, string>;
  readonly onPreset: (preset: string) => void;
  readonly onHmac: (hmac: HmacForm) => void;
}

/** How the sender proves who it is. */
export function VerificationFields(props: VerificationFieldsProps): React.JSX.Element {
  const { preset, problems, onPreset } = props;
  return (
    <>
      <LabelledField label={t("The sender proves itself by")} problem={problems.get("preset")}>
        <select
          className="input"
          data-testid="webhook-preset"
          value={preset}
          onChange={(event) => onPreset(event.target.value)}
        >
          {PRESETS.map((name) => (
            <option key={name} value={name}>
              {presetText(name)}
            </option>
          ))}
        </select>
      </LabelledField>
      {preset === "none" && (
        <p className="callout">
          {t("Whoever gets to know the URL can start workflows. Say below which events it may make.")}
        </p>
      )}
      {preset === "svix" && (
        <p className="field-help">{t("Standard Webhooks, as many services sign: Clerk, Resend and others.")}</p>
      )}
      {preset === "hmac" && <HmacFields {...props} />}
    </>
  );
}

function HmacFields({ hmac, problems, onHmac }: VerificationFieldsProps): React.JSX.Element {
  const text = (label: string, key: keyof HmacForm, help?: string): React.JSX.Element => (
    <LabelledField label={label} problem={problems.get(key)} {...(help === undefined ? {} : { help })}>
      <input
        className="input mono"
        autoComplete="off"
        spellCheck={false}
        dir="ltr"
        value={hmac[key]}
        onChange={(event) => onHmac({ ...hmac, [key]: event.target.value })}
      />
    </LabelledField>
  );
  const choice = (label: string, key: keyof HmacForm, options: readonly string[]): React.JSX.Element => (
    <LabelledField label={label} problem={problems.get(key)}>
      <select
        className="input mono"
        value={hmac[key]}
        onChange={(event) => onHmac({ ...hmac, [key]: event.target.value })}
      >
        {options.map((option) => (
          <option key={option} value={option}>
            {option}
          </option>
        ))}
      </select>
    </LabelledField>
  );
  return (
    <>
      {text(t("Header with the signature"), "header")}
      <div className="fields-beside">
        {choice(t("Hash"), "algorithm", ["sha256", "sha1", "sha512"])}
        {choice(t("Written as"), "encoding", ["hex", "base64"])}
      </div>
      <div className="fields-beside">
        {text(t("What stands before it"), "prefix")}
        {text(t("Header with the time"), "timestamp_header", t("Empty if only the body is signed"))}
      </div>
      {hmac.timestamp_header.trim() !== "" && (
        <div className="fields-beside">
          {text(t("Signed before the time"), "timestamp_prefix")}
          {text(t("Signed between time and body"), "separator")}
        </div>
      )}
    </>
  );
}
