import { useCallback, useEffect, useMemo, useState } from "react";
import { useMay, useSession } from "../api/session";
import { roomWidth } from "../base/place";
import { Canvas } from "../canvas/Canvas";
import { ConfigPanel } from "../config/ConfigPanel";
import { SOURCE } from "../document/types";
import { AddDialog, Palette } from "../palette/Palette";
import { Boundary, later, laterDialog } from "../shell/later";
import { notify } from "../shell/notices";
import { SkipLink } from "../shell/SkipLink";
import type { MenuItem } from "../shell/ui/Menu";
import { Breadcrumb } from "./Breadcrumb";
// At hand, so that no key is lost that is typed right after the one that opens it.
import { FindDialog } from "./FindDialog";
import { useEditorKeys } from "./keyboard";
import type { OpenedEditor } from "./open";
import { usePossible } from "./possible";
import type { EditorHost } from "./host";
import { APPLICATION } from "./host";
import { EditorContext, documentJson, useEditor, useEditorContext, useHost } from "./store";
import { TopBar } from "./TopBar";
import { useConnecting } from "./useConnecting";
import { useSamples } from "./useSamples";
import { useUrlSelection } from "./useUrlSelection";
import { useValidation } from "./useValidation";
import { t, withPanelWords } from "../locale/locale";

const ConflictDialog = laterDialog(() =>
  withPanelWords(() => import("./ConflictDialog")).then((module) => module.ConflictDialog),
);
const OutlinePanel = later(() => withPanelWords(() => import("./OutlinePanel")).then((module) => module.OutlinePanel));
const ProblemsPanel = later(() =>
  withPanelWords(() => import("../problems/ProblemsPanel")).then((module) => module.ProblemsPanel),
);
const HelpDialog = laterDialog(() => withPanelWords(() => import("./HelpDialog")).then((module) => module.HelpDialog));
const VersionsPanel = later(() =>
  withPanelWords(() => import("../versions/VersionsPanel")).then((module) => module.VersionsPanel),
);
const TestPanel = later(() => withPanelWords(() => import("../testrun/TestPanel")).then((module) => module.TestPanel));

/** From this width on the palette has room beside the canvas. */
const WIDE = 1200;

interface EditorProps {
  readonly opened: OpenedEditor;
  readonly host?: EditorHost;
}

export function Editor({ opened, host = APPLICATION }: EditorProps): React.JSX.Element {
  const { store, saver } = opened;
  const context = useMemo(() => ({ store, saver, host }), [store, saver, host]);
  return (
    <EditorContext value={context}>
      <EditorInside opened={opened} />
    </EditorContext>
  );
}

function EditorInside({ opened }: { readonly opened: OpenedEditor }): React.JSX.Element {
  const { store, saver, workflow } = opened;
  const [dialog, setDialog] = useState<"find" | "help" | undefined>(undefined);
  const host = useHost();
  const isReadOnly = useEditor((state) => state.isReadOnly);
  const isArchived = (workflow?.archived_at ?? null) !== null;
  const mayCopy = useMay("workflows:write") && workflow !== undefined && !host.isEmbedded;
  const [hasPalette, setPalette] = useState(!isReadOnly && roomWidth() >= WIDE);
  const closePalette = useCallback(() => setPalette(false), []);
  const [version, setVersion] = useState(workflow?.published_version ?? null);
  const connecting = useConnecting(store);
  useValidation(store);
  useSamples(store, host);
  usePossible(store);
  useUrlSelection(host.isEmbedded ? undefined : store);
  useLeaveWarning(opened);
  useEffect(() => () => store.getState().testRun?.going?.abort(), [store]);
  useSavingAfterLogin(opened);
  const keys = useMemo(
    () => ({
      find: () => setDialog("find"),
      help: () => setDialog("help"),
      save: () => {
        if (saver !== undefined) void saver.flush();
        else host.tell("save", { workflowId: store.getState().workflowId, document: documentJson(store) });
      },
      connect: connecting.begin,
    }),
    [store, saver, host, connecting.begin],
  );
  useEditorKeys(store, keys);
  return (
    <main className="editor">
      {host.isEmbedded && <SkipLink />}
      <TopBar
        publishedVersion={version}
        onPublished={(published) => {
          setVersion(published);
          host.tell("published", { workflowId: store.getState().workflowId, version: published });
        }}
        onTogglePalette={() => setPalette(!hasPalette)}
        isArchived={isArchived}
        menu={menuFor(opened, keys).filter(
          ({ testId }) => (!isReadOnly || testId !== "import") && (mayCopy || testId !== "duplicate"),
        )}
      />
      <div className="editor-main">
        {hasPalette && <Palette onClose={closePalette} />}
        <div className="editor-canvas">
          <Breadcrumb />
          <Canvas connectTarget={connecting.target} />
          {connecting.prompt !== undefined && (
            <div className="canvas-prompt" data-testid="connect-prompt">
              {connecting.prompt} <span className="muted">{t("arrows choose · Enter connects · Esc cancels")}</span>
            </div>
          )}
          <SidePanel />
        </div>
      </div>
      <AddDialog />
      <Conflict />
      {dialog === "find" && <FindDialog onClose={() => setDialog(undefined)} />}
      {dialog === "help" && <HelpDialog onClose={() => setDialog(undefined)} />}
    </main>
  );
}

