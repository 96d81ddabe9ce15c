/** By what workflows may be started, and what the data of events looks like: as the application says. */

import { useEffect } from "react";
import type { PossibleTriggers } from "../api/schema";
import { api } from "../api/session";
import type { TriggerKind } from "../config/triggers";
import { TRIGGER_KINDS } from "../config/triggers";
import type { EventSchemas } from "../expressions/eventData";
import type { EditorStore } from "./store";

export interface Possible {
  readonly kinds: readonly TriggerKind[];
  readonly events: EventSchemas;
  readonly webhooks: readonly string[];
}

/** As long as the server has not said anything else. */
export const ANYTHING_POSSIBLE: Possible = { kinds: TRIGGER_KINDS, events: new Map(), webhooks: [] };

/** Asks the server once; the editor does not wait for it. */
export function usePossible(store: EditorStore): void {
  useEffect(() => {
    let isWanted = true;
    api.get<PossibleTriggers>("/triggers").then(
      (told) => isWanted && store.setState({ possible: read(told) }),
      // All kinds are offered then; which of them may be published the server says.
      () => undefined,
    );
    return () => {
      isWanted = false;
    };
  }, [store]);
}

function read({ kinds, events, webhooks }: PossibleTriggers): Possible {
  return {
    kinds: TRIGGER_KINDS.filter((kind) => kinds.includes(kind)),
    events: new Map(events.map(({ name, data }) => [name, data])),
    webhooks,
  };
}
