import { tree } from "../base/place";
import { t } from "../locale/locale";

/** The first stop of the Tab key: leads past everything that is on every page, to the first step or to the page itself. */
export function SkipLink(): React.JSX.Element {
  return (
    <button type="button" className="button skip-link" onClick={focusContent}>
      {t("Skip to the content")}
    </button>
  );
}

function focusContent(): void {
  const step = tree().querySelector<HTMLElement>(".editor .react-flow__node[tabindex]");
  const page = step ?? tree().querySelector<HTMLElement>("main");
  if (page?.matches("main") === true) page.tabIndex = -1;
  page?.focus();
}
