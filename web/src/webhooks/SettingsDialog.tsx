import { useState } from "react";
import type { Webhook, WebhookBody } from "../api/schema";
import { api } from "../api/session";
import { asApiError } from "../api/useLoaded";
import { t } from "../locale/locale";
import { Button } from "../shell/ui/Button";
import { Dialog } from "../shell/ui/Dialog";
import { LabelledField } from "../shell/ui/LabelledField";
import { EventNamesField } from "./NewWebhookDialog";
import { NOTHING_REFUSED, refusalOf } from "./refusals";
import { SecretFields } from "./SecretFields";
import { VerificationFields } from "./VerificationFields";
import { hmacOf, linesOf, needsSecret, presetOf, settingsOf, verificationOf } from "./webhook";

interface SettingsDialogProps {
  readonly webhook: Webhook;
  readonly onClose: () => void;
  readonly onSaved: () => void;
}

/** Changes how a webhook is verified, and what it may. Secrets are replaced or stay; none is ever shown. */
export function SettingsDialog({ webhook, onClose, onSaved }: SettingsDialogProps): React.JSX.Element {
  const [preset, setPreset] = useState(presetOf(webhook.verification));
  const [hmac, setHmac] = useState(() => hmacOf(webhook.verification));
  // `undefined`: those that are stored stay.
  const [secrets, setSecrets] = useState<readonly string[] | undefined>(webhook.has_secrets ? undefined : [""]);
  const [eventNames, setEventNames] = useState((webhook.event_names ?? []).join("\n"));
  const [cidrs, setCidrs] = useState((webhook.cidrs ?? []).join("\n"));
  const [{ problems, failure }, setRefusal] = useState(NOTHING_REFUSED);
  const [isBusy, setBusy] = useState(false);
  const save = async (): Promise<void> => {
    setBusy(true);
    const entered = needsSecret(preset) ? secrets?.filter((secret) => secret !== "") : [];
    const settings: WebhookBody = {
      ...settingsOf(webhook),
      verification: verificationOf(preset, hmac),
      event_names: linesOf(eventNames),
      cidrs: linesOf(cidrs),
      ...(entered === undefined ? {} : { secrets: entered }),
    };
    try {
      await api.send("PUT", `/webhooks/${encodeURIComponent(webhook.name)}`, { ...settings });
    } catch (reason) {
      setRefusal(refusalOf(asApiError(reason)));
      return setBusy(false);
    }
    onSaved();
    return onClose();
  };
  return (
    <Dialog
      title={t("Webhook {name}", { name: webhook.name })}
      testId="webhook-settings"
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>{t("Cancel")}</Button>
          <Button look="primary" testId="save-webhook" disabled={isBusy} onClick={() => void save()}>
            {t("Save")}
          </Button>
        </>
      }
    >
      <div className="stack">
        {failure !== undefined && (
          <p className="callout callout-error" role="alert">
            {failure}
          </p>
        )}
        <VerificationFields preset={preset} hmac={hmac} problems={problems} onPreset={setPreset} onHmac={setHmac} />
        {needsSecret(preset) && secrets === undefined && (
          <div className="stack">
            <div className="row">
              <span className="grow">{t("Its secrets are stored, and stay in force.")}</span>
              <Button testId="replace-secrets" onClick={() => setSecrets([""])}>
                {t("Replace")}
              </Button>
            </div>
            {problems.has("secrets") && (
              <span className="field-error" role="alert">
                {problems.get("secrets")}
              </span>
            )}
          </div>
        )}
        {needsSecret(preset) && secrets !== undefined && (
          <>
            {webhook.has_secrets && (
              <p className="callout">
                {t(
                  "What you enter replaces all that are stored. To lose no delivery, enter the new and the old one, change it at the sender, then enter the new one only.",
                )}
              </p>
            )}
            <SecretFields preset={preset} secrets={secrets} problem={problems.get("secrets")} onChange={setSecrets} />
          </>
        )}
        <EventNamesField
          example={webhook.name}
          value={eventNames}
          problem={problems.get("event_names")}
          onChange={setEventNames}
        />
        <LabelledField
          label={t("Only from these networks")}
          problem={problems.get("cidrs")}
          help={t("One on each line, such as 192.0.2.0/24. Empty for all.")}
        >
          <textarea
            className="input mono"
            rows={2}
            spellCheck={false}
            dir="ltr"
            value={cidrs}
            onChange={(event) => setCidrs(event.target.value)}
          />
        </LabelledField>
      </div>
    </Dialog>
  );
}
