import { describe, expect, it } from "vitest";
import { isSecretName, secretName, secretReference } from "./reference";

describe("references to secrets", () => {
  it("are whole texts with a name", () => {
    expect(secretName("!secret(stripe)")).toBe("stripe");
    expect(secretName(secretReference("a.b-c_1"))).toBe("a.b-c_1");
  });

  it.each(["", "!secret()", "Bearer !secret(a)", "!secret(a) ", "!secret(a b)", "!ref($.event)", 1, null, undefined])(
    "are nothing else: %s",
    (value) => expect(secretName(value)).toBeUndefined(),
  );

  it("have names without spaces and signs", () => {
    expect(isSecretName("a".repeat(64))).toBe(true);
    for (const name of ["", "a b", "-a", "a)", "a".repeat(65)]) expect(isSecretName(name), name).toBe(false);
  });
});
