/** References stand out in a text; those that lead nowhere are underlined, with the reason. */

import type { Extension } from "@codemirror/state";
import type { DecorationSet, ViewUpdate } from "@codemirror/view";
import { Decoration, EditorView, ViewPlugin } from "@codemirror/view";
import { findReferences } from "../document/references";
import { pathProblem } from "./preview";
import type { Variables } from "./variables";

export function highlightReferences(variables: () => Variables): Extension {
  const draw = (view: EditorView): DecorationSet => {
    const marks = findReferences(view.state.doc.toString()).map(({ start, end, path }) => {
      const problem = pathProblem(path, variables());
      const mark =
        problem === undefined
          ? { class: "reference" }
          : { class: "reference reference-broken", attributes: { title: problem } };
      return Decoration.mark(mark).range(start, end);
    });
    return Decoration.set(marks);
  };
  return ViewPlugin.fromClass(
    class {
      decorations: DecorationSet;

      constructor(view: EditorView) {
        this.decorations = draw(view);
      }

      update(update: ViewUpdate): void {
        if (update.docChanged || update.viewportChanged) this.decorations = draw(update.view);
      }
    },
    { decorations: (plugin) => plugin.decorations },
  );
}
