/** Draws the editor into the shadow root of its element. */

import { createRoot } from "react-dom/client";
import { connectTo } from "../api/session";
import { moveInto } from "../base/place";
import type { Tell } from "../editor/host";
import type { DraftSaver } from "../editor/saving";
import { localeOf, setLanguage } from "../locale/locale";
import type { ThemeChoice } from "../shell/theme";
import { followSystem, takeTheme, useTheme } from "../shell/theme";
import "../shell/styles/index.css";
import { EmbeddedEditor } from "./EmbeddedEditor";
import "./embed.css";
import type { WorkflowEditorElement } from "./element";
import type { TokenKeeper } from "./token";

export interface Wanted {
  readonly server: string;
  readonly keeper: TokenKeeper;
  readonly workflowId: string;
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
  const root = createRoot(container);
  const showTheme = (): void => void (container.dataset.theme = useTheme.getState().isDark ? "dark" : "light");
  const unsubscribe = useTheme.subscribe(showTheme);
  let saver: DraftSaver | undefined;
  const tell: Tell = (name, detail) => element.tell(name, detail);
  return {
    draw: async ({ server, keeper, workflowId, isReadOnly, mayPublish, theme, locale }) => {
      connectTo({ root: server, key: () => keeper.current, onUnauthenticated: () => keeper.renew() });
      takeTheme(theme);
      showTheme();
      await setLanguage(localeOf(locale));
      root.render(
        <EmbeddedEditor
          key={JSON.stringify([server, workflowId, isReadOnly, localeOf(locale)])}
          workflowId={workflowId}
          isReadOnly={isReadOnly}
          mayPublish={mayPublish}
          tell={tell}
          onOpened={(opened) => {
            saver = opened.saver;
          }}
        />,
      );
    },
    save: async () => (await saver?.flush())?.kind === "saved",
    unmount: () => {
      unsubscribe();
      root.unmount();
    },
  };
}

/** A style sheet that the host's policy does not ask about. Fonts have no place in shadow roots. */
async function loadSheet(address: string): Promise<CSSStyleSheet> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`the style sheet ${address} was answered with status ${response.status}`);
  const sheet = new CSSStyleSheet();
  await sheet.replace((await response.text()).replaceAll(/@font-face\s*\{[^}]*\}/g, ""));
  return sheet;
}
