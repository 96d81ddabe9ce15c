import { setQuery } from "../routes";
import { t } from "../../locale/locale";
import { Button } from "./Button";

/** Leads to the next page of a list: the address says which is shown. */
export function Further({ cursor }: { readonly cursor: string }): React.JSX.Element {
  return <Button onClick={() => setQuery({ cursor })}>{t("More")}</Button>;
}
