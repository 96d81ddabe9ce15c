/** The roles of this installation, least first, and what is said of them. */

import type { NewUser } from "../api/schema";
import type { Message } from "../locale/locale";
import { t } from "../locale/locale";

export type Role = NewUser["roles"][number];

interface RoleWords {
  readonly role: Role;
  readonly name: Message;
  readonly about: Message;
}

export const ROLES: readonly RoleWords[] = [
  { role: "viewer", name: "viewer", about: "sees everything" },
  { role: "editor", name: "editor", about: "changes drafts" },
  { role: "publisher", name: "publisher", about: "changes and publishes" },
  { role: "operator", name: "operator", about: "cancels and repeats runs, sends events, decides approvals" },
  { role: "admin", name: "admin", about: "everything, users and keys included" },
  { role: "owner", name: "owner", about: "the same, and what concerns the whole installation" },
];

/** What a role is called; a host's own roles are called what they are. */
export function roleText(role: string): string {
  const known = ROLES.find((each) => each.role === role);
  return known === undefined ? role : t(known.name);
}
