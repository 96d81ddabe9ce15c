import { dismiss, useNotices } from "./notices";
import { IconButton } from "./ui/Button";
import { t } from "../locale/locale";

export function Notices(): React.JSX.Element {
  const { shown, spoken } = useNotices();
  return (
    <>
      <div className="notices" role="status" aria-live="polite">
        {shown.map((notice) => (
          <div key={notice.id} className={`notice notice-${notice.tone}`} data-testid="notice">
            <span>{notice.text}</span>
            <IconButton icon="x" label={t("Dismiss")} onClick={() => dismiss(notice.id)} />
          </div>
        ))}
      </div>
      <div className="visually-hidden" aria-live="polite" data-testid="announcements">
        {spoken}
      </div>
    </>
  );
}
