/** Groups of steps: a frame with a name around some of them, for people. They change nothing in a run. */

import type { JsonObject } from "../base/json";
import { isList } from "../base/json";
import { allocateId } from "./ids";
import { graphAt, layoutKey, uiEntries, withUiValue } from "./scope";
import type { Scope, WorkflowDocument } from "./types";

export interface Group {
  readonly name: string;
  /** The ids of its steps; there is one at least, and each is in no other group. */
  readonly members: readonly string[];
}

/** The groups of a graph, by id. */
export function groupsOf(document: WorkflowDocument, scope: Scope): ReadonlyMap<string, Group> {
  const free = new Set(graphAt(document, scope).actions.map(({ id }) => id));
  return new Map(
    uiEntries(document, scope, "groups").flatMap(([id, group]): [string, Group][] => {
      // Documents come from files, too.
      const members = membersOf(group).filter((member) => free.delete(member));
      return members.length === 0 ? [] : [[id, { name: String(group.name ?? ""), members }]];
    }),
  );
}

/** Puts steps into a group of their own; they leave the ones that they were in. */
export function addGroup(
  document: WorkflowDocument,
  scope: Scope,
  members: readonly string[],
  name: string,
): WorkflowDocument {
  const known = new Set(graphAt(document, scope).actions.map(({ id }) => id));
  const wanted = [...new Set(members)].filter((id) => known.has(id));
  if (wanted.length === 0) return document;
  const left = withMembers(document, scope, (id) => (wanted.includes(id) ? undefined : id));
  const { document: counted, id } = allocateId(left, "group");
  return withUiValue(counted, ["groups", layoutKey(scope, id)], { name, members: wanted });
}

/** Changes a group; to `undefined`, it is taken away, and its steps stay. */
export function changeGroup(
  document: WorkflowDocument,
  scope: Scope,
  id: string,
  change: (group: Group) => Group | undefined,
): WorkflowDocument {
  const group = groupsOf(document, scope).get(id);
  if (group === undefined) return document;
  const changed = change(group);
  return changed === group ? document : withGroup(document, scope, id, changed);
}

/** What becomes of groups when steps get other ids, or go: a group goes with the last of its steps. */
export function withMembers(
  document: WorkflowDocument,
  scope: Scope,
  change: (stepId: string) => string | undefined,
): WorkflowDocument {
  let result = document;
  for (const [id, group] of groupsOf(document, scope)) {
    const members = group.members.map(change).filter((member) => member !== undefined);
    if (members.join("/") === group.members.join("/")) continue;
    result = withGroup(result, scope, id, members.length === 0 ? undefined : { ...group, members });
  }
  return result;
}

function withGroup(document: WorkflowDocument, scope: Scope, id: string, group: Group | undefined): WorkflowDocument {
  const value = group === undefined ? undefined : { name: group.name, members: group.members };
  return withUiValue(document, ["groups", layoutKey(scope, id)], value);
}

/** The members of a group as it is written. */
export function membersOf({ members }: JsonObject): readonly string[] {
  return isList(members) ? members.filter((member) => typeof member === "string") : [];
}
