import type { NodeProps } from "@xyflow/react";
import { Handle, Position as Side } from "@xyflow/react";
import { memo } from "react";
import { SOURCE } from "../document/types";
import { Icon } from "../shell/ui/Icon";
import type { TriggerNode as TriggerFlowNode } from "./flow";
import { PLAIN_WAY } from "./adders";
import { AddButton, ProblemBadge } from "./StepNode";
import { t } from "../locale/locale";

/** Where runs begin; inside of a loop, where each item does. */
export const TriggerNode = memo(function TriggerNode({
  data,
  selected,
}: NodeProps<TriggerFlowNode>): React.JSX.Element {
  const { lines, problems, isLoop, hasNext } = data;
  const [first, ...others] = lines;
  const rest = others.length === 0 ? "" : ` +${others.length}`;
  return (
    <div className={`step step-trigger ${selected ? "step-selected" : ""}`} data-testid={`node-${SOURCE}`}>
      <span className="step-icon step-icon-trigger">
        <Icon name={isLoop ? "loop" : "bolt"} size={18} />
      </span>
      <span className="step-text">
        <span className="step-name" dir="auto">
          {isLoop ? t("Each item") : t("Trigger")}
        </span>
        <span className="step-kind" dir="auto">
          {isLoop ? "$.item, $.index" : first === undefined ? t("Nothing starts it yet") : first + rest}
        </span>
      </span>
      <ProblemBadge problems={problems} />
      <Handle id="way-0" type="source" position={Side.Bottom} />
      {!hasNext && <AddButton nodeId={SOURCE} nodeName={t("the trigger")} open={PLAIN_WAY} wayCount={1} />}
    </div>
  );
});
