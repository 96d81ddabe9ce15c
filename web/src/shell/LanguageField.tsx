import type { Locale } from "../locale/locale";
import { LOCALES, t } from "../locale/locale";
import { LANGUAGE_NAMES, chooseLanguage, useLanguage } from "./language";
import { notify } from "./notices";
import { LabelledField } from "./ui/LabelledField";

function choose(wanted: Locale): void {
  chooseLanguage(wanted).catch(() => notify(t("The server cannot be reached."), "error"));
}

/** Chooses the language of everything on the screen. */
export function LanguageField(): React.JSX.Element {
  const language = useLanguage((state) => state.language);
  return (
    <LabelledField label={t("Language")}>
      <select
        className="input"
        data-testid="language"
        value={language}
        onChange={(event) => choose(event.target.value as Locale)}
      >
        {LOCALES.map((each) => (
          <option key={each} value={each} lang={each}>
            {LANGUAGE_NAMES[each]}
          </option>
        ))}
      </select>
    </LabelledField>
  );
}
