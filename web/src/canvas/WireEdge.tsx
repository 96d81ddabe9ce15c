import type { EdgeProps } from "@xyflow/react";
import { BaseEdge, EdgeLabelRenderer, getSmoothStepPath } from "@xyflow/react";
import { memo } from "react";
import { useEditor, useEditorContext } from "../editor/store";
import { Icon } from "../shell/ui/Icon";
import type { FlowEdge, WireData } from "./flow";
import { CORNER, corners, rounded, stem } from "./routing";
import { t } from "../locale/locale";

/** A connection, with its condition and a "+" in the middle. */
export const WireEdge = memo(function WireEdge(props: EdgeProps<FlowEdge>): React.JSX.Element | null {
  const { store } = useEditorContext();
  const isReadOnly = useEditor((state) => state.isReadOnly);
  const { data, selected } = props;
  if (data === undefined) return null;
  const [path, labelX, labelY] = pathOf(props, data);
  const { edge, from, to, label, tone, hasProblem } = data;
  const painted = data.isPainted ? `wire-painted wire-${data.paint ?? "open"}` : "";
  const classes = [
    "wire-label",
    `wire-label-${tone}`,
    selected && "wire-label-selected",
    hasProblem && "wire-label-problem",
  ];
  return (
    <>
      <g data-testid={`edge-${edge.from}-${edge.to}`} data-state={data.paint}>
        <BaseEdge
          path={path}
          interactionWidth={24}
          className={`wire wire-${tone} ${hasProblem ? "wire-problem" : ""} ${painted}`}
          {...endOf(props)}
        />
      </g>
      <EdgeLabelRenderer>
        <div
          className="wire-middle nodrag nopan"
          style={{ transform: `translate(-50%, -50%) translate(${labelX}px, ${labelY}px)` }}
        >
          {label !== "" && (
            <button
              type="button"
              tabIndex={-1}
              className={classes.filter(Boolean).join(" ")}
              title={label}
              onClick={() => store.getState().selectEdge(edge.id)}
            >
              {label}
            </button>
          )}
          {!isReadOnly && (
            <button
              type="button"
              tabIndex={-1}
              className={`wire-add ${selected === true ? "wire-add-shown" : ""}`}
              aria-label={t("Add a step between {from} and {to}", { from, to })}
              data-testid={`add-on-${edge.from}-${edge.to}`}
              onClick={() => store.getState().want({ at: "edge", edgeId: edge.id })}
            >
              <Icon name="plus" size={13} />
            </button>
          )}
        </div>
      </EdgeLabelRenderer>
    </>
  );
});

/** The line to draw, and where its label stands. */
function pathOf(props: EdgeProps<FlowEdge>, { bend, lane }: WireData): readonly [string, number, number] {
  if (lane === undefined) {
    // Ends are measured, in parts of pixels: what is below each other is not to have a step in its line.
    const isStraight = Math.abs(props.targetX - props.sourceX) < 2;
    const [path, x, y] = getSmoothStepPath({
      ...props,
      targetX: isStraight ? props.sourceX : props.targetX,
      borderRadius: CORNER,
      ...(bend === undefined ? {} : { centerY: bend, offset: stem(props.sourceY, props.targetY, bend) }),
    });
    return [path, x, y];
  }
  const [start, end] = [
    { x: props.sourceX, y: props.sourceY },
    { x: props.targetX, y: props.targetY },
  ];
  return [rounded(corners(start, end, { lane })), lane, (start.y + end.y) / 2];
}

function endOf(props: EdgeProps<FlowEdge>): { markerEnd?: string } {
  return props.markerEnd === undefined ? {} : { markerEnd: props.markerEnd };
}
