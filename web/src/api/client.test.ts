import { afterEach, expect, it, vi } from "vitest";
import { setLanguage } from "../locale/locale";
import { Api, refusal } from "./client";

const NOT_FOUND = {
  type: "urn:workflowkit:problem:not-found",
  title: "Not Found",
  status: 404,
  detail: "there is no run 01M8",
  code: "not-found",
  problems: [],
  request_id: "1",
};

afterEach(async () => {
  vi.unstubAllGlobals();
  await setLanguage("en");
});

it("what the server refuses is said in its words in English, and by its code in other languages", async () => {
  expect(refusal(NOT_FOUND).message).toBe("there is no run 01M8");
  await setLanguage("de");
  expect(refusal(NOT_FOUND).message).toBe("Das gibt es hier nicht.");
  expect(refusal({ ...NOT_FOUND, code: "new-code" }).message).toBe("Der Server lehnt das ab: new-code");
});

it.each(['{"message":"bad gateway"}', "null", "<html>"])(
  "what something before the server says of itself is only a status: %s",
  async (body) => {
    vi.stubGlobal("fetch", () => Promise.resolve(new Response(body, { status: 502 })));
    await setLanguage("de");
    const api = new Api(() => ({ root: "", key: () => undefined, onUnauthenticated: () => Promise.resolve(false) }));
    await expect(api.get("/runs")).rejects.toMatchObject({
      status: 502,
      message: expect.stringMatching(/^Der Server antwortete mit Status \W?502/),
    });
  },
);
