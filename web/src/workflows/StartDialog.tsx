import { useCallback, useMemo, useState } from "react";
import type { RequestedRun } from "../api/schema";
import { api } from "../api/session";
import { asApiError, useLoaded } from "../api/useLoaded";
import { isObject, objectFrom } from "../base/json";
import type { FieldMessage } from "../config/form";
import { refusedData, withoutField } from "../config/problems";
import { openDocument } from "../document/read";
import { t } from "../locale/locale";
import { navigate, pathTo } from "../shell/routes";
import { notify } from "../shell/notices";
import { Button } from "../shell/ui/Button";
import { Dialog } from "../shell/ui/Dialog";
import { EventDataField } from "../testrun/EventDataField";
import { eventSchema } from "../testrun/eventSchema";
import { referredData } from "../testrun/referred";

interface StartDialogProps {
  readonly workflowId: string;
  readonly version: number;
  readonly onClose: () => void;
}

const NONE: ReadonlyMap<string, FieldMessage> = new Map();

/** Starts a workflow by hand: its form asks for what the published version wants to know. */
export function StartDialog({ workflowId, version, onClose }: StartDialogProps): React.JSX.Element {
  const { value: published, error } = useLoaded(
    useCallback(() => api.version(workflowId, version), [workflowId, version]),
  );
  const [written, setText] = useState<string>();
  const [problems, setProblems] = useState(NONE);
  const [isBusy, setBusy] = useState(false);
  const inputs = isObject(published?.document) ? published.document.inputs : undefined;
  const declared = useMemo(() => eventSchema(isObject(inputs) ? inputs : undefined, undefined), [inputs]);
  // Without a declaration: the fields that its steps read.
  const referred = useMemo(
    () => (declared !== undefined || published === undefined ? {} : referredData(openDocument(published.document))),
    [declared, published],
  );
  const text = written ?? JSON.stringify(referred, null, 2);
  const data = objectFrom(text);
  const schema = useMemo(() => declared ?? eventSchema(undefined, referred), [declared, referred]);
  const start = async (): Promise<void> => {
    setBusy(true);
    try {
      const path = `/workflows/${encodeURIComponent(workflowId)}/runs`;
      await open(await api.send<RequestedRun>("POST", path, { data: data ?? {} }));
      onClose();
    } catch (reason) {
      const refused = asApiError(reason);
      setProblems(refusedData(refused.problems));
      if (schema === undefined || refused.problems.length === 0) notify(refused.message, "error");
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={t("Start by hand")}
      testId="start-dialog"
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>{t("Cancel")}</Button>
          <Button
            look="primary"
            icon="play"
            testId="confirm-start"
            disabled={isBusy || data === undefined || published === undefined}
            onClick={() => void start()}
          >
            {t("Start")}
          </Button>
        </>
      }
    >
      {error !== undefined && <p className="callout callout-error">{error.message}</p>}
      {published !== undefined && (
        <EventDataField
          text={text}
          data={data}
          schema={schema}
          isFormFirst={schema !== undefined}
          problems={problems}
          onText={setText}
          onForm={(changed, pointer) => {
            setText(JSON.stringify(changed, null, 2));
            setProblems(withoutField(problems, pointer));
          }}
        />
      )}
    </Dialog>
  );
}

/** Shows the new run; or its event, which tells why the run waits or why there is none. */
async function open({ run_id, event_id }: RequestedRun): Promise<void> {
  const isThere = await api.run(run_id).then(
    () => true,
    () => false,
  );
  navigate(isThere ? pathTo("runs", run_id) : pathTo("events", event_id));
}
