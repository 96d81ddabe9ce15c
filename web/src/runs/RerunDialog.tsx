import { useCallback, useState } from "react";
import { api } from "../api/session";
import type { RerunBody, RunDetail, Step } from "../api/schema";
import { asApiError, useLoaded } from "../api/useLoaded";
import { isEqual, isObject } from "../base/json";
import type { Json, JsonObject } from "../base/json";
import { openDocument } from "../document/read";
import { graphAt } from "../document/scope";
import { t } from "../locale/locale";
import { navigate, pathTo } from "../shell/routes";
import { notify } from "../shell/notices";
import { Button } from "../shell/ui/Button";
import { Dialog } from "../shell/ui/Dialog";

interface RerunDialogProps {
  readonly run: RunDetail;
  /** Where to begin; all of it, if `undefined`. */
  readonly step: Step | undefined;
  readonly onClose: () => void;
}

type Choice = "original" | "latest";

/** The version that is published by now, where that is a newer one, and what it gives to the step. */
interface Newer {
  readonly version?: number;
  readonly template?: Json | undefined;
}

const NONE: Newer = {};
const ALL_ALLOWED: readonly string[] = [];

/**
 * Starts a new run from the same event, with the data or a step's input changed if somebody wants that. Where a newer
 * version was published since, that is proposed: most often it is the correction.
 */
export function RerunDialog({ run, step, onClose }: RerunDialogProps): React.JSX.Element {
  const before = step === undefined ? run.event.data : (step.inputs ?? {});
  const [text, setText] = useState(() => JSON.stringify(before, null, 2));
  const [chosen, setVersion] = useState<Choice | undefined>(undefined);
  const [isBusy, setBusy] = useState(false);
  // Whether the input is what somebody has written, and not what the newer version says.
  const [isWritten, setWritten] = useState(false);
  const { newer, isLoading } = useNewer(run, step);
  const version = chosen ?? (newer.version === undefined ? "original" : "latest");
  const lacking = useLacking(run.id, step?.id, version);
  const isFixed = lacking?.length !== 0;
  const isTemplate = step !== undefined && version === "latest" && !isWritten;
  const value = objectFrom(text);
  const start = async (): Promise<void> => {
    if (value === undefined) return;
    setBusy(true);
    const isChanged = !isFixed && (step !== undefined && version === "latest" ? isWritten : !isEqual(value, before));
    const wanted = version === "latest" ? (newer.version ?? version) : version;
    try {
      const { run_id } = await api.rerun(run.id, bodyFor(step, wanted, isChanged ? value : undefined));
      navigate(pathTo("runs", run_id));
      onClose();
      notify(t("This is the new run."));
    } catch (reason) {
      notify(asApiError(reason).message, "error");
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={step === undefined ? t("Run again") : t("Run again from “{name}”", { name: step.name })}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>{t("Cancel")}</Button>
          <Button
            look="primary"
            icon="play"
            testId="confirm-rerun"
            disabled={isBusy || isLoading || [value, lacking].includes(undefined)}
            onClick={() => void start()}
          >
            {t("Start")}
          </Button>
        </>
      }
    >
      <div className="stack">
        <p className="muted">
          {step === undefined
            ? t("A new run starts from the same event. This one stays as it is.")
            : t("A new run keeps the results of everything before this step, and executes it and what follows again.")}
        </p>
        <VersionField run={run} newer={newer} version={version} onChange={setVersion} />
        {isTemplate ? (
          <TemplateField template={newer.template} isFixed={isFixed} onWrite={() => setWritten(true)} />
        ) : (
          <TextField
            label={step === undefined ? t("Data of the event") : t("Input of the step")}
            text={text}
            isValid={value !== undefined}
            isFixed={isFixed}
            onText={setText}
          />
        )}
        <FixedNote lacking={lacking} />
      </div>
    </Dialog>
  );
}

/** Why the text may not be changed. */
function FixedNote({ lacking = [] }: { readonly lacking: readonly string[] | undefined }): React.JSX.Element | null {
  if (lacking.length === 0) return null;
  return (
    <p className="muted" data-testid="rerun-fixed">
      {t("You may start it, but not change this: {reason}", { reason: lacking.map(reasonOf).join(" ") })}
    </p>
  );
}

interface VersionFieldProps {
  readonly run: RunDetail;
  readonly newer: Newer;
  readonly version: Choice;
  readonly onChange: (version: Choice) => void;
}

