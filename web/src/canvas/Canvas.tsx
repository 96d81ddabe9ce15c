import type { Connection, FinalConnectionState, OnEdgesChange, OnNodesChange } from "@xyflow/react";
import { Background, BackgroundVariant, MarkerType, MiniMap, ReactFlow, ReactFlowProvider, useReactFlow, useStore as useFlowStore } from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import { useCallback, useMemo, useState } from "react";
import type { Way } from "../document/edits";
import { reconnect } from "../document/edits";
import { refusal } from "../document/graph";
import { graphAt, positionsOf, withPositions } from "../document/scope";
import type { Graph, Position } from "../document/types";
import { addStep, connectNodes, count } from "../editor/commands";
import type { EditorStore, Selection } from "../editor/store";
import { useDocument, useEditor, useEditorContext } from "../editor/store";
import { notify } from "../shell/notices";
import { useTheme } from "../shell/theme";
import { KIND_MEDIA_TYPE } from "../palette/dragging";
import { triggerLines } from "../config/triggers";
import { CanvasBar } from "./CanvasBar";
import "./canvas.css";
import type { FlowEdge, FlowNode } from "./flow";
import { FlowBuilder } from "./flow";
import { GRID, MOST_DRAWN, NODE_HEIGHT, NODE_WIDTH, nodeIds, snap } from "./geometry";
import { StepNode } from "./StepNode";
import { TriggerNode } from "./TriggerNode";
import { useCanvasView } from "./useCanvasView";
import { WireEdge } from "./WireEdge";

const NODE_TYPES = { step: StepNode, trigger: TriggerNode };
const EDGE_TYPES = { wire: WireEdge };
const EDGE_DEFAULTS = { markerEnd: { type: MarkerType.ArrowClosed, width: 16, height: 16, color: "var(--edge)" }, interactionWidth: 24 };
/** Fewer nodes need no map. */
const MAPPED_FROM = 8;
/** Below this zoom nodes are drawn as plain boxes. */
const FAR_ZOOM = 0.4;
const STILL: ReadonlyMap<string, Position> = new Map();

interface CanvasProps {
  /** The node that keys would connect to, while somebody chooses one. */
  readonly connectTarget: string | undefined;
}

export function Canvas(props: CanvasProps): React.JSX.Element {
  return (
    <ReactFlowProvider>
      <CanvasInside {...props} />
    </ReactFlowProvider>
  );
}

