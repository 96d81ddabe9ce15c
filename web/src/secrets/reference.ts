/** How a document refers to a secret: by its name, in a text that is nothing else. */

import type { Json } from "../base/json";

const REFERENCE = /^!secret\(([A-Za-z0-9][A-Za-z0-9_.-]{0,63})\)$/;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/** The name of the secret that a value refers to; `undefined` for any other value. */
export function secretName(value: Json | undefined): string | undefined {
  return typeof value === "string" ? REFERENCE.exec(value)?.[1] : undefined;
}

export function secretReference(name: string): string {
  return `!secret(${name})`;
}

export function isSecretName(text: string): boolean {
  return NAME.test(text);
}
