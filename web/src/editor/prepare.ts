/** Opening a document in the editor: readable, with ids for all edges and places for all nodes. */

import { missingPlaces } from "../canvas/layout";
import type { Json } from "../base/json";
import { openDocument } from "../document/read";
import { withPositions } from "../document/scope";
import type { WorkflowDocument } from "../document/types";

/** Throws `NotAWorkflow` if the canvas could not show all of it. */
export function prepare(value: Json): WorkflowDocument {
  const document = openDocument(value);
  return missingPlaces(document).reduce((result, { scope, places }) => withPositions(result, scope, places), document);
}
