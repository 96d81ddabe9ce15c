/** The editor as a React component: loads the element from the server of Workflow Kit, and sets its properties. */

import type { CSSProperties, ReactElement } from "react";
import { createElement, useEffect, useLayoutEffect, useRef } from "react";

export type { Channel, ChannelMessage, ChannelOptions, ChannelState } from "./channel.js";
export { useChannel } from "./channel.js";

/** What the editor tells, by the name of the callback. */
export interface WorkflowEditorEvents {
  /** What was changed: the document after it, and what has changed in it as a JSON Patch (RFC 6902). */
  readonly onChange?: (detail: {
    readonly workflowId: string;
    readonly document: unknown;
    readonly patch: readonly { readonly op: string; readonly path: string; readonly value?: unknown }[];
  }) => void;
  /** Somebody wants saved what the page keeps. */
  readonly onSave?: (detail: { readonly workflowId: string; readonly document: unknown }) => void;
  readonly onSaved?: (detail: { readonly workflowId: string; readonly savedAt: string }) => void;
  readonly onPublished?: (detail: { readonly workflowId: string; readonly version: number }) => void;
  readonly onProblems?: (detail: {
    readonly workflowId: string;
    readonly errorCount: number;
    readonly problems: readonly {
      readonly pointer: string;
      readonly code: string;
      readonly message: string;
      readonly severity: string;
    }[];
  }) => void;
  readonly onSelection?: (detail: {
    readonly workflowId: string;
    readonly actions: readonly string[];
    readonly edges: readonly string[];
  }) => void;
  /** How a run stands that is shown; without an id it is a test run. */
  readonly onRun?: (detail: {
    readonly workflowId: string;
    readonly runId?: string | undefined;
    readonly status: string;
  }) => void;
  readonly onError?: (detail: { readonly code: string; readonly message: string }) => void;
}

export interface WorkflowEditorProps extends WorkflowEditorEvents, ApprovalEvents {
  /** Where Workflow Kit is mounted: "https://flows.example.com", or "/workflows" in the same application. */
  readonly server: string;
  /** May be left out for a run, and for a document that the page keeps. */
  readonly workflowId?: string;
  /** Shows a run, as it goes on, instead of the editor. */
  readonly runId?: string;
  /** The document, where the page keeps it: give back what `onChange` tells, and save it yourself. */
  readonly document?: unknown;
  /** The kinds of actions that are offered, or beginnings of them such as "shop/*". All are, unless there are some. */
  readonly actions?: readonly string[];
  /** Asks one's own server for a token: at first, and whenever the last one is about to end. */
  readonly getToken: () => string | Promise<string>;
  readonly readOnly?: boolean;
  readonly theme?: "system" | "light" | "dark";
  readonly locale?: string;
  readonly className?: string;
  /** May set the `--wk-*` properties, too. */
  readonly style?: CSSProperties;
}

interface ApprovalEvents {
  /** Somebody has decided; `status` is what the approval has come to by that. */
  readonly onDecided?: (detail: {
    readonly workflowId: string;
    readonly runId: string;
    readonly approvalId: string;
    readonly status: string;
  }) => void;
}

export interface WorkflowApprovalsProps
  extends
    ApprovalEvents,
    Pick<WorkflowEditorEvents, "onError">,
    Pick<
      WorkflowEditorProps,
      "server" | "workflowId" | "runId" | "getToken" | "readOnly" | "theme" | "locale" | "className" | "style"
    > {}

interface EditorElement extends HTMLElement {
  server: string;
  workflowId: string;
  runId: string | undefined;
  document: unknown;
  actions: readonly string[];
  getToken: () => string | Promise<string>;
  readOnly: boolean;
  theme: string;
  locale: string;
}

const CALLBACKS = {
  change: "onChange",
  save: "onSave",
  saved: "onSaved",
  published: "onPublished",
  problems: "onProblems",
  selection: "onSelection",
  run: "onRun",
  decided: "onDecided",
  error: "onError",
} as const satisfies Readonly<Record<string, keyof WorkflowEditorEvents | keyof ApprovalEvents>>;

/** The editor of one workflow. One may be on the screen at a time. */
export function WorkflowEditor(props: WorkflowEditorProps): ReactElement {
  return useElement("workflow-editor", props);
}

/** What a user is asked to decide, and deciding it. It may be on the screen without an editor only. */
export function WorkflowApprovals(props: WorkflowApprovalsProps): ReactElement {
  return useElement("workflow-approvals", props);
}

function useElement(tag: string, props: WorkflowEditorProps): ReactElement {
  const { server, workflowId = "", runId, document, readOnly = false, theme = "system", locale = "en" } = props;
  const { className, style } = props;
  const actions = (props.actions ?? []).join(" ");
  const element = useRef<EditorElement>(null);
  const latest = useRef(props);
  useLayoutEffect(() => {
    latest.current = props;
  });
  useEffect(() => {
    // The address is the server's own; bundlers have nothing to find there.
    const script = `${server.replace(/\/$/, "")}/embed/workflow-editor.js`;
    import(/* @vite-ignore */ /* webpackIgnore: true */ script).catch((reason: unknown) =>
      latest.current.onError?.({ code: "not-loaded", message: String(reason) }),
    );
  }, [server]);
  useEffect(() => {
    const { current } = element;
    if (current === null) return;
    current.getToken = () => latest.current.getToken();
  }, []);
  useEffect(() => {
    if (element.current === null) return;
    const kinds = actions.split(" ").filter((kind) => kind !== "");
    Object.assign(element.current, { server, workflowId, runId, document, actions: kinds, readOnly, theme, locale });
  }, [server, workflowId, runId, document, actions, readOnly, theme, locale]);
  useEffect(() => {
    const { current } = element;
    const ends = Object.entries(CALLBACKS).map(([name, callback]) => {
      const listener = (event: Event): void =>
        (latest.current[callback] as ((detail: unknown) => void) | undefined)?.((event as CustomEvent<unknown>).detail);
      current?.addEventListener(name, listener);
      return () => current?.removeEventListener(name, listener);
    });
    return () => ends.forEach((end) => end());
  }, []);
  // oxlint-disable-next-line react/refs -- it is handed over, not read
  return createElement(tag, { ref: element, className, style });
}
