import type { ConnectionList, SystemState, WorkerList } from "../api/schema";
import { api } from "../api/session";
import { usePolled } from "../api/usePolled";
import { t } from "../locale/locale";
import { Button } from "../shell/ui/Button";
import { ListPage, ListSection } from "../shell/ui/ListPage";
import { ConnectionTable } from "./ConnectionTable";
import { HealthCards } from "./HealthCards";
import { QueueTable } from "./QueueTable";
import { WorkerTable } from "./WorkerTable";
import "./workers.css";

const PERIOD_MS = 5000;

interface Installation {
  readonly state: SystemState;
  readonly workers: WorkerList["items"];
  readonly connections: ConnectionList["items"];
}

async function load(): Promise<Installation> {
  const [state, workers, connections] = await Promise.all([
    api.get<SystemState>("/system"),
    api.get<WorkerList>("/workers"),
    api.get<ConnectionList>("/connections"),
  ]);
  return { state, workers: workers.items, connections: connections.items };
}

/** Who works on this installation, what waits for them, and whether the machinery below answers. */
export function WorkersPage(): React.JSX.Element {
  const { value, error, reload } = usePolled(load, PERIOD_MS);
  return (
    <ListPage
      title={t("Workers and queues")}
      error={error}
      onReload={reload}
      isEmpty={value === undefined}
      actions={<Button onClick={reload}>{t("Refresh")}</Button>}
    >
      {value !== undefined && (
        <>
          <HealthCards state={value.state} workers={value.workers} />
          <ListSection title={t("Processes")}>
            <WorkerTable workers={value.workers} now={Date.parse(value.state.at)} />
          </ListSection>
          {value.connections.length > 0 && (
            <ListSection title={t("Connected workers")}>
              <ConnectionTable connections={value.connections} now={Date.parse(value.state.at)} />
            </ListSection>
          )}
          <ListSection title={t("Queues")}>
            <QueueTable state={value.state} />
          </ListSection>
        </>
      )}
    </ListPage>
  );
}
