import { Link } from "./ui/Link";
import { pathTo } from "./routes";

export function NotFoundPage(): React.JSX.Element {
  return (
    <main className="page">
      <div className="empty">
        <h1>There is nothing here</h1>
        <p>The address leads to no page.</p>
        <Link className="button button-primary" href={pathTo("workflows")}>
          All workflows
        </Link>
      </div>
    </main>
  );
}
