import { useState } from "react";
import { toneOf } from "../canvas/StepNode";
import { idRefusal, renameAction, updateAction } from "../document/edits";
import { withOptional } from "../document/scope";
import type { WorkflowAction } from "../document/types";
import { useDocument, useEditor, useEditorContext } from "../editor/store";
import { IconButton } from "../shell/ui/Button";
import { Icon } from "../shell/ui/Icon";
import { t } from "../locale/locale";

/** The name of a step, which is for people, and its id, which references use. */
export function StepHeading({ action }: { readonly action: WorkflowAction }): React.JSX.Element {
  const { store } = useEditorContext();
  const kind = useEditor((state) => state.catalogue.get(action.kind));
  const scope = useEditor((state) => state.scope);
  const isReadOnly = useEditor((state) => state.isReadOnly);
  const kindName = kind?.action.name ?? action.kind;
  const setName = (name: string): void => {
    const value = name === "" ? undefined : name;
    store
      .getState()
      .edit(
        (document) => updateAction(document, scope, action.id, (old) => withOptional(old, "name", value)),
        t("rename"),
        `${action.id} name`,
      );
  };
  return (
    <header className="panel-header">
      <span className={`step-icon step-icon-${kind === undefined ? "unknown" : toneOf(kind.family)}`}>
        <Icon name={kind?.icon ?? "help"} size={18} />
      </span>
      <div className="grow">
        <input
          className="title-input"
          dir="auto"
          aria-label={t("Name of the step")}
          data-testid="step-name"
          placeholder={kindName}
          disabled={isReadOnly}
          value={action.name ?? ""}
          onChange={(event) => setName(event.target.value)}
        />
        <div className="panel-kind">
          {kindName} · <IdInput action={action} />
        </div>
      </div>
      <IconButton icon="x" label={t("Close")} onClick={() => store.getState().show("none")} />
    </header>
  );
}

/** The id counts when the field is left; references to the step follow. */
function IdInput({ action }: { readonly action: WorkflowAction }): React.JSX.Element {
  const { store } = useEditorContext();
  const document = useDocument();
  const scope = useEditor((state) => state.scope);
  const isReadOnly = useEditor((state) => state.isReadOnly);
  const [draft, setDraft] = useState<string | undefined>(undefined);
  const refusal = draft === undefined || draft === action.id ? undefined : idRefusal(document, draft);
  const rename = (): void => {
    setDraft(undefined);
    if (draft === undefined || draft === action.id || refusal !== undefined) return;
    const state = store.getState();
    state.edit((old) => renameAction(old, scope, action.id, draft), t("change the id"));
    state.selectAction(draft);
  };
  return (
    <input
      className="id-input"
      aria-label={t("Id of the step")}
      data-testid="step-id"
      size={Math.max((draft ?? action.id).length, 6)}
      disabled={isReadOnly}
      aria-invalid={refusal !== undefined}
      title={refusal ?? t("References use this id; they follow when you change it.")}
      value={draft ?? action.id}
      onChange={(event) => setDraft(event.target.value)}
      onKeyDown={(event) => {
        if (event.key === "Enter") event.currentTarget.blur();
        if (event.key === "Escape") setDraft(undefined);
      }}
      onBlur={rename}
    />
  );
}
