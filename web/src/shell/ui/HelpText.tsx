import { Fragment } from "react";

/** JSON, references, paths such as data.order_id, and durations: what is read from left to right in every language. */
const CODE = /(\{".*\}|!ref\([^)]*\)|[A-Za-z_$][\w$-]*(?:[./][\w*$-]+)+|\b\d+(?:\.\d+)?(?:ms|[smhd])\b)/;

/** A sentence of help, in which code keeps its order also between words from right to left; and it is read in its own. */
export function HelpText({ text }: { readonly text: string }): React.JSX.Element {
  return (
    <bdi>
      {text.split(CODE).map((part, index) =>
        index % 2 === 0 ? (
          // oxlint-disable-next-line react/no-array-index-key -- the parts of one text have no other key, and no state
          <Fragment key={index}>{part}</Fragment>
        ) : (
          // oxlint-disable-next-line react/no-array-index-key -- as above
          <bdi key={index} dir="ltr">
            {part}
          </bdi>
        ),
      )}
    </bdi>
  );
}
