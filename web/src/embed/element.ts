/**
 * `<workflow-editor>`: the editor as an element of any page; `<workflow-approvals>`: what its user is to decide. Each
 * lives in a shadow root, so that neither the page's styles nor its own touch the other. There may be one on a page at a
 * time.
 */

import type { Json } from "../base/json";
import type { ThemeChoice } from "../shell/theme";
import type { HostEventName, HostEvents } from "../editor/host";
import type { Mounted, Wanted } from "./mount";
import type { GetToken } from "./token";
import { TokenKeeper, readToken } from "./token";

const THEMES: readonly ThemeChoice[] = ["system", "light", "dark"];
const PROPERTIES = [
  "server",
  "workflowId",
  "runId",
  "token",
  "getToken",
  "document",
  "actions",
  "readOnly",
  "theme",
  "locale",
] as const;
/** The address of the application that this script was loaded from. */
const OWN_SERVER = new URL("..", import.meta.url).href.replace(/\/$/, "");

export interface ElementOptions {
  /** The editor's style sheets. */
  readonly styles: readonly string[];
}

let options: ElementOptions = { styles: [] };
let active: WorkflowEditorElement | undefined;

function takePlace(element: WorkflowEditorElement): void {
  active = element;
}

/** Lets pages use the element. */
export function define(given: ElementOptions): void {
  options = given;
  if (customElements.get("workflow-editor") !== undefined) return;
  customElements.define("workflow-editor", WorkflowEditorElement);
  customElements.define("workflow-approvals", WorkflowApprovalsElement);
}

export class WorkflowEditorElement extends HTMLElement {
  static readonly observedAttributes = [
    "server",
    "workflow-id",
    "run-id",
    "token",
    "actions",
    "read-only",
    "theme",
    "locale",
  ];

  /** Whether it shows what its user is asked to decide. */
  protected readonly isForApprovals: boolean = false;
  private getTokenCallback: GetToken | undefined;
  private given: Json | undefined;
  private mounted: Mounted | undefined;
  private mounting: Promise<Mounted> | undefined;
  private isScheduled = false;
  private readonly keeper = new TokenKeeper({
    getToken: () => this.getTokenCallback,
    onExpiring: (expiresAt) => this.tell("token-expiring", { expiresAt }),
    onFailure: (reason) => this.tell("error", { code: "no-token", message: String(reason) }),
    onOtherOwner: () => this.schedule(),
  });

  /** Where Workflow Kit is mounted; the place this script came from, unless said otherwise. */
  get server(): string {
    return (this.getAttribute("server") ?? OWN_SERVER).replace(/\/$/, "");
  }

  set server(value: string) {
    this.setAttribute("server", value);
  }

  get workflowId(): string {
    return this.getAttribute("workflow-id") ?? "";
  }

  set workflowId(value: string) {
    this.setAttribute("workflow-id", value);
  }

  /** A run that is shown, as it goes on, instead of the editor; "" for none. */
  get runId(): string {
    return this.getAttribute("run-id") ?? "";
  }

  set runId(value: string | undefined) {
    if (value === undefined || value === "") this.removeAttribute("run-id");
    else this.setAttribute("run-id", value);
  }

  /**
   * The document, where the page keeps it itself: the editor tells of each change and saves nothing. Another one is
   * shown in the place of what there is. Without one it is the draft that the server has.
   */
  get document(): Json | undefined {
    return this.given;
  }

  set document(value: Json | undefined) {
    this.given = value;
    this.schedule();
  }

  /** The kinds of actions that are offered, or beginnings of them such as "shop/*"; all are, unless there are some. */
  get actions(): readonly string[] {
    return (this.getAttribute("actions") ?? "").split(/\s+/).filter((name) => name !== "");
  }

  set actions(value: readonly string[]) {
    if (value.length === 0) this.removeAttribute("actions");
    else this.setAttribute("actions", value.join(" "));
  }

  /** What the server asks for. Better than the attribute, which stands in the page, is the property or `getToken`. */
  get token(): string | undefined {
    return this.keeper.current;
  }

  set token(value: string | undefined) {
    this.keeper.set(value);
    this.schedule();
  }

