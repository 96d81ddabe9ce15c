import { useId, useState } from "react";
import type { Message } from "../locale/locale";
import { t } from "../locale/locale";
import { rich } from "../locale/rich";
import { setQuery } from "../shell/routes";
import { IconButton } from "../shell/ui/Button";

const MOST_LINES = 6;
const EXAMPLES: readonly (readonly [string, Message])[] = [
  ["ada@example.com", "a text in any value of the event, the output or the error"],
  ["event.data.order_id == 'A-17'", "by a value of the event: the fastest"],
  ["event.data.total > 100", "numbers have an order"],
  ["event.name == 'order/paid'", "id, name, ts, v and data of the event"],
  ["output.charge.status == 'declined'", "by what its last steps came to, by their ids"],
  ["output.message.contains('timeout')", "of a run that failed: name, message and code of the error"],
  ["01M817AXWA8Z4RDV7ZWESCAWYM", "a run's id, or how it begins"],
];

interface SearchFieldProps {
  readonly value: string;
  /** What is wrong with it. */
  readonly problem: string | undefined;
}

/** Finds runs by a text, or by what they say: one condition per line, all of which must hold. Taken over with Enter. */
export function SearchField({ value, problem }: SearchFieldProps): React.JSX.Element {
  const [isHelping, setHelping] = useState(false);
  // What is typed holds until the address says something else.
  const [typed, setTyped] = useState({ text: value, of: value });
  const text = typed.of === value ? typed.text : value;
  const id = useId();
  const apply = (): void => setQuery({ where: text.trim(), cursor: undefined });
  return (
    <search className="run-search">
      <div className="run-search-line">
        <textarea
          className="input mono"
          aria-label={t("Search by values")}
          aria-invalid={problem !== undefined}
          aria-describedby={problem === undefined ? undefined : `${id}-problem`}
          placeholder={t("Search for a text, or by a condition: {example}", {
            example: "event.data.order_id == 'A-17'",
          })}
          spellCheck={false}
          rows={Math.min(text.split("\n").length, MOST_LINES)}
          value={text}
          data-testid="run-search"
          onChange={(event) => setTyped({ text: event.target.value, of: value })}
          onBlur={apply}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey) return;
            event.preventDefault();
            apply();
          }}
        />
        <IconButton
          icon="help"
          label={t("How to search")}
          aria-expanded={isHelping}
          aria-controls={isHelping ? `${id}-help` : undefined}
          onClick={() => setHelping(!isHelping)}
        />
      </div>
      {problem !== undefined && (
        <p id={`${id}-problem`} className="field-error" role="alert" data-testid="run-search-problem">
          {problem}
        </p>
      )}
      {isHelping && (
        <div id={`${id}-help`} className="run-search-help" data-testid="run-search-help">
          <p>
            {rich(
              "A text, or conditions, one per line, which all must hold: {shift}+{enter} begins a line, {enter} searches. Encrypted values are not searched.",
              { shift: <kbd>Shift</kbd>, enter: <kbd>Enter</kbd> },
            )}
          </p>
          <dl>
            {EXAMPLES.map(([example, meaning]) => (
              <div key={example}>
                <dt>
                  <code>{example}</code>
                </dt>
                <dd>{t(meaning)}</dd>
              </div>
            ))}
          </dl>
        </div>
      )}
    </search>
  );
}
