import { addStep, defaultWish } from "../editor/commands";
import { useEditor, useEditorContext } from "../editor/store";
import { IconButton } from "../shell/ui/Button";
import { Dialog } from "../shell/ui/Dialog";
import { KindList } from "./KindList";
import "./palette.css";
import { rememberKind } from "./recent";
import { t } from "../locale/locale";

interface PaletteProps {
  readonly onClose: () => void;
}

/** The actions beside the canvas: click one to add it after the selected step, or drag it to its place. */
export function Palette({ onClose }: PaletteProps): React.JSX.Element {
  const { store } = useEditorContext();
  const catalogue = useEditor((state) => state.catalogue);
  return (
    <section className="palette" aria-label={t("Actions")} data-testid="palette">
      <header className="side-header">
        <h2>{t("Actions")}</h2>
        <IconButton icon="x" label={t("Hide the actions")} onClick={onClose} />
      </header>
      <KindList
        kinds={catalogue.kinds}
        canDrag
        onChoose={(kind) => {
          rememberKind(kind);
          addStep(store, kind, defaultWish(store));
        }}
      />
    </section>
  );
}

/** The same list as a dialog, for a place that was named already: a "+" on the canvas, or a key. */
export function AddDialog(): React.JSX.Element | null {
  const { store } = useEditorContext();
  const catalogue = useEditor((state) => state.catalogue);
  const adding = useEditor((state) => state.adding);
  if (adding === undefined) return null;
  return (
    <Dialog title={t("Add a step")} size="small" testId="add-dialog" onClose={() => store.getState().want(undefined)}>
      <KindList
        kinds={catalogue.kinds}
        isFocused
        onChoose={(kind) => {
          rememberKind(kind);
          addStep(store, kind, adding);
        }}
      />
    </Dialog>
  );
}
