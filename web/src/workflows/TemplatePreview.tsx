import { useMemo, useState } from "react";
import type { JsonObject } from "../base/json";
import { humanize } from "../config/schema";
import { triggerLines } from "../config/triggers";
import { prepare } from "../editor/prepare";
import { listed, served, t } from "../locale/locale";
import { Button } from "../shell/ui/Button";
import { LabelledField } from "../shell/ui/LabelledField";
import { DifferenceCanvas } from "../versions/DifferenceCanvas";
import "../versions/versions.css";
import { blanksOf, filledIn } from "./blanks";
import { SecretBlank } from "./SecretBlank";
import type { Template } from "./templates";

interface TemplatePreviewProps {
  readonly template: Template;
  readonly isBusy: boolean;
  readonly onUse: (document: JsonObject) => void;
  readonly onBack: () => void;
}

/** What a template does, as a picture, and fields for what it leaves open. */
export function TemplatePreview({ template, isBusy, onUse, onBack }: TemplatePreviewProps): React.JSX.Element {
  const drawn = useMemo(() => prepare(template.document), [template]);
  const blanks = useMemo(() => blanksOf(template.document), [template]);
  const [texts, setTexts] = useState<ReadonlyMap<string, string>>(new Map());
  const fill = (pointer: string, text: string): void => setTexts(new Map([...texts, [pointer, text]]));
  return (
    <div className="diff-both" data-testid="template-preview">
      <DifferenceCanvas before={drawn} after={drawn} />
      <div className="stack template-facts">
        <h3>{served(template.name)}</h3>
        <p>{served(template.description)}</p>
        <p className="muted">{t("Starts with {triggers}.", { triggers: listed(triggerLines(drawn)) })}</p>
        {blanks.length > 0 && <p>{t("These are examples. What you leave as it is can be changed later:")}</p>}
        {blanks.map(({ pointer, step, name, text, isSecret }) => (
          <LabelledField key={pointer} label={`${step}: ${humanize(name)}`}>
            {isSecret ? (
              <SecretBlank text={texts.get(pointer) ?? text} onChange={(choice) => fill(pointer, choice)} />
            ) : (
              <textarea
                className="input template-blank"
                rows={1}
                defaultValue={text}
                onChange={(event) => fill(pointer, event.target.value)}
              />
            )}
          </LabelledField>
        ))}
        <div className="row">
          <Button onClick={onBack}>{t("Back")}</Button>
          <Button
            look="primary"
            testId="use-template"
            disabled={isBusy}
            onClick={() => onUse(filledIn(template.document, texts))}
          >
            {t("Use this template")}
          </Button>
        </div>
      </div>
    </div>
  );
}
