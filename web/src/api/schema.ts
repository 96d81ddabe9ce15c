// Written by scripts/api_types.py from the OpenAPI document. Do not edit.

import type { Json, JsonObject } from "../base/json";

export interface Action {
  /** What a workflow document calls it. */
  readonly kind: string;
  /** Its label. */
  readonly name: string;
  /** What it does. */
  readonly description: string;
  /** A URL or an inline SVG. */
  readonly icon: string | null;
  /** Where it stands in the editor's palette. */
  readonly category: string | null;
  /** JSON Schema of the inputs, with hints for forms; `x-options` marks those with options. */
  readonly inputs: JsonObject;
  /** JSON Schema of the output. */
  readonly outputs: JsonObject | null;
  /** Which edges may leave it. */
  readonly edges: JsonObject;
  /** How often a failed attempt is repeated. */
  readonly retries: number;
  /** The longest an attempt may take. */
  readonly timeout_seconds: number;
  /** The queue whose workers run it. */
  readonly queue: string;
  /** How often it may be executed at once; null: as often as may be. */
  readonly concurrency: ActionConcurrency | null;
  /** Whether it is undone by itself if a run fails or is cancelled after it. */
  readonly has_compensation: boolean;
}

export interface ActionConcurrency {
  /** The most steps of this kind that execute at once. */
  readonly limit: number;
  /** Among what they are counted: a tenant, an environment, or all of the installation. */
  readonly scope: string;
}

export interface ActionError {
  /** The class of the exception. */
  readonly name: string;
  /** Its message. */
  readonly message: string;
  /** A stable word for what happened. */
  readonly code: string;
  /** Whether trying again could help. */
  readonly retryable: boolean;
  /** The id of the handler's step that failed for good and ended it. */
  readonly step?: string;
}

export interface ActionList {
  /** In order of kind. */
  readonly items: readonly Action[];
}

export interface Alert {
  /** Its id. */
  readonly id: string;
  /** What people call it. */
  readonly name: string;
  /** The workflow or function that it is about; null for all. */
  readonly workflow_id: string | null;
  /** When it fires. */
  readonly condition: AlertCondition;
  /** How far back it looks at ended runs. */
  readonly window_seconds: number;
  /** How long the condition does not hold until it recovers. */
  readonly quiet_seconds: number;
  /** Whether it looks. */
  readonly enabled: boolean;
  /** How things stand. */
  readonly state: "ok" | "firing";
  /** Since when it has this state. */
  readonly since: string;
  /** When it was made. */
  readonly created_at: string;
  /** When it, or how it stands, was last changed. */
  readonly updated_at: string;
}

export interface AlertCondition {
  /** What is looked at. */
  readonly kind: "failure_count" | "failure_rate" | "consecutive_failures";
  /** Failed runs: of `failure_count` and `consecutive_failures`. */
  readonly failures?: number;
  /** The part of the runs that failed: of `failure_rate`. */
  readonly rate?: number;
  /** How many runs must have ended for a rate to count. */
  readonly min_runs?: number;
}

export interface AlertPage {
  /** Oldest first. */
  readonly items: readonly Alert[];
  /** Give this as `cursor` to get what follows; null at the end. */
  readonly next_cursor: string | null;
}

export interface AlertRule {
  /** What people call it. */
  readonly name: string;
  /** The workflow or function that it is about; null for all. */
  readonly workflow_id?: string | null;
  /** When it fires. */
  readonly condition: NewAlertCondition;
  /** How far back it looks at ended runs. Default: 60. */
  readonly window_seconds?: number;
  /** How long the condition does not hold until it recovers. Default: 300. */
  readonly quiet_seconds?: number;
  /** Whether it looks. Default: true. */
  readonly enabled?: boolean;
}

export interface App {
  /** What the ids of its functions begin with. */
  readonly id: string;
  /** What it calls itself. */
  readonly name: string;
  /** Where its functions are called; null if its code runs in this installation. */
  readonly url: string | null;
  /** The SDK that it is written with; null likewise. */
  readonly sdk: string | null;
  /** How its functions are executed: in this installation, by calls to its address, or by workers that connect. */
  readonly method: "code" | "http" | "connect";
  /** How many of its workers are connected. */
  readonly connection_count: number;
  /** The version of the code that is in force, if it says one. */
  readonly version: string | null;
  /** How many functions it has. */
  readonly function_count: number;
  /** When its functions last changed. */
  readonly synced_at: string;
  /** Whether its functions begin no runs. */
  readonly is_archived: boolean;
  /** Since when. */
  readonly archived_at: string | null;
}

export interface AppPage {
  /** In order of id. */
  readonly items: readonly App[];
  /** Give this as `cursor` to get what follows; null at the end. */
  readonly next_cursor: string | null;
}

export interface AppSync {
  /** Its id; null for one that changed nothing, which is not kept. */
  readonly id: string | null;
  /** The application; null if it failed before that was known. */
  readonly app_id: string | null;
  /** What came of it. */
  readonly status: "synced" | "unchanged" | "failed";
  /** Why it failed. */
  readonly error: string | null;
  /** The address of the app. */
  readonly url: string | null;
  /** The SDK that it is written with. */
  readonly sdk: string | null;
  /** The version of the code. */
  readonly app_version: string | null;
  /** How many functions the code has. */
  readonly function_count: number;
  /** The functions that were new or had changed. */
  readonly published: readonly string[];
  /** The functions that the code has no more. */
  readonly retired: readonly string[];
  /** When it was; of a failure that was repeated, the last time. */
  readonly at: string;
}

export interface AppSyncPage {
  /** Newest first. */
  readonly items: readonly AppSync[];
  /** Give this as `cursor` to get what follows; null at the end. */
  readonly next_cursor: string | null;
}

export interface AppToSync {
  /** Its address, such as `https://shop.example.com/api/inngest`. */
  readonly url: string;
}

export interface Approval {
  /** Its id. */
  readonly id: string;
  /** The run that asks. */
  readonly run_id: string;
  /** The workflow of the run. */
  readonly workflow_id: string;
  /** What the workflow is called now; its id, if it is gone. */
  readonly workflow_name: string;
  /** The step of the run that waits for it. */
  readonly step: string;
  /** What is to be decided. */
  readonly title: string;
  /** What one has to know for it; may be empty. */
  readonly description: string;
  /** The JSON Schema of what is to be entered with an approval; null if there is nothing. */
  readonly form: JsonObject | null;
  /** Who is asked; nobody in particular if empty. */
  readonly assignees: readonly string[];
  /** How many have to approve. */
  readonly needed: number;
  /** What rejects: `any` rejection, or so many that not enough are left (`all`). */
  readonly reject_on: "any" | "all";
  /** Where it is; `cancelled` if the run ended before. */
  readonly status: "open" | "approved" | "rejected" | "expired" | "cancelled";
  /** When it began. */
  readonly created_at: string;
  /** Until when it can be decided. */
  readonly expires_at: string;
  /** When it was decided, expired or cancelled. */
  readonly closed_at: string | null;
  /** What was decided so far, in order. */
  readonly decisions: readonly ApprovalDecision[];
}

export interface ApprovalDecision {
  /** Who: an assignee, or `key:<id>` of an API key that decided in its own name. */
  readonly actor: string;
  /** What. */
  readonly decision: "approved" | "rejected";
  /** Why; may be empty. */
  readonly comment: string;
  /** What was entered into the form; null for a rejection, and where there is no form. */
  readonly data: Json;
  /** When. */
  readonly at: string;
}

export interface ApprovalPage {
  /** The approvals. */
  readonly items: readonly Approval[];
  /** Give this as `cursor` to get what follows; null at the end. */
  readonly next_cursor: string | null;
}

export interface ApprovedIntent {
  /** The webhook. */
  readonly webhook: Webhook;
  /** The provider's address, with the webhook's URL as its parameter `url`. */
  readonly location: string;
}

export interface Attempt {
  /** Counts from 1. */
  readonly number: number;
  /** What it came to: `retry` means failed and tried again, `lost` that its worker died, `ignored` that its result came after the run had ended, null that it goes on. */
  readonly outcome: string | null;
  /** Why it failed. */
  readonly error: ActionError | null;
  /** The process that executed it. */
  readonly worker: string | null;
  /** When it began. */
  readonly started_at: string;
  /** When it ended. */
  readonly finished_at: string | null;
  /** When the next one may begin. */
  readonly retry_at: string | null;
}

