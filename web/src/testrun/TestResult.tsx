import { useMemo, useState } from "react";
import type { DryRun, DryStep, Missing } from "../api/schema";
import type { JsonObject } from "../base/json";
import { isObject, without } from "../base/json";
import { statusWord } from "../canvas/painting";
import type { KindNames } from "../document/names";
import type { Schema } from "../config/schema";
import { useDocument, useEditor, useEditorContext } from "../editor/store";
import { outputSchema } from "../expressions/outputs";
import { length } from "./length";
import { Button } from "../shell/ui/Button";
import { Icon } from "../shell/ui/Icon";
import { JsonTree } from "../shell/ui/JsonTree";
import { misfits } from "./outputs";
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
  const kinds = useEditor((state) => state.catalogue.names);
  const steps = result.steps.map((step) => ({ ...step, name: nameOf(step, kinds) }));
  return (
    <div className="stack" data-testid="test-result">
      <p className="row">
        <span className={`status status-${result.status}`}>{statusWord(result.status)}</span>
        {result.slept_seconds > 0 && (
          <span className="muted">{t("would have waited {time}", { time: length(result.slept_seconds * 1000) })}</span>
        )}
      </p>
      {result.error !== null && <p className="callout callout-error">{result.error.message}</p>}
      {result.missing.map((missing) => (
        <StubForm
          key={missing.stub}
          missing={missing}
          name={steps.find(({ id }) => id === missing.step)?.name ?? missing.step}
          onStub={(stub) => onStubs({ ...stubs, [missing.stub]: stub })}
        />
      ))}
      <ul className="test-steps" aria-label={t("Steps")}>
        {steps.map((step) => (
          <StepLine key={step.id} step={step} stubs={stubs} onStubs={onStubs} onUnpin={onUnpin} />
        ))}
      </ul>
    </div>
  );
}

/** As on the canvas: the server calls a step without a name by its id. */
function nameOf({ id, kind, name }: DryStep, kinds: KindNames): string {
  return name === id ? (kinds.get(kind) ?? id) : name;
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
        <span className="grow">
          <bdi>{step.name}</bdi>
        </span>
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

/** What a step waits for that does not happen in a test run. */
function awaited(what: string, name: string): string {
  const words: Readonly<Record<string, () => string>> = {
    approval: () => t("waits for a decision."),
    event: () => t("waits for the event {name}.", { name }),
    signal: () => t("waits for the signal {name}.", { name }),
    run: () => t("waits for a run of {name}.", { name }),
    callback: () => t("waits for a call from outside."),
  };
  return words[what]?.() ?? t("waits for {what}.", { what: [what, name].join(" ").trim() });
}

/** Lines about what does not fit. */
const MOST_UNFIT = 5;

/** What the output of a step declares that something stands for. */
function useOutputs({ kind, step }: Missing): Schema | undefined {
  const document = useDocument();
  const catalogue = useEditor((state) => state.catalogue);
  return useMemo(() => {
    // Steps of loops are told by their kinds.
    const action = document.actions.find(({ id }) => id === step) ?? { id: step, kind };
    const outputs = outputSchema(catalogue, action);
    return isObject(outputs) ? outputs : undefined;
  }, [document, catalogue, step, kind]);
}

interface StubFormProps {
  readonly missing: Missing;
  /** What the step is called. */
  readonly name: string;
  readonly onStub: (stub: JsonObject) => void;
}

/** Asks what stands for something that a test run may not do, or that does not happen by itself. */
function StubForm({ missing, name, onStub }: StubFormProps): React.JSX.Element {
  const { store } = useEditorContext();
  const outputs = useOutputs(missing);
  const [proposal] = useState(() => proposedStub(missing, store.getState().samples.outputs.get(missing.step), outputs));
  const proposed = JSON.stringify(proposal.stub, null, 2);
  const [text, setText] = useState(proposed);
  const read = stubFrom(text);
  const output = "stub" in read && missing.waits_for === null ? read.stub.output : undefined;
  const unfit = useMemo(
    () => (outputs === undefined || output === undefined ? [] : misfits(outputs, output)),
    [outputs, output],
  );
  const ways = plainStubs(missing, outputs);
  return (
    <div className="test-missing" data-testid={`missing-${missing.step}`}>
      <p className="row">
        <Icon name="lock" />
        <span>
          <strong dir="auto">{name}</strong>{" "}
          {missing.waits_for === null
            ? t("acts on other systems, so the test run did not execute it.")
            : awaited(missing.waits_for, missing.name ?? "")}
        </span>
      </p>
      {ways.length > 0 && (
        <div className="row test-ways" role="group" aria-label={t("What stands for it")}>
          {ways.map(({ id, label, stub }) => (
            <Button key={id} testId={`stub-${id}`} onClick={() => onStub(stub)}>
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
        {proposal.source !== undefined && text === proposed && (
          <span className="muted" data-testid="stub-source">
            {proposal.source === "last"
              ? t("What it returned last time.")
              : t("Made up after what the action says it returns.")}
          </span>
        )}
        {"error" in read && <span className="field-error">{read.error}</span>}
      </label>
      {unfit.length > 0 && (
        <div className="test-unfit" role="status" data-testid="stub-unfit">
          {t("The action says that it returns something else:")}
          <ul>
            {unfit.slice(0, MOST_UNFIT).map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </div>
      )}
      <div>
        <Button testId="use-stub" disabled={"error" in read} onClick={() => "stub" in read && onStub(read.stub)}>
          {t("Use this and run again")}
        </Button>
      </div>
    </div>
  );
}
