import { useCallback } from "react";
import { api, useMay } from "../api/session";
import { useLoaded } from "../api/useLoaded";
import { capital } from "../base/texts";
import { t } from "../locale/locale";
import { pathTo, useAddress } from "../shell/routes";
import { Button } from "../shell/ui/Button";
import { Link } from "../shell/ui/Link";
import { Further } from "../shell/ui/Further";
import { ListPage } from "../shell/ui/ListPage";
import { QuerySelect } from "../shell/ui/QueryField";
import { WorkflowField } from "../workflows/WorkflowField";
import { ApprovalCard } from "./ApprovalCard";
import { statusText, WORDS } from "./statuses";

/** What people are asked to decide. */
export function ApprovalsPage(): React.JSX.Element {
  const { query } = useAddress();
  const status = query.get("status") ?? "open";
  const cursor = query.get("cursor") ?? "";
  const workflow = query.get("workflow") ?? "";
  const load = useCallback(() => {
    const chosen = workflow === "" ? {} : { workflow_id: workflow };
    return api.approvals({ cursor, ...chosen, ...(status === "any" ? {} : { status }) });
  }, [status, workflow, cursor]);
  const { value: page, error, reload } = useLoaded(load);
  const mayDecide = useMay("approvals:decide");
  return (
    <ListPage
      title={t("Approvals")}
      error={error}
      onReload={reload}
      isEmpty={page === undefined}
      actions={
        <>
          <WorkflowField value={workflow} />
          <QuerySelect
            label={t("Status")}
            name="status"
            value={status}
            options={Object.keys(WORDS)}
            labelOf={(option) => capital(statusText(option))}
          />
          <Button onClick={reload}>{t("Refresh")}</Button>
        </>
      }
    >
      {page?.items.length === 0 && (
        <div className="empty">
          {status === "open" ? t("Nobody has to decide anything.") : t("No approval is like this.")}
        </div>
      )}
      <ul className="approvals">
        {page?.items.map((approval) => (
          <li key={approval.id}>
            <ApprovalCard
              approval={approval}
              source={
                <>
                  <Link href={pathTo("runs", approval.run_id)}>{approval.workflow_name}</Link>
                  {" · "}
                </>
              }
              mayDecide={mayDecide}
              onDecided={reload}
            />
          </li>
        ))}
      </ul>
      {typeof page?.next_cursor === "string" && <Further cursor={page.next_cursor} />}
    </ListPage>
  );
}
