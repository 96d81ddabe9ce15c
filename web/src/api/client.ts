/** The HTTP API. Every method answers with the value or throws an `ApiError`. */

import type { Json, JsonObject } from "../base/json";
import { locale, t, translated } from "../locale/locale";
import type * as schema from "./schema";

/** A request that failed: refused by the server, or never answered (`status` 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly problems: readonly schema.Problem[] = [],
  ) {
    super(message);
  }

  /** Whether the same request may succeed later. */
  get isTemporary(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export interface ApiOptions {
  /** Where the application is mounted, without a slash at the end. */
  readonly root: string;
  /** The key to send, if there is one: the dev server asks for none. */
  readonly key: () => string | undefined;
  /** Called when the server wants somebody to log in, or another key. Tells whether to ask again. */
  readonly onUnauthenticated: () => Promise<boolean>;
  /** What changes must carry, where a cookie says who is calling. */
  readonly csrf?: () => string | null | undefined;
  /** Called when it is not the right one any more: finds the one of today, and tells whether to ask again. */
  readonly onCsrfRefused?: () => Promise<boolean>;
}

/** A draft with the tag to send back when it is saved. */
export interface TaggedDraft {
  readonly draft: schema.Draft;
  readonly etag: string;
}

export type RunFilter = Partial<
  Record<
    | "status"
    | "workflow_id"
    | "app_id"
    | "version"
    | "event_id"
    | "id"
    | "created_after"
    | "where"
    | "contains"
    | "cursor"
    | "limit",
    string
  >
>;

interface WorkflowFilter {
  readonly cursor?: string | undefined;
  readonly lastRuns: number;
  /** Without it, those that are not archived. */
  readonly archived?: boolean | "all";
}

export class Api {
  /** `options` are asked for with each request; `whose` says in whose name one is sent at that moment. */
  constructor(
    private readonly options: () => ApiOptions,
    private readonly whose: () => string | undefined = () => undefined,
  ) {}

  async actions(): Promise<readonly schema.Action[]> {
    return (await this.get<schema.ActionList>("/actions")).items;
  }

  workflows({ cursor, lastRuns, archived }: WorkflowFilter): Promise<schema.WorkflowPage> {
    const wanted = archived === undefined ? {} : { archived: String(archived) };
    return this.get(`/workflows${query({ cursor, last_runs: String(lastRuns), ...wanted })}`);
  }

  workflow(id: string): Promise<schema.Workflow> {
    return this.get(`/workflows/${encodeURIComponent(id)}`);
  }

  createWorkflow(document: Json, id?: string): Promise<schema.Workflow> {
    return this.send("POST", "/workflows", { document, ...(id === undefined ? {} : { id }) });
  }

  /** A new workflow with the draft of another one. */
  duplicateWorkflow(id: string, name: string): Promise<schema.Workflow> {
    return this.send("POST", `/workflows/${encodeURIComponent(id)}/duplicate`, { name });
  }

  setArchived(id: string, archived: boolean): Promise<schema.Workflow> {
    return this.send("POST", `/workflows/${encodeURIComponent(id)}/${archived ? "archive" : "restore"}`);
  }

  setEnabled(id: string, enabled: boolean): Promise<schema.Workflow> {
    return this.send("POST", `/workflows/${encodeURIComponent(id)}/${enabled ? "enable" : "disable"}`);
  }

  async pauses(): Promise<readonly schema.Pause[]> {
    return (await this.get<schema.PausePage>("/pauses")).items;
  }

  /** `resume` lifts a pause, `undrain` a drain; without an id, those of all workflows. */
  hold(
    id: string | null,
    what: "pause" | "resume" | "drain" | "undrain",
    body?: JsonObject,
  ): Promise<schema.PauseState> {
    return this.send("POST", id === null ? `/${what}` : `/workflows/${encodeURIComponent(id)}/${what}`, body);
  }

  async draft(id: string): Promise<TaggedDraft> {
    return tagged(await this.call("GET", `/workflows/${encodeURIComponent(id)}/draft`));
  }

  /** Throws an `ApiError` with status 412 if somebody else has saved since `etag`. */
  async saveDraft(id: string, document: Json, etag: string): Promise<TaggedDraft> {
    const path = `/workflows/${encodeURIComponent(id)}/draft`;
    return tagged(await this.call("PUT", path, { document }, { "If-Match": etag }));
  }

  validate(document: Json): Promise<schema.Validation> {
    return this.send("POST", "/validate", { document });
  }

  /** Publishes exactly the draft that has `etag`. */
  async publish(id: string, etag: string, note = ""): Promise<schema.PublishedVersion> {
    const path = `/workflows/${encodeURIComponent(id)}/publish`;
    return (await this.call("POST", path, { note }, { "If-Match": etag })).json() as Promise<schema.PublishedVersion>;
  }

  versions(id: string, cursor?: string): Promise<schema.VersionPage> {
    return this.get(`/workflows/${encodeURIComponent(id)}/versions${query({ cursor })}`);
  }

  version(id: string, version: number): Promise<schema.Version> {
    return this.get(`/workflows/${encodeURIComponent(id)}/versions/${version}`);
  }

  events(name: string, limit: number): Promise<schema.EventPage> {
    return this.get(`/events${query({ name, limit: String(limit) })}`);
  }

  findEvents(filter: Partial<Record<"name" | "cursor", string>>): Promise<schema.EventPage> {
    return this.get(`/events${query(filter)}`);
  }

  eventTypes(filter: Partial<Record<"name" | "span" | "cursor" | "limit", string>>): Promise<schema.EventTypePage> {
    return this.get(`/event-types${query(filter)}`);
  }

  approvals(
    filter: Partial<Record<"status" | "cursor" | "run_id" | "workflow_id" | "limit", string>>,
  ): Promise<schema.ApprovalPage> {
    return this.get(`/approvals${query(filter)}`);
  }

  decide(id: string, decision: schema.NewDecision): Promise<schema.Approval> {
    return this.send("POST", `/approvals/${encodeURIComponent(id)}/decision`, { ...decision });
  }

  simulate(id: string, request: schema.SimulationRequest): Promise<schema.Simulation> {
    return this.send("POST", `/workflows/${encodeURIComponent(id)}/simulate`, { ...request });
  }

  /** A dry run as a stream of events, to be read as it comes. */
  followDryRun(id: string, request: schema.DryRunRequest, signal: AbortSignal): Promise<Response> {
    return this.call("POST", `/workflows/${encodeURIComponent(id)}/dry-run/live`, { ...request }, {}, signal);
  }

  event(id: string): Promise<schema.EventDetail> {
    return this.get(`/events/${encodeURIComponent(id)}`);
  }

  /** `columns` are values of each run that are wanted, too. */
  runs(filter: RunFilter, columns: readonly string[] = []): Promise<schema.RunPage> {
    const wanted = new URLSearchParams(columns.map((path) => ["column", path])).toString();
    const text = query(filter);
    return this.get(`/runs${text}${wanted === "" ? "" : `${text === "" ? "?" : "&"}${wanted}`}`);
  }

  run(id: string): Promise<schema.RunDetail> {
    return this.get(`/runs/${encodeURIComponent(id)}`);
  }

  /** A token with which the run can be followed for as long as it goes on. */
  async runToken(id: string): Promise<string> {
    return (await this.send<schema.SubscriptionToken>("POST", `/runs/${encodeURIComponent(id)}/token`)).token;
  }

  /** Where streams are. */
  get realtimeUrl(): string {
    return `${this.options().root}/api/realtime`;
  }

  cancelRun(id: string, reason: string): Promise<schema.RunDetail> {
    return this.send("POST", `/runs/${encodeURIComponent(id)}/cancel${query({ reason })}`);
  }

  rerun(id: string, body: schema.RerunBody): Promise<schema.Rerun> {
    return this.send("POST", `/runs/${encodeURIComponent(id)}/rerun`, { ...body });
  }

  /** What it takes to edit something of a run that is repeated like this. */
  editable(id: string, how: { from_step?: string | undefined; version: string }): Promise<schema.Editable> {
    return this.send("GET", `/runs/${encodeURIComponent(id)}/rerun${query(how)}`);
  }

  /** For pages whose requests are nobody else's: they bring the paths and types themselves. */
  async get<T>(path: string): Promise<T> {
    return (await this.call("GET", path)).json() as Promise<T>;
  }

  async send<T>(method: string, path: string, body?: Json): Promise<T> {
    return (await this.call(method, path, body)).json() as Promise<T>;
  }

  private async call(
    method: string,
    path: string,
    body?: Json,
    headers: Record<string, string> = {},
    signal?: AbortSignal,
  ): Promise<Response> {
    const options = this.options();
    const owner = this.whose();
    // Somebody else may have been let in meanwhile: what was asked for is not theirs, nor meant for their tenant.
    const isSame = (): boolean => this.whose() === owner;
    const ask = async (): Promise<Response> => {
      const all = {
        ...headers,
        ...credentials(options, method),
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      };
      try {
        const init: RequestInit = { method, headers: all };
        if (body !== undefined) init.body = JSON.stringify(body);
        if (signal !== undefined) init.signal = signal;
        return await fetch(`${options.root}/api${path}`, init);
      } catch {
        throw new ApiError(0, "unreachable", t("The server cannot be reached."));
      }
    };
    let response = await ask();
    if (response.status === 401 && (await options.onUnauthenticated()) && isSame()) response = await ask();
    if (response.ok) return response;
    const error = await errorOf(response);
    // Somebody has logged in again, in another tab.
    if (error.code !== "csrf-refused" || !((await options.onCsrfRefused?.()) ?? false) || !isSame()) throw error;
    response = await ask();
    if (response.ok) return response;
    throw await errorOf(response);
  }
}

function credentials(options: ApiOptions, method: string): Record<string, string> {
  const key = options.key();
  if (key !== undefined) return { Authorization: `Bearer ${key}` };
  const csrf = method === "GET" ? undefined : options.csrf?.();
  return typeof csrf === "string" ? { "Workflowkit-Csrf": csrf } : {};
}

/** What the server says of something that it does not do, as an error. */
export function refusal({ status, code, detail, problems }: schema.ProblemDocument): ApiError {
  const message =
    locale() === "en" ? detail : (translated(`!${code}`) ?? t("The server does not do this: {code}", { code }));
  return new ApiError(status, code, message, problems);
}

async function errorOf(response: Response): Promise<ApiError> {
  const { status } = response;
  try {
    const said = (await response.json()) as schema.ProblemDocument;
    // The status is the answer's own: what stands before the server may say anything else in the body.
    if (typeof said.code === "string") return refusal({ ...said, status });
  } catch {
    // No JSON either.
  }
  return new ApiError(status, "unknown", t("The server answered with status {status}.", { status }));
}

async function tagged(response: Response): Promise<TaggedDraft> {
  const draft = (await response.json()) as schema.Draft;
  return { draft, etag: response.headers.get("ETag") ?? `"${draft.revision}"` };
}

/** The query of an address; what is empty or `undefined` is left out. */
export function query(values: Record<string, string | undefined>): string {
  const pairs = Object.entries(values).filter(
    (pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== "",
  );
  return pairs.length === 0 ? "" : `?${new URLSearchParams(pairs).toString()}`;
}
