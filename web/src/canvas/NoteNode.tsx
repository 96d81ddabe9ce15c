import type { NodeProps } from "@xyflow/react";
import { memo } from "react";
import { changeNote } from "../document/notes";
import { useEditor, useEditorContext } from "../editor/store";
import { IconButton } from "../shell/ui/Button";
import type { NoteNode as NoteFlowNode } from "./flow";
import { t } from "../locale/locale";

/** A note: it is moved by its upper edge, and its text is typed into it. */
export const NoteNode = memo(function NoteNode({ data }: NodeProps<NoteFlowNode>): React.JSX.Element {
  const { store } = useEditorContext();
  const scope = useEditor((state) => state.scope);
  const isReadOnly = useEditor((state) => state.isReadOnly);
  const { id, text } = data;
  const { edit, settleEdit } = store.getState();
  return (
    <div className="note" data-testid={`note-${id}`}>
      <div className="note-head">
        {!isReadOnly && (
          <IconButton
            icon="x"
            label={t("Delete the note")}
            className="small nodrag"
            onClick={() => edit((document) => changeNote(document, scope, id, () => undefined), t("delete a note"))}
          />
        )}
      </div>
      <textarea
        className="note-text nodrag nowheel nopan"
        aria-label={t("Note")}
        placeholder={t("Write a note")}
        readOnly={isReadOnly}
        value={text}
        onBlur={settleEdit}
        onChange={(event) => {
          const typed = event.target.value;
          edit(
            (document) => changeNote(document, scope, id, (note) => ({ ...note, text: typed })),
            t("edit a note"),
            id,
          );
        }}
      />
    </div>
  );
});
