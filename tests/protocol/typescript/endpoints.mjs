// Durable endpoints of the npm package `inngest`, for the tests of the protocol: each is an HTTP handler with steps.
//
//   node endpoints.mjs
//
// It prints its port once it listens, and ends with its standard input. GET /told/<key> has what endpoints did.
import { createServer } from "node:http";

import { Inngest, step } from "inngest";
import { endpointAdapter } from "inngest/edge";
import { stream } from "inngest/experimental/durable-endpoints";

const told = new Map();
const list = (key) => told.get(key) ?? told.set(key, []).get(key);
const tell = (key, value) => (list(key).push(value), value);

const client = new Inngest({
  id: "endpoints",
  endpointAdapter,
  logger: { info() {}, warn: console.error, error: console.error, debug() {} },
});
const keyOf = (request) => new URL(request.url).searchParams.get("key");

const endpoints = {
  // One go: all steps while the caller waits.
  "/quick": async (request) => {
    const a = await step.run("a", () => tell(keyOf(request), "a"));
    const b = await step.run("b", () => tell(keyOf(request), "b"));
    return { a, b };
  },
  "/sleep": async (request) => {
    const before = await step.run("before", () => tell(keyOf(request), "before"));
    await step.sleep("nap", "1s");
    const after = await step.run("after", () => tell(keyOf(request), "after"));
    return { before, after, method: request.method };
  },
  "/wait": async (request) => {
    const found = await step.waitForEvent("reply", { event: "ep/reply", timeout: "1m" });
    return { found: found.data };
  },
  "/parallel": async (request) => {
    const run = (name) => step.run(name, () => tell(keyOf(request), name));
    return { both: await Promise.all([run("a"), run("b")]), last: await run("last") };
  },
  "/flaky": async (request) => {
    const count = await step.run("flaky", () => {
      tell(keyOf(request), "tried");
      if (list(keyOf(request)).length < 2) throw new Error("not yet");
      return list(keyOf(request)).length;
    });
    return { count };
  },
  "/fails": async (request) => {
    await step.run("before", () => tell(keyOf(request), "before"));
    await step.sleep("nap", "1s");
    const { NonRetriableError } = await import("inngest");
    throw new NonRetriableError("broken for good");
  },
  "/function-fails-once": async (request) => {
    await step.run("before", () => tell(keyOf(request), "before"));
    if (tell(keyOf(request), "function") && list(keyOf(request)).length < 3) throw new Error("once");
    return { ok: true };
  },
  "/dies": async (request) => {
    await step.run("before", () => tell(keyOf(request), "before"));
    if (list(keyOf(request)).length === 1) {
      tell(keyOf(request), "died");
      await new Promise(() => {});
    }
    return { told: await step.run("after", () => tell(keyOf(request), "after")) };
  },
  "/streams": async (request) => {
    await step.run("first", async () => stream.push("one"));
    await step.sleep("nap", "1s");
    await step.run("second", async () => stream.push("two"));
    return { done: true };
  },
};
const handlers = new Map(Object.entries(endpoints).map(([path, handler]) => [path, client.endpoint(handler)]));

const server = createServer(async (incoming, outgoing) => {
  const url = new URL(incoming.url, `http://${incoming.headers.host}`);
  if (url.pathname.startsWith("/told/")) {
    outgoing.setHeader("content-type", "application/json");
    return outgoing.end(JSON.stringify(list(url.pathname.slice("/told/".length))));
  }
  const chunks = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const body = ["GET", "HEAD"].includes(incoming.method) ? undefined : Buffer.concat(chunks);
  if (body) tell(`${url.searchParams.get("key")}-bodies`, body.toString());
  const headers = new Headers(Object.entries(incoming.headers));
  const response = await handlers.get(url.pathname)(new Request(url, { method: incoming.method, headers, body }));
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  if (response.body) for await (const chunk of response.body) outgoing.write(chunk);
  outgoing.end();
});

server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.resume().on("end", () => process.exit(0));
