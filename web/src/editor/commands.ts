/** What buttons and keys do, beyond one edit of the document. */

import { freePlace, pastePlace, placeAfter, placeBetween, STEP_DOWN, takenPlaces } from "../canvas/geometry";
import { arrangeGraph } from "../canvas/layout";
import type { Copied } from "../document/clipboard";
import { copyText, paste, readCopied } from "../document/clipboard";
import type { Place, Way } from "../document/edits";
import { addAction, connect, isDisabled, remove, switchOff } from "../document/edits";
import { addGroup, changeGroup, groupsOf } from "../document/groups";
import { addNote, notesOf } from "../document/notes";
import type { Mention } from "../document/references";
import { mentionsOf } from "../document/references";
import { graphAt, positionsOf, withPositions } from "../document/scope";
import type { Graph, Position, WorkflowDocument } from "../document/types";
import { SOURCE } from "../document/types";
import { announce, notify } from "../shell/notices";
import type { AddWish, EditorState, EditorStore } from "./store";
import { counted, t } from "../locale/locale";

interface Here {
  readonly state: EditorState;
  readonly document: WorkflowDocument;
  readonly graph: Graph;
  readonly positions: ReadonlyMap<string, Position>;
  /** Where steps and notes stand. */
  readonly taken: readonly Position[];
}

function here(store: EditorStore): Here {
  const state = store.getState();
  const document = state.history.present;
  const positions = positionsOf(document, state.scope);
  const taken = takenPlaces(positions.values(), notesOf(document, state.scope).values());
  return { state, document, graph: graphAt(document, state.scope), positions, taken };
}

/** The place that "add a step" means without another word: after the one selected step, or after the last one. */
export function defaultWish(store: EditorStore): AddWish {
  const { state, graph } = here(store);
  const [selected, ...others] = state.selection.actions;
  if (selected !== undefined && others.length === 0) return { at: "after", from: selected };
  const [edge] = state.selection.edges;
  if (edge !== undefined && state.selection.actions.size === 0) return { at: "edge", edgeId: edge };
  if (graph.actions.length === 0) return { at: "after", from: SOURCE };
  const last = lastStep(store);
  return last === undefined ? { at: "free", position: undefined } : { at: "after", from: last };
}

/** The lowest step that something leads to, and that leads to nothing, though it may. */
function lastStep(store: EditorStore): string | undefined {
  const { state, graph, positions } = here(store);
  const [from, to] = [new Set(graph.edges.map((edge) => edge.from)), new Set(graph.edges.map((edge) => edge.to))];
  const ends = graph.actions.filter(
    (action) => to.has(action.id) && !from.has(action.id) && state.catalogue.waysOf(action).length > 0,
  );
  const height = (id: string): number => positions.get(id)?.y ?? 0;
  return ends.toSorted((one, other) => height(other.id) - height(one.id))[0]?.id;
}

/** Brings steps into view, once the panel about them is open. */
function reveal(store: EditorStore, ids: readonly string[]): void {
  requestAnimationFrame(() => store.getState().canvas?.reveal(ids));
}

/** Adds a step of a kind where it is wanted, and selects it. */
export function addStep(store: EditorStore, kind: string, wish: AddWish): void {
  const found = here(store);
  const { state } = found;
  const place = placeFor(found, wish);
  const [onward] = state.catalogue.get(kind)?.ways ?? [{}];
  const name = state.catalogue.names.get(kind);
  let added = "";
  state.edit(
    (document) => {
      const result = addAction(document, state.scope, { kind, ...(onward === undefined ? {} : { onward }) }, place);
      added = result.id;
      return result.document;
    },
    t("add {name}", { name: name ?? kind }),
  );
  state.want(undefined);
  if (added === "") return;
  state.selectAction(added);
  reveal(store, [added]);
  announce(t("{name} added", { name: name ?? kind }));
}

function placeFor({ state, graph, positions, taken }: Here, wish: AddWish): Place {
  if (wish.at === "after") {
    const way = wish.way ?? openWay(state, graph, wish.from);
    const position = wish.position ?? placeAfter(graph, wish.from, positions, taken);
    return { at: "after", from: wish.from, position, ...(way === undefined ? {} : { way }) };
  }
  if (wish.at === "edge") {
    const edge = graph.edges.find(({ id }) => id === wish.edgeId);
    const from = positions.get(edge?.from ?? "") ?? { x: 0, y: 0 };
    const to = positions.get(edge?.to ?? "") ?? { x: from.x, y: from.y + 2 * STEP_DOWN };
    return { at: "edge", edgeId: wish.edgeId, position: freePlace(placeBetween(from, to), taken) };
  }
  const wanted = wish.position ?? state.canvas?.centre() ?? { x: 0, y: 0 };
  return { at: "free", position: freePlace(wanted, taken) };
}

/** The first way out of a step that no edge takes yet, or its plain one. */
function openWay(state: EditorState, graph: Graph, from: string): Way | undefined {
  const action = graph.actions.find(({ id }) => id === from);
  if (action === undefined) return undefined;
  const ways = state.catalogue.waysOf(action);
  const used = new Set(
    graph.edges.filter((edge) => edge.from === from).map((edge) => state.catalogue.wayOf(edge, ways)),
  );
  return (
    ways.find((_, index) => !used.has(index)) ?? ways.find(({ conditional }) => conditional === undefined) ?? ways[0]
  );
}

/** Draws an edge on one of the ways of its source. */
export function connectNodes(store: EditorStore, from: string, to: string, way?: Way): void {
  const { state, graph } = here(store);
  const taken = way ?? openWay(state, graph, from);
  state.edit((document) => connect(document, state.scope, from, to, taken), t("connect"));
}

