import { Suspense, lazy, useEffect } from "react";
import { askSession, useSession } from "../api/session";
import { Notices } from "./Notices";
import { Rail } from "./Rail";
import type { Address } from "./routes";
import { useAddress } from "./routes";
import { NotFoundPage } from "./NotFoundPage";

const EditorPage = lazy(() => import("../editor/EditorPage").then((module) => ({ default: module.EditorPage })));
const AlertsPage = lazy(() => import("../alerts/AlertsPage").then((module) => ({ default: module.AlertsPage })));
const FunctionsPage = lazy(() =>
  import("../functions/FunctionsPage").then((module) => ({ default: module.FunctionsPage })),
);
const ApprovalsPage = lazy(() =>
  import("../approvals/ApprovalsPage").then((module) => ({ default: module.ApprovalsPage })),
);
const AuditPage = lazy(() => import("../login/AuditPage").then((module) => ({ default: module.AuditPage })));
const EventPage = lazy(() => import("../events/EventPage").then((module) => ({ default: module.EventPage })));
const EventsPage = lazy(() => import("../events/EventsPage").then((module) => ({ default: module.EventsPage })));
const LoginPage = lazy(() => import("../login/LoginPage").then((module) => ({ default: module.LoginPage })));
const LoginDialog = lazy(() => import("../login/LoginPage").then((module) => ({ default: module.LoginDialog })));
const RunPage = lazy(() => import("../runs/RunPage").then((module) => ({ default: module.RunPage })));
const RunsPage = lazy(() => import("../runs/RunsPage").then((module) => ({ default: module.RunsPage })));
const SecretsPage = lazy(() => import("../secrets/SecretsPage").then((module) => ({ default: module.SecretsPage })));
const UsersPage = lazy(() => import("../login/UsersPage").then((module) => ({ default: module.UsersPage })));
const WorkersPage = lazy(() => import("../workers/WorkersPage").then((module) => ({ default: module.WorkersPage })));
const WorkflowsPage = lazy(() =>
  import("../workflows/WorkflowsPage").then((module) => ({ default: module.WorkflowsPage })),
);

const LOADING = <p className="page-loading">Loading…</p>;

/** Everything on the screen: the rail with the sections, and the page that the address names; or the way in. */
export function App(): React.JSX.Element {
  const address = useAddress();
  const { state, isAsked, isLoginWanted } = useSession();
  useEffect(() => void askSession(), []);
  if (!isAsked) return LOADING;
  if (isLoginWanted && (state === undefined || state.kind === "nobody"))
    return (
      <Suspense fallback={LOADING}>
        <LoginPage />
      </Suspense>
    );
  return (
    <div className="app">
      <Rail section={address.parts[0] ?? "workflows"} />
      {/* Whoever logs in again finds their page as it was; for somebody else it begins anew. */}
      <div className="app-page" key={`${state?.actor} ${state?.environment} ${state?.tenant}`}>
        <Suspense fallback={LOADING}>{pageOf(address)}</Suspense>
      </div>
      <Notices />
      {isLoginWanted && (
        <Suspense>
          <LoginDialog />
        </Suspense>
      )}
    </div>
  );
}

/** The pages of sections, which show all there is of something. */
const SECTIONS: ReadonlyMap<string, React.ComponentType> = new Map([
  ["workflows", WorkflowsPage],
  ["runs", RunsPage],
  ["events", EventsPage],
  ["approvals", ApprovalsPage],
  ["functions", FunctionsPage],
  ["alerts", AlertsPage],
  ["secrets", SecretsPage],
  ["workers", WorkersPage],
  ["users", UsersPage],
  ["audit", AuditPage],
]);

function pageOf({ parts }: Address): React.JSX.Element {
  const [section = "workflows", id, ...rest] = parts;
  if (id === undefined) {
    const Page = SECTIONS.get(section) ?? NotFoundPage;
    return <Page />;
  }
  if (rest.length === 0) {
    if (section === "workflows") return <EditorPage key={id} workflowId={id} />;
    if (section === "events") return <EventPage key={id} eventId={id} />;
    if (section === "runs") return <RunPage key={id} runId={id} />;
  }
  return <NotFoundPage />;
}
