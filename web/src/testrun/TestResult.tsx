import { useState } from "react";
import type { DryRun, DryStep, Missing } from "../api/schema";
import type { JsonObject } from "../base/json";
import { without } from "../base/json";
import { statusWord } from "../canvas/painting";
import { Button } from "../shell/ui/Button";
import { Icon } from "../shell/ui/Icon";
import { JsonTree } from "../shell/ui/JsonTree";
import type { Stubs } from "./stubs";
import { pinKey, plainStubs, proposedStub, stubFrom } from "./stubs";
import { t } from "../locale/locale";

interface TestResultProps {
  readonly result: DryRun;
  readonly stubs: Stubs;
  /** Runs again with these. */
  readonly onStubs: (stubs: Stubs) => void;
  /** Runs again with fewer. */
  readonly onUnpin: (stubs: Stubs) => void;
}

/** What a test run came to: what it stopped at, and each step with input and output. */
export function TestResult({ result, stubs, onStubs, onUnpin }: TestResultProps): React.JSX.Element {
  return (
    <div className="stack" data-testid="test-result">
      <p className="row">
        <span className={`status status-${result.status}`}>{statusWord(result.status)}</span>
        {result.slept_seconds > 0 && (
          <span className="muted">
            {t("would have waited {seconds} s", { seconds: Math.round(result.slept_seconds) })}
          </span>
        )}
      </p>
      {result.error !== null && <p className="callout callout-error">{result.error.message}</p>}
      {result.missing.map((missing) => (
        <StubForm
          key={missing.stub}
          missing={missing}
          name={result.steps.find(({ id }) => id === missing.step)?.name ?? missing.step}
          onStub={(stub) => onStubs({ ...stubs, [missing.stub]: stub })}
        />
      ))}
      <ul className="test-steps" aria-label={t("Steps")}>
        {result.steps.map((step) => (
          <StepLine key={step.id} step={step} stubs={stubs} onStubs={onStubs} onUnpin={onUnpin} />
        ))}
      </ul>
    </div>
  );
}

interface StepLineProps {
  readonly step: DryStep;
  readonly stubs: Stubs;
  readonly onStubs: (stubs: Stubs) => void;
  readonly onUnpin: (stubs: Stubs) => void;
}

function StepLine({ step, stubs, onStubs, onUnpin }: StepLineProps): React.JSX.Element {
  const [isOpen, setOpen] = useState(false);
  const key = pinKey(step);
  const isPinned = Object.hasOwn(stubs, key);
  return (
    <li data-testid={`test-step-${step.id}`}>
      <button type="button" className="test-step" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <Icon name={isOpen ? "chevronDown" : "chevronRight"} size={13} />
        <span className="grow">{step.name}</span>
        {isPinned && <span className="tag">{t("pinned")}</span>}
        <span className={`status status-${step.status}`}>{statusWord(step.status)}</span>
      </button>
      {isOpen && (
        <div className="test-step-inside">
          {step.error !== null && <p className="callout callout-error">{step.error.message}</p>}
          {step.inputs !== null && <Value title={t("Input")} value={step.inputs} />}
          {step.status === "completed" && <Value title={t("Output")} value={step.output} />}
          {isPinned ? (
            <Button onClick={() => onUnpin(without(stubs, key))}>{t("Unpin")}</Button>
          ) : (
            step.status === "completed" && (
              <Button icon="lock" onClick={() => onStubs({ ...stubs, [key]: { output: step.output } })}>
                {t("Pin this output")}
              </Button>
            )
          )}
        </div>
      )}
    </li>
  );
}

function Value({ title, value }: { readonly title: string; readonly value: DryStep["output"] }): React.JSX.Element {
  return (
    <div>
      <h3>{title}</h3>
      <JsonTree value={value} label={title} />
    </div>
  );
}

interface StubFormProps {
  readonly missing: Missing;
  /** What the step is called. */
  readonly name: string;
  readonly onStub: (stub: JsonObject) => void;
}

/** Asks what stands for something that a test run may not do, or that does not happen by itself. */
function StubForm({ missing, name, onStub }: StubFormProps): React.JSX.Element {
  const [text, setText] = useState(() => JSON.stringify(proposedStub(missing), null, 2));
  const read = stubFrom(text);
  const ways = plainStubs(missing);
  return (
    <div className="test-missing" data-testid={`missing-${missing.step}`}>
      <p className="row">
        <Icon name="lock" />
        <span>
          <strong dir="auto">{name}</strong>{" "}
          {missing.waits_for === null
            ? t("reaches the world, so it was not executed.")
            : missing.waits_for === "approval"
              ? t("waits for a decision.")
              : t("waits for {what}.", { what: [missing.waits_for, missing.name ?? ""].join(" ").trim() })}
        </span>
      </p>
      {ways.length > 0 && (
        <div className="row test-ways" role="group" aria-label={t("What stands for it")}>
          {ways.map(({ label, stub }) => (
            <Button key={label} testId={`stub-${Object.values(stub).join("-")}`} onClick={() => onStub(stub)}>
              {label}
            </Button>
          ))}
        </div>
      )}
      <label className="field">
        <span className="field-label">{ways.length > 0 ? t("Or something else") : t("What stands for it")}</span>
        <textarea
          className="input mono"
          dir="ltr"
          spellCheck={false}
          aria-invalid={"error" in read}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        {"error" in read && <span className="field-error">{read.error}</span>}
      </label>
      <div>
        <Button testId="use-stub" disabled={"error" in read} onClick={() => "stub" in read && onStub(read.stub)}>
          {t("Use this and run again")}
        </Button>
      </div>
    </div>
  );
}
