/**
 * The page of the iframe: the same element, told by messages of the page around it what to open. Only pages of the
 * origins that the server names in this page are listened to and answered. Nothing of it stands in an address.
 */

import type { WorkflowEditorElement } from "./element";
import { define } from "./element";
import type { FrameSettings, FromFrame, FromHost } from "./protocol";
import { CHANNEL, EVENT_NAMES, readMessage } from "./protocol";

const hosts = document.querySelector<HTMLMetaElement>('meta[name="workflowkit-hosts"]')?.content ?? "";
const allowed = new Set([location.origin, ...hosts.split(" ")]);
const styles = [...document.querySelectorAll<HTMLLinkElement>('link[rel="stylesheet"]')].map(({ href }) => href);

interface Waiting {
  readonly resolve: (token: string) => void;
  readonly reject: (reason: Error) => void;
}

let host: string | undefined;
let requests = 0;
const waiting = new Map<number, Waiting>();
let shown: WorkflowEditorElement | undefined;

function send(message: FromFrame): void {
  if (host !== undefined) parent.postMessage(message, host);
}

function askForToken(): Promise<string> {
  requests += 1;
  const request = requests;
  return new Promise<string>((resolve, reject) => {
    waiting.set(request, { resolve, reject });
    send({ channel: CHANNEL, kind: "token-wanted", request });
  });
}

/** The element that shows what is wanted: the one that is there, or a new one in its place. */
function elementFor(tag: string): WorkflowEditorElement {
  if (shown?.localName === tag) return shown;
  shown?.remove();
  const made = document.createElement(tag) as WorkflowEditorElement;
  made.className = "frame-editor";
  made.getToken = askForToken;
  for (const name of EVENT_NAMES)
    made.addEventListener(name, (event) => {
      send({ channel: CHANNEL, kind: "event", name, detail: (event as CustomEvent<unknown>).detail });
    });
  shown = made;
  return made;
}

function open(settings: FrameSettings): void {
  const editor = elementFor(settings.approvals === true ? "workflow-approvals" : "workflow-editor");
  for (const [name, value] of Object.entries(settings.variables ?? {}))
    if (name.startsWith("--wk-")) editor.style.setProperty(name, value);
  editor.readOnly = settings.readOnly === true;
  editor.theme = settings.theme ?? "system";
  editor.locale = settings.locale ?? "en";
  editor.document = settings.document;
  editor.actions = settings.actions ?? [];
  editor.runId = settings.runId;
  editor.workflowId = settings.workflowId ?? "";
  if (!editor.isConnected) document.body.append(editor);
}

function receive(event: MessageEvent): void {
  if (event.source !== parent || !allowed.has(event.origin)) return;
  const message = readMessage<FromHost>(event);
  if (message === undefined) return;
  host = event.origin;
  if (message.kind === "open") open(message.settings);
  else {
    const waiter = waiting.get(message.request);
    waiting.delete(message.request);
    if (message.kind === "token") waiter?.resolve(message.token);
    else waiter?.reject(new Error(message.reason));
  }
}

define({ styles });
addEventListener("message", receive);
// Who is around is not known yet; this says nothing but that somebody may ask.
if (parent !== window) parent.postMessage({ channel: CHANNEL, kind: "ready" } satisfies FromFrame, "*");
