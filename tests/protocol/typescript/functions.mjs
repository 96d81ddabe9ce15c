// The functions that the tests in test_typescript_sdk.py start, one for each of them, by the event of the same name.
// `sdk` is one of versions.mjs.
export function functionsOf(sdk, client, tell, released) {
  const { fetch, NonRetriableError, RetryAfterError, createDefer } = sdk;
  const made = [];
  const define = (id, config, handler) => {
    made.push(sdk.createFunction(client, { id, triggers: [{ event: `ts/${id}` }], ...config }, handler));
    return made.at(-1);
  };

  define("greet", {}, ({ event }) => `hello ${event.data.name}`);

  define("three-steps", {}, async ({ event, step }) => {
    const run = (name) => step.run(name, () => (tell(event.data.key, name), name));
    return [await run("a"), await run("b"), await run("c")];
  });

  define("loop", {}, async ({ event, step }) => {
    const found = [];
    for (let n = 0; n < 3; n++) found.push(await step.run("again", () => (tell(event.data.key, n), n)));
    return found;
  });

  define("parallel", {}, async ({ event, step }) => {
    const run = (name) => step.run(name, () => (tell(event.data.key, name), name));
    const both = await Promise.all([run("a"), run("b")]);
    return [...both, await run("after")];
  });

  define("race", {}, async ({ event, step, group }) => {
    const branch = async (name, time) => {
      await step.sleep(`sleep-${name}`, time);
      return step.run(name, () => (tell(event.data.key, name), name));
    };
    const parallel = group?.parallel ?? ((branches) => branches()); // in the third version they race by themselves
    const winner = await parallel(() => Promise.race([branch("fast", "1s"), branch("slow", "3s")]));
    return step.run("winner", () => (tell(event.data.key, `winner ${winner}`), winner));
  });

  define("branches", {}, async ({ event, step }) => {
    const { key } = event.data;
    const run = (name) => step.run(name, () => (tell(key, name), name));
    const first = async () => [await run("a1"), await run("a2")];
    const held = step.run("b1", async () => (tell(key, "b1"), await released(key), "b1"));
    return [...(await Promise.all([first(), held])).flat(), await run("after")];
  });

  define("race-of-waits", {}, async ({ event, step, group }) => {
    const { key } = event.data;
    const parallel = group?.parallel ?? ((branches) => branches());
    const reply = () => step.waitForEvent("reply", { event: "ts/never", timeout: "1h", match: "data.key" });
    const winner = await parallel(() =>
      Promise.race([reply().then(() => "reply"), step.sleep("enough", "1s").then(() => "too late")]),
    );
    return step.run("after", () => (tell(key, winner), winner));
  });

  define("short-sleep", {}, async ({ step }) => {
    await step.sleep("nap", 20);
    return "slept";
  });

  define("sleep", {}, async ({ step }) => {
    const before = await step.run("before", () => Date.now());
    await step.sleep("nap", "1s");
    return (await step.run("after", () => Date.now())) - before;
  });

  define("sleep-until", {}, async ({ step }) => {
    const before = await step.run("before", () => Date.now());
    await step.sleepUntil("nap", new Date(before + 1000));
    return (await step.run("after", () => Date.now())) - before;
  });

  define("wait", {}, async ({ event, step }) => {
    await step.run("told", () => tell(event.data.key, "waiting"));
    const reply = await step.waitForEvent("reply", { event: "ts/reply", timeout: "1m", match: "data.key" });
    return reply.data.answer;
  });

  define("wait-in-vain", {}, async ({ step }) => {
    return step.waitForEvent("reply", { event: "ts/never", timeout: "1s" });
  });

  const double = define("double", {}, ({ event }) => event.data.number * 2);
  define("invoke", {}, ({ step }) => step.invoke("call", { function: double, data: { number: 21 } }));

  const fails = define("fails", { retries: 0 }, () => {
    throw new TypeError("it is broken");
  });
  define("invoke-failing", {}, async ({ step }) => {
    try {
      return await step.invoke("call", { function: fails, data: {} });
    } catch (error) {
      return [error.name, error.message];
    }
  });
  define("invoke-slow", {}, async ({ step }) => {
    try {
      return await step.invoke("call", { function: sleeper, data: {}, timeout: "1s" });
    } catch (error) {
      return [error.name, error.message];
    }
  });
  const sleeper = define("sleeper", {}, async ({ step }) => step.sleep("long", "1h"));

  define("receiver", {}, ({ event }) => tell(event.data.key, event.data.number));
  define("send-event", {}, async ({ event, step }) => {
    const { ids } = await step.sendEvent(
      "tell",
      [1, 2].map((number) => ({ name: "ts/receiver", data: { key: event.data.key, number } })),
    );
    return ids.length;
  });

  define("retry-after", { retries: 2 }, async ({ event, step, attempt }) => {
    await step.run("before", () => {});
    return step.run("flaky", () => {
      tell(event.data.key, attempt);
      if (attempt < 2) throw new RetryAfterError("later", 1000);
      return "done";
    });
  });

  define("retry-function", { retries: 1 }, async ({ event, step, attempt }) => {
    await step.run("once", () => tell(event.data.key, "once"));
    await step.run(`attempt-${attempt}`, () => tell(event.data.key, attempt));
    if (attempt < 1) throw new RetryAfterError("later", 1000);
    return "done";
  });

  define("non-retriable", {}, ({ event, attempt }) => {
    tell(event.data.key, attempt);
    throw new NonRetriableError("never");
  });

  define("non-retriable-step", {}, async ({ event, step }) => {
    try {
      await step.run("once", () => {
        tell(event.data.key, "tried");
        throw new NonRetriableError("never");
      });
    } catch (error) {
      return [error.name, error.message];
    }
  });

  define("caught", { retries: 0 }, async ({ step }) => {
    try {
      await step.run("fails", () => {
        throw new RangeError("out of range", { cause: new Error("the cause") });
      });
    } catch (error) {
      const after = await step.run("after", () => "went on");
      return [error.name, error.message, error.cause?.message ?? null, after];
    }
  });

  define("custom-error", { retries: 0 }, async ({ step }) => {
    class PaymentError extends Error {
      name = "PaymentError";
    }
    await step.run("fails", () => {
      throw new PaymentError("declined");
    });
  });

  define(
    "on-failure",
    {
      retries: 0,
      onFailure: ({ event, error }) =>
        tell(event.data.event.data.key, [event.name, error.message, event.data.function_id, event.data.event.data]),
    },
    () => {
      throw new Error("broken");
    },
  );

  define("cancelled", { cancelOn: [{ event: "ts/stop", match: "data.key" }] }, async ({ event, step }) => {
    await step.run("told", () => tell(event.data.key, "waiting"));
    await step.sleep("long", "1h");
  });

  define("batch", { batchEvents: { maxSize: 2, timeout: "60s", key: "event.data.key" } }, ({ events }) =>
    events.map((event) => event.data.number).sort(),
  );

  define("concurrency", { concurrency: { limit: 1, key: "event.data.key" } }, async ({ event, step }) => {
    await step.run("work", async () => {
      tell(event.data.key, "begin");
      await new Promise((resolve) => setTimeout(resolve, 200));
      tell(event.data.key, "end");
    });
  });

  define("debounce", { debounce: { period: "1s", key: "event.data.key" } }, ({ event }) => {
    tell(event.data.key, event.data.number);
  });

  define("rate-limit", { rateLimit: { limit: 1, period: "1h", key: "event.data.key" } }, ({ event }) => {
    tell(event.data.key, event.data.number);
  });

  define("throttle", { throttle: { limit: 1, period: "2s", key: "event.data.key" } }, ({ event }) => {
    tell(event.data.key, Date.now());
  });

  define(
    "priority",
    { concurrency: { limit: 1, key: "event.data.key" }, priority: { run: "event.data.priority" } },
    async ({ event, step }) => {
      await step.run("work", async () => {
        tell(event.data.key, event.data.priority);
        if (event.data.holds) await released(event.data.key);
      });
    },
  );

  define("singleton", { singleton: { mode: "skip", key: "event.data.key" } }, async ({ event, step }) => {
    await step.run("told", () => tell(event.data.key, event.data.number));
    await step.waitForEvent("go on", { event: "ts/go-on", timeout: "1m", match: "data.key" });
  });

  define("singleton-cancel", { singleton: { mode: "cancel", key: "event.data.key" } }, async ({ event, step }) => {
    await step.run("told", () => tell(event.data.key, event.data.number));
    await step.waitForEvent("go on", { event: "ts/go-on", timeout: "1m", match: "data.key" });
    return event.data.number;
  });

  define("idempotent", { idempotency: "event.data.key" }, ({ event }) => tell(event.data.key, event.data.number));

  define("timeouts", { timeouts: { finish: "1s" } }, ({ step }) => step.sleep("long", "1h"));

  define("filtered", { triggers: [{ event: "ts/filtered", if: "event.data.number > 2" }] }, ({ event }) => {
    tell(event.data.key, event.data.number);
  });

  define("wildcard", { triggers: [{ event: "ts/wild/*" }] }, ({ event }) => tell(event.data.key, event.name));

  define("scores", {}, async ({ event, step, runId }) => {
    await step.run("rated", () => client.score({ name: "quality", value: 0.5 }));
    await client.score({ runId: event.data.of ?? runId, name: "whole", value: true });
    return "scored";
  });

  define("publish", {}, async ({ event, step }) => {
    const data = { number: 7 };
    const topic = { channel: event.data.key, topic: "news", config: {}, data }; // the third version takes the data there
    return step.realtime.publish("tell", topic, data);
  });

  if (createDefer) {
    const follower = createDefer(client, { id: "follower" }, ({ event, parents }) => {
      tell(event.data.key, [event.name, event.data.number, parents.length]);
    });
    made.push(follower);
    define("defers-and-fails", { retries: 1 }, async ({ event, step, defer }) => {
      const { key } = event.data;
      defer("first", { function: follower, data: { key, number: 1 } });
      await step.run("step", () => tell(key, "tried"));
      throw new RetryAfterError("broken", "1s");
    });

    define("defers", {}, async ({ event, step, defer }) => {
      const { key } = event.data;
      defer("first", { function: follower, data: { key, number: 1 } });
      const second = defer("second", { function: follower, data: { key, number: 2 } });
      await step.run("tell", () => tell(key, "before the end"));
      second.abort();
      await step.sleep("nap", "1s");
      defer("third", { function: follower, data: { key, number: 3 } });
      tell(key, "the end");
      return "done";
    });
  }

  define("cron", { triggers: [{ cron: "TZ=Europe/Paris 0 3 * * *" }] }, ({ event }) => tell("cron", event));

  define("wait-signal", {}, async ({ event, step }) => {
    await step.run("told", () => tell(event.data.key, "waiting"));
    return step.waitForSignal("wait", { signal: `signal-${event.data.key}`, timeout: "1m" });
  });
  define("wait-signal-in-vain", {}, ({ event, step }) =>
    step.waitForSignal("wait", { signal: `never-${event.data.key}`, timeout: "1s" }),
  );
  define("wait-signal-strictly", { retries: 0 }, async ({ event, step }) => {
    await step.run("told", () => tell(event.data.key, "waiting"));
    return step.waitForSignal("wait", { signal: `signal-${event.data.key}`, timeout: "1m", onConflict: "fail" });
  });
  define("wait-signal-replacing", { retries: 0 }, async ({ event, step }) => {
    await step.run("told", () => tell(event.data.key, "waiting"));
    return step.waitForSignal("wait", { signal: `signal-${event.data.key}`, timeout: "1m", onConflict: "replace" });
  });
  define("send-signal", {}, ({ event, step }) =>
    step.sendSignal("send", { signal: `signal-${event.data.key}`, data: { number: 7 } }),
  );

  define("fetch", {}, async ({ event, step }) => {
    await step.run("before", () => {});
    const response = await fetch(event.data.url, { method: "PUT", headers: { "X-Custom": "yes" }, body: "sent" });
    return [response.status, await response.json()];
  });

  const model = (url) => ({ url, authKey: "secret", format: "openai-chat", headers: { "X-Custom": "yes" } });
  define("infer", { retries: 0 }, ({ event, step }) =>
    step.ai.infer("ask", { model: model(event.data.url), body: { messages: ["hi"] } }),
  );
  define("infer-failing", { retries: 0 }, async ({ event, step }) => {
    try {
      return await step.ai.infer("ask", { model: model(event.data.url), body: {} });
    } catch (error) {
      return [error.name, error.message];
    }
  });
  define("wrap", {}, ({ step }) => step.ai.wrap("ask", async (text) => `answer to ${text}`, "question"));

  define("big-state", {}, async ({ step }) => {
    for (let n = 0; n < 3; n++) await step.run(`big-${n}`, () => "x".repeat(1_800_000));
    await step.sleep("nap", "1ms");
    return step.run("after", () => "fits");
  });
  define("big-batch", { batchEvents: { maxSize: 9, timeout: "60s", key: "event.data.key" } }, ({ events }) =>
    events.map((event) => event.data.text.length),
  );

  define("crash-once", { retries: 1 }, async ({ event, step, attempt }) => {
    for (const name of ["a", "b", "c"]) {
      if (name === "c" && attempt === 0) throw new RetryAfterError("it has crashed", 1000);
      await step.run(name, () => tell(event.data.key, name));
    }
    return "done";
  });

  define("odd ids / and ü~", { triggers: [{ event: "ts/odd-ids" }] }, async ({ step }) => [
    await step.run("with spaces / ü ~", () => 1),
    await step.run("x".repeat(300), () => 2),
  ]);

  define("values", {}, async ({ step }) => {
    const shown = [];
    for (const [index, value] of [null, 0, "", false, [], {}, 1.5, "ü\u{1F600}", { a: { b: [1] } }].entries())
      shown.push(await step.run(`v${index}`, () => value));
    return shown;
  });

  define("nothing", {}, async ({ step }) => {
    const found = await step.run("nothing", () => {});
    return found === null || found === undefined;
  });

  return made;
}
