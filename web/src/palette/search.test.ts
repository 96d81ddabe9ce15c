import { describe, expect, it } from "vitest";
import type { Action } from "../api/schema";
import { Catalogue } from "../editor/catalogue";
import { setLanguage, withPanelWords } from "../locale/locale";
import { keywordsOf } from "./keywords";
import { groupKinds, searchKinds } from "./search";

function named(kind: string, name: string, description: string, category: string): Action {
  return {
    kind,
    name,
    description,
    category,
    icon: null,
    inputs: {},
    outputs: null,
    edges: {},
    retries: 0,
    timeout_seconds: 1,
    queue: "default",
  } as Action;
}

const { kinds } = new Catalogue([
  named("http_request", "HTTP request", "Call a mail gateway", "Network"),
  named("send_email", "Send an e-mail", "Send a mail", "Communication"),
  named("mailbox", "Mailbox", "Read", "Communication"),
]);

describe("searching actions", () => {
  it("looks at names before descriptions", () => {
    expect(searchKinds(kinds, "mail").map(({ action }) => action.kind)).toEqual([
      "mailbox",
      "send_email",
      "http_request",
    ]);
  });

  it("wants every word, in any order and case", () => {
    expect(searchKinds(kinds, "MAIL send").map(({ action }) => action.kind)).toEqual(["send_email"]);
    expect(searchKinds(kinds, "fax")).toEqual([]);
    expect(searchKinds(kinds, " ")).toHaveLength(3);
  });

  it("is quick among many", () => {
    const many = new Catalogue(
      Array.from({ length: 500 }, (_, number) => named(`k${number}`, `Action ${number}`, "does something", "Many")),
    ).kinds;
    const start = performance.now();
    expect(searchKinds(many, "action 499")).toHaveLength(1);
    expect(performance.now() - start).toBeLessThan(200);
  });
});

describe("groups", () => {
  it("are sorted, the ones used last first", () => {
    expect(
      groupKinds(kinds, ["send_email", "gone"]).map(({ category, kinds: members }) => [category, members.length]),
    ).toEqual([
      ["Recent", 1],
      ["Communication", 2],
      ["Network", 1],
    ]);
  });
});

describe("what actions are also called", () => {
  const built = new Catalogue([
    named("send_email", "Send an e-mail", "Send a mail", "Communication"),
    named("builtin:for_each", "For each", "Execute the steps inside for each item of a list.", "Flow"),
    named("builtin:wait", "Wait", "Continue after a while", "Flow"),
    named("notify_team", "Notify the team", "Tell them", "Shop"),
  ]).kinds;
  const found = (query: string): readonly string[] =>
    searchKinds(built, query, keywordsOf).map(({ action }) => action.kind);

  it("finds built-in actions by what they are called elsewhere, after those that are called so", () => {
    expect(found("loop")).toEqual(["builtin:for_each"]);
    expect(found("delay")).toEqual(["builtin:wait"]);
    expect(found("notify")).toEqual(["notify_team", "send_email"]);
    expect(found("notify shop")).toEqual(["notify_team"]);
    expect(found("oop")).toEqual([]);
  });

  it("finds them in the language of the page and in English", async () => {
    await withPanelWords(() => Promise.resolve());
    await setLanguage("de");
    expect(found("Schleife")).toEqual(["builtin:for_each"]);
    expect(found("loop")).toEqual(["builtin:for_each"]);
    await setLanguage("en");
  });
});
