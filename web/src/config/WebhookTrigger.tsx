import { useState } from "react";
import { useMay } from "../api/session";
import type { JsonObject } from "../base/json";
import { useEditor, useEditorContext, useHost } from "../editor/store";
import { t, withPageWords } from "../locale/locale";
import { laterDialog } from "../shell/later";
import { pathTo } from "../shell/routes";
import { Button } from "../shell/ui/Button";
import { triggersOf, withTriggers } from "./triggers";

const NewWebhookDialog = laterDialog(() =>
  withPageWords(() => import("../webhooks/NewWebhookDialog")).then((module) => module.NewWebhookDialog),
);

const NAME = /^[a-z0-9_-]{1,64}$/;

interface WebhookTriggerProps {
  readonly trigger: JsonObject;
  readonly index: number;
  readonly isReadOnly: boolean;
}

/** Leads from a trigger to the webhook that it names, or to a new one. */
export function WebhookTrigger({ trigger, index, isReadOnly }: WebhookTriggerProps): React.JSX.Element | null {
  const { store } = useEditorContext();
  const { isEmbedded } = useHost();
  const name = typeof trigger.webhook === "string" ? trigger.webhook : "";
  const known = useEditor((state) => state.possible.webhooks);
  const [isMaking, setMaking] = useState(false);
  const maySee = useMay("webhooks:read");
  const mayMake = useMay("webhooks:write") && !isReadOnly;
  const made = (webhook: string): void => {
    store.setState(({ possible }) => ({ possible: { ...possible, webhooks: [...possible.webhooks, webhook] } }));
    if (webhook === name) return;
    const named = { ...trigger, webhook };
    store.getState().edit((old) => withTriggers(old, triggersOf(old).with(index, named)), t("edit a trigger"));
  };
  // The tokens of hosts reach no webhooks.
  if (isEmbedded) return null;
  const isKnown = known.includes(name);
  return (
    <>
      {isKnown && maySee && (
        // In another tab: what is edited here stays open.
        <a href={pathTo("webhooks", name)} target="_blank" rel="noreferrer">
          {t("Open the webhook {name}", { name })}
        </a>
      )}
      {!isKnown && mayMake && (
        <div className="row">
          <Button icon="plus" testId="make-webhook" onClick={() => setMaking(true)}>
            {t("Make a webhook")}
          </Button>
        </div>
      )}
      {/* It stays as it is made, and known: it still has the URL to show. */}
      {isMaking && (
        <NewWebhookDialog
          {...(NAME.test(name) ? { wanted: name } : {})}
          taken={known}
          onMade={made}
          onClose={() => setMaking(false)}
        />
      )}
    </>
  );
}
