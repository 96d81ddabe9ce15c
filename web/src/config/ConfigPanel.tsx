import { Suspense, lazy } from "react";
import { SOURCE } from "../document/types";
import { useEditor } from "../editor/store";
import { withPanelWords } from "../locale/locale";
import { StepPanel } from "./StepPanel";
import "./config.css";

const EdgePanel = lazy(() =>
  withPanelWords(() => import("./EdgePanel")).then((module) => ({ default: module.EdgePanel })),
);
const WorkflowPanel = lazy(() =>
  withPanelWords(() => import("./WorkflowPanel")).then((module) => ({ default: module.WorkflowPanel })),
);

/** The panel for what is selected: a step, a connection, or the workflow as a whole. */
export function ConfigPanel(): React.JSX.Element {
  const selection = useEditor((state) => state.selection);
  const [action] = selection.actions;
  const [edge] = selection.edges;
  if (action !== undefined && action !== SOURCE) return <StepPanel key={action} id={action} />;
  if (action === undefined && edge !== undefined)
    return (
      <Suspense>
        <EdgePanel key={edge} id={edge} />
      </Suspense>
    );
  return (
    <Suspense>
      <WorkflowPanel />
    </Suspense>
  );
}
