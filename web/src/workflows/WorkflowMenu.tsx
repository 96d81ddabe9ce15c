import { useState } from "react";
import type { ListedWorkflow, Pause } from "../api/schema";
import { api, useMay } from "../api/session";
import { t, withPanelWords } from "../locale/locale";
import { laterDialog } from "../shell/later";
import { notify } from "../shell/notices";
import type { MenuItem } from "../shell/ui/Menu";
import { useBusy } from "../shell/useBusy";
import { Holds } from "./Holds";

/** The form is the one of test runs. */
const StartDialog = laterDialog(() =>
  withPanelWords(() => import("./StartDialog")).then((module) => module.StartDialog),
);

interface WorkflowMenuProps {
  readonly workflow: ListedWorkflow;
  readonly pauses: readonly Pause[];
  readonly onChange: () => void;
}

/** What else can be done with a workflow in the list. */
export function WorkflowMenu({ workflow, pauses, onChange }: WorkflowMenuProps): React.JSX.Element {
  const { id, published_version: version, enabled, archived_at: archivedAt } = workflow;
  const name = workflow.name === "" ? id : workflow.name;
  const [isStarting, setStarting] = useState(false);
  const [, begin] = useBusy();
  const isArchived = archivedAt !== null;
  const mayStart = useMay("runs:write") && version !== null && enabled && !isArchived;
  const mayEdit = useMay("workflows:write");
  const mayPublish = useMay("workflows:publish");
  const start: MenuItem = {
    label: t("Start by hand…"),
    icon: "play",
    testId: "start",
    onSelect: () => setStarting(true),
  };
  const copy: MenuItem = {
    label: t("Duplicate"),
    icon: "copy",
    testId: "duplicate",
    onSelect: () => begin(async () => (await withPanelWords(() => import("./duplicate"))).duplicate(id, name)),
  };
  const archive = async (): Promise<void> => {
    await api.setArchived(id, !isArchived).finally(onChange);
    notify(
      isArchived
        ? t("{name} is in the list again, as it was.", { name })
        : t("{name} is archived: it starts nothing more. The list of archived ones has it.", { name }),
    );
  };
  const away: MenuItem = isArchived
    ? { label: t("Bring it back"), icon: "undo", testId: "restore", onSelect: () => begin(archive) }
    : { label: t("Archive: start nothing more"), icon: "trash", testId: "archive", onSelect: () => begin(archive) };
  const first = [...(mayStart ? [start] : []), ...(mayEdit ? [copy] : [])];
  return (
    <>
      <Holds workflowId={id} pauses={pauses} further={first} last={mayPublish ? [away] : []} onChange={onChange} />
      {isStarting && version !== null && (
        <StartDialog workflowId={id} version={version} onClose={() => setStarting(false)} />
      )}
    </>
  );
}
