import { useState } from "react";
import type { SessionState } from "../api/schema";
import { api, enterWithKey, root, takeOver, useSession } from "../api/session";
import { asApiError } from "../api/useLoaded";
import type { Message } from "../locale/locale";
import { t } from "../locale/locale";
import { Button } from "../shell/ui/Button";
import { Icon } from "../shell/ui/Icon";

interface LoginFormProps {
  /** Whether there is a page below that waits: nothing here may leave it. */
  readonly isInterrupting: boolean;
  /** The name to begin with: of whoever was here before. */
  readonly name?: string;
}

/** All ways to log in that this server has. Whoever gets in is taken over by the page at once. */
export function LoginForm({ isInterrupting, name = "" }: LoginFormProps): React.JSX.Element {
  const methods = useSession(({ state }) => state?.methods);
  const hasKey = useSession(({ key }) => key !== undefined);
  const [isByKey, setByKey] = useState(methods?.password === false && methods.login_url === null);
  return (
    <div className="stack">
      {methods !== undefined && <ElsewhereLinks methods={methods} isInterrupting={isInterrupting} />}
      {isByKey ? <KeyForm isRefused={hasKey} /> : methods?.password !== false && <PasswordForm name={name} />}
      <Button className="login-wide" look="quiet" onClick={() => setByKey(!isByKey)}>
        {isByKey ? t("Log in as a person") : t("Use an API key")}
      </Button>
    </div>
  );
}

interface ElsewhereLinksProps {
  readonly methods: SessionState["methods"];
  readonly isInterrupting: boolean;
}

/** Logins that are somewhere else: in a tab of their own, where a page waits for them. */
function ElsewhereLinks({ methods, isInterrupting }: ElsewhereLinksProps): React.JSX.Element | null {
  const target = isInterrupting ? { target: "_blank", rel: "noopener" } : {};
  const here = location.pathname.slice(root.length) + location.search;
  if (methods.login_url !== null)
    return (
      <a className="button button-primary login-wide" href={methods.login_url} {...target}>
        {t("Log in")}
      </a>
    );
  if (methods.oidc === null) return null;
  const query = new URLSearchParams({ return: isInterrupting ? "/" : here }).toString();
  return (
    <>
      <a className="button login-wide" href={`${root}/login/oidc?${query}`} data-testid="login-oidc" {...target}>
        {t("Log in with {name}", { name: methods.oidc })}
      </a>
      {methods.password && <span className="login-or">{t("or")}</span>}
    </>
  );
}

function PasswordForm({ name: known }: { readonly name: string }): React.JSX.Element {
  const [name, setName] = useState(known);
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState<string | undefined>(loginProblem);
  const [isBusy, setBusy] = useState(false);

  const logIn = async (): Promise<void> => {
    try {
      // A key in this tab would go on to speak for it.
      if (useSession.getState().key !== undefined) await enterWithKey(undefined);
      takeOver(await api.send<SessionState>("POST", "/session", { name, password }));
    } catch (reason) {
      setProblem(asApiError(reason).message);
      setPassword("");
    }
  };

  return (
    <form
      className="stack"
      data-testid="login-form"
      onSubmit={(event) => {
        event.preventDefault();
        setBusy(true);
        void logIn().finally(() => setBusy(false));
      }}
    >
      {problem !== undefined && <Problem text={problem} />}
      <label className="field">
        <span className="field-label">{t("Name")}</span>
        <input
          className="input"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
          data-autofocus={known === "" ? true : undefined}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
      </label>
      <label className="field">
        <span className="field-label">{t("Password")}</span>
        <input
          className="input"
          type="password"
          autoComplete="current-password"
          required
          data-autofocus={known === "" ? undefined : true}
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
      </label>
      <button type="submit" className="button button-primary login-wide" disabled={isBusy}>
        {t("Log in")}
      </button>
    </form>
  );
}

function KeyForm({ isRefused }: { readonly isRefused: boolean }): React.JSX.Element {
  const [key, changeKey] = useState("");
  const [problem, setProblem] = useState(isRefused ? keyRefused() : undefined);
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        changeKey("");
        void enterWithKey(key.trim()).then((state) => setProblem(state?.kind === "nobody" ? keyRefused() : undefined));
      }}
    >
      {problem !== undefined && <Problem text={problem} />}
      <p className="muted">{t("It is kept in this tab until you close it.")}</p>
      <label className="field">
        <span className="field-label">{t("Key")}</span>
        <input
          className="input"
          type="password"
          autoComplete="off"
          placeholder="wk_…"
          required
          data-autofocus
          value={key}
          onChange={(event) => changeKey(event.target.value)}
        />
      </label>
      <button type="submit" className="button button-primary login-wide">
        {t("Use this key")}
      </button>
    </form>
  );
}

function keyRefused(): string {
  return t("The API key is unknown or revoked.");
}

function Problem({ text }: { readonly text: string }): React.JSX.Element {
  return (
    <p className="callout callout-error" role="alert">
      <Icon name="alert" /> {text}
    </p>
  );
}

/** What a login elsewhere has come to, by the code that leads back here. */
const ELSEWHERE: Readonly<Record<string, Message>> = {
  forbidden: "You are known there, but have no role here. Ask whoever runs this installation.",
  "already-exists": "There is a user of your name already, who logs in otherwise.",
};

function loginProblem(): string | undefined {
  const code = new URLSearchParams(location.search).get("login_problem");
  return code === null ? undefined : t(ELSEWHERE[code] ?? "The login has not worked. Try again.");
}
