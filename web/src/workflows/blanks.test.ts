import { expect, it } from "vitest";
import { blanksOf, filledIn } from "./blanks";
import { TEMPLATES } from "./templates";

const DOCUMENT = {
  actions: [
    { id: "log", kind: "log", inputs: { message: "of !ref($.event.data.id)" } },
    { id: "tell", name: "Tell them", kind: "send_email", inputs: { to: ["a@example.com", "b@acme.test"] } },
  ],
  edges: [],
};

it("examples are found where they stand and replaced there", () => {
  expect(blanksOf(DOCUMENT)).toEqual([
    {
      path: ["actions", 1, "inputs", "to", 0],
      pointer: "/actions/1/inputs/to/0",
      step: "Tell them",
      name: "0",
      text: "a@example.com",
      isSecret: false,
    },
  ]);
  const filled = filledIn(DOCUMENT, new Map([["/actions/1/inputs/to/0", "c@acme.test"]]));
  expect(filled.actions).toEqual([
    DOCUMENT.actions[0],
    { ...DOCUMENT.actions[1], inputs: { to: ["c@acme.test", "b@acme.test"] } },
  ]);
  expect(blanksOf(filled)).toEqual([]);
});

it("secrets are asked for", () => {
  const inputs = { bearer: "!secret(llm)", body: "write !secret(llm)" };
  const document = { actions: [{ id: "ask", kind: "http_request", inputs }], edges: [] };
  expect(blanksOf(document).map(({ pointer, isSecret }) => [pointer, isSecret])).toEqual([
    ["/actions/0/inputs/bearer", true],
  ]);
  const filled = filledIn(document, new Map([["/actions/0/inputs/bearer", "!secret(mine)"]]));
  expect(filled.actions).toEqual([{ ...document.actions[0], inputs: { ...inputs, bearer: "!secret(mine)" } }]);
});

it("templates that are left as they are stay what they were", () => {
  for (const { document } of TEMPLATES) expect(filledIn(document, new Map())).toEqual(document);
});
