import { Suspense, lazy, useCallback, useState } from "react";
import type { App, AppPage, AppSync, AppSyncPage, Function as CodeFunction, FunctionPage } from "../api/schema";
import { query } from "../api/client";
import { api, useMay } from "../api/session";
import { usePolled } from "../api/usePolled";
import { t } from "../locale/locale";
import { rich } from "../locale/rich";
import { setQuery, useAddress } from "../shell/routes";
import { Button } from "../shell/ui/Button";
import { ListPage, ListSection } from "../shell/ui/ListPage";
import { AppCards } from "./AppCards";
import { FunctionTable } from "./FunctionTable";
import { SyncTable } from "./SyncTable";
import "./functions.css";

const SyncDialog = lazy(() => import("./SyncDialog").then((module) => ({ default: module.SyncDialog })));

const PERIOD_MS = 10_000;
const SYNCS = 10;

interface Applications {
  readonly apps: readonly App[];
  readonly functions: readonly CodeFunction[];
  /** Where more functions are. */
  readonly nextCursor: string | null;
  readonly syncs: readonly AppSync[];
}

async function load(appId: string, cursor: string): Promise<Applications> {
  const [apps, functions, syncs] = await Promise.all([
    api.get<AppPage>("/apps"),
    api.get<FunctionPage>(`/functions${query({ app_id: appId, cursor })}`),
    api.get<AppSyncPage>(`/app-syncs${query({ app_id: appId, limit: String(SYNCS) })}`),
  ]);
  return { apps: apps.items, functions: functions.items, nextCursor: functions.next_cursor, syncs: syncs.items };
}

/** Applications whose code has functions, how these came here, and what starts each. */
export function FunctionsPage(): React.JSX.Element {
  const { query: address } = useAddress();
  const appId = address.get("app") ?? "";
  const cursor = address.get("cursor") ?? "";
  const { value, error, reload } = usePolled(
    useCallback(() => load(appId, cursor), [appId, cursor]),
    PERIOD_MS,
  );
  const [isSyncing, setSyncing] = useState(false);
  const maySync = useMay("apps:write");
  return (
    <ListPage
      title={t("Functions")}
      error={error}
      onReload={reload}
      isEmpty={value === undefined}
      actions={
        <>
          {appId !== "" && (
            <Button onClick={() => setQuery({ app: undefined, cursor: undefined })}>{t("All applications")}</Button>
          )}
          {maySync && (
            <Button icon="plus" look="primary" testId="sync-app" onClick={() => setSyncing(true)}>
              {t("Sync an app")}
            </Button>
          )}
        </>
      }
    >
      {value !== undefined && <Content value={value} appId={appId} onChange={reload} />}
      {isSyncing && (
        <Suspense>
          <SyncDialog onClose={() => setSyncing(false)} onSynced={reload} />
        </Suspense>
      )}
    </ListPage>
  );
}

interface ContentProps {
  readonly value: Applications;
  readonly appId: string;
  readonly onChange: () => void;
}

function Content({ value, appId, onChange }: ContentProps): React.JSX.Element {
  const apps = value.apps.filter(({ id }) => appId === "" || id === appId);
  if (value.apps.length === 0 && value.syncs.length === 0)
    return (
      <div className="empty">
        <h2>{t("No application has functions yet")}</h2>
        <p>
          {rich(
            "Functions are written in Python, as {decorator}, or in an app with an SDK of Inngest, which is synced by its address.",
            { decorator: <code>@wk.function</code> },
          )}
        </p>
      </div>
    );
  return (
    <>
      <AppCards apps={apps} syncs={value.syncs} onChange={onChange} />
      <ListSection title={t("Functions")}>
        <FunctionTable functions={value.functions} nextCursor={value.nextCursor} />
      </ListSection>
      <ListSection title={t("Last syncs")}>
        <SyncTable syncs={value.syncs} />
      </ListSection>
    </>
  );
}
