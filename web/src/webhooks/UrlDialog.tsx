import { t } from "../locale/locale";
import { Button } from "../shell/ui/Button";
import { Dialog } from "../shell/ui/Dialog";
import { copy } from "../shell/ui/JsonTree";
import { wholeUrl } from "./webhook";

interface UrlDialogProps {
  readonly name: string;
  readonly url: string;
  readonly onClose: () => void;
}

/** Shows the URL of a webhook, this once: only its hash is stored. */
export function UrlDialog({ name, url, onClose }: UrlDialogProps): React.JSX.Element {
  const whole = wholeUrl(url, location.origin);
  return (
    <Dialog
      title={t("The URL of {name}", { name })}
      testId="webhook-url-dialog"
      onClose={onClose}
      footer={
        <Button look="primary" onClick={onClose}>
          {t("Done")}
        </Button>
      }
    >
      <div className="stack">
        <p>{t("Enter this URL at the sender. It is shown this once; if it gets lost, make a new one.")}</p>
        <div className="webhook-url">
          <input
            className="input mono"
            readOnly
            dir="ltr"
            data-autofocus
            data-testid="webhook-url"
            aria-label={t("URL")}
            value={whole}
            onFocus={(event) => event.target.select()}
          />
          <Button icon="copy" look="primary" onClick={() => copy(whole)}>
            {t("Copy")}
          </Button>
        </div>
        <p className="field-help">{t("Whoever knows it may try to deliver. Treat it like a password.")}</p>
      </div>
    </Dialog>
  );
}
