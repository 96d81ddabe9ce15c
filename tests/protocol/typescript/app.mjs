// An app of the npm package `inngest`, for the tests of the protocol. What its functions do is written down under the
// key that the event brings, for the test that sent it: GET /told/<key>. One that holds goes on with GET /release/<key>.
//
//   node app.mjs NAME [streaming] [plain | reporting] [v3]     serves functions.mjs as the app NAME, at /api/inngest
//
// With `v3` it is an app of the SDK's third version, which many still run: that is the package under another name. Steps
// are reported while a function goes on, or not, as that version does by itself, if neither is said.
// It prints its port once it listens, and ends with its standard input.
import { createServer } from "node:http";

import { functionsOf } from "./functions.mjs";
import { sdkOf } from "./versions.mjs";

const [name, ...options] = process.argv.slice(2);
const isV3 = options.includes("v3");
const sdk = await sdkOf(isV3);
const told = new Map();
const calls = new Map();
const held = new Map();

const list = (map, key) => map.get(key) ?? map.set(key, []).get(key);
const client = new sdk.Inngest({
  id: name,
  checkpointing: options.includes("reporting") || (!isV3 && !options.includes("plain")),
  logger: { info() {}, warn: console.error, error: console.error, debug() {} },
});
const functions = functionsOf(
  sdk,
  client,
  (key, value) => list(told, key).push(value),
  (key) => new Promise((resolve) => held.set(key, resolve)),
);
const streaming = options.includes("streaming") && (isV3 ? "force" : true);
const answerSdk = sdk.serve({ client, functions, streaming });

const answerJson = (response, value) => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(value));
};

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://app");
  const [, section, key] = pathname.split("/");
  if (section === "told") return answerJson(response, list(told, key));
  if (section === "release") return answerJson(response, (held.get(key)?.(), held.delete(key)));
  if (section === "calls") return answerJson(response, list(calls, key));
  if (section === "provider") return answerAsProvider(request, response, key);
  const fn = searchParams.get("fnId");
  if (fn) list(calls, fn.slice(name.length + 1)).push(searchParams.get("stepId"));
  return answerSdk(request, response);
});

// What step.ai.infer and step.fetch are pointed at: it tells what it was asked.
function answerAsProvider(request, response, status) {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    response.statusCode = Number(status);
    const { authorization, "x-custom": custom } = request.headers;
    answerJson(response, { method: request.method, body: Buffer.concat(chunks).toString(), authorization, custom });
  });
}

server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.resume().on("end", () => process.exit(0));
