import { SOURCE } from "../document/types";
import { IconButton } from "../shell/ui/Button";
import { Icon } from "../shell/ui/Icon";
import { labelOf } from "../canvas/wire";
import { triggerLines } from "../config/triggers";
import { useDocument, useEditor, useEditorContext, useGraph } from "./store";
import { t } from "../locale/locale";

/** The workflow as a list: each step with where it leads. For screen readers, and for whoever prefers lists. */
export function OutlinePanel(): React.JSX.Element {
  const { store } = useEditorContext();
  const document = useDocument();
  const graph = useGraph();
  const catalogue = useEditor((state) => state.catalogue);
  const names = new Map(
    graph.actions.map((action) => [action.id, action.name ?? catalogue.names.get(action.kind) ?? action.id]),
  );
  const rows = [
    {
      id: SOURCE,
      name: t("Trigger"),
      detail: triggerLines(document).join(", ") || t("Nothing starts it yet"),
      ways: [{}],
    },
    ...graph.actions.map((action) => {
      const name = names.get(action.id) ?? action.id;
      const kindName = catalogue.names.get(action.kind) ?? action.kind;
      return { id: action.id, name, detail: name === kindName ? action.id : kindName, ways: catalogue.waysOf(action) };
    }),
  ];
  return (
    <section className="side-content" aria-label={t("Outline")} data-testid="outline">
      <header className="side-header">
        <h2>{t("Outline")}</h2>
        <IconButton icon="x" label={t("Close")} onClick={() => store.getState().show("none")} />
      </header>
      <ol className="side-list">
        {rows.map(({ id, name, detail, ways }) => (
          <li key={id}>
            <button
              type="button"
              className="side-row"
              onClick={() =>
                store
                  .getState()
                  .goTo(
                    id === SOURCE
                      ? { kind: "workflow", field: "" }
                      : { kind: "action", scope: store.getState().scope, id, field: "" },
                  )
              }
            >
              <span className="grow">
                <span className="side-row-title">
                  <bdi>{name}</bdi>
                </span>
                <span className="muted">{detail}</span>
              </span>
            </button>
            <ul className="outline-edges">
              {graph.edges
                .filter((edge) => edge.from === id)
                .map((edge) => {
                  const label = labelOf(edge, ways[catalogue.wayOf(edge, ways)]);
                  return (
                    <li key={edge.id}>
                      <button
                        type="button"
                        className="outline-edge"
                        onClick={() => store.getState().selectEdge(edge.id)}
                      >
                        <Icon name="chevronRight" size={13} />
                        <bdi>{names.get(edge.to) ?? edge.to}</bdi>
                        {label !== "" && <span className="tag">{label}</span>}
                      </button>
                    </li>
                  );
                })}
            </ul>
          </li>
        ))}
      </ol>
    </section>
  );
}
