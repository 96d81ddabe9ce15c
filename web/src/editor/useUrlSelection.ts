/** Keeps in the address what is selected and shown, so that a link leads back to it. */

import { useEffect } from "react";
import { graphAt } from "../document/scope";
import { setQuery } from "../shell/routes";
import type { EditorStore, Panel } from "./store";
import { SOURCE } from "../document/types";

const PANELS: readonly string[] = ["config", "problems", "versions", "outline", "test"] satisfies Panel[];

/** Without a store the address is left alone: it may be that of somebody else's page. */
export function useUrlSelection(store: EditorStore | undefined): void {
  useEffect(() => {
    if (store === undefined) return undefined;
    restore(store);
    return store.subscribe((state, before) => {
      if (state.selection === before.selection && state.panel === before.panel && state.scope === before.scope) return;
      const [node, ...others] = state.selection.actions;
      setQuery({
        node: others.length === 0 ? node : undefined,
        panel: state.panel === "none" ? undefined : state.panel,
        in: state.scope.length === 0 ? undefined : state.scope.join("/"),
      });
    });
  }, [store]);
}

function restore(store: EditorStore): void {
  const query = new URLSearchParams(location.search);
  const { enter, select, history } = store.getState();
  const scope = query.get("in")?.split("/") ?? [];
  const isThere = scope.every((id, depth) =>
    graphAt(history.present, scope.slice(0, depth)).actions.some((action) => action.id === id),
  );
  if (isThere && scope.length > 0) enter(scope);
  const node = query.get("node");
  const panel = query.get("panel") ?? "none";
  const graph = graphAt(history.present, isThere ? scope : []);
  const actions = new Set(
    node !== null && (node === SOURCE || graph.actions.some(({ id }) => id === node)) ? [node] : [],
  );
  if (actions.size > 0 || panel !== "none")
    select({ actions, edges: new Set() }, PANELS.includes(panel) ? (panel as Panel) : "none");
}
