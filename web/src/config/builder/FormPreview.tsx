import { useState } from "react";
import { DecisionForm, beginningOf } from "../../approvals/DecisionForm";
import type { Json, JsonObject } from "../../base/json";
import { inWords } from "../../expressions/chips";
import type { Variables } from "../../expressions/variables";
import { t } from "../../locale/locale";
import { Boundary } from "../../shell/later";
import type { FieldMessage } from "../form";

const NONE: ReadonlyMap<string, FieldMessage> = new Map();

interface FormPreviewProps {
  readonly schema: JsonObject | null;
  /** The inputs of the step: what is asked. */
  readonly about: JsonObject;
  readonly variables: Variables | undefined;
}

/** A form as whoever fills it in will see it. It can be tried, and what is entered goes nowhere. */
export function FormPreview({ schema, about, variables }: FormPreviewProps): React.JSX.Element {
  const written = JSON.stringify(schema);
  const text = (value: Json | undefined): string => {
    if (typeof value !== "string") return "";
    return variables === undefined ? value : inWords(value, variables);
  };
  const title = text(about.title);
  return (
    <section className="builder-preview" aria-label={t("Preview")} data-testid="form-preview">
      <h3 className="builder-note">{t("As it will be seen")}</h3>
      <div className="card builder-card">
        {title !== "" && (
          <h2>
            <bdi>{title}</bdi>
          </h2>
        )}
        <Boundary about={written}>
          <Tried key={written} schema={schema} description={text(about.description)} />
        </Boundary>
      </div>
    </section>
  );
}

function Tried({ schema, description }: { readonly schema: JsonObject | null; readonly description: string }) {
  const [data, setData] = useState<JsonObject>(() => beginningOf(schema));
  const hasFields = Object.keys(schema?.properties ?? {}).length > 0;
  return (
    <>
      <DecisionForm
        description={description}
        form={hasFields ? schema : null}
        data={data}
        problems={NONE}
        onChange={setData}
      />
      {!hasFields && <p className="muted">{t("Nothing is to be filled in.")}</p>}
    </>
  );
}
