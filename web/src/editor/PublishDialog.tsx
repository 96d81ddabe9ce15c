import { t } from "../locale/locale";
import { Button } from "../shell/ui/Button";
import { Dialog } from "../shell/ui/Dialog";
import { LabelledField } from "../shell/ui/LabelledField";

interface PublishDialogProps {
  readonly note: string;
  readonly onChange: (note: string) => void;
  readonly onPublish: () => void;
  readonly onClose: () => void;
}

const MOST_CHARS = 1000;

/** Asks what is new in a version before it is published. */
export function PublishDialog({ note, onChange, onPublish, onClose }: PublishDialogProps): React.JSX.Element {
  return (
    <Dialog
      title={t("Publish")}
      onClose={onClose}
      size="small"
      testId="publish-dialog"
      footer={
        <>
          <Button onClick={onClose}>{t("Cancel")}</Button>
          <Button look="primary" testId="publish-noted" onClick={onPublish}>
            {t("Publish")}
          </Button>
        </>
      }
    >
      <LabelledField label={t("What is new")} help={t("Shown in the list of versions. It may be left empty.")}>
        <textarea
          className="input"
          data-autofocus
          dir="auto"
          rows={4}
          maxLength={MOST_CHARS}
          value={note}
          onChange={(event) => onChange(event.target.value)}
        />
      </LabelledField>
    </Dialog>
  );
}
