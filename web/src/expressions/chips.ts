/** References as people read them: the step and the field by their titles, "Check the order › Total". Pure. */

import { findReferences } from "../document/references";
import { stepName } from "../document/names";
import { secretName } from "../secrets/reference";
import type { IconName } from "../shell/ui/Icon";
import type { Message } from "../locale/locale";
import { t } from "../locale/locale";
import type { Step } from "./paths";
import { ALL, readPath } from "./paths";
import type { Variable, Variables } from "./variables";
import { pathProblem, stepsInSight } from "./wrongPaths";

/** A reference in a text, in words. `text.slice(start, end)` is what the document has. */
export interface Chip {
  readonly start: number;
  readonly end: number;
  readonly icon: IconName;
  /** From the outside in; the first is the step, or what else it leads into. */
  readonly parts: readonly string[];
  /** Why it leads nowhere. */
  readonly problem: string | undefined;
}

/** Parts below the first one that are shown; of more, those in the middle are left out. */
const MOST_BELOW = 3;

/** The references of a text that can be told in words: those with a plain path. The others are read as code. */
export function chipsOf(text: string, variables: Variables): readonly Chip[] {
  const secret = secretName(text);
  if (secret !== undefined)
    return [{ start: 0, end: text.length, icon: "lock", parts: [t("Secrets"), secret], problem: undefined }];
  return findReferences(text).flatMap(({ start, end, path }): Chip[] => {
    const steps = text.slice(start, end).includes("\n") ? undefined : readPath(path);
    const place = steps === undefined ? undefined : placeOf(steps, variables);
    return place === undefined ? [] : [{ start, end, ...place, problem: pathProblem(path, variables) }];
  });
}

/** A text with its references in words, where there is no place for chips: "Order of [Find the customer › Name]". */
export function inWords(text: string, variables: Variables): string {
  return chipsOf(text, variables).reduceRight(
    (words, { start, end, parts }) => `${words.slice(0, start)}[${parts.join(" › ")}]${words.slice(end)}`,
    text,
  );
}

/** What of the parts is shown where there is little room. */
export function shortened([first = "", ...below]: readonly string[]): readonly string[] {
  return [first, ...(below.length > MOST_BELOW ? [below[0] ?? "", "…", below.at(-1) ?? ""] : below)];
}

function placeOf(steps: readonly Step[], variables: Variables): Pick<Chip, "icon" | "parts"> | undefined {
  const [first, second] = steps;
  const root = variables.roots.find(({ path }) => path.every((step, index) => step === steps[index]));
  const length = root?.path.length ?? (first === "state" ? 2 : 1);
  if (typeof first !== "string" || steps.length < length) return undefined;
  const below = namesBelow(root, steps.slice(length));
  const stepId = first === "state" ? String(second) : first === "output" ? variables.output : undefined;
  if (stepId !== undefined) return { icon: iconOf(stepId, variables), parts: [titleOf(stepId, variables), ...below] };
  return { icon: ICONS[first] ?? "alert", parts: partsOf(steps, root?.label ?? first, below) };
}

function partsOf([first, second]: readonly Step[], label: string, below: readonly string[]): readonly string[] {
  if (first === "index" || first === "key") return [t("This item"), label, ...below];
  if (first !== "event" || typeof second !== "string") return [label, ...below];
  const own = EVENT[second];
  if (own !== undefined && below.length === 1) return [t(own)];
  // What somebody has sent is the event to its readers, however it is wrapped.
  return [label, ...(second === "data" ? below.slice(1) : below)];
}

/** What an event has beside what somebody has sent with it, which may be called the same. */
const EVENT: Readonly<Record<string, Message>> = {
  name: "The name of the event",
  data: "Data of the event",
  id: "The id of the event",
  ts: "The time of the event",
};

const ICONS: Readonly<Record<string, IconName>> = {
  event: "bolt",
  events: "bolt",
  item: "loop",
  index: "loop",
  key: "loop",
};

/** The names of a way into a place. All entries of a list look like its first. */
function namesBelow(root: Variable | undefined, steps: readonly Step[]): readonly string[] {
  let here = root;
  return steps.map((step) => {
    const isEntry = typeof step !== "string";
    here = here?.children.find(({ path }) => path.at(-1) === (isEntry ? 0 : step));
    return isEntry ? entryName(step) : (here?.label ?? step);
  });
}

function entryName(index: number | typeof ALL): string {
  if (index === ALL) return t("All entries");
  if (index === -1) return t("Last entry");
  return index === 0 ? t("First entry") : t("Entry {number}", { number: index < 0 ? index : index + 1 });
}

/** What a step is called; of two that are called the same, also their ids. */
function titleOf(id: string, { source }: Variables): string {
  const steps = stepsInSight(source);
  const step = steps.find((each) => each.id === id);
  if (step === undefined || source === undefined) return id;
  const { names } = source.catalogue;
  const title = stepName(step, names);
  return steps.some((other) => other.id !== id && stepName(other, names) === title) ? `${title} (${id})` : title;
}

function iconOf(id: string, { source }: Variables): IconName {
  const step = stepsInSight(source).find((each) => each.id === id);
  return source?.catalogue.get(step?.kind ?? "")?.icon ?? "help";
}
