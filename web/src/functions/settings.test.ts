import { describe, expect, it } from "vitest";
import { settingWords } from "./settings";

describe("settingWords", () => {
  it("names each setting with what it says", () => {
    expect(settingWords({ retries: 4, rate_limit: { limit: 5, period: 60, key: "event.data.user" } })).toEqual([
      "retries 4",
      "rate limit 5 in 60 s per event.data.user",
    ]);
  });

  it("tells each limit of a list apart, and keeps what it does not know", () => {
    expect(settingWords({ concurrency: [{ limit: 1 }, { limit: 2, mode: "runs" }] })).toEqual([
      "concurrency 1",
      "concurrency 2 mode runs",
    ]);
    expect(settingWords({})).toEqual([]);
  });
});
