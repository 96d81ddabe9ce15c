/** Parts that are loaded when they are first drawn; and what stands in the place of those that cannot be shown. */

import type { ReactNode } from "react";
import { Component, Suspense, lazy } from "react";
import { keptName, presentOwner } from "../api/session";
import { isWholePage } from "../base/place";
import { t } from "../locale/locale";
import { Button } from "./ui/Button";
import { Dialog } from "./ui/Dialog";

/** A part did not come: nothing reaches the server, or it has another version of the interface by now. */
export class NotLoaded extends Error {
  constructor(
    reason: unknown,
    /** Has it asked for again when it is drawn next. */
    readonly renew: () => void,
  ) {
    super("not-loaded", { cause: reason });
  }
}

/** A component that is loaded when it is first drawn. What fails is told to the `Boundary` around it. */
export function later<P>(load: () => Promise<React.ComponentType<P>>): (props: P) => React.JSX.Element {
  const begin = (): React.ComponentType<P> =>
    lazy(() =>
      load().then(
        (component) => ({ default: component }),
        (reason: unknown) => {
          throw new NotLoaded(reason, () => {
            present = begin();
          });
        },
      ),
    );
  let present = begin();
  return function Later(props) {
    const Present = present;
    return <Present {...(props as P & React.JSX.IntrinsicAttributes)} />;
  };
}

/** A dialog that is loaded when it is first opened. */
export function laterDialog<P extends { readonly onClose: () => void }>(
  load: () => Promise<React.ComponentType<P>>,
): (props: P) => React.JSX.Element {
  const Inside = later(load);
  return function LaterDialog(props) {
    return (
      <Boundary isDialog onClose={props.onClose}>
        <Inside {...props} />
      </Boundary>
    );
  };
}

interface BoundaryProps {
  readonly children: ReactNode;
  /** What is shown until everything is there. */
  readonly fallback?: ReactNode;
  /** What it is about: after a failure, something else is tried without being asked. */
  readonly about?: string;
  /** Whether it is a page of its own, which may be loaded anew without asking. */
  readonly isPage?: boolean;
  /** Whether what it says has to be a dialog, too. */
  readonly isDialog?: boolean;
  readonly onClose?: () => void;
}

interface BoundaryState {
  readonly error: unknown;
}

/** Keeps what fails from taking everything else from the screen, and offers to try it again. */
export class Boundary extends Component<BoundaryProps, BoundaryState> {
  override state: BoundaryState = { error: undefined };

  static getDerivedStateFromError(error: unknown): BoundaryState {
    return { error };
  }

  override componentDidCatch(error: unknown): void {
    if (this.props.isPage === true && error instanceof NotLoaded) reloadOnce();
  }

  override componentDidUpdate(before: BoundaryProps): void {
    if (this.state.error !== undefined && before.about !== this.props.about) this.retry();
  }

  private readonly retry = (): void => {
    const { error } = this.state;
    if (error instanceof NotLoaded) error.renew();
    this.setState({ error: undefined });
  };

  override render(): ReactNode {
    const { error } = this.state;
    const { children, fallback, isDialog = false, onClose } = this.props;
    if (error === undefined) return <Suspense fallback={fallback}>{children}</Suspense>;
    const wasLoaded = !(error instanceof NotLoaded);
    const title = wasLoaded ? t("Something went wrong here") : t("This part could not be loaded");
    const said = (
      <>
        <p>
          {wasLoaded
            ? t("What you have changed is kept.")
            : t("There is no connection, or a newer version. What you have changed is kept.")}
        </p>
        <div className="row">
          <Button look="primary" testId="retry-part" onClick={this.retry}>
            {t("Try again")}
          </Button>
          {isWholePage() && navigator.onLine && <Button onClick={() => location.reload()}>{t("Reload")}</Button>}
          {!isDialog && onClose !== undefined && <Button onClick={onClose}>{t("Close")}</Button>}
        </div>
      </>
    );
    if (isDialog)
      return (
        <Dialog title={title} size="small" testId="not-shown" onClose={() => onClose?.()}>
          <div className="stack" role="alert">
            {said}
          </div>
        </Dialog>
      );
    return (
      <div className="empty not-shown" role="alert" data-testid="not-shown">
        <h2>{title}</h2>
        {said}
      </div>
    );
  }
}

/** Tells the console of errors that a boundary has caught, but for those of the connection, which it has told already. */
export function reportCaught(error: unknown): void {
  // oxlint-disable-next-line no-console -- what has no other place
  if (!(error instanceof NotLoaded)) console.error(error);
}

const RELOADED = "workflowkit.reloaded";
/** A page that cannot be loaded even so is not loaded for ever. */
const RELOADED_MS = 60_000;

/** After a deployment the pages of the version before are gone: the present one is loaded, if nothing waits to be saved. */
function reloadOnce(): void {
  try {
    const last = Number(sessionStorage.getItem(RELOADED) ?? 0);
    // Whoever used this browser before may have left some: nothing of them is on this page.
    const own = keptName("edit", presentOwner() ?? "", "");
    const hasUnsaved = Object.keys(localStorage).some((key) => key.startsWith(own));
    if (!isWholePage() || !navigator.onLine || hasUnsaved || Date.now() - last < RELOADED_MS) return;
    sessionStorage.setItem(RELOADED, String(Date.now()));
  } catch {
    return; // without a storage nobody would know that it was tried already
  }
  location.reload();
}
