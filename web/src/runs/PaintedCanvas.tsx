import { useReactFlow, useStoreApi } from "@xyflow/react";
import { useEffect, useMemo } from "react";
import { Canvas } from "../canvas/Canvas";
import type { Painting } from "../canvas/painting";
import { firstView } from "../canvas/useCanvasView";
import { EditorContext, NOTHING, useEditorContext } from "../editor/store";
import type { RunGraph } from "./graph";

interface PaintedCanvasProps {
  readonly graph: RunGraph;
  readonly painting: Painting;
  readonly selected: string | undefined;
  readonly onSelect: (id: string | undefined) => void;
}

/** The graph of a run, with the state of each step and connection on it. */
export function PaintedCanvas({ graph, painting, selected, onSelect }: PaintedCanvasProps): React.JSX.Element {
  const { store } = graph;
  const context = useMemo(() => ({ store, saver: undefined }), [store]);
  useEffect(() => store.setState({ painting }), [store, painting]);
  useEffect(() => {
    const wanted = selected === undefined ? NOTHING : { actions: new Set([selected]), edges: new Set<string>() };
    store.setState({ selection: wanted });
  }, [store, selected]);
  useEffect(
    () =>
      store.subscribe((state, before) => {
        if (state.selection === before.selection) return;
        const [id] = state.selection.actions;
        if (id !== selected) onSelect(id);
      }),
    [store, selected, onSelect],
  );
  return (
    <EditorContext value={context}>
      <div className="run-canvas" data-testid="run-graph">
        <Canvas connectTarget={undefined}>
          <KeptInView selected={selected} />
        </Canvas>
      </div>
    </EditorContext>
  );
}

/**
 * Brings a step that is selected into view. What nobody has moved goes on to fit when it has more room, or less: beside
 * details that open, or on a screen that is turned.
 */
function KeptInView({ selected }: Pick<PaintedCanvasProps, "selected">): null {
  const { store } = useEditorContext();
  const flow = useReactFlow();
  const flowStore = useStoreApi();
  useEffect(() => {
    if (selected !== undefined && flow.viewportInitialized) store.getState().canvas?.reveal([selected]);
  }, [store, flow, selected]);
  useEffect(
    () =>
      flowStore.subscribe((now, before) => {
        if (now.width === before.width && now.height === before.height) return;
        const [x, y, zoom] = now.transform;
        const first = firstView(store, flow, before);
        const isMoved = Math.abs(x - first.x) + Math.abs(y - first.y) > 1 || Math.abs(zoom - first.zoom) > 0.01;
        if (!isMoved) void flow.setViewport(firstView(store, flow, now));
      }),
    [store, flow, flowStore],
  );
  return null;
}