export interface AuditEntry {
  /** Its number: entries of a tenant are numbered without a gap. */
  readonly seq: number;
  /** When. */
  readonly at: string;
  /** Who: `user:<id>`, `key:<id>`, `embed:<name>`, `developer`, `cli`, `program`, `oidc`; `nobody` for a login that failed. */
  readonly actor: string;
  /** The address from which it was asked for; empty if there was none. */
  readonly address: string;
  /** What. */
  readonly action: "login.succeeded" | "login.failed" | "session.ended" | "user.password_changed" | "user.created" | "user.roles_changed" | "user.disabled" | "user.enabled" | "key.created" | "key.revoked" | "workflow.published" | "workflow.enabled" | "workflow.disabled" | "workflow.paused" | "workflow.resumed" | "workflow.drained" | "workflow.undrained" | "workflow.archived" | "workflow.restored" | "run.repeated" | "run.moved" | "webhook.created" | "webhook.changed" | "webhook.rotated" | "webhook.deleted" | "secret.set" | "secret.deleted" | "alert.created" | "alert.changed" | "alert.deleted" | "app.archived" | "app.unarchived" | "embed_token.issued";
  /** What it was done to: `user:<id>`, `key:<id>`, `workflow:<id>` (`workflow:*` for all), `webhook:<name>`; empty where a login failed of somebody who is no user. */
  readonly subject: string;
  /** More of it, by kind of action. */
  readonly detail: JsonObject | null;
  /** SHA-256 of the entry and of the hash before it. */
  readonly hash: string;
}

export interface AuditPage {
  /** Newest first. */
  readonly items: readonly AuditEntry[];
  /** Give this as `cursor` to get what follows; null at the end. */
  readonly next_cursor: string | null;
}

export interface BrokerState {
  /** Which one. */
  readonly kind: "in-process" | "redis";
  /** Whether this process can reach it. */
  readonly is_reachable: boolean;
  /** Why not. */
  readonly trouble: string | null;
}

export interface Cause {
  /** Who did it: `key:` and the id of an API key, `developer`, `cli`, or what an application said. */
  readonly actor: string | null;
  /** Our id of the event that did it. */
  readonly event_id: string | null;
  /** The run whose end did it. */
  readonly run_id: string | null;
  /** The reason in the words of who did it. */
  readonly text: string | null;
}

export interface ChildRun {
  /** The run's id. */
  readonly id: string;
  /** The workflow. */
  readonly workflow_id: string;
  /** The published version that it executes to its end. */
  readonly version: number;
  /** Our id of the event that started it. */
  readonly event_id: string;
  /** Where it stands. */
  readonly status: "scheduled" | "queued" | "running" | "waiting" | "completed" | "failed" | "cancelled";
  /** How many steps failed in a way that the workflow provides for. */
  readonly handled_failures: number;
  /** The run that this one repeats. */
  readonly rerun_of: string | null;
  /** Who has repeated that one: `user:` or `key:` and an id, `developer`, `cli`, `program`, or what an application said. */
  readonly rerun_by: string | null;
  /** The part of the workflow that it executes, such as the id of a loop whose item it is; null for all of it. */
  readonly path: string | null;
  /** The run that began it. */
  readonly parent_run_id: string | null;
  /** The step of that run which did. */
  readonly parent_step: string | null;
  /** Why it failed. */
  readonly error: ActionError | null;
  /** Why it was cancelled: a stable word. */
  readonly reason: string | null;
  /** By whom or what it was cancelled. */
  readonly cause: Cause | null;
  /** When it was created. */
  readonly created_at: string;
  /** When its first step began. */
  readonly started_at: string | null;
  /** When it ended. */
  readonly finished_at: string | null;
  /** Of a loop's item: its key. */
  readonly key: string | null;
  /** Of a loop's item: its place in the list, from 0. */
  readonly index: number | null;
}

export interface Collection {
  /** The id of the batch or window. */
  readonly id: string;
  /** The workflow. */
  readonly workflow_id: string;
  /** `batch`, the window of a `debounce`, or `singleton`: it waits for a run to end. */
  readonly kind: "batch" | "debounce" | "singleton";
  /** How many events it has by now. */
  readonly events: number;
  /** The run that it started. */
  readonly run_id: string | null;
  /** Why it started none. */
  readonly reason: string | null;
  /** When its first event came. */
  readonly opened_at: string;
  /** When it started its run, or was given up. */
  readonly closed_at: string | null;
}

export interface Connection {
  /** Its id, a new one at each connection. */
  readonly id: string;
  /** The environment of its apps. */
  readonly environment: string;
  /** What the worker calls itself. */
  readonly instance: string;
  /** The apps whose functions it executes. */
  readonly apps: readonly ConnectionApp[];
  /** Whether it takes calls: only one that is ready does. */
  readonly status: "connected" | "ready" | "draining";
  /** Its language and the version of its SDK. */
  readonly sdk: string;
  /** How many calls it takes at a time. */
  readonly max_requests: number;
  /** How many it has. */
  readonly busy_count: number;
  /** When it connected. */
  readonly connected_at: string;
  /** When its gateway last said that it is there, which it does every 5 seconds. */
  readonly seen_at: string;
}

export interface ConnectionApp {
  /** Its id. */
  readonly id: string;
  /** The version of its code that the worker has, if it says one. */
  readonly version: string | null;
}

export interface ConnectionList {
  /** Those that connected first come first. */
  readonly items: readonly Connection[];
}

export interface CreatedKey {
  /** The key's id. */
  readonly id: string;
  /** Who uses it. */
  readonly name: string;
  /** How the key begins. */
  readonly prefix: string;
  /** The environment it belongs to. */
  readonly environment: string;
  /** The tenant it belongs to. */
  readonly tenant: string;
  /** What it may do. */
  readonly permissions: readonly string[];
  /** The only events it may send; null for all. */
  readonly event_names: readonly string[] | null;
  /** When it was made. */
  readonly created_at: string;
  /** When it was last used, to the minute. */
  readonly last_used_at: string | null;
  /** When it was revoked. */
  readonly revoked_at: string | null;
  /** Who has made it: `user:` or `key:` and an id, `program` for the application or the command line; null if it is not known. */
  readonly created_by: string | null;
  /** The key itself. It is shown this once. */
  readonly key: string;
}

export interface DatabaseState {
  /** Which one. */
  readonly kind: "sqlite" | "postgresql";
  /** How long a look at all queues took. */
  readonly latency_ms: number;
  /** The revision of its tables. */
  readonly revision: string | null;
  /** Whether these are the tables that this version needs. */
  readonly is_current: boolean;
}

export interface Decision {
  /** The workflow; null where the reason is the event's own. */
  readonly workflow_id: string | null;
  /** A stable word for the reason. */
  readonly reason: string;
  /** The same for people. */
  readonly detail: string | null;
  /** The run that is there instead, or the event, if the reason is `idempotent`, `duplicate` or `superseded`. */
  readonly other_id: string | null;
  /** The run that is there instead, or that the event there began. */
  readonly run_id: string | null;
  /** When this was decided. */
  readonly at: string;
}

export interface DeclaredEvent {
  /** Its name. */
  readonly name: string;
  /** A JSON Schema of its data. */
  readonly data: JsonObject;
}

export interface DeliveryOutcome {
  /** What became of it. */
  readonly status: "accepted" | "duplicate" | "ignored" | "refused";
  /** When. */
  readonly at: string;
  /** Why it was ignored or refused, or that it was `sent-again`, as a code; else null. */
  readonly reason: string | null;
  /** What was wrong with a genuine one of which no event could be made; else null. */
  readonly detail: string | null;
  /** The first 20 of its events. */
  readonly events: readonly NamedEvent[];
  /** Whether there may have been more that ended in this way: of refused ones, and of those that were sent again, only the last for each reason is kept, to 10 seconds. */
  readonly is_last_of_its_kind: boolean;
}

export interface DeliveryOutcomes {
  /** Newest first: up to 50 genuine ones, and the last for each reason of the others. */
  readonly items: readonly DeliveryOutcome[];
}

export interface DeliveryToTry {
  /** The method. Default: POST. */
  readonly method?: "POST" | "PUT" | "GET";
  /** The headers, by name. */
  readonly headers?: JsonObject;
  /** The query string's parameters; each has a list of values. */
  readonly query?: JsonObject;
  /** The body, as JSON. */
  readonly body?: Json;
  /** The body as text, in place of `body`; its type stands in the headers. */
  readonly raw?: string;
  /** A transform to try instead of the stored one. */
  readonly transform?: JsonObject | null;
}

export interface DocumentBody {
  /** A workflow document, as described by schemas/workflow.schema.json. */
  readonly document: JsonObject;
}

export interface Draft {
  /** The workflow. */
  readonly workflow_id: string;
  /** Grows by one with every change. */
  readonly revision: number;
  /** The document. */
  readonly document: JsonObject;
  /** When it was last changed. */
  readonly updated_at: string;
}

export interface DryEdge {
  /** Its id: its own in the document, else `<from>-><to>#<index>`. */
  readonly id: string;
  /** The action it leaves, or `$source`. */
  readonly from: string;
  /** The action it leads to. */
  readonly to: string;
  /** Whether it was taken; null if that is not decided. */
  readonly state: "taken" | "not_taken" | "dead" | null;
}

