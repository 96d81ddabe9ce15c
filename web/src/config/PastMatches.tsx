import { useState } from "react";
import { ApiError } from "../api/client";
import type { TriggerMatches } from "../api/schema";
import { api } from "../api/session";
import type { JsonObject } from "../base/json";
import { t } from "../locale/locale";
import { Button } from "../shell/ui/Button";

interface Answer {
  /** The trigger that it is about. */
  readonly trigger: JsonObject;
  readonly text: string;
}

/** Says how many of the last events a trigger would have matched, as it is in the draft. Nothing is started. */
export function PastMatches({ trigger }: { readonly trigger: JsonObject }): React.JSX.Element {
  const [isAsking, setAsking] = useState(false);
  const [answer, setAnswer] = useState<Answer>();
  const ask = async (): Promise<void> => {
    setAsking(true);
    try {
      const body = { event: trigger.event ?? "", ...("if" in trigger && { if: trigger.if ?? null }) };
      setAnswer({ trigger, text: inWords(await api.send<TriggerMatches>("POST", "/triggers/try", body)) });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const text = error.problems.length > 0 ? t("First mend what is wrong above.") : error.message;
      setAnswer({ trigger, text });
    } finally {
      setAsking(false);
    }
  };
  return (
    <div className="row">
      <Button look="quiet" testId="try-trigger" disabled={isAsking} onClick={() => void ask()}>
        {t("Try on past events")}
      </Button>
      {/* An answer about another trigger would mislead. */}
      <span role="status" className="muted grow" data-testid="trigger-matches">
        {answer?.trigger === trigger && answer.text}
      </span>
    </div>
  );
}

function inWords({ seen, matched, detail }: TriggerMatches): string {
  if (seen === 0) return t("No such event has come yet.");
  const counts = t("Would have matched {matched} of the last {seen} events.", {
    matched: String(matched),
    seen: String(seen),
  });
  return detail === "" ? counts : `${counts} ${detail}`;
}
