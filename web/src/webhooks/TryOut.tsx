import type { TriedDelivery, WebhookTemplate } from "../api/schema";
import { t } from "../locale/locale";
import { Button } from "../shell/ui/Button";
import { JsonTree } from "../shell/ui/JsonTree";
import { LabelledField } from "../shell/ui/LabelledField";
import { SampleTaker } from "./SampleTaker";
import type { Sample } from "./webhook";
import { outcomeText, sampleOf } from "./webhook";

interface TryOutProps {
  /** Whose next delivery may be taken; `undefined` for whoever may not. */
  readonly webhook: string | undefined;
  readonly sample: Sample;
  readonly templates: readonly WebhookTemplate[];
  readonly tried: TriedDelivery | undefined;
  /** What is wrong with no part of the mapping. */
  readonly faults: readonly string[];
  readonly isBusy: boolean;
  readonly onSample: (sample: Sample) => void;
  readonly onTry: () => void;
}

/** A delivery as it might come, and what would become of it. */
export function TryOut({
  webhook,
  sample,
  templates,
  tried,
  faults,
  isBusy,
  onSample,
  onTry,
}: TryOutProps): React.JSX.Element {
  return (
    <div className="stack webhook-try">
      <LabelledField label={t("A sample to try it on")}>
        <select
          className="input"
          value=""
          onChange={(event) => {
            const template = templates.find(({ id }) => id === event.target.value);
            if (template !== undefined) onSample(sampleOf(template));
          }}
        >
          <option value="">{t("Choose a service…")}</option>
          {templates.map(({ id, title }) => (
            <option key={id} value={id}>
              {title}
            </option>
          ))}
        </select>
      </LabelledField>
      {webhook !== undefined && <SampleTaker webhook={webhook} onSample={onSample} />}
      <SampleText
        label={t("Headers of the sample")}
        testId="sample-headers"
        rows={2}
        value={sample.headers}
        onChange={(headers) => onSample({ ...sample, headers })}
      />
      <SampleText
        label={t("Body of the sample")}
        testId="sample-body"
        rows={8}
        value={sample.body}
        onChange={(body) => onSample({ ...sample, body })}
      />
      <div className="row">
        <Button icon="play" testId="try-mapping" disabled={isBusy} onClick={onTry}>
          {t("Try it")}
        </Button>
        <span className="muted">{t("Nothing is stored, and no signature is asked for.")}</span>
      </div>
      <div role="status" data-testid="tried">
        {faults.map((fault) => (
          <p key={fault} className="callout callout-error">
            {fault}
          </p>
        ))}
        {tried !== undefined && <Result tried={tried} />}
      </div>
    </div>
  );
}

interface SampleTextProps {
  readonly label: string;
  readonly testId: string;
  readonly rows: number;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function SampleText({ label, testId, rows, value, onChange }: SampleTextProps): React.JSX.Element {
  return (
    <LabelledField label={label}>
      <textarea
        className="input mono"
        rows={rows}
        spellCheck={false}
        dir="ltr"
        data-testid={testId}
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
    </LabelledField>
  );
}

function Result({ tried: { event, reason, problems } }: { readonly tried: TriedDelivery }): React.JSX.Element {
  return (
    <>
      {problems.length > 0 && <p className="callout callout-error">{t("No event can be made of this sample.")}</p>}
      {reason !== null && (
        <p className="callout">
          {t("It would be ignored.")} {outcomeText({ status: "ignored", reason })}
        </p>
      )}
      {event !== null && <JsonTree value={event} label={t("the event that it would become")} />}
    </>
  );
}
