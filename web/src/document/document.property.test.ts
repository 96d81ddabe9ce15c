import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Json } from "../base/json";
import { copyText, paste, readCopied } from "./clipboard";
import { compare, isSame } from "./diff";
import { addAction, changeEdge, connect, reconnect, remove, renameAction, updateAction } from "./edits";
import { ancestorsOf } from "./graph";
import type { History } from "./history";
import { record, redo, startHistory, undo } from "./history";
import { openDocument, toJson } from "./read";
import { addGroup, changeGroup, groupsOf } from "./groups";
import { allIds, uiValue, withPositions } from "./scope";
import type { WorkflowDocument } from "./types";
import { SOURCE } from "./types";

const START: Json = {
  name: "Orders",
  unknown: { kept: true },
  triggers: [{ event: "shop/order.placed" }],
  actions: [
    { id: "check", kind: "check_stock", inputs: { items: "!ref($.event.data.items)" }, note: "kept" },
    { id: "mail", kind: "send_email", inputs: { body: "!ref($.state.check.total) of !ref($.state['check'].max)" } },
  ],
  edges: [
    { from: "$source", to: "check" },
    { from: "check", to: "mail", conditional: { type: "if", ref: "!ref($.output.ok)" } },
  ],
};

/** A number that picks one of however many there are. */
const pick = fc.nat({ max: 10_000 });
const operation = fc.record({
  kind: fc.nat({ max: 10 }),
  first: pick,
  second: pick,
  text: fc.string({ maxLength: 6 }),
});
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

function choose<T>(items: readonly T[], number: number): T | undefined {
  return items[number % Math.max(items.length, 1)];
}

// oxlint-disable-next-line complexity -- one case per operation
function apply(document: WorkflowDocument, { kind, first, second, text }: Operation): WorkflowDocument {
  const action = choose(document.actions, first)?.id ?? "none";
  const other = choose([SOURCE, ...document.actions.map(({ id }) => id)], second) ?? SOURCE;
  const edge = choose(document.edges, second)?.id ?? "none";
  const position = { x: first, y: second };
  switch (kind) {
    case 0:
      return addAction(document, [], { kind: "log" }, { at: "after", from: other, position }).document;
    case 1:
      return addAction(document, [], { kind: "builtin:if" }, { at: "edge", edgeId: edge, position }).document;
    case 2:
      return connect(document, [], other, action);
    case 3:
      return reconnect(document, [], edge, other, action);
    case 4:
      return remove(document, [], new Set(first % 3 === 0 ? [action] : []), new Set([edge]));
    case 5:
      return renameAction(document, [], action, text);
    case 6:
      return withPositions(document, [], new Map([[action, position]]));
    case 7: {
      const copied = readCopied(copyText(document, [], new Set([action, other])));
      return copied === undefined ? document : paste(document, [], copied, position).document;
    }
    case 8:
      return addGroup(document, [], [action, other], text);
    case 9: {
      const group = choose([...groupsOf(document, []).keys()], first) ?? "none";
      return changeGroup(document, [], group, (old) => (second % 2 === 0 ? undefined : { ...old, name: text }));
    }
    default:
      return changeEdge(
        updateAction(document, [], action, (old) => ({ ...old, name: text })),
        [],
        edge,
        (old) => ({ ...old, name: text }),
      );
  }
}

function checkInvariants(document: WorkflowDocument): void {
  const ids = document.actions.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const edgeIds = document.edges.map(({ id }) => id);
  expect(new Set(edgeIds).size).toBe(edgeIds.length);
  const known = new Set([SOURCE, ...ids]);
  for (const { from, to } of document.edges) {
    expect(known.has(from) && known.has(to) && to !== SOURCE).toBe(true);
    expect(ancestorsOf(document, from)).not.toContain(to);
  }
  checkGroups(document, new Set(ids));
}

/** Each step is in one group at most, and what is stored names no step that is not there. */
function checkGroups(document: WorkflowDocument, ids: ReadonlySet<string>): void {
  const stored = Object.values((uiValue(document, "groups") ?? {}) as Record<string, { members: string[] }>);
  const members = stored.flatMap((group) => group.members);
  expect(new Set(members).size).toBe(members.length);
  expect(members.filter((id) => !ids.has(id))).toEqual([]);
  expect(stored.map((group) => group.members)).toEqual(
    [...groupsOf(document, []).values()].map((group) => group.members),
  );
}

/** As many edits as can be undone. */
const SERIES = 500;
/** Documents stay of a size at which looking at all of them often is quick. */
const MOST_ACTIONS = 60;

function applySmall(document: WorkflowDocument, each: Operation): WorkflowDocument {
  if (document.actions.length < MOST_ACTIONS) return apply(document, each);
  const ids = document.actions.slice(MOST_ACTIONS / 2).map(({ id }) => id);
  return remove(document, [], new Set(ids), new Set());
}

const bytes = (history: History): string => JSON.stringify(toJson(history.present));

describe("any series of edits", () => {
  it("keeps the document sound, and undo and redo give back its very bytes", () => {
    fc.assert(
      fc.property(fc.array(operation, { minLength: 1, maxLength: 60 }), (operations) => {
        let history = startHistory(openDocument(START));
        const seen = [bytes(history)];
        for (const each of operations) {
          const before = history;
          history = record(history, apply(history.present, each), "edit");
          if (history === before) continue;
          checkInvariants(history.present);
          seen.push(bytes(history));
        }
        for (const expected of seen.slice(0, -1).toReversed()) {
          history = undo(history);
          expect(bytes(history)).toBe(expected);
        }
        expect(undo(history)).toBe(history);
        for (const expected of seen.slice(1)) {
          history = redo(history);
          expect(bytes(history)).toBe(expected);
        }
        expect(redo(history)).toBe(history);
      }),
      { numRuns: 100 },
    );
  });

  it("gives back the first bytes after ten thousand edits, in as many series as the history is long", () => {
    const operations = fc.sample(operation, { numRuns: 10_000, seed: 7 });
    const first = startHistory(openDocument(START));
    let edits = 0;
    for (let start = 0; start < operations.length; start += SERIES) {
      let history = first;
      for (const [index, each] of operations.slice(start, start + SERIES).entries()) {
        history = record(history, applySmall(history.present, each), "edit");
        if (index % 50 === 0) checkInvariants(history.present);
      }
      edits += history.past.length;
      const last = bytes(history);
      checkInvariants(history.present);
      for (let before = undo(history); before !== history; before = undo(history)) history = before;
      expect(bytes(history)).toBe(bytes(first));
      for (let after = redo(history); after !== history; after = redo(history)) history = after;
      expect(bytes(history)).toBe(last);
    }
    // Many operations can do nothing: what would close a circle, an id that is taken.
    expect(edits).toBeGreaterThan(4_000);
  });

  it("never gives an id out twice, also if its owner is gone", () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        let document = openDocument(START);
        const used = new Set<string>();
        for (const each of operations.filter(({ kind }) => kind !== 5)) {
          const before = allIds(document);
          document = apply(document, each);
          for (const id of allIds(document)) {
            if (!before.has(id)) expect(used.has(id)).toBe(false);
            used.add(id);
          }
        }
      }),
    );
  });

  it("differs from the document before it, unless only the layout changed", () => {
    fc.assert(
      fc.property(operation, (each) => {
        const before = openDocument(START);
        const after = apply(before, each);
        const { metadata: _old, ...own } = before;
        const { metadata: _new, ...changed } = after;
        expect(isSame(compare(before, after))).toBe(JSON.stringify(own) === JSON.stringify(changed));
      }),
    );
  });
});
