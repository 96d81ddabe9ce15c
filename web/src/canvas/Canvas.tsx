import type { AriaLabelConfig } from "@xyflow/react";
import {
  Background,
  BackgroundVariant,
  MarkerType,
  MiniMap,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
  useStore as useFlowStore,
} from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import { useRef } from "react";
import type { EditorStore } from "../editor/store";
import { useEditor, useEditorContext } from "../editor/store";
import { KIND_MEDIA_TYPE } from "../palette/dragging";
import { useTheme } from "../shell/theme";
import { CanvasBar } from "./CanvasBar";
import "./canvas.css";
import type { FlowEdge, FlowNode } from "./flow";
import { GRID, MOST_DRAWN } from "./geometry";
import { highlight, partAt } from "./dropping";
import { drawEdge, dropEdge, dropKind, mayConnect, moveEdge } from "./gestures";
import { isMapped } from "./map";
import { FrameNode } from "./FrameNode";
import { NoteNode } from "./NoteNode";
import { StepNode } from "./StepNode";
import { TriggerNode } from "./TriggerNode";
import { useCanvasView } from "./useCanvasView";
import { useFlow } from "./useFlow";
import { WireEdge } from "./WireEdge";
import { t } from "../locale/locale";

const NODE_TYPES = { step: StepNode, trigger: TriggerNode, note: NoteNode, frame: FrameNode };
const EDGE_TYPES = { wire: WireEdge };
const EDGE_DEFAULTS = {
  // The tip has the colour of its line. A browser that does not know this draws it as edges are at rest.
  markerEnd: { type: MarkerType.ArrowClosed, width: 16, height: 16, color: "context-stroke" },
  interactionWidth: 24,
};
/** Below this zoom nodes are drawn as plain boxes. */
const FAR_ZOOM = 0.4;
/** Below this zoom names are written larger. */
const SMALL_ZOOM = 0.75;

interface CanvasProps {
  /** The node that keys would connect to, while somebody chooses one. */
  readonly connectTarget: string | undefined;
  /** What else has to do with the drawing. */
  readonly children?: React.ReactNode;
}

/** The drawing of a graph: the workflow's own, or the one inside of a loop. */
export function Canvas({ connectTarget, children }: CanvasProps): React.JSX.Element {
  return (
    <ReactFlowProvider>
      <DropArea>
        <Drawing connectTarget={connectTarget} />
        {children}
      </DropArea>
    </ReactFlowProvider>
  );
}

/** Takes actions that are dragged here from the palette. */
function DropArea({ children }: { readonly children: React.ReactNode }): React.JSX.Element {
  const { store } = useEditorContext();
  const flow = useReactFlow();
  const isFar = useFlowStore((state) => state.transform[2] < FAR_ZOOM);
  const isSmall = useFlowStore((state) => state.transform[2] < SMALL_ZOOM);
  return (
    <div
      className="canvas"
      data-testid="canvas"
      data-far={isFar}
      data-small={isSmall}
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes(KIND_MEDIA_TYPE)) return;
        event.preventDefault();
        highlight(partAt({ x: event.clientX, y: event.clientY })?.element);
      }}
      onDragLeave={(event) => event.target === event.currentTarget && highlight(undefined)}
      onDrop={(event) => {
        const kind = event.dataTransfer.getData(KIND_MEDIA_TYPE);
        highlight(undefined);
        if (kind === "") return;
        event.preventDefault();
        const point = { x: event.clientX, y: event.clientY };
        dropKind(store, kind, flow.screenToFlowPosition(point), partAt(point));
      }}
    >
      {children}
      <CanvasBar />
    </div>
  );
}

function Drawing({ connectTarget }: Pick<CanvasProps, "connectTarget">): React.JSX.Element {
  const { store } = useEditorContext();
  const isReadOnly = useEditor((state) => state.isReadOnly);
  const isDark = useTheme((theme) => theme.isDark);
  const { screenToFlowPosition, setCenter, getZoom } = useReactFlow();
  const { nodes, edges, onNodesChange, onEdgesChange } = useFlow(connectTarget);
  const isMovingEdge = useRef(false);
  useCanvasView();
  return (
    <ReactFlow<FlowNode, FlowEdge>
      dir="ltr" // a drawing has no direction of reading: what follows stands below
      nodes={nodes}
      edges={edges}
      nodeTypes={NODE_TYPES}
      edgeTypes={EDGE_TYPES}
      defaultEdgeOptions={EDGE_DEFAULTS}
      colorMode={isDark ? "dark" : "light"}
      onNodesChange={onNodesChange}
      onEdgesChange={onEdgesChange}
      onNodeClick={(_, node) => openClicked(store, node)}
      onEdgeClick={(_, edge) => store.getState().selectEdge(edge.id)}
      onConnect={(connection) => drawEdge(store, connection)}
      onConnectEnd={(event, end) =>
        dropEdge(store, event, end, isMovingEdge.current ? undefined : screenToFlowPosition)
      }
      onReconnectStart={() => {
        isMovingEdge.current = true;
      }}
      onReconnectEnd={() => {
        isMovingEdge.current = false;
      }}
      onReconnect={(edge, connection) => moveEdge(store, edge, connection)}
      isValidConnection={({ source, target }) => mayConnect(store, source, target)}
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
      ariaLabelConfig={spokenHelp()}
    >
      <Background variant={BackgroundVariant.Dots} gap={GRID} size={1.4} color="var(--canvas-dot)" />
      {isMapped(nodes.length) && (
        <MiniMap
          className="canvas-map"
          pannable
          zoomable
          ariaLabel={t("Map of the workflow")}
          nodeBorderRadius={12}
          nodeClassName={({ type }) => `canvas-map-${type}`}
          onClick={(_, { x, y }) => void setCenter(x, y, { zoom: getZoom() })}
        />
      )}
    </ReactFlow>
  );
}

/** A step is opened, unless several are selected; of a group all steps are selected. */
function openClicked(store: EditorStore, node: FlowNode): void {
  const { selection, select, selectAction } = store.getState();
  if (node.type === "frame") select({ actions: new Set(node.data.members), edges: new Set() });
  else if (node.type !== "note" && selection.actions.size <= 1) selectAction(node.id);
}

/** What screen readers say about nodes and edges, by React Flow's names for it. */
function spokenHelp(): Partial<AriaLabelConfig> {
  const help = t("Enter opens it. Delete removes it. Escape selects nothing.");
  return {
    "node.a11yDescription.default": help,
    "node.a11yDescription.keyboardDisabled": help,
    "edge.a11yDescription.default": help,
    "node.a11yDescription.ariaLiveMessage": () => t("Moved"),
    "handle.ariaLabel": t("Connection"),
  };
}
