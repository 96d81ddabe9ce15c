import { describe, expect, it } from "vitest";
import type { Webhook, WebhookTemplate } from "../api/schema";
import {
  NEW_HMAC,
  OWN_SAMPLE,
  deliveryOf,
  freeName,
  hmacOf,
  linesOf,
  mappingOf,
  messagesOf,
  newSecret,
  outcomeText,
  partOf,
  sampleOf,
  sorted,
  takenSample,
  templateOf,
  transformOf,
  verificationOf,
  wholeUrl,
} from "./webhook";

const STRIPE: WebhookTemplate = {
  id: "stripe",
  title: "Stripe",
  verification: { preset: "stripe" },
  transform: { name: "stripe/!ref($.body.type)", data: "!ref($.body.data)" },
  secret_hint: "the dashboard",
  example_headers: { "stripe-signature": "t=1" },
  example_body: { type: "invoice.paid" },
};
const CLERK: WebhookTemplate = { ...STRIPE, id: "clerk", verification: { preset: "svix" } };
const RESEND: WebhookTemplate = { ...CLERK, id: "resend", transform: { name: "resend/x" } };

function problem(pointer: string): { pointer: string; code: string; message: string; severity: "error" } {
  return { pointer, code: "invalid-value", message: pointer, severity: "error" };
}

function templateIdOf(changes: Partial<Webhook>): string | undefined {
  const webhook = { verification: { preset: "svix" }, transform: null, ...changes };
  return templateOf(webhook, [STRIPE, CLERK, RESEND])?.id;
}

describe("a mapping", () => {
  it("gives back what it was made of", () => {
    const transform = { name: "a/!ref($.body.type)", data: { sku: "!ref($.body.sku)" }, if: "body.live" };
    expect(transformOf(mappingOf(transform))).toEqual({ value: transform });
  });

  it("is the server's own if nothing is typed", () => {
    expect(transformOf(mappingOf(null))).toEqual({ value: null });
    expect(transformOf({ ...mappingOf(null), name: "  " })).toEqual({ value: null });
  });

  it("has data that is a reference, or an object in JSON", () => {
    const empty = mappingOf(null);
    expect(transformOf({ ...empty, data: "!ref($.body)" })).toEqual({ value: { data: "!ref($.body)" } });
    expect(transformOf({ ...empty, data: "{ oops" })).toEqual({ unreadable: "data" });
  });

  it.each([
    ["/transform/name", "name"],
    ["/event/data/sku", "data"],
    ["/ts", "ts"],
    ["/transform/if", "if"],
    ["/transform", undefined],
    ["/event/names", undefined],
  ])("has problems at its parts: %s", (pointer, part) => expect(partOf(pointer)).toBe(part));

  it("shows the first problem of each part, and the others", () => {
    const found = sorted(
      [problem("/transform/name"), problem("/event/name"), problem("/body")],
      (each) => each.pointer,
    );
    expect([...found.byPart]).toEqual([["name", "/transform/name"]]);
    expect(found.others).toEqual(["/body"]);
  });
});

describe("a sample", () => {
  it("is a delivery with headers and a body in JSON", () => {
    expect(deliveryOf(sampleOf(STRIPE))).toEqual({
      delivery: { headers: { "stripe-signature": "t=1" }, body: { type: "invoice.paid" } },
    });
    expect(deliveryOf(OWN_SAMPLE)).toHaveProperty("delivery.body.type", "order.paid");
    expect(deliveryOf({ headers: "", body: " " })).toEqual({ delivery: { headers: {} } });
  });

  it("is text if its headers say so", () => {
    const headers = "Content-Type: application/x-www-form-urlencoded\n\nX-Empty:";
    expect(deliveryOf({ headers, body: "a=1" })).toEqual({
      delivery: { headers: { "content-type": "application/x-www-form-urlencoded", "x-empty": "" }, raw: "a=1" },
    });
  });

  it("is a delivery that was taken", () => {
    const taken = { method: "POST", query: {}, headers: { "content-type": "application/json" }, raw: '{"a":1}' };
    expect(deliveryOf(takenSample(taken))).toHaveProperty("delivery.body", { a: 1 });
    expect(takenSample({ ...taken, raw: "a=1" }).body).toBe("a=1");
  });

  it("says what cannot be read of it", () => {
    expect(deliveryOf({ headers: "no header", body: "{}" })).toEqual({ unreadable: "headers" });
    expect(deliveryOf({ headers: "", body: "{" })).toEqual({ unreadable: "body" });
  });
});

describe("verification", () => {
  it("tells the server what differs", () => {
    expect(verificationOf("stripe", NEW_HMAC)).toEqual({ preset: "stripe" });
    const plain = { preset: "hmac", header: "x-sig", algorithm: "sha1", encoding: "hex", prefix: "sha1=" };
    expect(verificationOf("hmac", hmacOf(plain))).toEqual(plain);
    const timed = { ...plain, timestamp_header: "x-time", timestamp_prefix: "v0:", separator: ":" };
    expect(verificationOf("hmac", hmacOf(timed))).toEqual(timed);
  });

  it("leads to the template", () => {
    const made = [{}, { transform: { name: "resend/x" } }, { verification: { preset: "none" } }];
    expect(made.map(templateIdOf)).toEqual(["clerk", "resend", undefined]);
  });

  it("makes secrets up that nobody guesses", () => {
    expect(newSecret()).toMatch(/^[0-9a-f]{64}$/);
    expect(newSecret()).not.toBe(newSecret());
  });
});

describe("what is told", () => {
  it("stands at the field that it is about", () => {
    const problems = ["/verification/header", "/verification", "/secrets/1", "/cidrs/0", "/cidrs/1"].map(problem);
    expect([...messagesOf(problems, (each) => each.pointer)]).toEqual([
      ["header", "/verification/header"],
      ["verification", "/verification"],
      ["secrets", "/secrets/1"],
      ["cidrs", "/cidrs/0"],
    ]);
  });

  it("says why a delivery made no event", () => {
    expect(outcomeText({ status: "accepted", reason: null })).toBe("");
    expect(outcomeText({ status: "duplicate", reason: null })).toContain("same id");
    expect(outcomeText({ status: "refused", reason: "wrong-signature" })).toContain("secrets");
    expect(outcomeText({ status: "refused", reason: "new-one" })).toBe("new-one");
  });

  it("reads lists line by line", () => {
    expect(linesOf(" a/* \n\n b/c, d ")).toEqual(["a/*", "b/c", "d"]);
    expect(linesOf(" \n ")).toBeNull();
  });

  it("names a URL and a webhook", () => {
    expect(wholeUrl("/w/X", "https://a.example")).toBe("https://a.example/w/X");
    expect(wholeUrl("https://b.example/w/X", "https://a.example")).toBe("https://b.example/w/X");
    expect(freeName("stripe", ["stripe", "stripe-2"])).toBe("stripe-3");
  });
});