export interface DryRun {
  /** How it ended; `waiting` if it stopped at what is missing. */
  readonly status: "scheduled" | "queued" | "running" | "waiting" | "completed" | "failed" | "cancelled";
  /** What the run would give. */
  readonly output: Json;
  /** Why it failed. */
  readonly error: ActionError | null;
  /** The executed actions, in the order in which they ended. */
  readonly path: readonly string[];
  /** The actions that it came to, by their place in the document. */
  readonly steps: readonly DryStep[];
  /** All edges. */
  readonly edges: readonly DryEdge[];
  /** At what it stopped. */
  readonly missing: readonly Missing[];
  /** Events that would be sent: `name` and `data`. */
  readonly events: readonly JsonObject[];
  /** How long it would have waited. */
  readonly slept_seconds: number;
}

export interface DryRunRequest {
  /** The document. Default: the draft. */
  readonly document?: JsonObject;
  /** The event: `name` and `data`. Default: one of the first trigger, without data. */
  readonly event?: JsonObject;
  /** What stands for actions, by kind or `node:<action id>`, and for what they open, by `step:<action id>/<step id>`: objects with `output`, `error`, `event` or `timeout`. */
  readonly stubs?: JsonObject;
  /** Events that come while it goes on: `name`, `data`, and `after`, from its start. */
  readonly events?: readonly JsonObject[];
  /** Go no further than this action. */
  readonly until?: string;
  /** Outputs of other actions, by id: execute `until` alone, as if these had come before it. */
  readonly state?: JsonObject;
  /** Stubs of signals that are waited for, by name. */
  readonly signals?: JsonObject;
  /** Stubs of workflows and functions that are run, by id. */
  readonly invokes?: JsonObject;
}

export interface DryStep {
  /** The action's id in the document. */
  readonly id: string;
  /** The kind of action. */
  readonly kind: string;
  /** The action's name in the document. */
  readonly name: string;
  /** Where it stands; `waiting` if it is one of those that are missing something. */
  readonly status: "ready" | "running" | "sleeping" | "waiting" | "completed" | "failed" | "skipped" | "cancelled";
  /** What it was given, with references resolved. */
  readonly inputs: JsonObject | null;
  /** What later steps see of it. */
  readonly output: Json;
  /** Why it failed. */
  readonly error: ActionError | null;
  /** How often it was tried. */
  readonly attempts: number;
  /** Why it was skipped or cancelled. */
  readonly reason: string | null;
}

export interface Editable {
  /** The version that would be executed. */
  readonly version: number;
  /** The permissions that the caller lacks to edit the inputs of the step. */
  readonly inputs_need: readonly string[];
  /** The permissions that the caller lacks to edit the data. */
  readonly data_need: readonly string[];
}

export interface EmbedToken {
  /** The token. It is shown this once. */
  readonly token: string;
  /** When it ends. */
  readonly expires_at: string;
}

export interface Event {
  /** Our id. */
  readonly id: string;
  /** The sender's id. */
  readonly event_id: string | null;
  /** What happened. */
  readonly name: string;
  /** What is to be known about it. */
  readonly data: JsonObject;
  /** When it happened, in milliseconds since 1970. */
  readonly ts: number;
  /** Version of the data's shape. */
  readonly v: string | null;
  /** Deprecated field of the event. */
  readonly user: Json;
  /** Metadata of the event. */
  readonly meta: Json;
  /** The webhook it came through; null if a sender with a key sent it. */
  readonly webhook: string | null;
  /** When it was accepted. */
  readonly received_at: string;
  /** Our id of the earlier event with the same sender's id: this one started nothing. */
  readonly duplicate_of: string | null;
  /** The run that emitted it. */
  readonly source_run_id: string | null;
}

export interface EventDetail {
  /** Our id. */
  readonly id: string;
  /** The sender's id. */
  readonly event_id: string | null;
  /** What happened. */
  readonly name: string;
  /** What is to be known about it. */
  readonly data: JsonObject;
  /** When it happened, in milliseconds since 1970. */
  readonly ts: number;
  /** Version of the data's shape. */
  readonly v: string | null;
  /** Deprecated field of the event. */
  readonly user: Json;
  /** Metadata of the event. */
  readonly meta: Json;
  /** The webhook it came through; null if a sender with a key sent it. */
  readonly webhook: string | null;
  /** When it was accepted. */
  readonly received_at: string;
  /** Our id of the earlier event with the same sender's id: this one started nothing. */
  readonly duplicate_of: string | null;
  /** The run that emitted it. */
  readonly source_run_id: string | null;
  /** Whether it still waits to be matched with workflows. */
  readonly is_pending: boolean;
  /** The runs it started. */
  readonly runs: readonly Run[];
  /** The runs that waited for it. */
  readonly resumed: readonly Resumed[];
  /** The workflows it did not start, and why. */
  readonly decisions: readonly Decision[];
  /** The batches and windows that it is in: it starts runs together with others. */
  readonly collections: readonly Collection[];
  /** What the workflows that it names are called now, by id; those that are gone are left out. */
  readonly workflow_names: JsonObject;
}

export interface EventPage {
  /** Newest first. */
  readonly items: readonly Event[];
  /** Give this as `cursor` to get what follows; null at the end. */
  readonly next_cursor: string | null;
}

export interface EventType {
  /** The name. */
  readonly name: string;
  /** How many came in the span. */
  readonly count: number;
  /** Whether there are more: only the newest `counted_events` are counted. */
  readonly is_capped: boolean;
  /** When the last one came, in the span or before. */
  readonly last_at: string | null;
  /** How many came in each part of the span, the oldest first; the last part goes on. */
  readonly counts: readonly number[];
  /** Workflows and functions with a trigger for this name, or a pattern that takes it in; of `workflow/schedule.fired` also those with a schedule. */
  readonly workflow_ids: readonly string[];
}

export interface EventTypePage {
  /** In order of their names. */
  readonly items: readonly EventType[];
  /** Give this as `cursor` to get what follows; null at the end. */
  readonly next_cursor: string | null;
  /** When the first part of the span begins. */
  readonly starts_at: string;
  /** How long a part is. */
  readonly part_seconds: number;
  /** What the workflows that it names are called now, by id; those that are gone are left out. */
  readonly workflow_names: JsonObject;
}

export interface Function {
  /** `<app id>/<function id>`: the `workflow_id` of its runs. */
  readonly id: string;
  /** The application whose code it is. */
  readonly app_id: string;
  /** The version of the code that is in force. */
  readonly app_version: string | null;
  /** What to show. */
  readonly name: string;
  /** What it does, if the code says. */
  readonly description: string | null;
  /** Whether events start it. Functions that the code has no more do not listen. */
  readonly enabled: boolean;
  /** The version that new runs start on; it grows when what the code declares changes. */
  readonly version: number;
  /** What starts it, as in a document. */
  readonly triggers: readonly JsonObject[];
  /** Its settings, as in a document. */
  readonly settings: JsonObject;
  /** When it was last changed. */
  readonly updated_at: string;
}

export interface FunctionPage {
  /** In order of id. */
  readonly items: readonly Function[];
  /** Give this as `cursor` to get what follows; null at the end. */
  readonly next_cursor: string | null;
}

export interface Gathered {
  /** `batch`, or the window of a `debounce`. */
  readonly kind: "batch" | "debounce";
  /** How many there are. */
  readonly events: number;
  /** Their ids, in order of arrival; no more than a page. */
  readonly event_ids: readonly string[];
}

export interface Health {
  /** `ok`; anything else is answered as an error. */
  readonly status: string;
}

export interface InnerStep {
  /** Its key: `<id of the action>/<id of the step>`. */
  readonly id: string;
  /** `code` that was executed, or what is waited for: `sleep`, `event`, `signal`, `run`, `loop`, `approval` or `callback`. */
  readonly type: string;
  /** The event, the signal or the workflow that is waited for; may be empty. */
  readonly name: string;
  /** What the event has to fulfil, besides. */
  readonly condition: string | null;
  /** Where it stands. */
  readonly status: "ready" | "running" | "sleeping" | "waiting" | "completed" | "failed" | "skipped" | "cancelled";
  /** What it came to. */
  readonly output: Json;
  /** Why it failed, or failed last. */
  readonly error: ActionError | null;
  /** When waiting began. */
  readonly started_at: string | null;
  /** When it ended. */
  readonly finished_at: string | null;
  /** When an open wait ends by itself, or what failed is repeated. */
  readonly until: string | null;
}

export interface Intent {
  /** What the provider calls it. */
  readonly name: string;
  /** The name that the webhook would have. */
  readonly webhook: string;
  /** Where the new URL would go. */
  readonly redirect_uri: string;
  /** The host of that address, to be shown to whoever approves. */
  readonly redirect_host: string;
}

