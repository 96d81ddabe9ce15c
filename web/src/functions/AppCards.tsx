import type { App, AppSync } from "../api/schema";
import { api, useMay } from "../api/session";
import { counted, t } from "../locale/locale";
import { notify } from "../shell/notices";
import { pathTo } from "../shell/routes";
import { ago, fullTime } from "../shell/times";
import { Link } from "../shell/ui/Link";
import type { MenuItem } from "../shell/ui/Menu";
import { Menu } from "../shell/ui/Menu";
import { useBusy } from "../shell/useBusy";

interface AppCardsProps {
  readonly apps: readonly App[];
  readonly syncs: readonly AppSync[];
  readonly onChange: () => void;
}

export function AppCards({ apps, syncs, onChange }: AppCardsProps): React.JSX.Element {
  return (
    <ul className="apps">
      {apps.map((app) => (
        <AppCard key={app.id} app={app} last={syncs.find((sync) => sync.app_id === app.id)} onChange={onChange} />
      ))}
    </ul>
  );
}

interface AppCardProps {
  readonly app: App;
  readonly last: AppSync | undefined;
  readonly onChange: () => void;
}

function AppCard({ app, last, onChange }: AppCardProps): React.JSX.Element {
  const [isBusy, begin] = useBusy();
  const maySync = useMay("apps:write");
  return (
    <li className="card app-card" data-testid={`app-${app.id}`}>
      <div className="row">
        <h2 className="grow app-name">
          <Link
            className="table-link"
            href={`${pathTo("functions")}?${new URLSearchParams({ app: app.id }).toString()}`}
          >
            {app.name}
          </Link>
        </h2>
        {app.is_archived && <span className="status status-cancelled">{t("archived")}</span>}
        {maySync && (
          <Menu
            label={t("More for {name}", { name: app.name })}
            icon="dots"
            items={commandsOf(app, isBusy, begin, onChange)}
          />
        )}
      </div>
      <p className="muted app-url">
        {app.method !== "connect" && app.url !== null ? <code>{app.url}</code> : placeOf(app)}
      </p>
      <p className="muted">
        {counted("{count} functions", app.function_count)} · {app.sdk ?? "Python"}
        {app.version !== null && <> · {t("version {version}", { version: app.version })}</>}
      </p>
      <p className="muted" title={fullTime(app.synced_at)}>
        {t("Changed {when}", { when: ago(app.synced_at) })}
      </p>
      {last?.status === "failed" && <p className="callout callout-error app-error">{last.error}</p>}
    </li>
  );
}

/** Where the functions of an app are executed that has no address. */
function placeOf(app: App): string {
  if (app.method !== "connect") return t("Runs in this installation");
  return counted("{count} workers are connected", app.connection_count ?? 0);
}

type Begin = (work: () => Promise<unknown>) => void;

function commandsOf(app: App, isBusy: boolean, begin: Begin, onChange: () => void): readonly MenuItem[] {
  const path = `/apps/${encodeURIComponent(app.id)}`;
  const call = (work: () => Promise<unknown>) => () =>
    begin(async () => {
      await work();
      onChange();
    });
  const { url } = app;
  const archive: MenuItem = app.is_archived
    ? { label: t("Bring it back"), icon: "undo", onSelect: call(() => api.send("POST", `${path}/unarchive`)) }
    : {
        label: t("Archive: begin no more runs"),
        icon: "trash",
        onSelect: call(() => api.send("POST", `${path}/archive`)),
      };
  const sync: readonly MenuItem[] =
    url === null || app.method !== "http"
      ? []
      : [{ label: t("Sync again"), icon: "redo", onSelect: call(() => syncApp(url)) }];
  return [...sync, archive].map((item) => ({ ...item, isDisabled: isBusy }));
}

/** Asks an app for its functions, and tells what came of it; whether it worked. */
export async function syncApp(url: string): Promise<AppSync> {
  const sync = await api.send<AppSync>("POST", "/apps/sync", { url });
  if (sync.status === "failed") notify(sync.error ?? t("The app could not be synced."), "error");
  else notify(sync.status === "synced" ? t("The app is synced.") : t("The app has not changed."));
  return sync;
}
