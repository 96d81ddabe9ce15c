import { t } from "../locale/locale";
import { Link } from "./ui/Link";
import { pathTo } from "./routes";

export function NotFoundPage(): React.JSX.Element {
  return (
    <main className="page">
      <div className="empty">
        <h1>{t("There is nothing here")}</h1>
        <p>{t("The address leads to no page.")}</p>
        <Link className="button button-primary" href={pathTo("workflows")}>
          {t("All workflows")}
        </Link>
      </div>
    </main>
  );
}
