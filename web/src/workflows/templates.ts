import type { JsonObject } from "../base/json";

/** What a new workflow begins with. */
export const EMPTY_WORKFLOW: JsonObject = { schema_version: 1, name: "New workflow", triggers: [], actions: [], edges: [] };
