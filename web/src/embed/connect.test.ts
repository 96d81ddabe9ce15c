import { expect, it, vi } from "vitest";
import { connectFrame } from "./connect";
import { CHANNEL } from "./protocol";

it("a connection that was closed gives no token, though it was asked for one", async () => {
  const frame = document.createElement("iframe");
  const posted: unknown[] = [];
  const content = { postMessage: (message: unknown) => posted.push(message) };
  Object.defineProperty(frame, "contentWindow", { value: content });
  const answers: ((token: string) => void)[] = [];
  const getToken = vi.fn(() => new Promise<string>((resolve) => answers.push(resolve)));
  const connection = connectFrame(frame, { server: "https://flows.example", getToken });
  const ask = (request: number): boolean =>
    dispatchEvent(
      Object.assign(new Event("message"), {
        source: content,
        origin: "https://flows.example",
        data: { channel: CHANNEL, kind: "token-wanted", request },
      }),
    );
  ask(1);
  answers[0]?.("the first");
  await vi.waitFor(() => expect(posted).toEqual([{ channel: CHANNEL, kind: "token", request: 1, token: "the first" }]));
  ask(2);
  connection.close();
  answers[1]?.("of who was there before");
  await new Promise((resolve) => setTimeout(resolve));
  expect([getToken.mock.calls.length, posted.length]).toEqual([2, 1]);
});
