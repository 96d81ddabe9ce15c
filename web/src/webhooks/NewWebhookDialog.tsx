import { useState } from "react";
import type { WebhookTemplate, WebhookWithUrl } from "../api/schema";
import type { JsonObject } from "../base/json";
import { capital } from "../base/texts";
import { api } from "../api/session";
import { asApiError, useLoaded } from "../api/useLoaded";
import { served, t } from "../locale/locale";
import { Button } from "../shell/ui/Button";
import { Dialog } from "../shell/ui/Dialog";
import { LabelledField } from "../shell/ui/LabelledField";
import { SecretFields } from "./SecretFields";
import { loadTemplates } from "./templates";
import { UrlDialog } from "./UrlDialog";
import { VerificationFields } from "./VerificationFields";
import { NOTHING_REFUSED, refusalOf, refusedName } from "./refusals";
import { NEW_HMAC, freeName, linesOf, needsSecret, presetOf, verificationOf } from "./webhook";
import "./webhooks.css";

interface NewWebhookDialogProps {
  /** The name that it is to have; else one of the template's. */
  readonly wanted?: string;
  /** Names that there are. */
  readonly taken: readonly string[];
  /** Called as soon as it is there, before its URL was looked at. */
  readonly onMade: (name: string) => void;
  readonly onClose: (name?: string) => void;
}

/** Makes a webhook of a service that is known, or of another one, and shows its URL. */
export function NewWebhookDialog({ wanted, taken, onMade, onClose }: NewWebhookDialogProps): React.JSX.Element {
  const { value, error } = useLoaded(loadTemplates);
  const [made, setMade] = useState<WebhookWithUrl | undefined>(undefined);
  if (made !== undefined) return <UrlDialog name={made.name} url={made.url} onClose={() => onClose(made.name)} />;
  return (
    <NewWebhookForm
      wanted={wanted}
      taken={taken}
      // Without templates there is still everything else.
      templates={value?.items ?? (error === undefined ? undefined : [])}
      onMade={(webhook) => {
        setMade(webhook);
        onMade(webhook.name);
      }}
      onClose={() => onClose()}
    />
  );
}

const OTHER = "";

interface Form {
  readonly template: string;
  /** `undefined` as long as it follows the template. */
  readonly name: string | undefined;
  readonly preset: string;
  readonly hmac: typeof NEW_HMAC;
  readonly secrets: readonly string[];
  readonly eventNames: string;
}

const EMPTY: Form = {
  template: OTHER,
  name: undefined,
  preset: "hmac",
  hmac: NEW_HMAC,
  secrets: [""],
  eventNames: "",
};

interface NewWebhookFormProps {
  readonly wanted: string | undefined;
  readonly taken: readonly string[];
  /** `undefined` until they are there. */
  readonly templates: readonly WebhookTemplate[] | undefined;
  readonly onMade: (webhook: WebhookWithUrl) => void;
  readonly onClose: () => void;
}

function NewWebhookForm({ wanted, taken, templates, onMade, onClose }: NewWebhookFormProps): React.JSX.Element {
  const [form, setForm] = useState(EMPTY);
  const [{ problems, failure }, setRefusal] = useState(NOTHING_REFUSED);
  const [isBusy, setBusy] = useState(false);
  const template = templates?.find(({ id }) => id === form.template);
  const preset = template === undefined ? form.preset : presetOf(template.verification);
  const name = form.name ?? wanted ?? freeName(template?.id ?? "webhook", taken);
  const change = (values: Partial<Form>): void => setForm((old) => ({ ...old, ...values }));
  const save = async (): Promise<void> => {
    setBusy(true);
    try {
      const secrets = form.secrets.filter((secret) => secret !== "");
      const body: JsonObject = {
        name: name.trim(),
        verification: template?.verification ?? verificationOf(preset, form.hmac),
        transform: template?.transform ?? null,
        event_names: linesOf(form.eventNames),
        ...(needsSecret(preset) ? { secrets } : {}),
      };
      onMade(await api.send<WebhookWithUrl>("POST", "/webhooks", body));
    } catch (reason) {
      const error = asApiError(reason);
      const isTaken = error.code === "already-exists";
      setRefusal(isTaken ? refusedName(t("There is a webhook with this name.")) : refusalOf(error));
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={t("New webhook")}
      testId="new-webhook-dialog"
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>{t("Cancel")}</Button>
          <Button look="primary" testId="create-webhook" disabled={isBusy} onClick={() => void save()}>
            {t("Make the webhook")}
          </Button>
        </>
      }
    >
      <form
        className="stack"
        autoComplete="off"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        {failure !== undefined && (
          <p className="callout callout-error" role="alert">
            {failure}
          </p>
        )}
        <LabelledField
          label={t("Which service delivers")}
          help={t("A known service needs its secret only: how it signs, and what events it sends, is filled in.")}
        >
          <select
            className="input"
            data-autofocus
            data-testid="webhook-template"
            value={form.template}
            onChange={(event) => change({ template: event.target.value, secrets: [""] })}
          >
            <option value={OTHER}>{t("Another service")}</option>
            {templates?.map(({ id, title }) => (
              <option key={id} value={id}>
                {title}
              </option>
            ))}
          </select>
        </LabelledField>
        <LabelledField
          label={t("Name")}
          problem={problems.get("name")}
          help={t("Triggers refer to it: a-z, 0-9, _ and -. It cannot be changed.")}
        >
          <input
            className="input mono"
            autoComplete="off"
            spellCheck={false}
            dir="ltr"
            data-testid="webhook-name"
            value={name}
            onChange={(event) => change({ name: event.target.value })}
          />
        </LabelledField>
        {template === undefined && (
          <VerificationFields
            preset={preset}
            hmac={form.hmac}
            problems={problems}
            onPreset={(next) => change({ preset: next })}
            onHmac={(hmac) => change({ hmac })}
          />
        )}
        {needsSecret(preset) && (
          <SecretFields
            preset={preset}
            secrets={form.secrets}
            hint={template === undefined ? undefined : `${capital(served(template.secret_hint))}.`}
            problem={problems.get("secrets")}
            onChange={(secrets) => change({ secrets })}
          />
        )}
        <EventNamesField
          example={template?.id ?? name}
          value={form.eventNames}
          problem={problems.get("event_names")}
          onChange={(eventNames) => change({ eventNames })}
        />
        <button type="submit" hidden />
      </form>
    </Dialog>
  );
}

interface EventNamesFieldProps {
  /** How names of such events may begin. */
  readonly example: string;
  readonly value: string;
  readonly problem: string | undefined;
  readonly onChange: (text: string) => void;
}

/** The only events that a webhook may make. */
export function EventNamesField({ example, value, problem, onChange }: EventNamesFieldProps): React.JSX.Element {
  return (
    <LabelledField
      label={t("Only these events")}
      problem={problem}
      help={t("One on each line, such as {name}. Empty for all.", { name: `${example}/*` })}
    >
      <textarea
        className="input mono"
        rows={2}
        spellCheck={false}
        dir="ltr"
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
    </LabelledField>
  );
}