function SidePanel(): React.JSX.Element | null {
  const { store } = useEditorContext();
  const panel = useEditor((state) => state.panel);
  const [selected] = useEditor((state) => state.selection.actions);
  if (panel === "none") return null;
  return (
    <aside className="side" aria-label={t("Details")} data-testid={panel === "config" ? "config" : "side"}>
      <Boundary about={`${panel} ${selected}`} onClose={() => store.getState().show("none")}>
        {panel === "config" && <ConfigPanel />}
        {panel === "problems" && <ProblemsPanel />}
        {panel === "outline" && <OutlinePanel />}
        {panel === "versions" && <VersionsPanel />}
        {panel === "test" && <TestPanel />}
      </Boundary>
    </aside>
  );
}

/** Asks about a conflict as soon as there is one; put off, it comes back with the next attempt to save. */
function Conflict(): React.JSX.Element | null {
  const save = useEditor((state) => state.save);
  const [postponed, setPostponed] = useState<unknown>(undefined);
  if (save.kind !== "conflict" || save.theirs === postponed) return null;
  return <ConflictDialog theirs={save.theirs} onClose={() => setPostponed(save.theirs)} />;
}

/** Leaving the page is asked about only while something is unsaved. Inside the application it is saved on the way. */
function useLeaveWarning({ saver }: OpenedEditor): void {
  useEffect(() => {
    const onLeave = (event: BeforeUnloadEvent): void => {
      if (saver?.isDirty === true) event.preventDefault();
    };
    addEventListener("beforeunload", onLeave);
    return () => {
      removeEventListener("beforeunload", onLeave);
      void saver?.flush();
    };
  }, [saver]);
}

/** What could not be saved because the session had ended is saved as soon as somebody has logged in again. */
function useSavingAfterLogin({ saver }: OpenedEditor): void {
  const logins = useSession((session) => session.logins);
  useEffect(() => {
    if (logins > 0) void saver?.flush();
  }, [saver, logins]);
}

interface MenuKeys {
  readonly find: () => void;
  readonly help: () => void;
}

function menuFor(opened: OpenedEditor, { find, help }: MenuKeys): readonly MenuItem[] {
  const { selectAction } = opened.store.getState();
  /** What is done with all of the document is loaded when it is asked for. */
  const call = (name: "importFile" | "exportFile" | "duplicateDraft") => (): void =>
    void withPanelWords(() => import("./whole")).then(
      (whole) => whole[name](opened),
      () => notify(t("This part could not be loaded"), "error"),
    );
  return [
    { label: t("Triggers and settings"), icon: "settings", onSelect: () => selectAction(SOURCE) },
    { label: t("Find a step"), icon: "search", onSelect: find },
    { label: t("Duplicate"), icon: "copy", testId: "duplicate", onSelect: call("duplicateDraft") },
    { label: t("Import"), icon: "upload", testId: "import", onSelect: call("importFile") },
    { label: t("Export"), icon: "download", testId: "export", onSelect: call("exportFile") },
    { label: t("Keys"), icon: "help", onSelect: help },
  ];
}
