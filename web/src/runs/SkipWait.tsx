import { useState } from "react";
import type { InnerStep, RunDetail } from "../api/schema";
import { api, useMay } from "../api/session";
import { asApiError } from "../api/useLoaded";
import { t } from "../locale/locale";
import { notify } from "../shell/notices";
import { Button } from "../shell/ui/Button";

/** What can be ended before its time; of other runs and people somebody else decides. */
const SKIPPED: ReadonlySet<string> = new Set(["sleep", "event", "signal"]);

interface SkipWaitProps {
  readonly runId: string;
  readonly inner: InnerStep;
}

/** Ends a wait of a run now, as if its time had come. The page hears of it like of everything else. */
export function SkipWait({ runId, inner }: SkipWaitProps): React.JSX.Element | null {
  const [isBusy, setBusy] = useState(false);
  const mayAct = useMay("runs:write");
  if (!mayAct || !SKIPPED.has(inner.type)) return null;
  const skip = async (): Promise<void> => {
    setBusy(true);
    try {
      await api.send<RunDetail>("POST", `/runs/${encodeURIComponent(runId)}/skip-wait`, { step: inner.id });
    } catch (error) {
      notify(asApiError(error).message, "error");
      setBusy(false);
    }
  };
  return (
    <Button look="quiet" testId={`skip-${inner.id}`} disabled={isBusy} onClick={() => void skip()}>
      {t("Skip wait")}
    </Button>
  );
}
