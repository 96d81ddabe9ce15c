import { useSession } from "../api/session";
import { t } from "../locale/locale";
import { LanguageField } from "../shell/LanguageField";
import { Dialog } from "../shell/ui/Dialog";
import { Icon } from "../shell/ui/Icon";
import { LoginForm } from "./LoginForm";
import "./login.css";

/** The page of strangers. The address stays what it was: that is where they get to. */
export function LoginPage(): React.JSX.Element {
  return (
    <main className="login-page">
      <div className="login-box" ref={focusFirst}>
        <span className="login-mark" aria-hidden="true">
          <Icon name="workflow" size={22} />
        </span>
        <h1>Workflow Kit</h1>
        <div className="stack">
          <LoginForm isInterrupting={false} />
          <LanguageField />
        </div>
      </div>
    </main>
  );
}

function focusFirst(box: HTMLElement | null): void {
  box?.querySelector<HTMLElement>("[data-autofocus]")?.focus();
}

/** Over the page of somebody whose session has ended: it waits below, with everything that was typed. */
export function LoginDialog(): React.JSX.Element {
  const name = useSession(({ state }) => state?.name ?? "");
  return (
    <Dialog
      title={t("Log in again")}
      size="small"
      testId="login-again"
      onClose={() => useSession.setState({ isLoginWanted: false })}
    >
      <div className="stack">
        <p>{t("Your session has ended. Nothing of what you have typed is lost: log in, and go on.")}</p>
        <LoginForm isInterrupting name={name} />
      </div>
    </Dialog>
  );
}
