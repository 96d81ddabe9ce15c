import { useEffect } from "react";
import { askSession, isHosted, useSession } from "../api/session";
import { t, withPageWords } from "../locale/locale";
import { useLanguage } from "./language";
import { Boundary, later } from "./later";
import { Notices } from "./Notices";
import { Rail } from "./Rail";
import type { Address } from "./routes";
import { useAddress } from "./routes";
import { SkipLink } from "./SkipLink";

const EditorPage = later(() => import("../editor/EditorPage").then((module) => module.EditorPage));
/** A page other than the editor, with the words that only these have; both are loaded when it is first drawn. */
function page<P>(load: () => Promise<React.ComponentType<P>>): React.ComponentType<P> {
  return later(() => withPageWords(load));
}

const EventPage = page(() => import("../events/EventPage").then((module) => module.EventPage));
const EventsPage = page(() => import("../events/EventsPage").then((module) => module.EventsPage));
const LoginPage = page(() => import("../login/LoginPage").then((module) => module.LoginPage));
const LoginDialog = page(() => import("../login/LoginPage").then((module) => module.LoginDialog));
const OtherPage = page(() => import("./OtherPage").then((module) => module.OtherPage));
const RunPage = page(() => import("../runs/RunPage").then((module) => module.RunPage));
const RunsPage = page(() => import("../runs/RunsPage").then((module) => module.RunsPage));
const WorkflowsPage = page(() => import("../workflows/WorkflowsPage").then((module) => module.WorkflowsPage));

function Loading(): React.JSX.Element {
  return <p className="page-loading">{t("Loading…")}</p>;
}

/** Everything on the screen. In another language it begins anew. */
export function App(): React.JSX.Element {
  const language = useLanguage((state) => state.language);
  return (
    <Boundary>
      <Screen key={language} />
    </Boundary>
  );
}

/**
 * Asks who this is, now and whenever somebody comes back to the page: in another tab they may have logged in meanwhile, as
 * somebody else too, or chosen another tenant, whose data this page would show and keep as those of the one before.
 */
function askAgain(): () => void {
  void askSession();
  addEventListener("focus", look);
  document.addEventListener("visibilitychange", look);
  return () => {
    removeEventListener("focus", look);
    document.removeEventListener("visibilitychange", look);
  };
}

function look(): void {
  if (document.visibilityState === "visible") void askSession();
}

/** The rail with the sections, and the page that the address names; or the way in. */
function Screen(): React.JSX.Element {
  const address = useAddress();
  const { state, isAsked, isLoginWanted } = useSession();
  useEffect(askAgain, []);
  if (!isAsked) return <Loading />;
  if (isLoginWanted && (state === undefined || state.kind === "nobody"))
    return (
      <Boundary isPage fallback={<Loading />}>
        <LoginPage />
      </Boundary>
    );
  return (
    <div className="app">
      <SkipLink />
      <Rail section={address.parts[0] ?? "workflows"} />
      {/* Whoever logs in again finds their page as it was; for somebody else it begins anew. */}
      <div className="app-page" key={`${state?.actor} ${state?.environment} ${state?.tenant}`}>
        <Boundary isPage about={address.parts.join("/")} fallback={<Loading />}>
          {pageOf(address, isHosted(state))}
        </Boundary>
      </div>
      <Notices />
      {isLoginWanted && (
        <Boundary isDialog onClose={() => useSession.setState({ isLoginWanted: false })}>
          <LoginDialog />
        </Boundary>
      )}
    </div>
  );
}

function pageOf({ parts }: Address, withoutUsers: boolean): React.JSX.Element {
  const [section = "workflows", id, ...rest] = parts;
  if (rest.length === 0) {
    if (section === "workflows") return id === undefined ? <WorkflowsPage /> : <EditorPage key={id} workflowId={id} />;
    if (section === "events") return id === undefined ? <EventsPage /> : <EventPage key={id} eventId={id} />;
    if (section === "runs") return id === undefined ? <RunsPage /> : <RunPage key={id} runId={id} />;
  }
  return <OtherPage parts={parts} withoutUsers={withoutUsers} />;
}
