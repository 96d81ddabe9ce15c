import { useReactFlow, useStore as useFlowStore } from "@xyflow/react";
import { addNoteInView, groupSelection, tidyUp } from "../editor/commands";
import { SOURCE } from "../document/types";
import { useEditor, useEditorContext } from "../editor/store";
import { IconButton } from "../shell/ui/Button";
import { t } from "../locale/locale";

/** Undo, redo, tidying up and zooming, at the lower edge of the canvas. */
export function CanvasBar(): React.JSX.Element {
  const { store } = useEditorContext();
  const flow = useReactFlow();
  const zoom = useFlowStore((state) => Math.round(state.transform[2] * 100));
  const past = useEditor((state) => state.history.past.at(-1)?.label);
  const future = useEditor((state) => state.history.future.at(-1)?.label);
  const isReadOnly = useEditor((state) => state.isReadOnly);
  const hasSteps = useEditor(({ selection: { actions } }) => actions.size > (actions.has(SOURCE) ? 1 : 0));
  return (
    <div className="canvas-bar" role="toolbar" aria-label={t("Canvas")}>
      {!isReadOnly && (
        <>
          <IconButton
            icon="undo"
            label={past === undefined ? t("Nothing to undo") : t("Undo: {what}", { what: past })}
            testId="undo"
            disabled={past === undefined}
            onClick={() => store.getState().undo()}
          />
          <IconButton
            icon="redo"
            label={future === undefined ? t("Nothing to redo") : t("Redo: {what}", { what: future })}
            testId="redo"
            disabled={future === undefined}
            onClick={() => store.getState().redo()}
          />
          <IconButton icon="tidy" label={t("Tidy up")} testId="tidy" onClick={() => tidyUp(store)} />
          <IconButton icon="note" label={t("Add a note")} testId="add-note" onClick={() => addNoteInView(store)} />
          <IconButton
            icon="group"
            label={t("Group the selected steps, or ungroup them")}
            testId="group"
            disabled={!hasSteps}
            onClick={() => groupSelection(store)}
          />
          <span className="canvas-bar-line" />
        </>
      )}
      {/* At once, not gliding: a step that starts while another glides would start from halfway. */}
      <IconButton icon="minus" label={t("Zoom out")} onClick={() => void flow.zoomOut()} />
      <span className="canvas-zoom" aria-label={t("Zoom")}>
        {zoom} %
      </span>
      <IconButton icon="plus" label={t("Zoom in")} onClick={() => void flow.zoomIn()} />
      <IconButton icon="fit" label={t("Fit into view")} testId="fit" onClick={() => store.getState().canvas?.fit()} />
    </div>
  );
}
