import { Suspense, lazy, useState } from "react";
import type { Alert, AlertPage, EventPage } from "../api/schema";
import { api, useMay } from "../api/session";
import { usePolled } from "../api/usePolled";
import { t } from "../locale/locale";
import { Button } from "../shell/ui/Button";
import { ListPage, ListSection } from "../shell/ui/ListPage";
import { AlertTable } from "./AlertTable";
import { FiringTable } from "./FiringTable";

const AlertDialog = lazy(() => import("./AlertDialog").then((module) => ({ default: module.AlertDialog })));

const PERIOD_MS = 10_000;
const FIRINGS = 20;

interface Alerts {
  readonly rules: readonly Alert[];
  readonly firings: EventPage["items"];
}

async function load(): Promise<Alerts> {
  const told = (what: string): Promise<EventPage> => api.get(`/events?name=workflow/alert.${what}&limit=${FIRINGS}`);
  const [rules, fired, recovered] = await Promise.all([
    api.get<AlertPage>("/alerts"),
    told("fired"),
    told("recovered"),
  ]);
  const all = [...fired.items, ...recovered.items];
  const newest = all.toSorted((left, right) => right.received_at.localeCompare(left.received_at));
  return { rules: rules.items, firings: newest.slice(0, FIRINGS) };
}

/** When people are told that runs fail, and when they were. */
export function AlertsPage(): React.JSX.Element {
  const { value, error, reload } = usePolled(load, PERIOD_MS);
  const [editing, setEditing] = useState<Alert | "new" | undefined>(undefined);
  const mayWrite = useMay("alerts:write");
  return (
    <ListPage
      title={t("Alerts")}
      error={error}
      onReload={reload}
      isEmpty={value === undefined}
      actions={
        mayWrite && (
          <Button icon="plus" look="primary" testId="new-alert" onClick={() => setEditing("new")}>
            {t("New rule")}
          </Button>
        )
      }
    >
      {value?.rules.length === 0 && (
        <div className="empty">
          <h2>{t("No rule yet")}</h2>
          <p>{t("A rule says when runs fail too often. Workflows that start with its event tell whom you want.")}</p>
          {mayWrite && (
            <Button icon="plus" look="primary" onClick={() => setEditing("new")}>
              {t("Make the first rule")}
            </Button>
          )}
        </div>
      )}
      {value !== undefined && value.rules.length > 0 && (
        <AlertTable rules={value.rules} onEdit={setEditing} onChange={reload} />
      )}
      {value !== undefined && (
        <ListSection title={t("Last firings")}>
          <FiringTable events={value.firings} />
        </ListSection>
      )}
      {editing !== undefined && (
        <Suspense>
          <AlertDialog
            alert={editing === "new" ? undefined : editing}
            onClose={() => setEditing(undefined)}
            onSaved={reload}
          />
        </Suspense>
      )}
    </ListPage>
  );
}
