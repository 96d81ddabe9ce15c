import { useState } from "react";
import type { OwnSession, OwnSessionList, SessionState } from "../api/schema";
import { api, enterWithKey, forgetKept, root, takeOver, useSession } from "../api/session";
import { asApiError, useLoaded } from "../api/useLoaded";
import type { Message } from "../locale/locale";
import { listed, t } from "../locale/locale";
import { LanguageField } from "../shell/LanguageField";
import { notify } from "../shell/notices";
import { pathTo } from "../shell/routes";
import { ago, fullTime } from "../shell/times";
import { Button } from "../shell/ui/Button";
import { Dialog } from "../shell/ui/Dialog";
import { roleText } from "./roles";
import { PasswordDialog } from "./PasswordDialog";
import "./login.css";

function loadSessions(): Promise<OwnSessionList> {
  return api.get("/sessions");
}

const KINDS: Readonly<Partial<Record<SessionState["kind"], Message>>> = {
  host: "You have logged in to the application around this.",
  key: "This tab uses an API key.",
  embed: "This page uses an embed token.",
  developer: "This is a dev server: whoever works on this machine may do everything.",
};

/** Who one is, what one may do, where one is logged in, and the way out. */
export function AccountDialog({ onClose }: { readonly onClose: () => void }): React.JSX.Element | null {
  const state = useSession((session) => session.state);
  const [isChanging, setChanging] = useState(false);
  if (state === undefined) return null;
  const isUser = state.kind === "user";
  const about = KINDS[state.kind];
  if (isChanging) return <PasswordDialog onClose={() => setChanging(false)} />;
  return (
    <Dialog title={state.display_name ?? t("Who you are")} onClose={onClose} testId="account">
      <div className="stack">
        {about !== undefined && <p>{t(about)}</p>}
        <p className="muted" data-testid="account-roles">
          {state.name ?? state.actor}
          {state.roles.length > 0 && <> · {listed(state.roles.map(roleText))}</>} ·{" "}
          {t("tenant {name}", { name: state.tenant ?? "" })}
        </p>
        {state.tenants.length > 1 && <TenantField state={state} />}
        <LanguageField />
        {isUser && <SessionList />}
        <div className="row">
          {state.has_password && <Button onClick={() => setChanging(true)}>{t("Change password")}</Button>}
          {isUser && (
            <>
              <Button onClick={() => void logOut("/sessions")}>{t("Log out everywhere")}</Button>
              <Button look="primary" testId="log-out" onClick={() => void logOut("/session")}>
                {t("Log out")}
              </Button>
            </>
          )}
          {state.kind === "key" && (
            <Button
              look="primary"
              testId="log-out"
              onClick={() => {
                forgetKept();
                void enterWithKey(undefined).then(() => location.assign(`${root}/`));
              }}
            >
              {t("Forget the key")}
            </Button>
          )}
        </div>
      </div>
    </Dialog>
  );
}

/** Ends sessions, and starts the page over, so that nothing of what it knew stays. */
async function logOut(path: "/session" | "/sessions"): Promise<void> {
  try {
    await api.send("DELETE", path);
  } catch (reason) {
    const error = asApiError(reason);
    if (error.status !== 401) return notify(error.message, "error");
  }
  forgetKept();
  return location.assign(`${root}/`);
}

function nameOf({ environment, tenant }: Pick<SessionState, "environment" | "tenant">): string {
  return `${environment ?? ""} / ${tenant ?? ""}`;
}

function TenantField({ state }: { readonly state: SessionState }): React.JSX.Element {
  const choose = async (name: string): Promise<void> => {
    const chosen = state.tenants.find((each) => nameOf(each) === name);
    if (chosen === undefined) return;
    try {
      const { environment, tenant } = chosen;
      takeOver(await api.send<SessionState>("PUT", "/session/tenant", { environment, tenant }));
      location.assign(pathTo("workflows"));
    } catch (reason) {
      notify(asApiError(reason).message, "error");
    }
  };
  return (
    <label className="field">
      <span className="field-label">{t("Tenant")}</span>
      <select className="input" value={nameOf(state)} onChange={(event) => void choose(event.target.value)}>
        {state.tenants.map((each) => (
          <option key={nameOf(each)}>{nameOf(each)}</option>
        ))}
      </select>
    </label>
  );
}

function SessionList(): React.JSX.Element | null {
  const { value: sessions, error, reload } = useLoaded(loadSessions);
  if (error !== undefined) return <p className="callout callout-error">{error.message}</p>;
  return (
    <section className="stack">
      <h3>{t("Where you are logged in")}</h3>
      <ul className="account-list">
        {sessions?.items.map((session) => (
          <SessionItem key={session.id} session={session} onEnded={reload} />
        ))}
      </ul>
    </section>
  );
}

interface SessionItemProps {
  readonly session: OwnSession;
  readonly onEnded: () => void;
}

function SessionItem({ session, onEnded }: SessionItemProps): React.JSX.Element {
  const end = (): void => {
    api
      .send("DELETE", `/sessions/${encodeURIComponent(session.id)}`)
      .catch((reason: unknown) => notify(asApiError(reason).message, "error"))
      .finally(onEnded);
  };
  return (
    <li className="account-session">
      <div>
        {session.agent === "" ? t("An unknown browser") : session.agent}
        <div className="muted" title={fullTime(session.seen_at)}>
          {session.address} ·{" "}
          {session.is_present ? t("here and now") : t("last used {when}", { when: ago(session.seen_at) })}
        </div>
      </div>
      {!session.is_present && <Button onClick={end}>{t("End")}</Button>}
    </li>
  );
}
