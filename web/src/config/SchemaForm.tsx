import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { Json, JsonObject, Path } from "../base/json";
import { fromPointer, toPointer, withValueAt } from "../base/json";
import type { FocusWish } from "../editor/store";
import { locale, withPanelWords } from "../locale/locale";
import type { Variables } from "../expressions/variables";
import { ObjectFields } from "./fields/ObjectFields";
import type { FieldMessage, ListOptions } from "./form";
import { FormContext, saysMissing } from "./form";
import type { Schema } from "./schema";
import { resolve } from "./schema";
import type { validate } from "./validate";

type Check = typeof validate;
/** The checks of this page, once they are loaded: with the first thing that is typed. */
let loaded: Check | undefined;

interface SchemaFormProps {
  /** A schema of an object. */
  readonly schema: Schema;
  /** Where local references lead; the schema itself, if left out. */
  readonly root?: Schema;
  readonly value: JsonObject;
  /** What the server finds wrong, by pointer into the value. */
  readonly problems: ReadonlyMap<string, FieldMessage>;
  readonly variables: Variables | undefined;
  /** What expressions that are conditions may read. */
  readonly readable?: Variables | undefined;
  readonly isReadOnly: boolean;
  readonly focusWish?: FocusWish | undefined;
  /** Lists the options of its fields, where they have some. */
  readonly listOptions?: ListOptions | undefined;
  /** Whether its fields for secrets take the names of stored ones, as steps do. */
  readonly takesSecrets?: boolean;
  /** `pointer` is that of the field: edits of the same one in a row belong together. */
  readonly onChange: (value: JsonObject, pointer: string) => void;
}

/** A form for a value with a JSON Schema: a labelled field for everything that it may have. */
export function SchemaForm(props: SchemaFormProps): React.JSX.Element {
  const {
    schema,
    value,
    problems,
    variables,
    readable,
    isReadOnly,
    focusWish,
    listOptions,
    takesSecrets = false,
    onChange,
  } = props;
  const root = props.root ?? schema;
  const container = useRef<HTMLDivElement>(null);
  const [hasTyped, setTyped] = useState(false);
  // Of a value that is wrong the server says in English only how.
  const check = useCheck(hasTyped || (locale() !== "en" && ![...problems.values()].every(saysMissing)));
  // What is written a moment later has to build on what was written just now.
  const latest = useRef(value);
  useLayoutEffect(() => {
    latest.current = value;
  }, [value]);
  const change = useCallback(
    (path: Path, next: Json | undefined) => {
      const changed = (withValueAt(latest.current, path, next) ?? {}) as JsonObject;
      latest.current = changed;
      setTyped(true);
      onChange(changed, path.join("/"));
    },
    [onChange],
  );
  // A part of a schema is checked with the definitions that it refers to.
  const own = useMemo(() => (schema === root ? schema : { ...schema, $defs: root.$defs ?? {} }), [schema, root]);
  const messages = useMemo(() => merged(own, value, problems, check), [own, value, problems, check]);
  const context = useMemo(
    () => ({ root, value, listOptions, takesSecrets, messages, variables, readable, isReadOnly, change }),
    [root, value, listOptions, takesSecrets, messages, variables, readable, isReadOnly, change],
  );
  useEffect(
    () => (focusWish === undefined ? undefined : focusWhenThere(container.current, focusWish.field)),
    [focusWish],
  );
  return (
    <FormContext value={context}>
      <div ref={container} className="form">
        <ObjectFields path={[]} schema={resolve(schema, root)} value={value} />
      </div>
    </FormContext>
  );
}

function merged(
  schema: Schema,
  value: JsonObject,
  problems: ReadonlyMap<string, FieldMessage>,
  check: Check | undefined,
): ReadonlyMap<string, FieldMessage> {
  const messages = new Map(problems);
  for (const [pointer, text] of check?.(schema, value) ?? []) messages.set(pointer, { text, severity: "error" });
  return messages;
}

function useCheck(isWanted: boolean): Check | undefined {
  const [check, setCheck] = useState(() => loaded);
  useEffect(() => {
    if (!isWanted || check !== undefined) return;
    withPanelWords(() => import("./validate")).then(
      (module) => {
        loaded = module.validate;
        setCheck(() => module.validate);
      },
      () => undefined, // the server checks, too
    );
  }, [isWanted, check]);
  return check;
}

/** Some controls are loaded when they are first shown; waiting longer than this would take the focus from somebody. */
const MOST_FRAMES = 180;

/** Puts the focus into the field of a pointer, or the nearest one around it, as soon as it is there. */
function focusWhenThere(container: HTMLElement | null, pointer: string): () => void {
  let frames = 0;
  let request = 0;
  const attempt = (): void => {
    const control = controlOf(container, pointer);
    frames += 1;
    if (control === undefined) {
      if (frames < MOST_FRAMES) request = requestAnimationFrame(attempt);
      return;
    }
    control.focus();
    control.scrollIntoView({ block: "center" });
  };
  attempt();
  return () => cancelAnimationFrame(request);
}

function controlOf(container: HTMLElement | null, pointer: string): HTMLElement | undefined {
  for (const keys = [...fromPointer(pointer)]; keys.length > 0; keys.pop()) {
    const field = container?.querySelector<HTMLElement>(`[data-pointer="${CSS.escape(toPointer(keys))}"]`);
    if (field === null || field === undefined) continue;
    const controls = field.querySelectorAll<HTMLElement>(
      "input, textarea, select, .cm-content, [role=switch], .field-add",
    );
    return [...controls].find((control) => control.closest(".field-head") === null);
  }
  return undefined;
}
