import type { AnchorHTMLAttributes } from "react";
import { navigate } from "../routes";

interface LinkProps extends AnchorHTMLAttributes<HTMLAnchorElement> {
  readonly href: string;
}

/** A link inside the application: the page stays, unless somebody wants it in another tab. */
export function Link({ href, children, ...rest }: LinkProps): React.JSX.Element {
  return (
    <a
      {...rest}
      href={href}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
        event.preventDefault();
        navigate(href);
      }}
    >
      {children}
    </a>
  );
}
