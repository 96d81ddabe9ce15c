import { useEffect, useMemo } from "react";
import { Canvas } from "../canvas/Canvas";
import type { Painting } from "../canvas/painting";
import { EditorContext, NOTHING } from "../editor/store";
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
        <Canvas connectTarget={undefined} />
      </div>
    </EditorContext>
  );
}
