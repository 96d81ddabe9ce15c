import { execFileSync } from "node:child_process";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { curlCommand, eventToSend, isSealed, quoted, sendCommand } from "./commands";

const EVENT = { name: "order/paid", data: { note: "it's $HOME `id`", n: 1 }, v: null };

/** What a shell makes of the words of a command. */
function wordsOf(command: string): readonly string[] {
  return execFileSync("/bin/sh", ["-c", `printf '%s\\0' ${command}`], { encoding: "utf8" })
    .split("\0")
    .slice(0, -1);
}

describe("commands that send an event again", () => {
  it("say the same to a shell, whatever the event consists of", () => {
    const texts = fc.string({ unit: "grapheme-composite" }).filter((text) => !text.includes("\0"));
    fc.assert(
      fc.property(texts, (text) => {
        expect(wordsOf(quoted(text))).toEqual([text]);
      }),
      { numRuns: 30 },
    );
  });

  it("name the event behind all options", () => {
    const words = wordsOf(sendCommand({ ...EVENT, name: "--help" }));
    expect(words.slice(-2)).toEqual(["--", "--help"]);
    expect(JSON.parse(words[words.indexOf("--data") + 1] ?? "")).toEqual(EVENT.data);
  });

  it("send it without its id, and with its version if it has one", () => {
    expect(JSON.parse(wordsOf(curlCommand(EVENT)).at(-1) ?? "")).toEqual({ name: EVENT.name, data: EVENT.data });
    expect(eventToSend({ ...EVENT, v: "2" })).toEqual({ name: EVENT.name, data: EVENT.data, v: "2" });
  });
});

it("encrypted data is recognised", () => {
  expect(isSealed({ a: 1, encrypted: { __workflowkit_encrypted__: 1, value: "x" } })).toBe(true);
  expect(isSealed({ a: { b: 1 }, c: null })).toBe(false);
});