export interface Job {
  /** The job's id. */
  readonly id: string;
  /** What it does to its runs. */
  readonly kind: "cancel" | "replay";
  /** Where it is. */
  readonly state: "running" | "done" | "stopped";
  /** The reasons for which the events were skipped that it replays; empty if it is about runs. */
  readonly skipped: readonly string[];
  /** How many runs or events were chosen when it was made. */
  readonly matched_count: number;
  /** How many it has taken up. */
  readonly begun_count: number;
  /** How many of those are done with. */
  readonly done_count: number;
  /** Why. */
  readonly reason: string | null;
  /** When it was made. */
  readonly created_at: string;
  /** When it ended. */
  readonly finished_at: string | null;
}

export interface JobCount {
  /** How many runs or events; at most, if there is a condition. */
  readonly matched_count: number;
}

export interface JobPage {
  /** Newest first. */
  readonly items: readonly Job[];
  /** Give this as `cursor` to get what follows; null at the end. */
  readonly next_cursor: string | null;
}

export interface Key {
  /** The key's id. */
  readonly id: string;
  /** Who uses it. */
  readonly name: string;
  /** How the key begins. */
  readonly prefix: string;
  /** The environment it belongs to. */
  readonly environment: string;
  /** The tenant it belongs to. */
  readonly tenant: string;
  /** What it may do. */
  readonly permissions: readonly string[];
  /** The only events it may send; null for all. */
  readonly event_names: readonly string[] | null;
  /** When it was made. */
  readonly created_at: string;
  /** When it was last used, to the minute. */
  readonly last_used_at: string | null;
  /** When it was revoked. */
  readonly revoked_at: string | null;
  /** Who has made it: `user:` or `key:` and an id, `program` for the application or the command line; null if it is not known. */
  readonly created_by: string | null;
}

export interface KeyPage {
  /** Newest first. */
  readonly items: readonly Key[];
  /** Give this as `cursor` to get what follows; null at the end. */
  readonly next_cursor: string | null;
}

export interface LastRun {
  /** The run's id. */
  readonly id: string;
  /** Where it stands. */
  readonly status: "scheduled" | "queued" | "running" | "waiting" | "completed" | "failed" | "cancelled";
  /** When it was created. */
  readonly created_at: string;
}

export interface ListedRun {
  /** The run's id. */
  readonly id: string;
  /** The workflow. */
  readonly workflow_id: string;
  /** The published version that it executes to its end. */
  readonly version: number;
  /** Our id of the event that started it. */
  readonly event_id: string;
  /** Where it stands. */
  readonly status: "scheduled" | "queued" | "running" | "waiting" | "completed" | "failed" | "cancelled";
  /** How many steps failed in a way that the workflow provides for. */
  readonly handled_failures: number;
  /** The run that this one repeats. */
  readonly rerun_of: string | null;
  /** Who has repeated that one: `user:` or `key:` and an id, `developer`, `cli`, `program`, or what an application said. */
  readonly rerun_by: string | null;
  /** The part of the workflow that it executes, such as the id of a loop whose item it is; null for all of it. */
  readonly path: string | null;
  /** The run that began it. */
  readonly parent_run_id: string | null;
  /** The step of that run which did. */
  readonly parent_step: string | null;
  /** Why it failed. */
  readonly error: ActionError | null;
  /** Why it was cancelled: a stable word. */
  readonly reason: string | null;
  /** By whom or what it was cancelled. */
  readonly cause: Cause | null;
  /** When it was created. */
  readonly created_at: string;
  /** When its first step began. */
  readonly started_at: string | null;
  /** When it ended. */
  readonly finished_at: string | null;
  /** What the workflow is called now; its id, if it is gone. */
  readonly workflow_name: string;
  /** What the columns that were asked for show of it, by column: a list or an object as text, and long ones cut off. Null without columns, or if it is too large to look into. */
  readonly values: JsonObject | null;
}

export interface ListedWorkflow {
  /** The workflow's id. */
  readonly id: string;
  /** The name in its draft. */
  readonly name: string;
  /** Whether events start it, once it is published. */
  readonly enabled: boolean;
  /** The version that new runs execute. */
  readonly published_version: number | null;
  /** When it was created. */
  readonly created_at: string;
  /** When it was last changed. */
  readonly updated_at: string;
  /** Since when it is archived: it starts nothing, and nobody changes it. */
  readonly archived_at: string | null;
  /** The newest first, as many as were asked for. */
  readonly last_runs: readonly LastRun[];
}

export interface LogLine {
  /** Its id; ids are in the order of time. */
  readonly id: string;
  /** The step; `<id of the action>/<id of the step>` inside a step that the handler opened. */
  readonly step: string;
  /** The attempt of the action. */
  readonly attempt: number;
  /** How serious it is. */
  readonly level: "debug" | "info" | "warning" | "error";
  /** What it says, with the traceback if there is one. */
  readonly message: string;
  /** When it was logged. */
  readonly at: string;
}

export interface LogPage {
  /** Oldest first. */
  readonly items: readonly LogLine[];
  /** Give this as `cursor` to get what follows; null at the end. */
  readonly next_cursor: string | null;
}

export interface LoginMethods {
  /** Whether with a name and a password. */
  readonly password: boolean;
  /** What the OpenID provider is called, if there is one: `GET /login/oidc` leads there. */
  readonly oidc: string | null;
  /** Where the host application lets people log in, if that is where they do. */
  readonly login_url: string | null;
}

export interface Looked {
  /** How many runs were looked through. */
  readonly runs: number;
  /** The time of the last one. */
  readonly back_to: string | null;
  /** Whether a limit ended it before the page was full: `next_cursor` goes on from there. */
  readonly is_stopped: boolean;
  /** On how many of them the expression could not be evaluated; those are left out. */
  readonly unreadable: number;
  /** What would let less be looked through. */
  readonly hint: string | null;
}

export interface Missing {
  /** The id of the action. */
  readonly step: string;
  /** The kind of action. */
  readonly kind: string;
  /** What it waits for: `event`, `signal`, `run` and so on; null if the action itself has neither a stub nor a dry run of its own. */
  readonly waits_for: string | null;
  /** The name of the event or the signal, or what is to be run. */
  readonly name: string | null;
  /** The key under which a stub can say. */
  readonly stub: string;
}

export interface Move {
  /** Whether it was moved. */
  readonly is_moved: boolean;
  /** The version. */
  readonly version: number;
  /** What stands against it. */
  readonly problems: readonly Problem[];
  /** Steps that have ended, and that the version does not have. */
  readonly removed_steps: readonly string[];
  /** Steps that the version has, and the run's own has not. */
  readonly added_steps: readonly string[];
}

export interface MoveBody {
  /** The version: its number, or `latest` (the default). */
  readonly version?: Json;
  /** Only say what stands against it. */
  readonly dry_run?: boolean;
}

export interface NamedEvent {
  /** Our id of it. */
  readonly id: string;
  /** Its name. */
  readonly name: string;
}

export interface NewAlertCondition {
  /** What is looked at. */
  readonly kind: "failure_count" | "failure_rate" | "consecutive_failures";
  /** Failed runs: of `failure_count` and `consecutive_failures`. */
  readonly failures?: number;
  /** The part of the runs that failed, up to 1: of `failure_rate`. */
  readonly rate?: number;
  /** How many runs must have ended for a rate to count. */
  readonly min_runs?: number;
}

export interface NewDecision {
  /** What. */
  readonly decision: "approved" | "rejected";
  /** Why. */
  readonly comment?: string;
  /** What the form asks for; only with an approval. */
  readonly data?: Json;
  /** In whose name; needs the permission `approvals:impersonate`. Left out: in the name of the key. */
  readonly actor?: string;
}

export interface NewDrain {
  /** Why, for people. */
  readonly reason?: string;
}

export interface NewDuplicate {
  /** 1 to 64 of a-z, 0-9, dot, hyphen and underscore. Default: a new one. */
  readonly id?: string;
  /** The name in its draft, 1 to 200 characters. Default: that of the other. */
  readonly name?: string;
}

export interface NewEmbedToken {
  /** The only workflow that it opens. Default: all of the tenant. */
  readonly workflow_id?: string | null;
  /** What it allows; you must hold the permissions for it yourself. Default: `view`. */
  readonly rights?: readonly ("view" | "edit" | "publish" | "run" | "decide")[];
  /** How long it is good. Default: 900; the limit is `embed_token_seconds`. */
  readonly ttl_seconds?: number;
  /** The name of your user, kept with what they do. */
  readonly user?: string | null;
}

export interface NewEvent {
  /** What happened, such as `order/paid`. */
  readonly name: string;
  /** What is to be known about it. */
  readonly data: JsonObject;
  /** Your id: of events with the same id only the first starts workflows, within 24 hours; batches and debounces take all of them. */
  readonly id?: string | null;
  /** When it happened, in milliseconds since 1970. Default: now. */
  readonly ts?: number | null;
  /** Version of the data's shape. */
  readonly v?: string | null;
  /** Deprecated: put it into `data`. */
  readonly user?: JsonObject | null;
  /** Metadata. */
  readonly meta?: JsonObject | null;
}

