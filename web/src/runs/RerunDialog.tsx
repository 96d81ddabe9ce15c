import { useState } from "react";
import { api } from "../api/session";
import type { RerunBody, RunDetail, Step } from "../api/schema";
import { asApiError } from "../api/useLoaded";
import { isEqual, isObject } from "../base/json";
import type { Json, JsonObject } from "../base/json";
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

/** Starts a new run from the same event, with the data or a step's input changed if somebody wants that. */
export function RerunDialog({ run, step, onClose }: RerunDialogProps): React.JSX.Element {
  const before = step === undefined ? run.event.data : (step.inputs ?? {});
  const [text, setText] = useState(() => JSON.stringify(before, null, 2));
  const [version, setVersion] = useState<"original" | "latest">("original");
  const [isBusy, setBusy] = useState(false);
  const value = objectFrom(text);
  const start = async (): Promise<void> => {
    if (value === undefined) return;
    setBusy(true);
    try {
      const { run_id } = await api.rerun(run.id, bodyFor(step, version, isEqual(value, before) ? undefined : value));
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
          <Button onClick={onClose}>{t("Close")}</Button>
          <Button
            look="primary"
            icon="play"
            testId="confirm-rerun"
            disabled={isBusy || value === undefined}
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
        <label className="field">
          <span className="field-label">{t("Version")}</span>
          <select
            className="input"
            value={version}
            onChange={(event) => setVersion(event.target.value === "latest" ? "latest" : "original")}
          >
            <option value="original">{t("The same, v{version}", { version: run.version })}</option>
            <option value="latest">{t("The latest")}</option>
          </select>
        </label>
        <label className="field">
          <span className="field-label">{step === undefined ? t("Data of the event") : t("Input of the step")}</span>
          <textarea
            className="input mono rerun-text"
            spellCheck={false}
            data-testid="rerun-text"
            aria-invalid={value === undefined}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
          {value === undefined && <span className="field-error">{t("This has to be a JSON object.")}</span>}
        </label>
      </div>
    </Dialog>
  );
}

function bodyFor(step: Step | undefined, version: string, changed: JsonObject | undefined): RerunBody {
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
