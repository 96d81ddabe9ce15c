/** Connecting two steps by keys: arrows choose where the connection leads, Enter draws it. */

import { useCallback, useEffect, useMemo, useState } from "react";
import { keyTarget } from "../base/place";
import { refusal } from "../document/graph";
import { graphAt } from "../document/scope";
import { SOURCE } from "../document/types";
import { announce, notify } from "../shell/notices";
import { connectNodes } from "./commands";
import type { EditorStore } from "./store";
import { t } from "../locale/locale";

export interface Connecting {
  /** The node that would be connected, while somebody chooses. */
  readonly target: string | undefined;
  /** What is going on, for the eye. */
  readonly prompt: string | undefined;
  readonly begin: () => void;
}

interface Choice {
  readonly from: string;
  readonly targets: readonly string[];
  readonly index: number;
}

export function useConnecting(store: EditorStore): Connecting {
  const [choice, setChoice] = useState<Choice | undefined>(undefined);
  const nameOf = useCallback(
    (id: string): string => {
      const { history, scope, catalogue } = store.getState();
      const action = graphAt(history.present, scope).actions.find((candidate) => candidate.id === id);
      if (action === undefined) return id === SOURCE ? t("Trigger") : id;
      return action.name ?? catalogue.names.get(action.kind) ?? id;
    },
    [store],
  );

  const begin = useCallback(() => {
    const { history, scope, selection } = store.getState();
    const [from] = selection.actions;
    if (from === undefined) return notify(t("Select the step to connect first."));
    const graph = graphAt(history.present, scope);
    const targets = graph.actions.map(({ id }) => id).filter((id) => refusal(graph, from, id) === undefined);
    if (targets.length === 0) return notify(t("There is no step that it could be connected to."));
    setChoice({ from, targets, index: 0 });
    return announce(
      t("Connect {from} to {to}? Arrows choose, Enter connects.", { from: nameOf(from), to: nameOf(targets[0] ?? "") }),
    );
  }, [store, nameOf]);

  useEffect(() => {
    if (choice === undefined) return undefined;
    const { from, targets, index } = choice;
    const onKeyDown = (event: KeyboardEvent): void => {
      const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
      const target = targets[index];
      if (step !== undefined) {
        const next = (index + step + targets.length) % targets.length;
        setChoice({ from, targets, index: next });
        announce(nameOf(targets[next] ?? ""));
      } else if (event.key === "Enter" && target !== undefined) {
        connectNodes(store, from, target);
        announce(t("Connected {from} to {to}", { from: nameOf(from), to: nameOf(target) }));
        setChoice(undefined);
      } else if (event.key === "Escape") setChoice(undefined);
      else return;
      event.preventDefault();
      event.stopPropagation();
    };
    // Before the canvas gets to the arrows, which would move the step.
    const place = keyTarget();
    place.addEventListener("keydown", onKeyDown as EventListener, { capture: true });
    return () => place.removeEventListener("keydown", onKeyDown as EventListener, { capture: true });
  }, [store, choice, nameOf]);

  const target = choice?.targets[choice.index];
  const prompt =
    choice === undefined || target === undefined
      ? undefined
      : t("Connect “{from}” to “{to}”", { from: nameOf(choice.from), to: nameOf(target) });
  return useMemo(() => ({ target, prompt, begin }), [target, prompt, begin]);
}
