import type { ControlProps } from "./Field";
import { FormField } from "./FormField";
import { SeveralField } from "./SeveralField";

/** The kinds of fields that few actions have. */
export function RareField(props: ControlProps & { readonly isInvalid: boolean }): React.JSX.Element {
  return props.spec.kind === "form" ? <FormField {...props} /> : <SeveralField {...props} />;
}
