import { useMemo } from "react";
import { useDocument, useEditor } from "../editor/store";
import type { Variables } from "./variables";
import { variablesFor, variablesForEdge } from "./variables";

/** What the inputs of a step may refer to. */
export function useVariables(actionId: string): Variables {
  const source = useSource();
  return useMemo(() => variablesFor(source, actionId), [source, actionId]);
}

/** What the conditions of the edges that leave a node may refer to. */
export function useEdgeVariables(from: string): Variables {
  const source = useSource();
  return useMemo(() => variablesForEdge(source, from), [source, from]);
}

function useSource(): Parameters<typeof variablesFor>[0] {
  const document = useDocument();
  const scope = useEditor((state) => state.scope);
  const catalogue = useEditor((state) => state.catalogue);
  const samples = useEditor((state) => state.samples);
  const events = useEditor((state) => state.possible.events);
  return useMemo(
    () => ({ document, scope, catalogue, samples, events }),
    [document, scope, catalogue, samples, events],
  );
}
