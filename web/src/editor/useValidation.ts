/** Has the server look over the document while it is edited: by the same rules as when it is published. */

import { useEffect } from "react";
import { api } from "../api/session";
import { toJson } from "../document/read";
import { indexProblems } from "../problems/locate";
import type { EditorStore } from "./store";

const QUIET_MS = 350;

export function useValidation(store: EditorStore): void {
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const check = async (): Promise<void> => {
      const document = store.getState().history.present;
      store.setState({ isValidating: true });
      try {
        const { problems } = await api.validate(toJson(document));
        if (store.getState().history.present !== document) return;
        store.setState({ problems: indexProblems(document, problems), isValidating: false });
      } catch {
        // What was found before stays; the next edit asks again, and saving says that the server is away.
        store.setState({ isValidating: false });
      }
    };
    void check();
    const unsubscribe = store.subscribe((state, before) => {
      if (state.history.present === before.history.present) return;
      clearTimeout(timer);
      timer = setTimeout(() => void check(), QUIET_MS);
    });
    return () => {
      clearTimeout(timer);
      unsubscribe();
    };
  }, [store]);
}
