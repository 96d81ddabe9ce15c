import { useCallback, useDeferredValue, useMemo } from "react";
import { isNarrow } from "../base/place";
import { addStep, defaultWish } from "../editor/commands";
import { focusStep } from "../editor/focused";
import type { AddWish, EditorStore } from "../editor/store";
import { useDocument, useEditor, useEditorContext } from "../editor/store";
import { IconButton } from "../shell/ui/Button";
import { Dialog } from "../shell/ui/Dialog";
import type { Lacks } from "./fitting";
import { lacksAt } from "./fitting";
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
  // Where a step would come to stand depends on what is selected.
  useEditor((state) => state.selection);
  const lacks = useLacks(defaultWish(store));
  const choose = useCallback(
    (kind: string) => {
      rememberKind(kind);
      addStep(store, kind, defaultWish(store));
      if (!isNarrow()) return;
      // It lies over the step that it has added.
      onClose();
      focusAdded(store);
    },
    [store, onClose],
  );
  return (
    <section className="palette" aria-label={t("Actions")} data-testid="palette">
      <header className="side-header">
        <h2>{t("Actions")}</h2>
        <IconButton icon="x" label={t("Hide the actions")} onClick={onClose} />
      </header>
      <KindList kinds={catalogue.kinds} lacks={lacks} canDrag onChoose={choose} />
    </section>
  );
}

/** The same list as a dialog, for a place that was named already: a "+" on the canvas, or a key. */
export function AddDialog(): React.JSX.Element | null {
  const adding = useEditor((state) => state.adding);
  return adding === undefined ? null : <AddAt wish={adding} />;
}

function AddAt({ wish }: { readonly wish: AddWish }): React.JSX.Element {
  const { store } = useEditorContext();
  const catalogue = useEditor((state) => state.catalogue);
  const lacks = useLacks(wish);
  return (
    <Dialog title={t("Add a step")} size="small" testId="add-dialog" onClose={() => store.getState().want(undefined)}>
      <KindList
        kinds={catalogue.kinds}
        lacks={lacks}
        isFocused
        onChoose={(kind) => {
          rememberKind(kind);
          addStep(store, kind, wish);
          // The dialog gives the focus back to where it was.
          focusAdded(store);
        }}
      />
    </Dialog>
  );
}

function focusAdded(store: EditorStore): void {
  const [added] = store.getState().selection.actions;
  if (added !== undefined) requestAnimationFrame(() => focusStep(added));
}

/** What keeps actions from fitting where a step is wanted: the same map, for as long as it says the same. */
function useLacks(wish: AddWish): Lacks {
  const document = useDeferredValue(useDocument());
  const scope = useEditor((state) => state.scope);
  const catalogue = useEditor((state) => state.catalogue);
  const samples = useEditor((state) => state.samples);
  const events = useEditor((state) => state.possible.events);
  const from = wish.at === "after" ? wish.from : undefined;
  const edgeId = wish.at === "edge" ? wish.edgeId : undefined;
  const found = useMemo(
    () => JSON.stringify([...lacksAt({ document, scope, catalogue, samples, events }, { from, edgeId })]),
    [document, scope, catalogue, samples, events, from, edgeId],
  );
  // The list is long, and is drawn again for another map: not for every letter that is typed into a form.
  return useMemo(() => new Map(JSON.parse(found) as [string, string][]), [found]);
}
