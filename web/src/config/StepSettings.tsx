import type { WorkflowAction } from "../document/types";
import { useVariables } from "../expressions/useVariables";
import { contract, stepSettings } from "./contract";
import { SchemaForm } from "./SchemaForm";
import { useStepPart } from "./useStepPart";

/** How a step is executed, by the schema that all steps share. */
export function StepSettings({ action }: { readonly action: WorkflowAction }): React.JSX.Element {
  const form = useStepPart(action, "settings");
  return (
    <SchemaForm
      schema={stepSettings()}
      root={contract()}
      value={form.value}
      problems={form.problems}
      variables={undefined}
      readable={useVariables(action.id)}
      isReadOnly={form.isReadOnly}
      focusWish={form.focusWish}
      onChange={form.change}
    />
  );
}
