/** What a new workflow may begin with. `tests/unit/test_web_templates.py` publishes each of them. */

import type { JsonObject } from "../base/json";
import type { IconName } from "../shell/ui/Icon";
import templates from "./templates.json";

export interface Template {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly icon: IconName;
  readonly document: JsonObject;
}

export const BLANK: Template = {
  id: "blank",
  name: "Blank workflow",
  description: "Begin with nothing but a trigger.",
  icon: "plus",
  document: { schema_version: 1, name: "New workflow", triggers: [], actions: [], edges: [] },
};

export const TEMPLATES = templates as unknown as readonly Template[];
