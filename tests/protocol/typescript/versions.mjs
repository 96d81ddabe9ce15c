// The npm package in the two versions that people have: `inngest` is the fourth, `inngest-v3` the third.

// Returns what the package exports, with what of it is used from elsewhere: `serve` and `connect`. A client of the
// third version takes triggers beside the settings of a function; here both take them among these.
export async function sdkOf(isV3) {
  const sdk = isV3
    ? { ...(await import("inngest-v3")), ...(await import("inngest-v3/node")) }
    : { ...(await import("inngest")), ...(await import("inngest/experimental")), ...(await import("inngest/node")) };
  const { connect } = await (isV3 ? import("inngest-v3/connect") : import("inngest/connect"));
  const createFunction = isV3
    ? (client, { triggers, ...config }, handler) => client.createFunction(config, triggers, handler)
    : (client, config, handler) => client.createFunction(config, handler);
  return { ...sdk, connect, createFunction };
}
