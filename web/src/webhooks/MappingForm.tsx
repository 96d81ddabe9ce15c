import { useState } from "react";
import type { TriedDelivery, Webhook } from "../api/schema";
import { api, useMay } from "../api/session";
import { asApiError, useLoaded } from "../api/useLoaded";
import type { JsonObject } from "../base/json";
import type { Message } from "../locale/locale";
import { t } from "../locale/locale";
import { problemText } from "../problems/words";
import { notify } from "../shell/notices";
import { Button } from "../shell/ui/Button";
import { LabelledField } from "../shell/ui/LabelledField";
import { ListSection } from "../shell/ui/ListPage";
import { loadTemplates } from "./templates";
import { TryOut } from "./TryOut";
import type { Mapping, MappingPart, Sample } from "./webhook";
import { OWN_SAMPLE, deliveryOf, mappingOf, sampleOf, settingsOf, sorted, templateOf, transformOf } from "./webhook";

interface MappingFormProps {
  readonly webhook: Webhook;
  readonly onSaved: () => void;
}

const NO_MESSAGES: ReadonlyMap<MappingPart, string> = new Map();

/** What event a delivery becomes, to be tried before a sender does it. */
export function MappingForm({ webhook, onSaved }: MappingFormProps): React.JSX.Element {
  const { name, transform } = webhook;
  const path = `/webhooks/${encodeURIComponent(name)}`;
  const mayWrite = useMay("webhooks:write");
  const templates = useLoaded(loadTemplates).value?.items ?? [];
  const template = templateOf(webhook, templates);
  const [mapping, setMapping] = useState(() => mappingOf(transform));
  const [own, setOwn] = useState<Sample | undefined>(undefined);
  const [messages, setMessages] = useState(NO_MESSAGES);
  const [others, setOthers] = useState<readonly string[]>([]);
  const [tried, setTried] = useState<TriedDelivery | undefined>(undefined);
  const [isBusy, setBusy] = useState(false);
  const sample = own ?? (template === undefined ? OWN_SAMPLE : sampleOf(template));
  const say = ({ byPart, others: rest }: ReturnType<typeof sorted>): void => {
    setMessages(byPart);
    setOthers(rest);
  };
  const refuse = (reason: unknown): void => {
    const error = asApiError(reason);
    setTried(undefined);
    say(sorted(error.problems, problemText));
    if (error.problems.length === 0) setOthers([error.message]);
  };
  const read = (): { readonly value: JsonObject | null } | undefined => {
    const found = transformOf(mapping);
    if (!("unreadable" in found)) return found;
    setTried(undefined);
    say({ byPart: new Map([[found.unreadable, t("This is not JSON.")]]), others: [] });
    return undefined;
  };
  const test = async (): Promise<void> => {
    const delivery = deliveryOf(sample);
    const found = read();
    if (found === undefined) return;
    if ("unreadable" in delivery) {
      setTried(undefined);
      say({ byPart: NO_MESSAGES, others: [unreadableText(delivery.unreadable)] });
      return;
    }
    setBusy(true);
    try {
      // An empty one is the server's own: to leave it out would try the one that is stored.
      const body = { ...delivery.delivery, transform: found.value ?? {} };
      const result = await api.send<TriedDelivery>("POST", `${path}/test`, body);
      setTried(result);
      say(sorted(result.problems, problemText));
    } catch (reason) {
      refuse(reason);
    }
    setBusy(false);
  };
  const save = async (): Promise<void> => {
    const found = read();
    if (found === undefined) return;
    setBusy(true);
    try {
      await api.send("PUT", path, { ...settingsOf(webhook), transform: found.value });
      say({ byPart: NO_MESSAGES, others: [] });
      notify(t("Saved"));
      onSaved();
    } catch (reason) {
      refuse(reason);
    }
    setBusy(false);
  };
  return (
    <ListSection title={t("What a delivery becomes")}>
      <p className="muted webhook-note">
        {t(
          "Write texts, with references such as !ref($.body.type). They begin with $.body, $.headers, $.query or $.raw. What is empty is filled in by the server.",
        )}
      </p>
      <div className="webhook-mapping">
        <div className="stack">
          <Fields mapping={mapping} messages={messages} isReadOnly={!mayWrite} onChange={setMapping} />
          {mayWrite && (
            <div className="row">
              <Button look="primary" testId="save-mapping" disabled={isBusy} onClick={() => void save()}>
                {t("Save")}
              </Button>
            </div>
          )}
        </div>
        <TryOut
          webhook={mayWrite ? name : undefined}
          sample={sample}
          templates={templates}
          tried={tried}
          faults={others}
          isBusy={isBusy}
          onSample={setOwn}
          onTry={() => void test()}
        />
      </div>
    </ListSection>
  );
}

function unreadableText(what: "headers" | "body"): string {
  return what === "body"
    ? t("The body of the sample is not JSON. If it is something else, say so in content-type.")
    : t("Write each header of the sample as name: value.");
}

/** The parts with their names, and what the server does where one is empty. */
const PARTS: readonly (readonly [MappingPart, Message, Message])[] = [
  ["name", "Name of the event", "Empty: what the body calls it (type, name, event_type, event)."],
  [
    "data",
    "Data of the event",
    "A reference to an object, or an object in JSON. Empty: data of the body, or all of it.",
  ],
  ["id", "Its id at the sender", "The same id starts nothing again within 24 hours. Empty: none."],
  ["ts", "When it happened", "Empty: when it was delivered."],
  ["if", "Only when", "A condition over body, headers, query and raw. Empty: always."],
];

interface FieldsProps {
  readonly mapping: Mapping;
  readonly messages: ReadonlyMap<MappingPart, string>;
  readonly isReadOnly: boolean;
  readonly onChange: (mapping: Mapping) => void;
}

function Fields({ mapping, messages, isReadOnly, onChange }: FieldsProps): React.JSX.Element {
  return (
    <>
      {PARTS.map(([part, label, help]) => (
        <LabelledField key={part} label={t(label)} problem={messages.get(part)} help={t(help)}>
          <textarea
            className="input mono"
            rows={part === "data" && mapping.data.includes("\n") ? 6 : 1}
            spellCheck={false}
            dir="ltr"
            readOnly={isReadOnly}
            aria-invalid={messages.has(part)}
            data-testid={`mapping-${part}`}
            value={mapping[part]}
            onChange={(event) => onChange({ ...mapping, [part]: event.target.value })}
          />
        </LabelledField>
      ))}
    </>
  );
}
