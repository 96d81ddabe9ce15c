/** What is said has been loaded: the imports are followed from where pages begin, with the words that are there by then. */

import { describe, expect, it } from "vitest";
import pages from "./de.pages.json";
import panels from "./de.panels.json";
import { files, importsOf, literalsIn, programOf } from "./syntax.test.helper";

type Part = "panels" | "pages";

/** Where the server's pages and the scripts for host pages begin. */
const ENTRIES = ["main.tsx", "embed/element.ts", "embed/frame.ts", "embed/connect.ts", "realtime/follow.ts"];
/** The calls that bring words along with a source. */
const BRINGING: Readonly<Record<string, Part>> = { withPanelWords: "panels", withPageWords: "pages", page: "pages" };
/** What else than a message could be written like that is left out: "name", "failed". */
const MESSAGE = /^[A-Z]| /;
const WORDS: Readonly<Record<Part, readonly string[]>> = {
  panels: Object.keys(panels).filter((word) => MESSAGE.test(word)),
  pages: Object.keys(pages).filter((word) => MESSAGE.test(word)),
};
/** Sources that show what the server says, and the parts that have it. */
const SERVED: Readonly<Record<string, Part>> = {
  "src/config/contract.ts": "panels",
  "src/functions/settings.ts": "panels",
  "src/workflows/templates.ts": "pages",
  "src/runs/LookedNote.tsx": "pages",
};

/** A source, and the parts that are sure to be there when it is loaded. */
interface Loaded {
  readonly path: string;
  readonly parts: readonly Part[];
}

function keyOf({ path, parts }: Loaded): string {
  return `${path} ${parts.join()}`;
}

/** Everything that is loaded from an entry, each on all the ways that lead there with other words. */
function loadedFrom(entries: readonly string[]): readonly Loaded[] {
  const waiting: Loaded[] = entries.map((path) => ({ path, parts: [] }));
  const found = new Map(waiting.map((loaded) => [keyOf(loaded), loaded]));
  for (let loaded = waiting.pop(); loaded !== undefined; loaded = waiting.pop())
    for (const { path, within } of importsOf(loaded.path)) {
      const brought = within.flatMap((name) => BRINGING[name] ?? []);
      const next = { path, parts: [...new Set([...loaded.parts, ...brought])].toSorted() };
      if (found.has(keyOf(next))) continue;
      found.set(keyOf(next), next);
      waiting.push(next);
    }
  return [...found.values()];
}

const LOADED = loadedFrom(ENTRIES.map((path) => `src/${path}`));

function lacking({ path, parts }: Loaded): readonly string[] {
  const texts = new Set(literalsIn(programOf(path)));
  return (["panels", "pages"] as const)
    .filter((part) => !parts.includes(part))
    .flatMap((part) => [...WORDS[part].filter((word) => texts.has(word)), ...(SERVED[path] === part ? [part] : [])]);
}

describe("the words of a source", () => {
  it("are there when it is loaded", () => {
    const missing = LOADED.map((loaded) => [keyOf(loaded), lacking(loaded)] as const);
    expect(missing.filter(([, words]) => words.length > 0)).toEqual([]);
  });

  it("are looked for everywhere", () => {
    const reached = new Set(LOADED.map(({ path }) => path));
    expect(files("src").filter((path) => !reached.has(path) && literalsIn(programOf(path)).length > 0)).toEqual([]);
    expect(Object.keys(SERVED).filter((path) => !reached.has(path))).toEqual([]);
  });
});
