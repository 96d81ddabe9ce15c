import type { ButtonHTMLAttributes } from "react";
import type { IconName } from "./Icon";
import { Icon } from "./Icon";

type Attributes = Omit<ButtonHTMLAttributes<HTMLButtonElement>, "type">;

interface ButtonProps extends Attributes {
  readonly icon?: IconName;
  readonly look?: "plain" | "primary" | "quiet" | "danger";
  readonly testId?: string;
}

export function Button({
  icon,
  look = "plain",
  testId,
  className = "",
  children,
  ...rest
}: ButtonProps): React.JSX.Element {
  return (
    <button type="button" className={`button button-${look} ${className}`} data-testid={testId} {...rest}>
      {icon !== undefined && <Icon name={icon} />}
      {children}
    </button>
  );
}

interface IconButtonProps extends Attributes {
  readonly icon: IconName;
  /** What it does: its name, and what hovering shows. */
  readonly label: string;
  readonly testId?: string;
}

export function IconButton({ icon, label, testId, className = "", ...rest }: IconButtonProps): React.JSX.Element {
  return (
    <button
      type="button"
      className={`icon-button ${className}`}
      aria-label={label}
      title={label}
      data-testid={testId}
      {...rest}
    >
      <Icon name={icon} size={18} />
    </button>
  );
}
