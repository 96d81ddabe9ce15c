import { useCallback, useMemo } from "react";
import type { JsonObject } from "../base/json";
import { isObject } from "../base/json";
import { updateAction } from "../document/edits";
import { withOptional } from "../document/scope";
import type { WorkflowAction } from "../document/types";
import { useEditor, useEditorContext } from "../editor/store";
import { t } from "../locale/locale";
import { fieldProblems, otherProblems } from "./problems";

/** One of the two objects of an action that have a form, and how to change it. */
export function useStepPart(action: WorkflowAction, part: "inputs" | "settings") {
  const { store } = useEditorContext();
  const scope = useEditor((state) => state.scope);
  const isReadOnly = useEditor((state) => state.isReadOnly);
  const index = useEditor((state) => state.problems);
  const wish = useEditor((state) => state.focusWish);
  const { id } = action;
  const change = useCallback(
    (value: JsonObject, pointer: string) => {
      const kept = Object.keys(value).length === 0 ? undefined : value;
      store
        .getState()
        .edit(
          (document) => updateAction(document, scope, id, (old) => withOptional(old, part, kept)),
          part === "inputs" ? t("edit the inputs") : t("edit the settings"),
          `${id} ${part} ${pointer}`,
        );
    },
    [store, scope, id, part],
  );
  const problems = useMemo(() => fieldProblems(index, scope, id, `/${part}`), [index, scope, id, part]);
  const others = useMemo(() => otherProblems(index, scope, id), [index, scope, id]);
  const prefix = `/${part}`;
  const focusWish = useMemo(
    () => (wish?.field.startsWith(prefix) === true ? { ...wish, field: wish.field.slice(prefix.length) } : undefined),
    [wish, prefix],
  );
  const value = action[part];
  return { value: isObject(value) ? value : EMPTY, change, problems, others, isReadOnly, focusWish };
}

const EMPTY: JsonObject = {};
