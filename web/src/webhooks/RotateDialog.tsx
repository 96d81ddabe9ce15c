import { t } from "../locale/locale";
import { Button } from "../shell/ui/Button";
import { Dialog } from "../shell/ui/Dialog";
import { useBusy } from "../shell/useBusy";

interface RotateDialogProps {
  readonly name: string;
  readonly onRotate: () => Promise<void>;
  readonly onClose: () => void;
}

/** Asks before a webhook gets a new URL. */
export function RotateDialog({ name, onRotate, onClose }: RotateDialogProps): React.JSX.Element {
  const [isBusy, begin] = useBusy();
  return (
    <Dialog
      title={t("A new URL for {name}?", { name })}
      size="small"
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>{t("Cancel")}</Button>
          <Button look="primary" testId="rotate-webhook" disabled={isBusy} onClick={() => begin(onRotate)}>
            {t("Make a new URL")}
          </Button>
        </>
      }
    >
      <p>{t("The present one ends at once: until the sender has the new one, its deliveries are refused.")}</p>
    </Dialog>
  );
}
