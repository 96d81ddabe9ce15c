/** The kinds that were added last, in this browser. */

const STORAGE_KEY = "workflowkit.recent";
const MOST = 4;

export function recentKinds(): readonly string[] {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "[]");
    return Array.isArray(value) ? value.filter((kind) => typeof kind === "string").slice(0, MOST) : [];
  } catch {
    return [];
  }
}

export function rememberKind(kind: string): void {
  const kinds = [kind, ...recentKinds().filter((other) => other !== kind)].slice(0, MOST);
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(kinds));
  } catch {
    // The browser allows no storage here: then nothing is recent.
  }
}
