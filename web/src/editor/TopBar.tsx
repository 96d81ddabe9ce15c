import { useMay } from "../api/session";
import { withOptional } from "../document/scope";
import { pathTo } from "../shell/routes";
import { IconButton } from "../shell/ui/Button";
import { Icon } from "../shell/ui/Icon";
import { Link } from "../shell/ui/Link";
import type { MenuItem } from "../shell/ui/Menu";
import { Menu } from "../shell/ui/Menu";
import { PublishButton } from "./PublishButton";
import { SaveStatus } from "./SaveStatus";
import type { Panel } from "./store";
import { useDocument, useEditor, useEditorContext, useHost } from "./store";
import { counted, t } from "../locale/locale";

interface TopBarProps {
  readonly publishedVersion: number | null;
  readonly onPublished: (version: number) => void;
  readonly onTogglePalette: () => void;
  readonly menu: readonly MenuItem[];
}

/** The name of the workflow, whether it is saved and sound, and what can be done with all of it. */
export function TopBar({ publishedVersion, onPublished, onTogglePalette, menu }: TopBarProps): React.JSX.Element {
  const { store } = useEditorContext();
  const { isEmbedded, mayPublish } = useHost();
  const isPublisher = useMay("workflows:publish");
  const document = useDocument();
  const panel = useEditor((state) => state.panel);
  const isReadOnly = useEditor((state) => state.isReadOnly);
  const problemCount = useEditor((state) => state.problems.all.length);
  const errorCount = useEditor((state) => state.problems.errorCount);
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
      <span className="tag topbar-version">
        {publishedVersion === null ? t("Draft") : t("v{version} live", { version: publishedVersion })}
      </span>
      {!isReadOnly && <SaveStatus />}
      <span className="grow" />
      <button
        type="button"
        className={`button button-quiet problem-count ${errorCount > 0 ? "problem-count-error" : ""}`}
        aria-pressed={panel === "problems"}
        aria-label={problemCount === 0 ? t("No problems") : counted("{count} problems", problemCount)}
        data-testid="problems-button"
        onClick={() => toggle("problems")}
      >
        <Icon name={problemCount === 0 ? "circleCheck" : "alert"} />
        {problemCount === 0 ? <span className="topbar-long">{t("No problems")}</span> : problemCount}
      </button>
      <IconButton
        icon="history"
        label={t("Versions")}
        testId="versions-button"
        aria-pressed={panel === "versions"}
        onClick={() => toggle("versions")}
      />
      <IconButton
        icon="list"
        label={t("Outline")}
        testId="outline-button"
        aria-pressed={panel === "outline"}
        onClick={() => toggle("outline")}
      />
      {!isReadOnly && (
        <>
          <IconButton
            icon="play"
            label={t("Test run")}
            testId="test-button"
            aria-pressed={panel === "test"}
            onClick={() => toggle("test")}
          />
          <IconButton icon="plus" label={t("Actions")} testId="palette-button" onClick={onTogglePalette} />
        </>
      )}
      {isReadOnly && !isEmbedded && (
        <span className="tag" data-testid="read-only">
          {t("Read only")}
        </span>
      )}
      <Menu label={t("More")} icon="dots" items={menu} testId="more" />
      {mayPublish && isPublisher && !isReadOnly && <PublishButton onPublished={onPublished} />}
    </header>
  );
}
