/** What else people call the built-in actions: in n8n, Zapier or Make, or by what they want to have done. */

import type { Message } from "../locale/locale";
import { t } from "../locale/locale";

const KEYWORDS: Readonly<Record<string, Message>> = {
  send_email: "notify, notification, message, inform, tell, gmail, outlook",
  set: "variable, assign, compose, format, map, edit fields, transform, text",
  log: "debug, print, write down, note",
  "builtin:catch": "try, exception, failure, fallback",
  "builtin:create_callback": "webhook, link, resume",
  "builtin:delay_until": "sleep, pause, wait, date, schedule, later",
  "builtin:filter": "select, only, where, remove from list",
  "builtin:for_each": "loop, repeat, iterate, every, iterator",
  "builtin:if": "branch, check, compare, decide, else, router, path, split",
  publish_update: "realtime, live, progress, push",
  "builtin:reply": "response, respond, webhook, return",
  "builtin:run_workflow": "sub-workflow, subworkflow, call, invoke, start",
  emit_event: "trigger, publish, fire",
  stop: "finish, exit, terminate, abort, cancel",
  switch: "branch, case, router, route, path, split",
  "builtin:wait": "sleep, pause, delay, timer, hours, days",
  "builtin:wait_for_callback": "webhook, resume, pause",
  "builtin:wait_for_event": "pause, until, listen",
  http_request: "api, webhook, call, url, fetch, rest, service, slack, teams",
  "builtin:approval": "confirm, sign off, human, person, manual, review, decide, permission",
};

/** The words for a kind in the language of the page and in English; none for actions of the application. */
export function keywordsOf(kind: string): readonly string[] {
  const english = KEYWORDS[kind];
  return english === undefined ? [] : `${english}, ${t(english)}`.toLowerCase().split(", ");
}
