import { describe, expect, it } from "vitest";
import type { Channel } from "../../react/channel";
import { withMessage } from "../../react/channel";

const EMPTY: Channel = { state: "active", messages: [], latest: {} };

function message(topic: string, data: unknown): { event: string; data: unknown; id: string } {
  return { event: "message", data: { channel: "room", topic, data }, id: `0.${String(data)}` };
}

describe("what a component knows of a channel", () => {
  it("keeps the last messages, and the latest of each topic", () => {
    const told = [message("a", 1), message("b", 2), message("a", 3)].reduce(
      (old, each) => withMessage(old, each, 2),
      EMPTY,
    );
    expect(told.messages.map(({ id }) => id)).toEqual(["0.2", "0.3"]);
    expect(told.latest["a"]?.id).toBe("0.3");
    expect(told.latest["b"]?.id).toBe("0.2");
  });

  it("has the state of a run as a topic, and makes no message of the end", () => {
    const status = { event: "status", data: { status: "completed" }, id: "7.0" };
    const told = withMessage(withMessage(EMPTY, status, 10), { event: "end", data: {}, id: "7.0" }, 10);
    expect(told.latest["$status"]).toBe(status);
    expect(told.messages).toEqual([status]);
  });
});
