import { useState } from "react";
import type { ListedWorkflow, Pause } from "../api/schema";
import { useMay } from "../api/session";
import { t, withPanelWords } from "../locale/locale";
import { laterDialog } from "../shell/later";
import type { MenuItem } from "../shell/ui/Menu";
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
  const { id, published_version: version, enabled } = workflow;
  const [isStarting, setStarting] = useState(false);
  const mayStart = useMay("runs:write") && version !== null && enabled;
  const start: MenuItem = {
    label: t("Start by hand…"),
    icon: "play",
    testId: "start",
    onSelect: () => setStarting(true),
  };
  return (
    <>
      <Holds workflowId={id} pauses={pauses} further={mayStart ? [start] : []} onChange={onChange} />
      {isStarting && version !== null && (
        <StartDialog workflowId={id} version={version} onClose={() => setStarting(false)} />
      )}
    </>
  );
}
