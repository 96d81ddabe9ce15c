// Follows topics of a channel with the npm package, for the tests of the protocol.
//
//   node --experimental-websocket subscriber.mjs SERVER CHANNEL TOPIC...
//
// It prints a line once it is connected, then one for each message, and ends with its standard input.
import { Inngest } from "inngest";
import { getSubscriptionToken, subscribe } from "inngest/realtime";

const [server, channel, ...topics] = process.argv.slice(2);
const app = new Inngest({ id: "subscriber", isDev: true, baseUrl: server });
const token = await getSubscriptionToken(app, { channel, topics });
const say = (value) => console.log(JSON.stringify(value));

const stream = await subscribe({ app, ...token });
say("connected");
process.stdin.resume().on("end", () => process.exit(0));
for await (const { kind, topic, data, streamId } of stream) say([kind, topic, data, streamId ?? null]);
say("closed");
