/** Workflows to choose from by their names; two of one name are told apart by their ids. Pure. */

export interface NamedWorkflow {
  readonly id: string;
  readonly name: string;
}

/** What stands in the list, in order of names. */
export function choicesOf(workflows: readonly NamedWorkflow[]): ReadonlyMap<string, string> {
  const names = new Map<string, number>();
  for (const { name } of workflows) names.set(name, (names.get(name) ?? 0) + 1);
  const labelled = workflows.map(({ id, name }): [string, string] => {
    if (name === "") return [id, id];
    return [(names.get(name) ?? 0) > 1 ? `${name} (${id})` : name, id];
  });
  return new Map(labelled.toSorted(([one], [other]) => one.localeCompare(other)));
}

/** The workflow that was meant: by its name, or a part of it that only one has; else what was typed, which may be an id. */
export function chosenId(text: string, choices: ReadonlyMap<string, string>): string {
  const wanted = text.trim();
  const found = choices.get(wanted);
  if (wanted === "" || found !== undefined || [...choices.values()].includes(wanted)) return found ?? wanted;
  const lower = wanted.toLowerCase();
  const like = [...choices].filter(([label]) => label.toLowerCase().includes(lower));
  const [only] = like;
  return like.length === 1 && only !== undefined ? only[1] : wanted;
}

/** What is shown of a workflow that is chosen. */
export function labelFor(id: string, choices: ReadonlyMap<string, string>): string {
  return [...choices].find(([, other]) => other === id)?.[0] ?? id;
}
