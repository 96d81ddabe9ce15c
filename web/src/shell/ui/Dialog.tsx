import type { ReactNode } from "react";
import { useId } from "react";
import { IconButton } from "./Button";
import { t } from "../../locale/locale";

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
  /** Buttons at its lower edge. */
  readonly footer?: ReactNode;
  readonly size?: "small" | "medium" | "large";
  readonly testId?: string;
}

/** A modal dialog: the browser keeps the focus inside and gives it back at the end; Escape closes it. */
export function Dialog({ title, onClose, children, footer, size = "medium", testId }: DialogProps): React.JSX.Element {
  const titleId = useId();
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions, jsx-a11y/click-events-have-key-events -- a click beside it; Escape is the key
    <dialog
      ref={openModal}
      className={`dialog dialog-${size}`}
      aria-labelledby={titleId}
      data-testid={testId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onKeyDown={(event) => event.stopPropagation()}
      onMouseDown={(event) => event.target === event.currentTarget && onClose()}
    >
      <div className="dialog-box">
        <header className="dialog-header">
          <h2 id={titleId}>
            <bdi>{title}</bdi>
          </h2>
          <IconButton icon="x" label={t("Close")} onClick={onClose} />
        </header>
        <div className="dialog-body">{children}</div>
        {footer !== undefined && <footer className="dialog-footer">{footer}</footer>}
      </div>
    </dialog>
  );
}

/** Opens a dialog as soon as it is in the page, before any effect inside of it looks at its size. */
function openModal(dialog: HTMLDialogElement): () => void {
  dialog.showModal();
  // The browser would begin with the button that closes it.
  dialog.querySelector<HTMLElement>("[data-autofocus]")?.focus();
  return () => dialog.close();
}
