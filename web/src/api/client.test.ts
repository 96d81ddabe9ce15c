import { afterEach, expect, it } from "vitest";
import { setLanguage } from "../locale/locale";
import { refusal } from "./client";

const NOT_FOUND = {
  type: "urn:workflowkit:problem:not-found",
  title: "Not Found",
  status: 404,
  detail: "there is no run 01M8",
  code: "not-found",
  problems: [],
  request_id: "1",
};

afterEach(() => setLanguage("en"));

it("what the server refuses is said in its words in English, and by its code in other languages", async () => {
  expect(refusal(NOT_FOUND).message).toBe("there is no run 01M8");
  await setLanguage("de");
  expect(refusal(NOT_FOUND).message).toBe("Das gibt es hier nicht.");
  expect(refusal({ ...NOT_FOUND, code: "new-code" }).message).toBe("Der Server lehnt das ab: new-code");
});
