import { useState } from "react";
import type { EventDetail, SentEvents } from "../api/schema";
import { api, useMay } from "../api/session";
import { asApiError } from "../api/useLoaded";
import { t } from "../locale/locale";
import { rich } from "../locale/rich";
import { notify } from "../shell/notices";
import { navigate, pathTo } from "../shell/routes";
import { Button, IconButton } from "../shell/ui/Button";
import { Dialog } from "../shell/ui/Dialog";
import { copy } from "../shell/ui/JsonTree";
import { curlCommand, eventToSend, isSealed, sendCommand } from "./commands";

/** Sends an event once more: here, or by a command on somebody's own machine. */
export function SendAgain({ event }: { readonly event: EventDetail }): React.JSX.Element {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button icon="redo" testId="send-again" onClick={() => setOpen(true)}>
        {t("Send again…")}
      </Button>
      {isOpen && <SendDialog event={event} onClose={() => setOpen(false)} />}
    </>
  );
}

interface SendDialogProps {
  readonly event: EventDetail;
  readonly onClose: () => void;
}

function SendDialog({ event, onClose }: SendDialogProps): React.JSX.Element {
  const [isBusy, setBusy] = useState(false);
  const maySend = useMay("events:send");
  const isEncrypted = isSealed(event.data);
  const send = async (): Promise<void> => {
    setBusy(true);
    try {
      const { results } = await api.send<SentEvents>("POST", "/events", eventToSend(event));
      const id = results[0]?.id;
      onClose();
      if (typeof id === "string") navigate(pathTo("events", id));
    } catch (error) {
      notify(asApiError(error).message, "error");
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={t("Send this event again")}
      testId="send-dialog"
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>{t("Cancel")}</Button>
          {maySend && !isEncrypted && (
            <Button look="primary" disabled={isBusy} testId="send-here" onClick={() => void send()}>
              {t("Send here")}
            </Button>
          )}
        </>
      }
    >
      {isEncrypted ? (
        <p className="callout">{t("Some of its data is encrypted for you, so it cannot be sent by you.")}</p>
      ) : (
        <div className="event-commands">
          <p>
            {rich(
              "It is sent without its id, as a new event of now. {button} starts the workflows of this server that listen to it. To try it with a server on your own machine, run one of these there:",
              { button: <strong>{t("Send here")}</strong> },
            )}
          </p>
          <Command label={t("the command")} text={sendCommand(event)} />
          <Command label={t("the request")} text={curlCommand(event)} />
        </div>
      )}
    </Dialog>
  );
}

function Command({ label, text }: { readonly label: string; readonly text: string }): React.JSX.Element {
  return (
    <div className="event-command">
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys */}
      <pre dir="ltr" tabIndex={0} aria-label={label}>
        {text}
      </pre>
      <IconButton icon="copy" label={t("Copy {name}", { name: label })} onClick={() => copy(text)} />
    </div>
  );
}
