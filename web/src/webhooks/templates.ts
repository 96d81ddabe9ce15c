import type { WebhookTemplates } from "../api/schema";
import { api } from "../api/session";

/** Webhooks of known services, ready to be made. */
export function loadTemplates(): Promise<WebhookTemplates> {
  return api.get("/webhook-templates");
}
