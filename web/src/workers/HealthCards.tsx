import type { SystemState, WorkerProcess } from "../api/schema";
import type { Message } from "../locale/locale";
import { t } from "../locale/locale";
import type { IconName } from "../shell/ui/Icon";
import { Icon } from "../shell/ui/Icon";
import type { Health } from "./health";
import { healthOf } from "./health";

const ICONS: Readonly<Record<Health["tone"], IconName>> = { good: "circleCheck", warn: "alert", bad: "alert" };

const PARTS: Readonly<Record<Health["part"], Message>> = {
  Workers: "Workers",
  Relay: "Relay",
  Database: "Database",
  Broker: "Broker",
  Waiting: "Waiting",
};

interface HealthCardsProps {
  readonly state: SystemState;
  readonly workers: readonly WorkerProcess[];
}

/** One card for each part that everything else needs, with what is wrong in words. */
export function HealthCards({ state, workers }: HealthCardsProps): React.JSX.Element {
  return (
    <ul className="health">
      {healthOf(state, workers).map(({ part, tone, value, detail }) => (
        <li key={part} className={`card health-card health-${tone}`} data-testid={`health-${part}`} data-tone={tone}>
          <span className="health-part">
            <Icon name={ICONS[tone]} /> {t(PARTS[part])}
          </span>
          <strong className="health-value">{value}</strong>
          <span className="muted">{detail}</span>
        </li>
      ))}
    </ul>
  );
}
