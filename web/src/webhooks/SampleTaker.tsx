import { useCallback, useState } from "react";
import type { WebhookSample } from "../api/schema";
import { api } from "../api/session";
import { usePolled } from "../api/usePolled";
import { t } from "../locale/locale";
import { ago } from "../shell/times";
import { Button } from "../shell/ui/Button";
import { useBusy } from "../shell/useBusy";
import type { Sample } from "./webhook";
import { takenSample } from "./webhook";

interface SampleTakerProps {
  readonly webhook: string;
  readonly onSample: (sample: Sample) => void;
}

const PERIOD_MS = 3_000;

/** Waits for a real delivery to try a mapping on, which only somebody who asks for it gets. */
export function SampleTaker({ webhook, onSample }: SampleTakerProps): React.JSX.Element {
  const path = `/webhooks/${encodeURIComponent(webhook)}/sample`;
  const [isWaiting, setWaiting] = useState(false);
  const load = useCallback(async () => {
    const sample = await api.get<WebhookSample>(path);
    setWaiting(sample.wanted_until !== null);
    return sample;
  }, [path]);
  const { value, error, reload } = usePolled(load, PERIOD_MS, isWaiting);
  const [isBusy, begin] = useBusy();
  const ask = (method: "POST" | "DELETE"): void => begin(() => api.send(method, path).then(reload));
  const delivery = value?.delivery ?? null;
  if (isWaiting)
    return (
      <div className="row" role="status" data-testid="sample-waits">
        <span className="grow">{t("Waiting for a delivery…")}</span>
        <Button disabled={isBusy} onClick={() => ask("DELETE")}>
          {t("Cancel")}
        </Button>
      </div>
    );
  if (delivery !== null)
    return (
      <div className="row webhook-taken">
        <Button testId="use-sample" onClick={() => onSample(takenSample(delivery))}>
          {t("Use the delivery taken {time}", { time: ago(value?.taken_at ?? "") })}
        </Button>
        <Button look="quiet" disabled={isBusy} onClick={() => ask("DELETE")}>
          {t("Forget it")}
        </Button>
      </div>
    );
  return (
    <div className="row webhook-taken">
      <Button testId="take-sample" disabled={isBusy || error !== undefined} onClick={() => ask("POST")}>
        {t("Take the next delivery")}
      </Button>
      <span className="muted">{t("It is kept encrypted, for a day.")}</span>
    </div>
  );
}
