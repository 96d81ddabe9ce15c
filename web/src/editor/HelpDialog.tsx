import { Dialog } from "../shell/ui/Dialog";
import { KEY_HELP } from "./keyhelp";
import { t } from "../locale/locale";

export function HelpDialog({ onClose }: { readonly onClose: () => void }): React.JSX.Element {
  return (
    <Dialog title={t("Keys")} testId="help" onClose={onClose}>
      <dl className="keys">
        {KEY_HELP.map(({ keys, meaning }) => (
          <div key={keys}>
            <dt>
              <bdi dir="ltr">{keys}</bdi>
            </dt>
            <dd>{t(meaning)}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