  /** Called for the first token and whenever the last one is about to end. */
  get getToken(): GetToken | undefined {
    return this.getTokenCallback;
  }

  set getToken(value: GetToken | undefined) {
    this.getTokenCallback = value;
    this.schedule();
  }

  get readOnly(): boolean {
    return this.hasAttribute("read-only");
  }

  set readOnly(value: boolean) {
    this.toggleAttribute("read-only", value);
  }

  get theme(): ThemeChoice {
    return THEMES.find((theme) => theme === this.getAttribute("theme")) ?? "system";
  }

  set theme(value: ThemeChoice) {
    this.setAttribute("theme", value);
  }

  get locale(): string {
    return this.getAttribute("locale") ?? "en";
  }

  set locale(value: string) {
    this.setAttribute("locale", value);
  }

  /** Saves what is unsaved; tells whether the server has all of it. Where the page keeps the document, tells `save`. */
  save(): Promise<boolean> {
    return this.mounted?.save() ?? Promise.resolve(false);
  }

  connectedCallback(): void {
    this.takeEarlyProperties();
    if (active !== undefined && active !== this) {
      this.tell("error", { code: "already-open", message: "there is a workflow editor on this page already" });
      return;
    }
    takePlace(this);
    this.keeper.set(this.keeper.current);
    this.schedule();
  }

  disconnectedCallback(): void {
    if (active !== this) return;
    active = undefined;
    this.keeper.stop();
    this.mounted?.unmount();
    this.mounted = undefined;
    this.mounting = undefined;
  }

  attributeChangedCallback(name: string, _: string | null, value: string | null): void {
    if (name === "token") this.keeper.set(value ?? undefined);
    this.schedule();
  }

  tell<Name extends HostEventName>(name: Name, detail: HostEvents[Name]): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** Pages may set properties before the script is there. */
  private takeEarlyProperties(): void {
    for (const name of PROPERTIES) {
      if (!Object.hasOwn(this, name)) continue;
      const value: unknown = Reflect.get(this, name);
      Reflect.deleteProperty(this, name);
      Reflect.set(this, name, value);
    }
  }

  /** Several attributes that are set in a row are drawn once. */
  private schedule(): void {
    if (this.isScheduled || active !== this) return;
    this.isScheduled = true;
    queueMicrotask(() => {
      this.isScheduled = false;
      void this.draw();
    });
  }

  private async draw(): Promise<void> {
    const isNamed = this.workflowId !== "" || this.runId !== "" || this.given !== undefined;
    const isNothing = !isNamed && !this.isForApprovals;
    if (active !== this || isNothing) return;
    try {
      if (this.keeper.current === undefined && !(this.getTokenCallback !== undefined && (await this.keeper.renew())))
        return;
      const { mount } = await import("./mount");
      // While that was loading, the element may have been taken out of the page.
      if (active !== this) return;
      this.mounting ??= mount(this, options.styles);
      const { mounting } = this;
      const mounted = await mounting;
      if (this.mounting !== mounting) return mounted.unmount();
      this.mounted = mounted;
      await mounted.draw(this.wanted());
    } catch (reason) {
      this.mounting = this.mounted === undefined ? undefined : this.mounting;
      this.tell("error", { code: "not-loaded", message: String(reason) });
    }
  }

  /** What is to be drawn, by what the page has said and what the token allows. */
  private wanted(): Wanted {
    const rights = readToken(this.keeper.current ?? "")?.rights ?? [];
    return {
      server: this.server,
      keeper: this.keeper,
      workflowId: this.workflowId,
      runId: this.runId === "" ? undefined : this.runId,
      isForApprovals: this.isForApprovals,
      mayDecide: rights.includes("decide") && !this.readOnly,
      document: this.given,
      actions: this.actions,
      isReadOnly: this.readOnly || !rights.includes("edit"),
      mayPublish: rights.includes("publish"),
      theme: this.theme,
      locale: this.locale,
    };
  }
}

export class WorkflowApprovalsElement extends WorkflowEditorElement {
  protected override readonly isForApprovals = true;
}
