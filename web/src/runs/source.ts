/** Where what runs execute is looked at. */

import { pathTo } from "../shell/routes";

/** The editor of a workflow; functions of applications have none, but a list. */
export function pathToSource(workflowId: string): string {
  const [app = "", name] = workflowId.split("/");
  return name === undefined
    ? pathTo("workflows", workflowId)
    : `${pathTo("functions")}?${new URLSearchParams({ app }).toString()}`;
}
