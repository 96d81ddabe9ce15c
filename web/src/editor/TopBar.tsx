import { useMay } from "../api/session";
import { withOptional } from "../document/scope";
import { pathTo } from "../shell/routes";
import { Boundary, later } from "../shell/later";
import { IconButton } from "../shell/ui/Button";
import { Icon } from "../shell/ui/Icon";
import { Link } from "../shell/ui/Link";
import type { MenuItem } from "../shell/ui/Menu";
import { Menu } from "../shell/ui/Menu";
import { PublishButton } from "./PublishButton";
import { SaveStatus } from "./SaveStatus";
import type { Panel } from "./store";
import { useDocument, useEditor, useEditorContext, useHost } from "./store";
import { counted, t, withPanelWords } from "../locale/locale";

const Unpublished = later(() => withPanelWords(() => import("./Unpublished")).then((module) => module.Unpublished));

interface TopBarProps {
  readonly publishedVersion: number | null;
  readonly onPublished: (version: number) => void;
  readonly onTogglePalette: () => void;
  readonly isArchived: boolean;
  readonly menu: readonly MenuItem[];
}

/** The name of the workflow, whether it is saved and sound, and what can be done with all of it. */
export function TopBar(props: TopBarProps): React.JSX.Element {
  const { publishedVersion, onPublished, onTogglePalette, isArchived, menu } = props;
  const { store } = useEditorContext();
  const { isEmbedded, mayPublish, isKeeper } = useHost();
  const isPublisher = useMay("workflows:publish");
  const document = useDocument();
  const panel = useEditor((state) => state.panel);
  /** A host that keeps the document may have none on the server, which test runs need. */
  const hasWorkflow = useEditor((state) => state.workflowId !== "");
  const isReadOnly = useEditor((state) => state.isReadOnly);
  const toggle = (wanted: Panel): void => store.getState().show(panel === wanted ? "none" : wanted);
  return (
    <header className="topbar">
      {!isEmbedded && (
        <Link
          className="icon-button"
          href={pathTo("workflows")}
          aria-label={t("All workflows")}
          title={t("All workflows")}
        >
          <Icon name="arrowLeft" size={18} />
        </Link>
      )}
      <input
        className="title-input topbar-name"
        dir="auto"
        aria-label={t("Name of the workflow")}
        data-testid="workflow-name"
        placeholder={t("Untitled")}
        disabled={isReadOnly}
        value={document.name ?? ""}
        onChange={(event) => {
          const name = event.target.value;
          store.getState().edit((old) => withOptional(old, "name", name), t("rename the workflow"), "workflow name");
        }}
      />
      {!isKeeper && <DraftStatus publishedVersion={publishedVersion} />}
      <span className="grow" />
      <ProblemsButton isOpen={panel === "problems"} onToggle={() => toggle("problems")} />
      {!isKeeper && (
        <IconButton
          icon="history"
          label={t("Versions")}
          testId="versions-button"
          aria-pressed={panel === "versions"}
          onClick={() => toggle("versions")}
        />
      )}
      <IconButton
        icon="list"
        label={t("Outline")}
        testId="outline-button"
        aria-pressed={panel === "outline"}
        onClick={() => toggle("outline")}
      />
      {!isReadOnly && <IconButton icon="plus" label={t("Actions")} testId="palette-button" onClick={onTogglePalette} />}
      <ReadOnly isArchived={isArchived} />
      <Menu label={t("More")} icon="dots" items={menu} testId="more" />
      {!isReadOnly && hasWorkflow && <TestButton isOpen={panel === "test"} onToggle={() => toggle("test")} />}
      {mayPublish && isPublisher && !isReadOnly && !isKeeper && <PublishButton onPublished={onPublished} />}
    </header>
  );
}

/** That nothing can be changed; a host's page knows that where it has wanted it. */
function ReadOnly({ isArchived }: { readonly isArchived: boolean }): React.JSX.Element | null {
  const { isEmbedded } = useHost();
  const isReadOnly = useEditor((state) => state.isReadOnly);
  if (!isReadOnly || (isEmbedded && !isArchived)) return null;
  return (
    <span className="tag" data-testid="read-only">
      {t(isArchived ? "Archived" : "Read only")}
    </span>
  );
}

/** Which version is live, and whether the server has the draft. */
function DraftStatus({ publishedVersion }: { readonly publishedVersion: number | null }): React.JSX.Element {
  const isReadOnly = useEditor((state) => state.isReadOnly);
  return (
    <>
      <span className="tag topbar-version">
        {publishedVersion === null ? t("Draft") : t("v{version} live", { version: publishedVersion })}
      </span>
      {publishedVersion !== null && (
        <Boundary>
          <Unpublished version={publishedVersion} />
        </Boundary>
      )}
      {!isReadOnly && <SaveStatus />}
    </>
  );
}

interface ToggleProps {
  readonly isOpen: boolean;
  readonly onToggle: () => void;
}

function ProblemsButton({ isOpen, onToggle }: ToggleProps): React.JSX.Element {
  const count = useEditor((state) => state.problems.all.length);
  const errorCount = useEditor((state) => state.problems.errorCount);
  const worst = errorCount > 0 ? "error" : count > 0 ? "warning" : "none";
  return (
    <button
      type="button"
      className={`button button-quiet problem-count-${worst}`}
      aria-pressed={isOpen}
      aria-label={count === 0 ? t("No problems") : counted("{count} problems", count)}
      data-testid="problems-button"
      onClick={onToggle}
    >
      <Icon name={count === 0 ? "circleCheck" : "alert"} />
      {count === 0 ? <span className="topbar-long">{t("No problems")}</span> : count}
    </button>
  );
}

function TestButton({ isOpen, onToggle }: ToggleProps): React.JSX.Element {
  return (
    <button
      type="button"
      className="button topbar-test"
      aria-pressed={isOpen}
      aria-label={t("Test run")}
      data-testid="test-button"
      onClick={onToggle}
    >
      <Icon name="play" />
      <span className="topbar-long">{t("Test run")}</span>
    </button>
  );
}
