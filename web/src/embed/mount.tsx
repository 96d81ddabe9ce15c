/** Draws the editor into the shadow root of its element. */

import type { ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { connectTo, presentOwner } from "../api/session";
import type { Json } from "../base/json";
import { moveInto } from "../base/place";
import { documentJson } from "../editor/store";
import type { Tell } from "../editor/host";
import type { OpenedEditor } from "../editor/open";
import { localeOf, setLanguage, withPageWords, withPanelWords } from "../locale/locale";
import { Boundary, later, reportCaught } from "../shell/later";
import type { ThemeChoice } from "../shell/theme";
import { followSystem, takeTheme, useTheme } from "../shell/theme";
import "../shell/styles/index.css";
import { EmbeddedEditor } from "./EmbeddedEditor";
import "./embed.css";
import type { WorkflowEditorElement } from "./element";
import type { TokenKeeper } from "./token";
import { readToken } from "./token";

const EmbeddedRun = later(() => withPanelWords(() => import("./EmbeddedRun")).then((module) => module.EmbeddedRun));
const EmbeddedApprovals = later(() =>
  withPageWords(() => import("../approvals/EmbeddedApprovals")).then((module) => module.EmbeddedApprovals),
);

export interface Wanted {
  readonly server: string;
  readonly keeper: TokenKeeper;
  readonly workflowId: string;
  /** A run to be shown instead of the editor. */
  readonly runId: string | undefined;
  /** Whether approvals are to be shown instead, and whether the token allows to decide them. */
  readonly isForApprovals: boolean;
  readonly mayDecide: boolean;
  readonly document: Json | undefined;
  readonly actions: readonly string[];
  readonly isReadOnly: boolean;
  readonly mayPublish: boolean;
  readonly theme: ThemeChoice;
  readonly locale: string;
}

export interface Mounted {
  readonly draw: (wanted: Wanted) => Promise<void>;
  readonly save: () => Promise<boolean>;
  readonly unmount: () => void;
}

followSystem();

/** Prepares the shadow root of an element. Throws if a style sheet cannot be loaded. */
export async function mount(element: WorkflowEditorElement, styles: readonly string[]): Promise<Mounted> {
  const shadow = element.shadowRoot ?? element.attachShadow({ mode: "open" });
  shadow.adoptedStyleSheets = await Promise.all(styles.map(loadSheet));
  const container = document.createElement("div");
  container.className = "embed";
  container.tabIndex = -1;
  shadow.replaceChildren(container);
  moveInto(shadow, container);
  const root = createRoot(container, { onCaughtError: reportCaught });
  const showTheme = (): void => void (container.dataset.theme = useTheme.getState().isDark ? "dark" : "light");
  const unsubscribe = useTheme.subscribe(showTheme);
  let opened: OpenedEditor | undefined;
  let draws = 0;
  const tell: Tell = (name, detail) => element.tell(name, detail);
  return {
    draw: async (wanted) => {
      const { server, keeper, theme, locale } = wanted;
      connectTo({
        root: server,
        key: () => keeper.current,
        onUnauthenticated: () => keeper.renew(),
        owner: () => readToken(keeper.current ?? "")?.owner,
      });
      takeTheme(theme);
      showTheme();
      draws += 1;
      const turn = draws;
      await setLanguage(localeOf(locale));
      // Something else is wanted by now, maybe for somebody else.
      if (turn !== draws) return;
      root.render(
        shown(wanted, tell, (editor) => {
          opened = editor;
        }),
      );
    },
    save: async () => {
      if (opened === undefined) return false;
      const { saver, store } = opened;
      if (saver !== undefined) return (await saver.flush()).kind === "saved";
      tell("save", { workflowId: store.getState().workflowId, document: documentJson(store) });
      return true;
    },
    unmount: () => {
      unsubscribe();
      root.unmount();
    },
  };
}

/** What the element shows. What makes another editor necessary is part of its key. */
function shown(wanted: Wanted, tell: Tell, onOpened: (opened: OpenedEditor) => void): ReactNode {
  const { server, workflowId, runId, isForApprovals, isReadOnly, mayPublish, document, actions } = wanted;
  const language = localeOf(wanted.locale);
  const owner = presentOwner();
  if (isForApprovals)
    return (
      <Boundary>
        <EmbeddedApprovals
          key={JSON.stringify([server, owner, workflowId, runId, language])}
          workflowId={workflowId}
          runId={runId}
          isReadOnly={!wanted.mayDecide}
          tell={tell}
        />
      </Boundary>
    );
  if (runId !== undefined)
    return (
      <Boundary>
        <EmbeddedRun
          key={JSON.stringify([server, owner, runId, language])}
          runId={runId}
          mayDecide={wanted.mayDecide}
          tell={tell}
        />
      </Boundary>
    );
  return (
    <EmbeddedEditor
      key={JSON.stringify([server, owner, workflowId, isReadOnly, language, document === undefined, actions])}
      workflowId={workflowId}
      isReadOnly={isReadOnly}
      mayPublish={mayPublish}
      given={document}
      offered={actions}
      tell={tell}
      onOpened={onOpened}
    />
  );
}

/** A style sheet that the host's policy does not ask about. Fonts have no place in shadow roots. */
async function loadSheet(address: string): Promise<CSSStyleSheet> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`the style sheet ${address} was answered with status ${response.status}`);
  const sheet = new CSSStyleSheet();
  await sheet.replace((await response.text()).replaceAll(/@font-face\s*\{[^}]*\}/g, ""));
  return sheet;
}
