import { Dialog } from "../shell/ui/Dialog";
import { KEY_HELP } from "./keyhelp";

export function HelpDialog({ onClose }: { readonly onClose: () => void }): React.JSX.Element {
  return (
    <Dialog title="Keys" testId="help" onClose={onClose}>
      <dl className="keys">
        {KEY_HELP.map(({ keys, meaning }) => (
          <div key={keys}>
            <dt>{keys}</dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
