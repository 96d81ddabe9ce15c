import { useDocument, useEditor, useEditorContext } from "../editor/store";
import { IconButton } from "../shell/ui/Button";
import { Icon } from "../shell/ui/Icon";
import type { LocatedProblem } from "./locate";
import { t } from "../locale/locale";
import { tell } from "./told";

/** Everything that the server finds wrong. A click leads to the field. */
export function ProblemsPanel(): React.JSX.Element {
  const { store } = useEditorContext();
  const problems = useEditor((state) => state.problems.all);
  return (
    <section className="side-content" aria-label={t("Problems")} data-testid="problems">
      <header className="side-header">
        <h2>{t("Problems")}</h2>
        <IconButton icon="x" label={t("Close")} onClick={() => store.getState().show("none")} />
      </header>
      {problems.length === 0 && <p className="muted side-text">{t("There is nothing wrong with this workflow.")}</p>}
      <ul className="side-list">
        {problems.map((located) => (
          <li key={`${located.problem.pointer} ${located.problem.code} ${located.problem.message}`}>
            <ProblemRow located={located} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function ProblemRow({ located }: { readonly located: LocatedProblem }): React.JSX.Element {
  const { store } = useEditorContext();
  const document = useDocument();
  const catalogue = useEditor((state) => state.catalogue);
  const { problem, target } = located;
  const { text, where } = tell(document, catalogue, located);
  return (
    <button
      type="button"
      className="side-row"
      data-testid={`problem-${problem.code}`}
      onClick={() => store.getState().goTo(target)}
    >
      <span className={`problem-icon problem-icon-${problem.severity}`}>
        <Icon name="alert" />
      </span>
      <span className="grow">
        <span className="side-row-title">{text}</span>
        <span className="muted">
          <bdi>{where === "" ? t("Workflow") : where}</bdi>
        </span>
      </span>
    </button>
  );
}
