/** What the output of a step declares. */

import type { Json } from "../base/json";
import { isObject } from "../base/json";
import type { WorkflowAction } from "../document/types";
import type { Catalogue } from "../editor/catalogue";

/** The schema of a step's output: of members that its inputs describe, as a form does, what stands there. */
export function outputSchema(catalogue: Catalogue, { kind, inputs }: WorkflowAction): Json | undefined {
  const schema = catalogue.get(kind)?.action.outputs ?? undefined;
  const members = schema?.properties;
  if (!isObject(members) || !isObject(inputs)) return schema;
  const described = Object.entries(members).map(([name, member]): [string, Json] => {
    const held = isObject(member) ? inputs[String(member["x-schema-from"])] : undefined;
    return [name, isObject(held) ? { ...held, title: (member as { title?: Json }).title ?? name } : member];
  });
  return { ...schema, properties: Object.fromEntries(described) };
}
