import { useEffect, useId, useMemo, useState } from "react";
import { api, may } from "../api/session";
import { useLoaded } from "../api/useLoaded";
import { t } from "../locale/locale";
import { setQuery } from "../shell/routes";
import type { NamedWorkflow } from "./choices";
import { choicesOf, chosenId, labelFor } from "./choices";

/** More are not offered; they are found by their ids. */
const MOST_PAGES = 5;
const NONE: readonly NamedWorkflow[] = [];

/** A filter of a list by a workflow, chosen by its name; the address has the id. An application ends with a slash. */
export function WorkflowField({ value }: { readonly value: string }): React.JSX.Element {
  const listId = useId();
  const { value: workflows, error } = useLoaded(namedWorkflows);
  const choices = useMemo(() => choicesOf(workflows ?? NONE), [workflows]);
  const [typed, setTyped] = useState<string | undefined>(undefined);
  /** What was chosen; it is a name or an id, which only the names can tell. */
  const [taken, setTaken] = useState<string | undefined>(undefined);
  const isKnown = workflows !== undefined || error !== undefined;
  useEffect(() => {
    if (taken === undefined || !isKnown) return;
    const id = chosenId(taken, choices);
    // oxlint-disable-next-line react-hooks/set-state-in-effect -- once for each choice, which waits for the names
    setTaken(undefined);
    setTyped(undefined);
    if (id !== value) setQuery({ workflow: id, cursor: undefined });
  }, [taken, isKnown, choices, value]);
  return (
    <>
      <input
        className="input page-search"
        type="search"
        name="workflow"
        list={listId}
        aria-label={t("Workflow")}
        placeholder={t("Any workflow")}
        title={t("A workflow, or an application with a slash: shop/")}
        data-testid="workflow-filter"
        value={typed ?? labelFor(value, choices)}
        onChange={({ target }) => (choices.has(target.value) ? setTaken(target.value) : setTyped(target.value))}
        onBlur={(event) => setTaken(event.target.value)}
        onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
      />
      <datalist id={listId}>
        {[...choices.keys()].map((label) => (
          <option key={label} value={label} />
        ))}
      </datalist>
    </>
  );
}

async function namedWorkflows(): Promise<readonly NamedWorkflow[]> {
  if (!may("workflows:read")) return NONE;
  const found: NamedWorkflow[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    // oxlint-disable-next-line no-await-in-loop -- each page names the next one
    const { items, next_cursor: next } = await api.workflows({ cursor, lastRuns: 0, archived: "all" });
    found.push(...items);
    if (next === null) break;
    cursor = next;
  }
  return found;
}