/** Deletes what is selected, and says what referred to it. */
export function deleteSelection(store: EditorStore): void {
  const { state, graph } = here(store);
  const actions = new Set([...state.selection.actions].filter((id) => id !== SOURCE));
  const { edges } = state.selection;
  if (actions.size + edges.size === 0) return;
  const broken = [...actions]
    .flatMap((id) => mentionsOf(graph, id))
    .filter(({ kind, id }) => kind === "edge" || !actions.has(id));
  const label =
    actions.size > 0
      ? counted("delete {count} steps", actions.size)
      : counted("delete {count} connections", edges.size);
  state.edit((document) => remove(document, state.scope, actions, edges), label);
  announce(t("{what}: done", { what: label }));
  if (broken.length === 0) return;
  const names = [...new Set(broken.map((mention) => nameOf(graph, mention)))];
  notify(t("What was deleted is still referred to by: {names}", { names: names.join(", ") }), "error");
}

/** What somebody calls a step, or a connection between two. */
function nameOf(graph: Graph, { kind, id }: Mention): string {
  const stepName = (stepId: string): string => graph.actions.find((action) => action.id === stepId)?.name ?? stepId;
  const edge = kind === "edge" ? graph.edges.find((each) => each.id === id) : undefined;
  return edge === undefined ? stepName(id) : `${stepName(edge.from)} → ${stepName(edge.to)}`;
}

/** The selected steps as text; `undefined` if there are none. */
export function copySelection(store: EditorStore): string | undefined {
  const { state, document } = here(store);
  const ids = new Set([...state.selection.actions].filter((id) => id !== SOURCE));
  if (ids.size === 0) return undefined;
  announce(counted("{count} steps copied", ids.size));
  return copyText(document, state.scope, ids);
}

/** Pastes copied steps in the middle of what is in view, and selects them. Other texts are answered with a message. */
export function pasteText(store: EditorStore, text: string): void {
  const copied = readCopied(text);
  if (copied === undefined) {
    notify(t("There are no steps on the clipboard."), "error");
    return;
  }
  const { state, taken } = here(store);
  const places = copied.actions.flatMap(({ id }) => copied.positions.get(id) ?? []);
  const count = pasteAt(store, copied, pastePlace(places, state.canvas?.centre() ?? { x: 0, y: 0 }, taken));
  notify(counted("{count} steps pasted", count));
}

function pasteAt(store: EditorStore, copied: Copied, at: Position): number {
  const { state } = here(store);
  let ids: readonly string[] = [];
  state.edit(
    (document) => {
      const pasted = paste(document, state.scope, copied, at);
      ids = pasted.ids;
      return pasted.document;
    },
    counted("paste {count} steps", copied.actions.length),
  );
  state.select({ actions: new Set(ids), edges: new Set() });
  reveal(store, ids);
  return ids.length;
}

/** Puts copies of the selected steps beside them, and selects these. */
export function duplicateSelection(store: EditorStore): void {
  const text = copySelection(store);
  const copied = text === undefined ? undefined : readCopied(text);
  if (copied === undefined) return;
  const [first = { x: 0, y: 0 }] = copied.actions.flatMap(({ id }) => copied.positions.get(id) ?? []);
  const count = pasteAt(store, copied, freePlace(first, here(store).taken));
  announce(counted("{count} steps pasted", count));
}

/** Switches the selected steps off, so that runs skip them; on again, if all of them are off. */
export function toggleSelection(store: EditorStore): void {
  const { state, graph } = here(store);
  const chosen = graph.actions.filter(({ id }) => state.selection.actions.has(id));
  if (chosen.length === 0) return;
  const isOff = chosen.some((action) => !isDisabled(action));
  const ids = chosen.map(({ id }) => id);
  const label = isOff
    ? counted("switch off {count} steps", ids.length)
    : counted("switch on {count} steps", ids.length);
  state.edit((document) => switchOff(document, state.scope, ids, isOff), label);
  announce(t("{what}: done", { what: label }));
}

/** Puts the selected steps into a group; takes it away again, if they are one. */
export function groupSelection(store: EditorStore): void {
  const { state, document, graph } = here(store);
  const ids = graph.actions.map(({ id }) => id).filter((id) => state.selection.actions.has(id));
  if (ids.length === 0) return;
  const whole = [...groupsOf(document, state.scope)].find(
    ([, { members }]) => members.length === ids.length && members.every((id) => ids.includes(id)),
  );
  const label = whole === undefined ? counted("group {count} steps", ids.length) : t("ungroup");
  state.edit(
    (old) =>
      whole === undefined
        ? addGroup(old, state.scope, ids, t("Group"))
        : changeGroup(old, state.scope, whole[0], () => undefined),
    label,
  );
  announce(t("{what}: done", { what: label }));
}

export function selectAll(store: EditorStore): void {
  const { state, graph } = here(store);
  state.select({ actions: new Set(graph.actions.map(({ id }) => id)), edges: new Set() });
}

/** Adds a note in the middle of what is in view. */
export function addNoteInView(store: EditorStore): void {
  const { state, taken } = here(store);
  const place = freePlace(state.canvas?.centre() ?? { x: 0, y: 0 }, taken);
  state.edit((document) => addNote(document, state.scope, place), t("add a note"));
  announce(t("Note added"));
}

/** Gives every node a place so that edges lead down and cross seldom. */
export function tidyUp(store: EditorStore): void {
  const { state, graph } = here(store);
  const places = arrangeGraph(graph);
  state.edit((document) => withPositions(document, state.scope, places), t("tidy up"));
  announce(t("Tidied up"));
  requestAnimationFrame(() => store.getState().canvas?.fit());
}