export interface NewIntent {
  /** What the provider calls it. */
  readonly name: string;
  /** Where the new URL is to go. */
  readonly redirect_uri: string;
}

export interface NewJob {
  /** `cancel`, or `replay`: repeat them. */
  readonly kind: "cancel" | "replay";
  /** Runs in these states. Default: all that have not ended (cancel), or failed ones (replay). */
  readonly statuses?: readonly ("scheduled" | "queued" | "running" | "waiting" | "completed" | "failed" | "cancelled")[];
  /** Runs of this workflow or function. Default: all. */
  readonly workflow_id?: string;
  /** Runs created from then on; events skipped from then on. */
  readonly created_after?: string;
  /** Runs created, or events skipped, before then. Default: now. */
  readonly created_before?: string;
  /** An expression over `event` that must be true. */
  readonly condition?: string;
  /** Of a replay: not runs, but the events that a workflow skipped for these reasons in this time. Each of them starts that workflow only, on its published version, under its flow control, as if it came now. */
  readonly skipped?: readonly ("drained" | "paused" | "archived" | "disabled")[];
  /** Why, for people. */
  readonly reason?: string;
  /** How many runs or events are repeated a second, 0.001 to 1000. Default: 50. */
  readonly rate_per_second?: number;
  /** Repeat on the `original` version (the default) or the `latest`. */
  readonly version?: string;
}

export interface NewKey {
  /** Who uses it. */
  readonly name: string;
  /** What it may do; you must hold each yourself. */
  readonly permissions: readonly ("events:send" | "workflows:read" | "workflows:write" | "workflows:publish" | "workflows:pause" | "runs:read" | "runs:write" | "actions:read" | "keys:admin" | "webhooks:read" | "webhooks:write" | "signals:send" | "http:call" | "approvals:read" | "approvals:decide" | "approvals:impersonate" | "approvals:override" | "runs:decrypt" | "alerts:read" | "alerts:write" | "system:read" | "metrics:read" | "embed:issue" | "apps:write" | "users:admin" | "audit:read" | "secrets:read" | "secrets:write" | "limits:share")[];
  /** The only events that a key for sending may send: names, or beginnings of names with * at the end. Default: all. */
  readonly event_names?: readonly string[] | null;
}

export interface NewLogin {
  /** The name, in upper or lower case. */
  readonly name: string;
  /** The password. */
  readonly password: string;
}

export interface NewOwnPassword {
  /** The one so far. */
  readonly old_password: string;
  /** The new one. */
  readonly password: string;
}

export interface NewPassword {
  /** The password: 12 to 1000 characters. */
  readonly password: string;
}

export interface NewPause {
  /** Why, for people. */
  readonly reason?: string;
  /** What becomes of the runs there are: frozen after the steps that are running, or cancelled. */
  readonly running?: "freeze" | "cancel";
}

export interface NewRoles {
  /** What they may do, added up; you must hold all of it yourself. */
  readonly roles: readonly ("viewer" | "editor" | "publisher" | "operator" | "admin" | "owner")[];
}

export interface NewRun {
  /** The data of its event. Default: an empty object. */
  readonly data?: JsonObject;
}

export interface NewRunToken {
  /** The only topics. Default: `$status`. */
  readonly topics?: readonly string[];
  /** How long it is good for connecting. Default: 60; the limit is `token_seconds`. */
  readonly ttl_seconds?: number;
}

export interface NewSecret {
  /** Its name, which workflows refer to as `!secret(name)`: letters, digits, _ . and -. */
  readonly name: string;
  /** The value: stored encrypted, and never shown again. */
  readonly value: string;
  /** What it is for; those who may edit see it. */
  readonly description?: string;
}

export interface NewSubscriptionToken {
  /** The only channel that can be followed with it. That of a run is `run:<id>`. */
  readonly channel: string;
  /** The only topics. `$status` of a run's channel tells what happens to it. */
  readonly topics: readonly string[];
  /** How long it is good for connecting. Default: 60; the limit is `token_seconds`. */
  readonly ttl_seconds?: number;
}

export interface NewTime {
  /** When it is to begin; at most 366 days ahead. */
  readonly at: string;
}

export interface NewUser {
  /** What they log in with, such as an e-mail address; unique in the installation, in lower case. */
  readonly name: string;
  /** The name to show. Default: the name. */
  readonly display_name?: string;
  /** Their password, until they change it: 12 to 1000 characters. */
  readonly password: string;
  /** What they may do, added up; you must hold all of it yourself. */
  readonly roles: readonly ("viewer" | "editor" | "publisher" | "operator" | "admin" | "owner")[];
}

export interface NewWebhook {
  /** How deliveries are verified: `{"preset": "stripe"}`; presets are none, basic, hmac, stripe, github, slack, shopify, svix. */
  readonly verification: JsonObject;
  /** The secrets in force, up to 5: several while one is replaced. Stored encrypted and never shown. Left out in a change: as they are. */
  readonly secrets?: readonly string[] | null;
  /** What event a delivery becomes; null for the default. */
  readonly transform?: JsonObject | null;
  /** The only events it may make: names, or beginnings of names with * at the end. Default: all. */
  readonly event_names?: readonly string[] | null;
  /** The only networks that may send. Default: all. */
  readonly cidrs?: readonly string[] | null;
  /** Whether it takes deliveries. Default: true. */
  readonly enabled?: boolean;
  /** Its name, which triggers refer to: a-z, 0-9, _ and -. */
  readonly name: string;
}

export interface NewWorkflow {
  /** 1 to 64 of a-z, 0-9, dot, hyphen and underscore. Default: a new one. */
  readonly id?: string;
  /** The first draft: a workflow document, which may be incomplete. */
  readonly document: JsonObject;
}

export interface Option {
  /** Text or a number: what the input gets. */
  readonly value: Json;
  /** What it is called. */
  readonly label: string;
}

export interface OptionList {
  /** In the function's order. */
  readonly items: readonly Option[];
  /** Whether these are all: a limit cuts long lists. */
  readonly is_complete: boolean;
}

export interface OptionsRequest {
  /** The input, as its mark `x-options` names it. */
  readonly input: string;
  /** What the options depend on, by the names of inputs; references count as unknown. */
  readonly inputs?: JsonObject;
  /** What was typed, for functions that search by themselves. */
  readonly search?: string;
}

export interface OwnSession {
  /** The session's id. */
  readonly id: string;
  /** Whether it is the one that asks. */
  readonly is_present: boolean;
  /** The address of the login. */
  readonly address: string;
  /** What the browser said that it is. */
  readonly agent: string;
  /** When the login was. */
  readonly created_at: string;
  /** When it was last used, to the minute. */
  readonly seen_at: string;
  /** When it ends, however busy it is. */
  readonly expires_at: string;
}

export interface OwnSessionList {
  /** Newest first. */
  readonly items: readonly OwnSession[];
}

export interface OwnTenant {
  /** The environment. */
  readonly environment: string;
  /** The tenant. */
  readonly tenant: string;
  /** What they are there. */
  readonly roles: readonly string[];
}

export interface OwnWebhook {
  /** Its name. Its URL ends in it. */
  readonly name: string;
  /** How deliveries are verified. */
  readonly preset: string;
  /** The only events it may make; null for all. */
  readonly event_names: readonly string[] | null;
  /** What became of the last delivery; null if there was none, and where it serves many tenants. */
  readonly last_delivery: DeliveryOutcome | null;
  /** The ids of the published workflows that it starts; null unless asked for. */
  readonly used_by: readonly string[] | null;
}

export interface Pause {
  /** Which of the two it is. */
  readonly hold: "pause" | "drain";
  /** The workflow or function that it is of; null for all of them. */
  readonly workflow_id: string | null;
  /** Whether it is of the whole environment, and not of this tenant. */
  readonly is_for_everyone: boolean;
  /** What a pause does to the runs there are. */
  readonly running: "freeze" | "cancel";
  /** Why, for people. */
  readonly reason: string | null;
  /** Who did it. */
  readonly actor: string | null;
  /** Since when. */
  readonly at: string;
}

export interface PausePage {
  /** In order of workflow. */
  readonly items: readonly Pause[];
  /** Give this as `cursor` to get what follows; null at the end. */
  readonly next_cursor: string | null;
}

export interface PauseState {
  /** Whether a pause concerns it: its own, or one of the tenant or the environment. */
  readonly is_paused: boolean;
  /** Whether a drain concerns it. */
  readonly is_drained: boolean;
  /** How many of its runs have not ended, with those that open batches and windows become. */
  readonly open_runs: number;
}

export interface PossibleTriggers {
  /** Of `event`, `cron`, `webhook`, `manual` and `http`. */
  readonly kinds: readonly string[];
  /** Names of the events that are allowed, or beginnings of names with `*` at the end; null for all. */
  readonly event_names: readonly string[] | null;
  /** Those of them whose data is declared, by name. */
  readonly events: readonly DeclaredEvent[];
  /** Names of webhooks that bring events: the first 200, in their order. */
  readonly webhooks: readonly string[];
}

