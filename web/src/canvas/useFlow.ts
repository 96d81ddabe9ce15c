/** The nodes and edges of the graph that is shown. While nodes are dragged, the document still has their old places. */

import type { OnEdgesChange, OnNodesChange } from "@xyflow/react";
import { useCallback, useMemo, useState } from "react";
import { isEqual } from "../base/json";
import { triggerLines } from "../config/triggers";
import { groupsOf } from "../document/groups";
import { notesOf } from "../document/notes";
import { graphAt, positionsOf } from "../document/scope";
import type { Position } from "../document/types";
import { useDocument, useEditor, useEditorContext } from "../editor/store";
import type { FlowEdge, FlowNode } from "./flow";
import { FlowBuilder, noteNodeId } from "./flow";
import { changeSelection, movedWith, storePositions } from "./gestures";

const STILL: ReadonlyMap<string, Position> = new Map();

export interface Flow {
  readonly nodes: FlowNode[];
  readonly edges: FlowEdge[];
  readonly onNodesChange: OnNodesChange<FlowNode>;
  readonly onEdgesChange: OnEdgesChange<FlowEdge>;
}

/** `connectTarget` is the node that keys would connect to, while somebody chooses one. */
export function useFlow(connectTarget: string | undefined): Flow {
  const { store } = useEditorContext();
  const document = useDocument();
  const scope = useEditor((state) => state.scope);
  const catalogue = useEditor((state) => state.catalogue);
  const selection = useEditor((state) => state.selection);
  const problems = useEditor((state) => state.problems);
  const painting = useEditor((state) => state.painting);
  const [moving, setMoving] = useState(STILL);
  const [builder] = useState(() => new FlowBuilder());

  const shown = useMemo(() => {
    const stored = positionsOf(document, scope);
    const positions = moving.size === 0 ? stored : new Map([...stored, ...moving]);
    const graph = graphAt(document, scope);
    const notes = new Map(
      [...notesOf(document, scope)].map(([id, note]) => [id, { ...note, ...moving.get(noteNodeId(id)) }]),
    );
    return {
      graph,
      scope,
      positions,
      isMoving: moving.size > 0,
      catalogue,
      selection,
      problems,
      connectTarget,
      triggerLines: triggerLines(document),
      notes,
      groups: groupsOf(document, scope),
      painting: painting !== undefined && isEqual(painting.scope, scope) ? painting : undefined,
    };
  }, [document, scope, moving, catalogue, selection, problems, connectTarget, painting]);
  const nodes = useMemo(() => builder.buildNodes(shown), [builder, shown]);
  const edges = useMemo(() => builder.buildEdges(shown), [builder, shown]);

  const onNodesChange = useCallback<OnNodesChange<FlowNode>>(
    (changes) => {
      const moved = new Map<string, Position>();
      let isDragging = false;
      for (const change of changes) {
        if (change.type !== "position" || change.position === undefined) continue;
        for (const [id, position] of movedWith(store, change.id, change.position)) moved.set(id, position);
        isDragging ||= change.dragging === true;
      }
      if (moved.size > 0 && isDragging) setMoving((old) => new Map([...old, ...moved]));
      if (moved.size > 0 && !isDragging) {
        setMoving(STILL);
        storePositions(store, moved);
      }
      changeSelection(store, "actions", changes);
    },
    [store],
  );
  const onEdgesChange = useCallback<OnEdgesChange<FlowEdge>>(
    (changes) => changeSelection(store, "edges", changes),
    [store],
  );
  return { nodes, edges, onNodesChange, onEdgesChange };
}
