import type { ReactNode } from "react";
import type { ApiError } from "../api/client";
import { direction, locale, t } from "../locale/locale";
import { Notices } from "../shell/Notices";
import { Button } from "../shell/ui/Button";

/** What the element shows, in its language. */
export function EmbedPage({ children }: { readonly children: ReactNode }): React.JSX.Element {
  return (
    <div className="embed-page" lang={locale()} dir={direction()}>
      {children}
      <Notices />
    </div>
  );
}

interface NotShownProps {
  readonly title: string;
  readonly error: ApiError;
  readonly onRetry: () => void;
}

/** Says that something could not be loaded, and why. */
export function NotShown({ title, error, onRetry }: NotShownProps): React.JSX.Element {
  return (
    <div className="empty" role="alert">
      <h2>{title}</h2>
      <p>{error.message}</p>
      <Button onClick={onRetry}>{t("Try again")}</Button>
    </div>
  );
}
