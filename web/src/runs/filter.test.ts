import { afterEach, describe, expect, it } from "vitest";
import { columnsOf, filterOf, filterText, isSearch, readSaved, storedFilters, withSaved } from "./filter";

const NOW = Date.parse("2026-03-01T12:00:00Z");

function query(values: Record<string, string>): URLSearchParams {
  return new URLSearchParams(values);
}

describe("the filter of a list of runs", () => {
  it("is what the address says", () => {
    expect(filterOf(query({ status: "failed", workflow: "orders", version: "3", since: "1h" }), NOW)).toEqual({
      status: "failed",
      version: "3",
      created_after: "2026-03-01T11:00:00.000Z",
      workflow_id: "orders",
      where: "",
    });
  });

  it("takes a workflow that ends with a slash for an application", () => {
    const { app_id, workflow_id } = filterOf(query({ workflow: "shop/" }), NOW);
    expect([app_id, workflow_id]).toEqual(["shop", undefined]);
    expect(filterOf(query({ workflow: "shop/welcome" }), NOW).workflow_id).toBe("shop/welcome");
  });

  it("takes a search that is an id for the beginning of one, and nothing else", () => {
    expect(filterOf(query({ where: " 01m817axwa8z " }), NOW)).toMatchObject({ id: "01m817axwa8z" });
    for (const where of ["01M8", "HHHHHHHHHH", "01M817AXWAIL", "20261128", "01022026", "A-17"])
      expect(filterOf(query({ where }), NOW)).toMatchObject({ contains: where });
  });

  it.each([
    "event.data.n == 1",
    "output.a.contains('x')",
    "output == null",
    "'x' in event.data.tags",
    "event in [1]",
    "size( output ) > 1",
    "!event.data.done",
    "1 == event.v",
    "event['data'].a == 1",
    "some text\nevent.data.n == 1",
  ])("takes what says something of a run for a condition: %s", (where) => {
    expect(filterOf(query({ where }), NOW)).toMatchObject({ where });
  });

  it.each(["ada@example.com", "the event", "No output.", "events.data == 1", "an event, or output", "4 == 4", "event"])(
    "takes anything else for a text: %s",
    (where) => {
      const { contains, where: condition } = filterOf(query({ where }), NOW);
      expect([contains, condition]).toEqual([where, undefined]);
    },
  );

  it("knows no span of time that is not on the list", () => {
    expect(filterOf(query({ since: "9y" }), NOW).created_after).toBe("");
  });

  it("is a search if it says more than a job can be told", () => {
    expect(isSearch(query({ status: "failed", since: "1h", workflow: "orders" }))).toBe(false);
    for (const more of [{ where: "x" }, { version: "1" }, { workflow: "shop/" }])
      expect(isSearch(query(more))).toBe(true);
  });
});

describe("saved filters", () => {
  it("are the same text for the same filter, whatever else the address says", () => {
    const one = filterText(query({ where: "event.data.n == 1", status: "failed", cursor: "abc" }));
    expect(one).toBe(filterText(query({ status: "failed", version: "", where: "event.data.n == 1" })));
    expect(new URLSearchParams(one).get("where")).toBe("event.data.n == 1");
  });

  it("are read as far as they are some", () => {
    expect(readSaved(null)).toEqual([]);
    expect(readSaved("no json")).toEqual([]);
    expect(readSaved('[{"name":"a","query":"b"},{"name":1},null,"x"]')).toEqual([{ name: "a", query: "b" }]);
  });

  it("replace the one with the same name", () => {
    const list = withSaved(withSaved([], { name: "b", query: "1" }), { name: "a", query: "2" });
    expect(withSaved(list, { name: "b", query: "3" })).toEqual([
      { name: "a", query: "2" },
      { name: "b", query: "3" },
    ]);
  });
});

it("columns are lines of the address", () => {
  expect(columnsOf(query({ columns: "event.data.a\noutput['b,c']\n" }))).toEqual(["event.data.a", "output['b,c']"]);
  expect(columnsOf(query({}))).toEqual([]);
});

describe("filters that are kept in the browser", () => {
  afterEach(() => localStorage.clear());

  it("are moved from the name that did not say on which server, once", () => {
    const [mine, old] = [
      { name: "mine", query: "status=failed" },
      { name: "old", query: "status=running" },
    ];
    localStorage.setItem("new", JSON.stringify([mine]));
    localStorage.setItem("old", JSON.stringify([old, { name: "mine", query: "other=1" }]));
    expect(storedFilters("new", "old")).toEqual([mine, old]);
    expect(Object.keys(localStorage)).toEqual(["new"]);
    expect(storedFilters("new", "old")).toEqual([mine, old]);
    expect(storedFilters("of another server", "old")).toEqual([]);
  });
});