function CanvasInside({ connectTarget }: CanvasProps): React.JSX.Element {
  const { store } = useEditorContext();
  const document = useDocument();
  const scope = useEditor((state) => state.scope);
  const catalogue = useEditor((state) => state.catalogue);
  const selection = useEditor((state) => state.selection);
  const problems = useEditor((state) => state.problems);
  const isReadOnly = useEditor((state) => state.isReadOnly);
  const isDark = useTheme((theme) => theme.isDark);
  const isFar = useFlowStore((state) => state.transform[2] < FAR_ZOOM);
  const [moving, setMoving] = useState(STILL);
  const [builder] = useState(() => new FlowBuilder());
  const flow = useReactFlow();
  const graph = graphAt(document, scope);
  useCanvasView();

  const input = useMemo(() => {
    const stored = positionsOf(document, scope);
    const positions = moving.size === 0 ? stored : new Map([...stored, ...moving]);
    return { graph, scope, positions, catalogue, selection, problems, connectTarget, triggerLines: triggerLines(document) };
  }, [document, scope, graph, moving, catalogue, selection, problems, connectTarget]);
  const nodes = useMemo(() => builder.buildNodes(input), [builder, input]);
  const edges = useMemo(() => builder.buildEdges(input), [builder, input]);

  const onNodesChange = useCallback<OnNodesChange<FlowNode>>((changes) => {
    const moved = new Map<string, Position>();
    let isDragging = false;
    for (const change of changes) {
      if (change.type !== "position" || change.position === undefined) continue;
      moved.set(change.id, change.position);
      isDragging ||= change.dragging === true;
    }
    if (moved.size > 0 && isDragging) setMoving((old) => new Map([...old, ...moved]));
    if (moved.size > 0 && !isDragging) {
      setMoving(STILL);
      storePositions(store, moved);
    }
    const selected = changes.filter((change) => change.type === "select");
    if (selected.length > 0) changeSelection(store, "actions", selected);
  }, [store]);

  const onEdgesChange = useCallback<OnEdgesChange<FlowEdge>>((changes) => {
    const selected = changes.filter((change) => change.type === "select");
    if (selected.length > 0) changeSelection(store, "edges", selected);
  }, [store]);

  const onConnectEnd = useCallback((event: MouseEvent | TouchEvent, end: FinalConnectionState) => {
    if (end.isValid === true || end.fromNode === null || end.fromHandle?.type !== "source") return;
    if (end.toNode !== null) {
      const reason = refusal(present(store), end.fromNode.id, end.toNode.id);
      if (reason !== undefined) notify(reason, "error");
      return;
    }
    const point = "changedTouches" in event ? event.changedTouches[0] : event;
    if (point === undefined) return;
    const position = flow.screenToFlowPosition({ x: point.clientX, y: point.clientY });
    const way = wayOf(store, end.fromNode.id, end.fromHandle.id ?? null);
    const place = snap({ x: position.x - NODE_WIDTH / 2, y: position.y });
    store.getState().want({ at: "after", from: end.fromNode.id, position: place, ...(way === undefined ? {} : { way }) });
  }, [store, flow]);

  return (
    <div
      className="canvas"
      data-testid="canvas"
      data-far={isFar}
      onDragOver={(event) => event.dataTransfer.types.includes(KIND_MEDIA_TYPE) && event.preventDefault()}
      onDrop={(event) => {
        const kind = event.dataTransfer.getData(KIND_MEDIA_TYPE);
        if (kind === "") return;
        event.preventDefault();
        const position = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
        addStep(store, kind, { at: "free", position: { x: position.x - NODE_WIDTH / 2, y: position.y - NODE_HEIGHT / 2 } });
      }}
    >
      <ReactFlow<FlowNode, FlowEdge>
        nodes={nodes}
        edges={edges}
        nodeTypes={NODE_TYPES}
        edgeTypes={EDGE_TYPES}
        defaultEdgeOptions={EDGE_DEFAULTS}
        colorMode={isDark ? "dark" : "light"}
        onNodesChange={onNodesChange}
        onEdgesChange={onEdgesChange}
        onNodeClick={(_, node) => store.getState().selection.actions.size <= 1 && store.getState().selectAction(node.id)}
        onEdgeClick={(_, edge) => store.getState().selectEdge(edge.id)}
        onConnect={(connection) => connectNodes(store, connection.source, connection.target, wayOf(store, connection.source, connection.sourceHandle))}
        onConnectEnd={onConnectEnd}
        onReconnect={(edge, connection) => moveEdge(store, edge, connection)}
        isValidConnection={({ source, target }) => refusal(present(store), source, target) === undefined}
        nodesDraggable={!isReadOnly}
        nodesConnectable={!isReadOnly}
        edgesReconnectable={!isReadOnly}
        deleteKeyCode={null}
        selectionKeyCode="Shift"
        multiSelectionKeyCode={["Shift", "Meta", "Control"]}
        panActivationKeyCode="Space"
        snapToGrid
        snapGrid={[GRID, GRID]}
        minZoom={0.15}
        maxZoom={1.8}
        connectionRadius={32}
        elevateEdgesOnSelect
        onlyRenderVisibleElements={nodes.length > MOST_DRAWN}
        attributionPosition="bottom-right"
      >
        <Background variant={BackgroundVariant.Dots} gap={GRID} size={1.4} color="var(--canvas-dot)" />
        {nodes.length >= MAPPED_FROM && <MiniMap className="canvas-map" pannable zoomable ariaLabel="Map of the workflow" nodeBorderRadius={12} />}
      </ReactFlow>
      <CanvasBar />
    </div>
  );
}

function present(store: EditorStore): Graph {
  const { history, scope } = store.getState();
  return graphAt(history.present, scope);
}

/** The way that begins at a handle of a node. */
function wayOf(store: EditorStore, from: string, handle: string | null): Way | undefined {
  const action = present(store).actions.find(({ id }) => id === from);
  const ways = action === undefined ? [{}] : store.getState().catalogue.waysOf(action);
  return ways[Number(handle?.replace("way-", "") ?? 0)];
}

function moveEdge(store: EditorStore, edge: FlowEdge, { source, target, sourceHandle }: Connection): void {
  const isSameStart = source === edge.source && sourceHandle === edge.sourceHandle;
  const way = isSameStart ? undefined : wayOf(store, source, sourceHandle);
  const { edit, scope } = store.getState();
  edit((document) => reconnect(document, scope, edge.id, source, target, isSameStart ? undefined : (way ?? {})), "reconnect");
}

/** Dragging ends with one step of undo; moves by key that follow each other are one, too. */
function storePositions(store: EditorStore, moved: ReadonlyMap<string, Position>): void {
  const { edit, scope } = store.getState();
  const places = new Map([...moved].map(([id, position]) => [id, snap(position)]));
  const names = [...places.keys()].toSorted().join(" ");
  edit((document) => withPositions(document, scope, places), `move ${count(places.size, "step")}`, `move ${names}`);
}

function changeSelection(store: EditorStore, what: keyof Selection, changes: readonly { id: string; selected: boolean }[]): void {
  const { selection, select } = store.getState();
  const graph = present(store);
  const known = new Set(what === "edges" ? graph.edges.map(({ id }) => id) : nodeIds(graph));
  const ids = new Set([...selection[what]].filter((id) => known.has(id)));
  for (const { id, selected } of changes) {
    if (selected) ids.add(id);
    else ids.delete(id);
  }
  const isSame = ids.size === selection[what].size && [...ids].every((id) => selection[what].has(id));
  if (!isSame) select({ ...selection, [what]: ids });
}
