import { SOURCE } from "../document/types";
import { useEditor } from "../editor/store";
import { withPanelWords } from "../locale/locale";
import { later } from "../shell/later";
import { StepPanel } from "./StepPanel";
import "./config.css";

const EdgePanel = later(() => withPanelWords(() => import("./EdgePanel")).then((module) => module.EdgePanel));
const WorkflowPanel = later(() =>
  withPanelWords(() => import("./WorkflowPanel")).then((module) => module.WorkflowPanel),
);

/** The panel for what is selected: a step, a connection, or the workflow as a whole. */
export function ConfigPanel(): React.JSX.Element {
  const selection = useEditor((state) => state.selection);
  const [action] = selection.actions;
  const [edge] = selection.edges;
  if (action !== undefined && action !== SOURCE) return <StepPanel key={action} id={action} />;
  if (action === undefined && edge !== undefined) return <EdgePanel key={edge} id={edge} />;
  return <WorkflowPanel />;
}
