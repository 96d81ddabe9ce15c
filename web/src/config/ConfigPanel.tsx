import { SOURCE } from "../document/types";
import { useEditor } from "../editor/store";
import { EdgePanel } from "./EdgePanel";
import { StepPanel } from "./StepPanel";
import { WorkflowPanel } from "./WorkflowPanel";
import "./config.css";

/** The panel for what is selected: a step, a connection, or the workflow as a whole. */
export function ConfigPanel(): React.JSX.Element {
  const selection = useEditor((state) => state.selection);
  const [action] = selection.actions;
  const [edge] = selection.edges;
  if (action !== undefined && action !== SOURCE) return <StepPanel key={action} id={action} />;
  if (action === undefined && edge !== undefined) return <EdgePanel key={edge} id={edge} />;
  return <WorkflowPanel />;
}
