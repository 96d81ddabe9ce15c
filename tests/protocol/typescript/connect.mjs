// A worker of the npm package `inngest` that connects, for the tests of the protocol: see tests/connectapps.py.
//
//   node connect.mjs TOLD NAME [v3]     executes the functions of functions.mjs as the app NAME
//
// What the functions tell, and that it is active, it writes to the file TOLD: a JSON list a line.
import { appendFileSync, existsSync } from "node:fs";
import { setTimeout } from "node:timers/promises";

import { functionsOf } from "./functions.mjs";
import { sdkOf } from "./versions.mjs";

const [told, name, version] = process.argv.slice(2);
const sdk = await sdkOf(version === "v3");
const tell = (...values) => appendFileSync(told, `${JSON.stringify(values)}\n`);
const client = new sdk.Inngest({
  id: name,
  logger: { info() {}, warn: console.error, error: console.error, debug() {} },
});
const functions = functionsOf(sdk, client, (key, value) => tell(key, value));
// As in connect/worker.py.
const slow = sdk.createFunction(
  client,
  { id: "slow", triggers: [{ event: `${name}/slow` }], retries: 0 },
  async ({ event, step, attempt }) => {
    const by = await step.run("wait", async () => {
      tell(name, "began", process.pid);
      while (!existsSync(event.data.until)) await setTimeout(20);
      return "";
    });
    return [by, await step.run("after", () => (tell(name, "after"), "after")), attempt];
  },
);
await sdk.connect({ apps: [{ client, functions: [...functions, slow] }] });
tell("active");