function VersionField({ run, newer, version, onChange }: VersionFieldProps): React.JSX.Element {
  return (
    <label className="field">
      <span className="field-label">{t("Version")}</span>
      <select
        className="input"
        data-testid="rerun-version"
        value={version}
        onChange={(event) => onChange(event.target.value === "latest" ? "latest" : "original")}
      >
        <option value="original">{t("The same, v{version}", { version: run.version })}</option>
        <option value="latest">
          {newer.version === undefined
            ? t("The latest")
            : t("The latest, v{version}, published since", { version: newer.version })}
        </option>
      </select>
    </label>
  );
}

interface TextFieldProps {
  readonly label: string;
  readonly text: string;
  readonly isValid: boolean;
  readonly isFixed: boolean;
  readonly onText: (text: string) => void;
}

function TextField({ label, text, isValid, isFixed, onText }: TextFieldProps): React.JSX.Element {
  return (
    <label className="field">
      <span className="field-label">{label}</span>
      <textarea
        className="input mono rerun-text"
        spellCheck={false}
        data-testid="rerun-text"
        aria-invalid={!isValid}
        readOnly={isFixed}
        value={text}
        onChange={(event) => onText(event.target.value)}
      />
      {!isValid && <span className="field-error">{t("This has to be a JSON object.")}</span>}
    </label>
  );
}

interface TemplateFieldProps {
  readonly template: Json | undefined;
  readonly isFixed: boolean;
  readonly onWrite: () => void;
}

/** What another version gives to the step: its values are known only when it runs. */
function TemplateField({ template, isFixed, onWrite }: TemplateFieldProps): React.JSX.Element {
  return (
    <div className="field" data-testid="rerun-template">
      <span className="field-label">{t("Input of the step")}</span>
      <p className="muted">{t("The step gets what that version says.")}</p>
      {template !== undefined && (
        <pre className="mono" dir="ltr">
          {JSON.stringify(template, null, 2)}
        </pre>
      )}
      {!isFixed && (
        <div>
          <Button icon="pencil" testId="rerun-write" onClick={onWrite}>
            {t("Give it something else")}
          </Button>
        </div>
      )}
    </div>
  );
}

/** The permissions without which the text may not be changed: the server knows where it leads. `undefined` until it says. */
function useLacking(runId: string, stepId: string | undefined, version: Choice): readonly string[] | undefined {
  const load = useCallback(
    async () => ({ asked: version, ...(await api.editable(runId, { from_step: stepId, version })) }),
    [runId, stepId, version],
  );
  const { value, error } = useLoaded(load);
  if (error !== undefined) return ALL_ALLOWED; // it is the server that refuses
  if (value?.asked !== version) return undefined;
  return stepId === undefined ? value.data_need : value.inputs_need;
}

function reasonOf(permission: string): string {
  return permission === "approvals:override"
    ? t("The workflow asks people for approval, and what they approve has to stay as it is.")
    : t("It leads to a step with a secret or to another workflow, and only those who publish say what goes there.");
}

function useNewer(run: RunDetail, step: Step | undefined): { readonly newer: Newer; readonly isLoading: boolean } {
  const { workflow_id: workflowId, version, path } = run;
  const stepId = step?.id;
  const load = useCallback(() => newerOf(workflowId, version, path, stepId), [workflowId, version, path, stepId]);
  const { value = NONE, error } = useLoaded(load);
  return { newer: value, isLoading: value === NONE && error === undefined };
}

async function newerOf(
  workflowId: string,
  own: number,
  path: string | null,
  stepId: string | undefined,
): Promise<Newer> {
  const { published_version: version } = await api.workflow(workflowId);
  if (version === null || version <= own) return {};
  if (stepId === undefined) return { version };
  const document = openDocument((await api.version(workflowId, version)).document);
  const { actions } = graphAt(document, path === null ? [] : path.split("/"));
  return { version, template: actions.find(({ id }) => id === stepId)?.inputs };
}

function bodyFor(step: Step | undefined, version: string | number, changed: JsonObject | undefined): RerunBody {
  if (step === undefined) return { version, ...(changed === undefined ? {} : { data: changed }) };
  return { version, from_step: step.id, ...(changed === undefined ? {} : { inputs: changed }) };
}

function objectFrom(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
