import type { Edge, Node } from "@xyflow/react";
import { Background, BackgroundVariant, ReactFlow, ReactFlowProvider } from "@xyflow/react";
import { useMemo } from "react";
import { GRID, NODE_HEIGHT, NODE_WIDTH, STEP_ASIDE, STEP_DOWN } from "../canvas/geometry";
import { compare } from "../document/diff";
import type { Change } from "../document/diff";
import { positionsOf } from "../document/scope";
import type { Position, WorkflowDocument, WorkflowEdge } from "../document/types";
import { SOURCE } from "../document/types";
import { useTheme } from "../shell/theme";
import { t } from "../locale/locale";

interface DifferenceCanvasProps {
  readonly before: WorkflowDocument;
  readonly after: WorkflowDocument;
}

/** Both documents in one picture: what was added, removed and changed has a colour of its own. */
export function DifferenceCanvas({ before, after }: DifferenceCanvasProps): React.JSX.Element {
  const isDark = useTheme((theme) => theme.isDark);
  const { nodes, edges } = useMemo(() => picture(before, after), [before, after]);
  return (
    <div className="diff-canvas" data-testid="diff-canvas">
      <ReactFlowProvider>
        <ReactFlow
          nodes={nodes}
          edges={edges}
          colorMode={isDark ? "dark" : "light"}
          fitView
          minZoom={0.15}
          nodesDraggable={false}
          nodesConnectable={false}
          nodesFocusable={false}
          edgesFocusable={false}
          elementsSelectable={false}
        >
          <Background variant={BackgroundVariant.Dots} gap={GRID} size={1.4} color="var(--canvas-dot)" />
        </ReactFlow>
      </ReactFlowProvider>
    </div>
  );
}

function picture(before: WorkflowDocument, after: WorkflowDocument): { nodes: Node[]; edges: Edge[] } {
  const difference = compare(before, after);
  const changes = new Map<string, Change>(difference.actions.map(({ id, change }) => [id, change]));
  const places = new Map([...positionsOf(before, []), ...positionsOf(after, [])]);
  const removed = before.actions.filter((action) => changes.get(action.id) === "removed");
  const names = [
    { id: SOURCE, name: t("Trigger") },
    ...[...after.actions, ...removed].map((action) => ({ id: action.id, name: action.name ?? action.id })),
  ];
  const nodes = names.map(({ id, name }, index): Node => ({
    id,
    position: places.get(id) ?? fallbackPlace(index),
    data: { label: name },
    className: `diff-node diff-node-${changes.get(id) ?? "same"}`,
    ariaLabel: `${name}, ${t(changes.get(id) ?? "unchanged")}`,
    width: NODE_WIDTH,
    height: NODE_HEIGHT,
  }));
  const known = new Set(names.map(({ id }) => id));
  const [old, now] = [new Set(before.edges.map(endsOf)), new Set(after.edges.map(endsOf))];
  const all = new Map([...before.edges, ...after.edges].map((edge) => [endsOf(edge), edge]));
  const edges = [...all]
    .filter(([, { from, to }]) => known.has(from) && known.has(to))
    .map(([name, edge]): Edge => ({
      id: name,
      source: edge.from,
      target: edge.to,
      type: "smoothstep",
      className: now.has(name) ? (old.has(name) ? "" : "diff-edge-added") : "diff-edge-removed",
    }));
  return { nodes, edges };
}

function endsOf({ from, to }: WorkflowEdge): string {
  return `${from}→${to}`;
}

/** Versions that were made elsewhere have no places. */
function fallbackPlace(index: number): Position {
  return { x: (index % 3) * STEP_ASIDE, y: Math.floor(index / 3) * STEP_DOWN };
}
