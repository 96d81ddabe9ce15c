import type { NodeProps } from "@xyflow/react";
import { Handle, Position as Side } from "@xyflow/react";
import { memo } from "react";
import { isDisabled } from "../document/edits";
import type { WorkflowAction } from "../document/types";
import { LOOP_KIND } from "../document/types";
import { useEditor, useEditorContext } from "../editor/store";
import type { LocatedProblem } from "../problems/locate";
import { Icon } from "../shell/ui/Icon";
import type { OpenWay } from "./adders";
import type { StepNode as StepFlowNode } from "./flow";
import { wayPercent } from "./geometry";
import type { StepPaint } from "./painting";
import { StateBadge } from "./StateBadge";
import { served, t } from "../locale/locale";
import { problemText } from "../problems/words";

/** A step on the canvas: what it is called, what it does, and what is wrong with it. */
export const StepNode = memo(function StepNode({ id, data, selected }: NodeProps<StepFlowNode>): React.JSX.Element {
  const { action, kind, ways, openWays, problems, isTarget, paint, isPainted } = data;
  const { store } = useEditorContext();
  const kindName = kind?.action.name ?? action.kind;
  const name = nameOf(action, kindName);
  const isOneOfSeveral = ways.some((way) => way.name !== undefined && way.conditional?.type !== "error");
  const classes = [
    "step",
    selected && "step-selected",
    isDisabled(action) && "step-disabled",
    isTarget && "step-target",
    isPainted && paintClass(paint),
  ];
  return (
    <div className={classes.filter(Boolean).join(" ")} data-testid={`node-${id}`}>
      <Handle type="target" position={Side.Top} />
      <span className={`step-icon step-icon-${kind === undefined ? "unknown" : toneOf(kind.family)}`}>
        <Icon name={kind?.icon ?? "help"} size={18} />
      </span>
      <span className="step-text">
        <span className="step-name" dir="auto">
          {name}
        </span>
        {paint === undefined ? (
          <span className="step-kind" dir="auto">
            {name === kindName ? id : kindName}
          </span>
        ) : (
          <StateBadge paint={paint} />
        )}
      </span>
      <ProblemBadge problems={problems} />
      {action.kind === LOOP_KIND && (
        <button
          type="button"
          className="step-enter nodrag"
          aria-label={t("Open {name}", { name })}
          title={t("Open the steps for each item")}
          onClick={(event) => {
            event.stopPropagation(); // a click on the step itself would select it
            store.getState().enter([...store.getState().scope, id]);
          }}
        >
          <Icon name="chevronRight" />
        </button>
      )}
      {ways.map((way, index) => (
        <Handle
          key={way.name ?? "plain"}
          id={`way-${index}`}
          type="source"
          position={Side.Bottom}
          className={way.conditional?.type === "error" ? "handle-error" : ""}
          style={{ left: wayPercent(index, ways.length) }}
        />
      ))}
      {openWays.map((open) => (
        <AddButton
          key={open.index}
          nodeId={id}
          nodeName={name}
          open={open}
          wayCount={ways.length}
          isOneOfSeveral={isOneOfSeveral}
        />
      ))}
    </div>
  );
});

function paintClass(paint: StepPaint | undefined): string {
  return paint === undefined ? "step-unreached" : `step-painted step-painted-${paint.status}`;
}

function nameOf({ name }: WorkflowAction, kindName: string): string {
  return name === null || name === undefined || name === "" ? kindName : name;
}

/** How many problems a node has. */
export function ProblemBadge({ problems }: { readonly problems: readonly LocatedProblem[] }): React.JSX.Element | null {
  if (problems.length === 0) return null;
  const hasError = problems.some(({ problem }) => problem.severity === "error");
  return (
    <span
      className={`step-badge ${hasError ? "step-badge-error" : ""}`}
      title={problems.map(({ problem }) => problemText(problem)).join("\n")}
    >
      <Icon name="alert" size={13} />
      {problems.length}
    </span>
  );
}

interface AddButtonProps {
  readonly nodeId: string;
  readonly nodeName: string;
  readonly open: OpenWay;
  readonly wayCount: number;
  /** Whether a way without a name stands beside those of certain outcomes: it is taken whatever comes. */
  readonly isOneOfSeveral?: boolean;
}

/** The "+" below a way that leads nowhere yet. */
export function AddButton(props: AddButtonProps): React.JSX.Element | null {
  const { nodeId, nodeName, open, wayCount, isOneOfSeveral = false } = props;
  const { store } = useEditorContext();
  const isReadOnly = useEditor((state) => state.isReadOnly);
  const { way, index, side, down } = open;
  if (isReadOnly) return null;
  const wayName = way.name === undefined ? (isOneOfSeveral ? t("Always") : undefined) : served(way.name);
  return (
    <button
      type="button"
      className="add-after nodrag nopan"
      data-side={side}
      style={{ left: wayPercent(index, wayCount), "--down": `${down}px` } as React.CSSProperties}
      aria-label={t("Add a step after {name}", {
        name: wayName === undefined ? nodeName : `${nodeName}, ${wayName}`,
      })}
      data-testid={`add-after-${nodeId}${way.name === undefined ? "" : `-${way.name}`}`}
      onClick={(event) => {
        event.stopPropagation();
        store.getState().want({ at: "after", from: nodeId, way });
      }}
    >
      {wayName !== undefined && (
        <span className="add-after-name" title={wayName}>
          {wayName}
        </span>
      )}
      <Icon name="plus" size={14} />
    </button>
  );
}

/** Categories have one of a few colours; the same name always the same one. */
export function toneOf(category: string): number {
  const known = ["flow", "data", "communication", "network", "developer"].indexOf(category.toLowerCase());
  if (known !== -1) return known;
  let sum = 0;
  for (const letter of category) sum += letter.codePointAt(0) ?? 0;
  return 5 + (sum % 3);
}
