import { without } from "../base/json";
import { listed, t } from "../locale/locale";
import { Button, IconButton } from "../shell/ui/Button";
import type { Stubs } from "./stubs";
import { stepOf } from "./stubs";

interface PinListProps {
  readonly stubs: Stubs;
  readonly steps: readonly { readonly id: string; readonly name: string }[];
  readonly onStubs: (stubs: Stubs) => void;
}

/** What stands for steps in each test run, also in one that fails because of it. */
export function PinList({ stubs, steps, onStubs }: PinListProps): React.JSX.Element | null {
  const keys = Object.keys(stubs);
  if (keys.length === 0) return null;
  const nameOf = (key: string): string => steps.find(({ id }) => id === stepOf(key))?.name ?? stepOf(key);
  return (
    <details className="test-pins" data-testid="test-pins">
      <summary>{t("Pinned: {names}", { names: listed([...new Set(keys.map(nameOf))]) })}</summary>
      <ul>
        {keys.map((key) => (
          <li key={key}>
            <span className="grow">
              <span dir="auto">{nameOf(key)}</span>
              <code className="muted" dir="ltr">
                {JSON.stringify(stubs[key])}
              </code>
            </span>
            <IconButton
              icon="x"
              label={t("Unpin {name}", { name: nameOf(key) })}
              onClick={() => onStubs(without(stubs, key))}
            />
          </li>
        ))}
      </ul>
      <Button testId="unpin-all" onClick={() => onStubs({})}>
        {t("Remove all")}
      </Button>
    </details>
  );
}