export interface Problem {
  /** JSON pointer (RFC 6901) to the place; `/query/<name>` for a query parameter. */
  readonly pointer: string;
  /** A stable word for what is wrong. */
  readonly code: string;
  /** The same for people. */
  readonly message: string;
  /** Only errors keep a workflow from being published. */
  readonly severity: "error" | "warning";
}

export interface ProblemDocument {
  /** `urn:workflowkit:problem:<code>`. */
  readonly type: string;
  /** The status in words. */
  readonly title: string;
  /** The HTTP status. */
  readonly status: number;
  /** What is wrong. */
  readonly detail: string;
  /** A stable word for what is wrong. */
  readonly code: string;
  /** The places that are wrong; may be empty. */
  readonly problems: readonly Problem[];
  /** The id under which the server's log has this request. */
  readonly request_id: string;
  /** `detail` again, where clients of `/e/<key>` look for it; nowhere else. */
  readonly error?: string;
  /** Empty: no event of the request was stored. At `/e/<key>` only. */
  readonly ids?: readonly string[];
}

export interface PublishedVersion {
  /** The workflow. */
  readonly workflow_id: string;
  /** Counts from 1. */
  readonly version: number;
  /** Hash of what matters for execution: equal hashes do the same. */
  readonly hash: string;
  /** When it was published. */
  readonly created_at: string;
  /** Who published it, as the audit log names them; null for old versions. */
  readonly published_by: string | null;
  /** What they said about it. */
  readonly note: string | null;
  /** The document. */
  readonly document: JsonObject;
  /** False if the draft was the published version already. */
  readonly created: boolean;
  /** What is dubious about it. */
  readonly warnings: readonly Problem[];
}

export interface Publishing {
  /** For those who look at the versions later; up to 1,000 characters. */
  readonly note?: string;
}

export interface QueueState {
  /** The queue. */
  readonly name: string;
  /** Steps that a worker could take now. Counted up to 1000. */
  readonly due_count: number;
  /** Since when the first of them waits; null if none does. */
  readonly oldest_at: string | null;
  /** Processes that serve it and are not silent. */
  readonly worker_count: number;
}

export interface ReceivedCallback {
  /** The callback's id. */
  readonly id: string;
  /** Always `received`. */
  readonly status: "received";
}

export interface ReceivedDelivery {
  /** What became of it. */
  readonly status: "accepted" | "duplicate" | "ignored";
  /** Our ids of its events. */
  readonly ids: readonly string[];
  /** Why it was ignored; null if it was not. */
  readonly reason: string | null;
  /** What Slack asked to have repeated when the URL was entered. */
  readonly challenge?: string;
}

export interface RelayState {
  /** How late it is. More than a few seconds: no worker or scheduler runs, or they are behind. */
  readonly lag_ms: number;
}

export interface RequestedRun {
  /** The run's id. */
  readonly run_id: string;
  /** Our id of the event that it begins with. */
  readonly event_id: string;
}

export interface Rerun {
  /** The new run's id. */
  readonly run_id: string;
}

export interface RerunBody {
  /** Where to begin: the id of an action, `<id>/<step>` for a step of a function, `<id>[<key>]` for one item of a loop. Default: the trigger. */
  readonly from_step?: string;
  /** What that step is given instead of what the workflow says. */
  readonly inputs?: JsonObject;
  /** The event's data, instead of the original's. */
  readonly data?: JsonObject;
  /** The version to execute: a number, `original` (the default) or `latest`. */
  readonly version?: Json;
}

export type Result = Json;

export interface Resumed {
  /** The run. */
  readonly run_id: string;
  /** What it is a run of. */
  readonly workflow_id: string;
  /** Where it stands. */
  readonly status: "scheduled" | "queued" | "running" | "waiting" | "completed" | "failed" | "cancelled";
  /** Where it waited: `<id of the action>/<id of the step>`. */
  readonly step: string;
  /** When it went on. */
  readonly at: string;
}

export interface Run {
  /** The run's id. */
  readonly id: string;
  /** The workflow. */
  readonly workflow_id: string;
  /** The published version that it executes to its end. */
  readonly version: number;
  /** Our id of the event that started it. */
  readonly event_id: string;
  /** Where it stands. */
  readonly status: "scheduled" | "queued" | "running" | "waiting" | "completed" | "failed" | "cancelled";
  /** How many steps failed in a way that the workflow provides for. */
  readonly handled_failures: number;
  /** The run that this one repeats. */
  readonly rerun_of: string | null;
  /** Who has repeated that one: `user:` or `key:` and an id, `developer`, `cli`, `program`, or what an application said. */
  readonly rerun_by: string | null;
  /** The part of the workflow that it executes, such as the id of a loop whose item it is; null for all of it. */
  readonly path: string | null;
  /** The run that began it. */
  readonly parent_run_id: string | null;
  /** The step of that run which did. */
  readonly parent_step: string | null;
  /** Why it failed. */
  readonly error: ActionError | null;
  /** Why it was cancelled: a stable word. */
  readonly reason: string | null;
  /** By whom or what it was cancelled. */
  readonly cause: Cause | null;
  /** When it was created. */
  readonly created_at: string;
  /** When its first step began. */
  readonly started_at: string | null;
  /** When it ended. */
  readonly finished_at: string | null;
}

export interface RunDetail {
  /** The run's id. */
  readonly id: string;
  /** The workflow. */
  readonly workflow_id: string;
  /** The published version that it executes to its end. */
  readonly version: number;
  /** Our id of the event that started it. */
  readonly event_id: string;
  /** Where it stands. */
  readonly status: "scheduled" | "queued" | "running" | "waiting" | "completed" | "failed" | "cancelled";
  /** How many steps failed in a way that the workflow provides for. */
  readonly handled_failures: number;
  /** The run that this one repeats. */
  readonly rerun_of: string | null;
  /** Who has repeated that one: `user:` or `key:` and an id, `developer`, `cli`, `program`, or what an application said. */
  readonly rerun_by: string | null;
  /** The part of the workflow that it executes, such as the id of a loop whose item it is; null for all of it. */
  readonly path: string | null;
  /** The run that began it. */
  readonly parent_run_id: string | null;
  /** The step of that run which did. */
  readonly parent_step: string | null;
  /** Why it failed. */
  readonly error: ActionError | null;
  /** Why it was cancelled: a stable word. */
  readonly reason: string | null;
  /** By whom or what it was cancelled. */
  readonly cause: Cause | null;
  /** When it was created. */
  readonly created_at: string;
  /** When its first step began. */
  readonly started_at: string | null;
  /** When it ended. */
  readonly finished_at: string | null;
  /** The outputs of the last steps, by id. */
  readonly output: Json;
  /** The event that started it. */
  readonly event: Event;
  /** The events that it stands for: of its batch, or of the window that it ended. Null for a run of one event. */
  readonly gathered: Gathered | null;
  /** The versions to which it was moved, in order. */
  readonly moves: readonly RunMove[];
  /** The name of the workflow in this version. */
  readonly workflow_name: string;
  /** Hash of what of the version matters for execution. */
  readonly workflow_hash: string;
  /** Those that have begun or are decided, in the order of the workflow. */
  readonly steps: readonly Step[];
  /** What was decided about each edge, by the edge's id. */
  readonly edges: JsonObject;
  /** The runs that it began, by step and item; no more than a page. The list of runs has all. */
  readonly children: readonly ChildRun[];
}

export interface RunMove {
  /** The version. */
  readonly version: number;
  /** Who has moved it. */
  readonly actor: string | null;
  /** When. */
  readonly at: string;
}

export interface RunPage {
  /** Newest first. */
  readonly items: readonly ListedRun[];
  /** Give this as `cursor` to get what follows; null at the end. */
  readonly next_cursor: string | null;
  /** How far was looked. */
  readonly looked: Looked;
}

export interface Schedule {
  /** The workflow that it starts. */
  readonly workflow_id: string;
  /** Which of the workflow's schedules it is, from 0. */
  readonly position: number;
  /** When it fires, in five fields, as the author wrote it. */
  readonly cron: string;
  /** The time zone in which that is meant. */
  readonly timezone: string;
  /** Most milliseconds that a firing is put off by. */
  readonly jitter_ms: number;
  /** What becomes of a slot while an earlier run goes on. */
  readonly overlap: "allow" | "skip" | "queue";
  /** Most missed slots that fire after all, the newest ones. */
  readonly catch_up: number;
  /** The first day on which it fires, in its time zone; null: at once. */
  readonly starts_on: string | null;
  /** The last day on which it fires; null: for ever. */
  readonly ends_on: string | null;
  /** The days on which it does not fire. */
  readonly skip_dates: readonly string[];
  /** Whether it fires nothing, because the workflow is disabled or archived. */
  readonly is_paused: boolean;
  /** Which of the two it is; null while it is not paused. */
  readonly pause_reason: "disabled" | "archived" | null;
  /** When it fires next; null while it is paused, and when it is over. */
  readonly next_at: string | null;
  /** The newest slot that it is done with; null if there was none. */
  readonly last_slot: string | null;
  /** How many slots wait for an earlier run to end. */
  readonly queued: number;
}

