import type { ReactNode } from "react";

interface LabelledFieldProps {
  readonly label: string;
  readonly problem?: string | undefined;
  readonly help?: string;
  readonly children: ReactNode;
}

/** A control with its name above and what is wrong with it below. */
export function LabelledField({ label, problem, help, children }: LabelledFieldProps): React.JSX.Element {
  return (
    <label className="field">
      <span className="field-label">{label}</span>
      {children}
      {help !== undefined && problem === undefined && <span className="field-help">{help}</span>}
      {problem !== undefined && (
        <span className="field-error" role="alert">
          {problem}
        </span>
      )}
    </label>
  );
}
