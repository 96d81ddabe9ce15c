import { withPanelWords } from "../locale/locale";
import { later } from "./later";
import { NotFoundPage } from "./NotFoundPage";
import type { Address } from "./routes";

const AlertsPage = later(() => import("../alerts/AlertsPage").then((module) => module.AlertsPage));
const ApprovalsPage = later(() => import("../approvals/ApprovalsPage").then((module) => module.ApprovalsPage));
const AuditPage = later(() => import("../login/AuditPage").then((module) => module.AuditPage));
// It names settings as their forms do.
const FunctionsPage = later(() =>
  withPanelWords(() => import("../functions/FunctionsPage")).then((module) => module.FunctionsPage),
);
const IntentPage = later(() => import("../webhooks/IntentPage").then((module) => module.IntentPage));
const SecretsPage = later(() => import("../secrets/SecretsPage").then((module) => module.SecretsPage));
const UsersPage = later(() => import("../login/UsersPage").then((module) => module.UsersPage));
const WebhookPage = later(() => import("../webhooks/WebhookPage").then((module) => module.WebhookPage));
const WebhooksPage = later(() => import("../webhooks/WebhooksPage").then((module) => module.WebhooksPage));
const WorkersPage = later(() => import("../workers/WorkersPage").then((module) => module.WorkersPage));

const SECTIONS: ReadonlyMap<string, React.ComponentType> = new Map([
  ["approvals", ApprovalsPage],
  ["functions", FunctionsPage],
  ["alerts", AlertsPage],
  ["secrets", SecretsPage],
  ["webhooks", WebhooksPage],
  ["workers", WorkersPage],
  ["users", UsersPage],
  ["audit", AuditPage],
]);

interface OtherPageProps extends Pick<Address, "parts"> {
  readonly withoutUsers: boolean;
}

/**
 * What is not looked at all day, or is not there. The first page that is loaded knows only where this is: what knows
 * where each of these is comes with the first of them.
 */
export function OtherPage(props: OtherPageProps): React.JSX.Element {
  return pageOf(props);
}

function pageOf({ parts, withoutUsers }: OtherPageProps): React.JSX.Element {
  const [section = "", name, ...rest] = parts;
  if (section === "webhooks" && name !== undefined && rest.length === 0)
    // No webhook can have this name.
    return name === "intent" ? <IntentPage /> : <WebhookPage key={name} name={name} />;
  if (name !== undefined || (section === "users" && withoutUsers)) return <NotFoundPage />;
  const Page = SECTIONS.get(section) ?? NotFoundPage;
  return <Page />;
}
