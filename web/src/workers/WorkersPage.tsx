import type { SystemState, WorkerList } from "../api/schema";
import { api } from "../api/session";
import { usePolled } from "../api/usePolled";
import { Button } from "../shell/ui/Button";
import { HealthCards } from "./HealthCards";
import { QueueTable } from "./QueueTable";
import { WorkerTable } from "./WorkerTable";
import "./workers.css";

const PERIOD_MS = 5000;

interface Installation {
  readonly state: SystemState;
  readonly workers: WorkerList["items"];
}

async function load(): Promise<Installation> {
  const [state, { items }] = await Promise.all([api.get<SystemState>("/system"), api.get<WorkerList>("/workers")]);
  return { state, workers: items };
}

/** Who works on this installation, what waits for them, and whether the machinery below answers. */
export function WorkersPage(): React.JSX.Element {
  const { value, error, reload } = usePolled(load, PERIOD_MS);
  return (
    <main className="page">
      <header className="page-header">
        <h1>Workers and queues</h1>
        <Button onClick={reload}>Refresh</Button>
      </header>
      {error !== undefined && (
        <p className="callout callout-error" role="alert">
          {error.message}
        </p>
      )}
      {value === undefined && error === undefined && <p className="page-loading">Loading…</p>}
      {value !== undefined && (
        <>
          <HealthCards state={value.state} workers={value.workers} />
          <section className="page-section" aria-labelledby="processes">
            <h2 id="processes">Processes</h2>
            <WorkerTable workers={value.workers} now={Date.parse(value.state.at)} />
          </section>
          <section className="page-section" aria-labelledby="queues">
            <h2 id="queues">Queues</h2>
            <QueueTable state={value.state} />
          </section>
        </>
      )}
    </main>
  );
}
