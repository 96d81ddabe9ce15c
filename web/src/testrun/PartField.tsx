import type { Extent, Part } from "./part";
import type { Message } from "../locale/locale";
import { t } from "../locale/locale";

const LABELS: Readonly<Record<Extent, Message>> = {
  all: "All of it",
  until: "Up to a step",
  only: "One step alone",
};

interface PartFieldProps {
  readonly part: Part;
  /** The steps to choose from: id and name. */
  readonly steps: readonly { readonly id: string; readonly name: string }[];
  readonly onChange: (part: Part) => void;
}

/** Which part of the draft is tried. */
export function PartField({ part, steps, onChange }: PartFieldProps): React.JSX.Element {
  return (
    <div className="fields-beside">
      <label className="field">
        <span className="field-label">{t("What to try")}</span>
        <select
          className="input"
          data-testid="test-extent"
          value={part.extent}
          onChange={(event) => onChange({ ...part, extent: event.target.value as Extent })}
        >
          {Object.entries(LABELS).map(([extent, label]) => (
            <option key={extent} value={extent}>
              {t(label)}
            </option>
          ))}
        </select>
      </label>
      {part.extent !== "all" && (
        <label className="field">
          <span className="field-label">{t("Step")}</span>
          <select
            className="input"
            data-testid="test-step"
            value={part.step}
            onChange={(event) => onChange({ ...part, step: event.target.value })}
          >
            {steps.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
    </div>
  );
}
