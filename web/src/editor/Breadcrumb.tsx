import { stepName } from "../document/names";
import { findAction } from "../document/scope";
import { Icon } from "../shell/ui/Icon";
import { useDocument, useEditor, useEditorContext } from "./store";
import { t } from "../locale/locale";

/** Which loop is open, and the way out of it. */
export function Breadcrumb(): React.JSX.Element | null {
  const { store } = useEditorContext();
  const document = useDocument();
  const scope = useEditor((state) => state.scope);
  const kinds = useEditor((state) => state.catalogue.names);
  if (scope.length === 0) return null;
  const name = (depth: number): string => {
    const id = scope[depth] ?? "";
    const action = findAction(document, scope.slice(0, depth), id);
    return action === undefined ? id : stepName(action, kinds);
  };
  return (
    <nav className="breadcrumb" aria-label={t("Where you are")} data-testid="breadcrumb">
      <button type="button" onClick={() => store.getState().enter([])}>
        {document.name === "" || document.name === null || document.name === undefined ? t("Workflow") : document.name}
      </button>
      {scope.map((id, depth) => (
        <span key={id} className="row">
          <Icon name="chevronRight" size={13} />
          <button
            type="button"
            aria-current={depth === scope.length - 1 ? "location" : undefined}
            onClick={() => store.getState().enter(scope.slice(0, depth + 1))}
          >
            {name(depth)}
          </button>
        </span>
      ))}
    </nav>
  );
}
