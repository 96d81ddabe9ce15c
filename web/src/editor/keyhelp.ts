/** What the keys of the editor do, in words: see keyboard.ts. */

import type { Message } from "../locale/locale";

export interface KeyHelp {
  readonly keys: string;
  readonly meaning: Message;
}

/** What `?` shows. */
export const KEY_HELP: readonly KeyHelp[] = [
  { keys: "Tab", meaning: "Go to the next step or connection" },
  { keys: "Enter", meaning: "Configure the step that has the focus" },
  { keys: "← ↑ → ↓", meaning: "Move the selected steps" },
  { keys: "A, +", meaning: "Add a step after the selected one" },
  { keys: "C", meaning: "Connect the selected step: arrows choose, Enter connects" },
  { keys: "D", meaning: "Switch the selected steps off, or on again" },
  { keys: "G", meaning: "Group the selected steps, or ungroup them" },
  { keys: "Delete", meaning: "Delete what is selected" },
  { keys: "Ctrl Z, Ctrl Shift Z", meaning: "Undo, redo" },
  { keys: "Ctrl C, Ctrl X, Ctrl V", meaning: "Copy, cut, paste steps" },
  { keys: "Ctrl D", meaning: "Duplicate the selected steps" },
  { keys: "Ctrl A", meaning: "Select all steps" },
  { keys: "Ctrl F", meaning: "Find a step" },
  { keys: "Ctrl S", meaning: "Save now" },
  { keys: "T", meaning: "Tidy up" },
  { keys: "F", meaning: "Fit into view" },
  { keys: "Shift", meaning: "Select several steps by dragging" },
  { keys: "Esc", meaning: "Close the panel, or select nothing" },
  { keys: "?", meaning: "Show these keys" },
];