export interface SchedulePage {
  /** In order of workflow and position. */
  readonly items: readonly Schedule[];
  /** Give this as `cursor` to get what follows; null at the end. */
  readonly next_cursor: string | null;
}

export interface ScheduleTime {
  /** The time, in UTC. */
  readonly at: string;
  /** The same time, as clocks show it in the schedule's own time zone. */
  readonly local: string;
}

export interface ScheduleTimes {
  /** The time zone in which it is meant. */
  readonly timezone: string;
  /** In order; fewer than asked for, if it is over then. */
  readonly items: readonly ScheduleTime[];
}

export interface Secret {
  /** Its name, which workflows refer to as `!secret(name)`. */
  readonly name: string;
  /** What it is for. */
  readonly description: string;
  /** When it was first stored. */
  readonly created_at: string | null;
  /** Who stored it. */
  readonly created_by: string | null;
  /** When it was last changed. */
  readonly updated_at: string | null;
  /** Who changed it. */
  readonly updated_by: string | null;
  /** The published workflows that refer to it; null unless asked for. */
  readonly used_by: readonly string[] | null;
}

export interface SecretBody {
  /** The new value. Left out: as it is. */
  readonly value?: string;
  /** What it is for. Left out: as it is. */
  readonly description?: string;
}

export interface SecretPage {
  /** In the order of their names. */
  readonly items: readonly Secret[];
  /** Give this as `cursor` to get what follows; null at the end. */
  readonly next_cursor: string | null;
}

export interface SentEvent {
  /** `rejected` events are not stored. */
  readonly status: "accepted" | "duplicate" | "rejected";
  /** Our id of the stored event. */
  readonly id: string | null;
  /** The event's name, where it has one. */
  readonly name: string | null;
  /** Our id of the earlier event with the same sender's id. */
  readonly duplicate_of: string | null;
  /** Why it was rejected. */
  readonly problems: readonly Problem[];
}

export interface SentEvents {
  /** One per event, in the order of the request. */
  readonly results: readonly SentEvent[];
}

export interface SentIds {
  /** Our ids, in the order of the request. */
  readonly ids: readonly string[];
  /** The HTTP status. */
  readonly status: number;
}

export interface SessionState {
  /** `user` for people who have logged in, `host` for those of a host application, `key` and `embed` for tokens, `developer` on a dev server, `nobody` for strangers. */
  readonly kind: "user" | "host" | "key" | "embed" | "developer" | "nobody";
  /** Who is calling, as it is kept with what they do. */
  readonly actor: string | null;
  /** The name they have logged in with. */
  readonly name: string | null;
  /** The name to show. */
  readonly display_name: string | null;
  /** The environment in which they act. */
  readonly environment: string | null;
  /** The tenant for which they act. */
  readonly tenant: string | null;
  /** What they are for the tenant. */
  readonly roles: readonly string[];
  /** What they may do. */
  readonly permissions: readonly string[];
  /** All tenants for which they have a role: choose by `PUT /api/session/tenant`. */
  readonly tenants: readonly OwnTenant[];
  /** Whether they have a password here, which they may change. */
  readonly has_password: boolean;
  /** What changes must carry as `Workflowkit-Csrf`, where a cookie says who is calling. */
  readonly csrf: string | null;
  /** When they are logged out, however busy they are. */
  readonly expires_at: string | null;
  /** How one can log in here. */
  readonly methods: LoginMethods;
}

export interface Signal {
  /** The name that a run waits for; those that begin with `workflow/` are reserved. */
  readonly signal: string;
  /** What the run is given; null if left out. */
  readonly data?: Json;
}

export interface Signalled {
  /** The run that was resumed. */
  readonly run_id: string;
}

export interface SimulatedEvent {
  /** Our id of the event. */
  readonly event_id: string;
  /** When it came. */
  readonly at: string;
  /** A `run`, perhaps together with others; a `cancelled` run; or `skipped`. */
  readonly fate: "run" | "cancelled" | "skipped";
  /** Why it would have been skipped. */
  readonly reason: string | null;
  /** The event whose run it would have been in: of a batch the first, of a window the last. */
  readonly run: string | null;
  /** When the throttle would have let that run start, unless it was cancelled before. */
  readonly starts_at: string | null;
}

export interface Simulation {
  /** How many runs would have started. */
  readonly runs: number;
  /** How many events would have been skipped. */
  readonly skipped: number;
  /** How long each run was taken to last. */
  readonly run_seconds: number;
  /** Of how many ended runs that is the median; 0 if it was given, or if none has ended. */
  readonly measured_runs: number;
  /** In the order in which they came. */
  readonly items: readonly SimulatedEvent[];
}

export interface SimulationRequest {
  /** The settings, as in a document. */
  readonly settings: JsonObject;
  /** Events received at or after this time. */
  readonly since: string;
  /** How many events, the oldest first. */
  readonly limit?: number;
  /** How long each run is taken to last; the median of its own last runs if absent. */
  readonly run_seconds?: number | null;
}

export interface SkippedWait {
  /** Its key, such as `rest/wait`; or the id of the action that waits, if it waits for one thing. */
  readonly step: string;
}

export interface Step {
  /** The action's id in the workflow. */
  readonly id: string;
  /** The kind of action. */
  readonly kind: string;
  /** The action's name in the workflow. */
  readonly name: string;
  /** Where it stands. */
  readonly status: "ready" | "running" | "sleeping" | "waiting" | "completed" | "failed" | "skipped" | "cancelled";
  /** What the action was given, with references resolved. */
  readonly inputs: JsonObject | null;
  /** What later steps see of it. */
  readonly output: Json;
  /** Why it failed. */
  readonly error: ActionError | null;
  /** Whether the workflow provides for this failure. */
  readonly is_handled: boolean;
  /** Why it was skipped or cancelled. */
  readonly reason: string | null;
  /** In order. */
  readonly attempts: readonly Attempt[];
  /** When its first attempt began. */
  readonly started_at: string | null;
  /** When it ended. */
  readonly finished_at: string | null;
  /** When it may start, or be started again, if it has not ended and does not queue. */
  readonly due_at: string | null;
  /** What it waits for, if it queues. */
  readonly waits_for: WaitsFor | null;
  /** What its handler did and waits for, in order of beginning. */
  readonly inner: readonly InnerStep[];
}

export interface SubscriptionToken {
  /** The token. */
  readonly token: string;
  /** Until when one can connect with it. */
  readonly expires_at: string;
}

export interface SystemState {
  /** When this was so. */
  readonly at: string;
  /** Queues in which steps are due, or that a process serves. */
  readonly queues: readonly QueueState[];
  /** Events that were not matched yet. Counted up to 1000. */
  readonly pending_event_count: number;
  /** Lanes: workflows of tenants whose steps wait for a limit. Counted up to 1000. */
  readonly lane_count: number;
  /** Steps that wait there. Counted up to 1000. */
  readonly queued_count: number;
  /** The relay. */
  readonly relay: RelayState;
  /** The database. */
  readonly database: DatabaseState;
  /** The broker. */
  readonly broker: BrokerState;
}

export interface TakenDelivery {
  /** Its method. */
  readonly method: string;
  /** Its headers, by their names in lower case. */
  readonly headers: JsonObject;
  /** The query string's parameters; each has a list of values. */
  readonly query: JsonObject;
  /** Its body as text. */
  readonly raw: string;
}

export interface TenantChoice {
  /** Its environment. */
  readonly environment: string;
  /** The tenant. */
  readonly tenant: string;
}

export interface TraceDocument {
  /** One resource with the spans of the run, each before those inside of it. Attributes begin with `workflowkit.`; `workflowkit.span` says what a span is of. */
  readonly resourceSpans: readonly JsonObject[];
}

export interface TriedDelivery {
  /** The event that it would become; null if none. */
  readonly event: JsonObject | null;
  /** Why it would be ignored; null if it would not. */
  readonly reason: string | null;
  /** Why no event can be made of it; below `/event` or `/transform`. */
  readonly problems: readonly Problem[];
}

export interface TriedSchedule {
  /** When it fires, in five fields. */
  readonly cron: string;
  /** The time zone in which that is meant; UTC, if absent. */
  readonly timezone?: string | null;
  /** The first day on which it fires. */
  readonly starts_on?: string | null;
  /** The last day on which it fires. */
  readonly ends_on?: string | null;
  /** The days on which it does not fire. */
  readonly skip_dates?: readonly string[];
  /** Times after this one; after the present, if absent. */
  readonly after?: string;
  /** How many times. */
  readonly count?: number;
}

export interface TriedTrigger {
  /** The name of the event, or a pattern such as `app/*`. */
  readonly event: string;
  /** Its condition. */
  readonly if?: string | null;
}

