import { useMemo, useState } from "react";
import { findSteps } from "../document/search";
import type { Hit } from "../document/search";
import { Dialog } from "../shell/ui/Dialog";
import { useDocument, useEditor, useEditorContext } from "./store";
import { t } from "../locale/locale";

/** Finds steps by name, id, kind and inputs; Enter goes to the first. */
export function FindDialog({ onClose }: { readonly onClose: () => void }): React.JSX.Element {
  const { store } = useEditorContext();
  const document = useDocument();
  const catalogue = useEditor((state) => state.catalogue);
  const [query, setQuery] = useState("");
  const hits = useMemo(() => findSteps(document, query, catalogue.names), [document, query, catalogue]);
  const goTo = ({ scope, action }: Hit): void => {
    onClose();
    store.getState().goTo({ kind: "action", scope, id: action.id, field: "" });
  };
  return (
    <Dialog title={t("Find a step")} size="small" testId="find" onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          const [first] = hits;
          if (first !== undefined) goTo(first);
        }}
      >
        <input
          className="input"
          type="search"
          aria-label={t("Text in the step")}
          placeholder={t("Name, kind or a text in the inputs")}
          data-testid="find-query"
          data-autofocus=""
          value={query}
          onChange={(event) => setQuery(event.target.value)}
        />
      </form>
      <ul className="side-list find-list">
        {hits.map((hit) => (
          <li key={[...hit.scope, hit.action.id].join("/")}>
            <button type="button" className="side-row" data-testid={`find-${hit.action.id}`} onClick={() => goTo(hit)}>
              <span className="grow">
                <span className="side-row-title">{hit.action.name ?? hit.action.id}</span>
                <span className="muted">
                  {[...hit.scope, catalogue.names.get(hit.action.kind) ?? hit.action.kind].join(" › ")}
                </span>
              </span>
            </button>
          </li>
        ))}
        {query.trim() !== "" && hits.length === 0 && (
          <li className="muted side-text">{t("No step contains “{text}”.", { text: query })}</li>
        )}
      </ul>
    </Dialog>
  );
}