export interface TriggerMatches {
  /** How many events of its name it was tried on: the last 20 at most. */
  readonly seen: number;
  /** How many of them it matches. */
  readonly matched: number;
  /** Our ids of those, the newest first. */
  readonly event_ids: readonly string[];
  /** Why its condition could not be evaluated for one of them; or empty. */
  readonly detail: string;
}

export interface User {
  /** The user's id. */
  readonly id: string;
  /** What they log in with. */
  readonly name: string;
  /** The name to show. */
  readonly display_name: string;
  /** From the least to the most. */
  readonly roles: readonly string[];
  /** Whether they have a password here; the others log in at the OpenID provider. */
  readonly has_password: boolean;
  /** When they were made a user. */
  readonly created_at: string;
  /** When they last logged in. */
  readonly last_login_at: string | null;
  /** Since when they cannot log in. */
  readonly disabled_at: string | null;
}

export interface UserPage {
  /** By name. */
  readonly items: readonly User[];
  /** Give this as `cursor` to get what follows; null at the end. */
  readonly next_cursor: string | null;
}

export interface Validation {
  /** Whether it could be published. */
  readonly is_valid: boolean;
  /** Errors and warnings with pointers into the document, in order of place. */
  readonly problems: readonly Problem[];
}

export interface Version {
  /** The workflow. */
  readonly workflow_id: string;
  /** Counts from 1. */
  readonly version: number;
  /** Hash of what matters for execution: equal hashes do the same. */
  readonly hash: string;
  /** When it was published. */
  readonly created_at: string;
  /** Who published it, as the audit log names them; null for old versions. */
  readonly published_by: string | null;
  /** What they said about it. */
  readonly note: string | null;
  /** The document. */
  readonly document: JsonObject;
}

export interface VersionPage {
  /** Newest first. */
  readonly items: readonly VersionSummary[];
  /** Give this as `cursor` to get what follows; null at the end. */
  readonly next_cursor: string | null;
}

export interface VersionSummary {
  /** The workflow. */
  readonly workflow_id: string;
  /** Counts from 1. */
  readonly version: number;
  /** Hash of what matters for execution: equal hashes do the same. */
  readonly hash: string;
  /** When it was published. */
  readonly created_at: string;
  /** Who published it, as the audit log names them; null for old versions. */
  readonly published_by: string | null;
  /** What they said about it. */
  readonly note: string | null;
}

export interface WaitsFor {
  /** `throttle`, `concurrency`, `singleton`, or the limit of an `action` or of a `kind` of action. */
  readonly control: "throttle" | "concurrency" | "singleton" | "action" | "kind";
  /** What `concurrency` counts: `steps` or `runs`. */
  readonly mode: string | null;
  /** The value of the key, or which action or kind; null if all share the limit. */
  readonly key: string | null;
  /** How many may be under way; of a throttle, how many start in the period. */
  readonly limit: number;
  /** How many are under way. */
  readonly held: number | null;
  /** The period of a throttle. */
  readonly period_seconds: number | null;
  /** How many come before it in its queue, counted up to 1000. */
  readonly ahead: number;
  /** It does not start before then, as far as is known. */
  readonly until: string | null;
}

export interface Webhook {
  /** Its name. */
  readonly name: string;
  /** How deliveries are verified. */
  readonly verification: JsonObject;
  /** Whether secrets are stored for it. */
  readonly has_secrets: boolean;
  /** What event a delivery becomes; null for the default. */
  readonly transform: JsonObject | null;
  /** The only events it may make; null for all. */
  readonly event_names: readonly string[] | null;
  /** The only networks that may send; null for all. */
  readonly cidrs: readonly string[] | null;
  /** Whether it takes deliveries. */
  readonly enabled: boolean;
  /** When it was made. */
  readonly created_at: string;
  /** When it was last changed. */
  readonly updated_at: string;
  /** When it last took a delivery, to the minute. */
  readonly last_received_at: string | null;
  /** What became of the last delivery; null if there was none, and in answers to changes. */
  readonly last_delivery: DeliveryOutcome | null;
  /** The ids of the published workflows that it starts; null unless asked for. */
  readonly used_by: readonly string[] | null;
}

export interface WebhookBody {
  /** How deliveries are verified: `{"preset": "stripe"}`; presets are none, basic, hmac, stripe, github, slack, shopify, svix. */
  readonly verification: JsonObject;
  /** The secrets in force, up to 5: several while one is replaced. Stored encrypted and never shown. Left out in a change: as they are. */
  readonly secrets?: readonly string[] | null;
  /** What event a delivery becomes; null for the default. */
  readonly transform?: JsonObject | null;
  /** The only events it may make: names, or beginnings of names with * at the end. Default: all. */
  readonly event_names?: readonly string[] | null;
  /** The only networks that may send. Default: all. */
  readonly cidrs?: readonly string[] | null;
  /** Whether it takes deliveries. Default: true. */
  readonly enabled?: boolean;
}

export interface WebhookPage {
  /** In the order of their names. */
  readonly items: readonly Webhook[];
  /** Give this as `cursor` to get what follows; null at the end. */
  readonly next_cursor: string | null;
  /** Those of the application, on the first page. */
  readonly application: readonly OwnWebhook[];
}

export interface WebhookSample {
  /** Until when the next genuine delivery is waited for; null if none is. */
  readonly wanted_until: string | null;
  /** When one was taken; null if none was, or it is older than a day. */
  readonly taken_at: string | null;
  /** That one. */
  readonly delivery: TakenDelivery | null;
}

export interface WebhookTemplate {
  /** The provider's id, a good name for the webhook. */
  readonly id: string;
  /** The provider's name. */
  readonly title: string;
  /** How its deliveries are verified. */
  readonly verification: JsonObject;
  /** What events they become. */
  readonly transform: JsonObject;
  /** Where the secret is found. */
  readonly secret_hint: string;
  /** Headers of a delivery. */
  readonly example_headers: JsonObject;
  /** The body of a delivery. */
  readonly example_body: Json;
}

export interface WebhookTemplates {
  /** By provider. */
  readonly items: readonly WebhookTemplate[];
}

export interface WebhookWithUrl {
  /** Its name. */
  readonly name: string;
  /** How deliveries are verified. */
  readonly verification: JsonObject;
  /** Whether secrets are stored for it. */
  readonly has_secrets: boolean;
  /** What event a delivery becomes; null for the default. */
  readonly transform: JsonObject | null;
  /** The only events it may make; null for all. */
  readonly event_names: readonly string[] | null;
  /** The only networks that may send; null for all. */
  readonly cidrs: readonly string[] | null;
  /** Whether it takes deliveries. */
  readonly enabled: boolean;
  /** When it was made. */
  readonly created_at: string;
  /** When it was last changed. */
  readonly updated_at: string;
  /** When it last took a delivery, to the minute. */
  readonly last_received_at: string | null;
  /** What became of the last delivery; null if there was none, and in answers to changes. */
  readonly last_delivery: DeliveryOutcome | null;
  /** The ids of the published workflows that it starts; null unless asked for. */
  readonly used_by: readonly string[] | null;
  /** Where to send: shown this once. A path, unless the server knows its public URL. */
  readonly url: string;
}

export interface WorkerList {
  /** Those that were started first come first. One that ends properly is not listed. */
  readonly items: readonly WorkerProcess[];
}

export interface WorkerProcess {
  /** Its id, a new one at each start. */
  readonly id: string;
  /** What it does. */
  readonly role: "worker" | "scheduler";
  /** What its logs call it. */
  readonly name: string;
  /** The machine. */
  readonly host: string;
  /** The number of the process there. */
  readonly pid: number;
  /** The version of Workflow Kit. */
  readonly version: string;
  /** The queues that it takes steps from. */
  readonly queues: readonly string[];
  /** How many steps it executes at a time. */
  readonly concurrency: number;
  /** How many steps it held when it last reported itself. */
  readonly busy_count: number;
  /** When it was started. */
  readonly started_at: string;
  /** When it last reported itself, which it does every 10 seconds. */
  readonly seen_at: string;
  /** Whether it has missed several reports: it was killed, or cannot reach the database. */
  readonly is_silent: boolean;
}

export interface Workflow {
  /** The workflow's id. */
  readonly id: string;
  /** The name in its draft. */
  readonly name: string;
  /** Whether events start it, once it is published. */
  readonly enabled: boolean;
  /** The version that new runs execute. */
  readonly published_version: number | null;
  /** When it was created. */
  readonly created_at: string;
  /** When it was last changed. */
  readonly updated_at: string;
  /** Since when it is archived: it starts nothing, and nobody changes it. */
  readonly archived_at: string | null;
}

export interface WorkflowPage {
  /** In order of id. */
  readonly items: readonly ListedWorkflow[];
  /** Give this as `cursor` to get what follows; null at the end. */
  readonly next_cursor: string | null;
}
