import { useDeferredValue, useMemo, useState } from "react";
import type { Json, Path } from "../base/json";
import { isList, isObject, summary } from "../base/json";
import { writePath, writeReference } from "../document/references";
import { t } from "../locale/locale";
import { IconButton } from "../shell/ui/Button";
import { JsonTree, copy } from "../shell/ui/JsonTree";
import { findText } from "./find";

interface ValueViewProps {
  readonly value: Json;
  readonly label: string;
  /** How references of later steps begin that lead to the value; none if none can. */
  readonly root?: Path | undefined;
}

/** A value of a run: to look into, to search, and to take references to its parts from. */
export function ValueView({ value, label, root }: ValueViewProps): React.JSX.Element {
  const [text, setText] = useState("");
  const wanted = useDeferredValue(text.trim());
  const tools = (path: Path, inner: Json): React.JSX.Element => <Tools path={path} value={inner} root={root} />;
  if (!isList(value) && !isObject(value)) return <JsonTree value={value} label={label} toolsOf={tools} />;
  return (
    <div className="value-view">
      <input
        className="input value-search"
        type="search"
        aria-label={t("Search in {name}", { name: label })}
        placeholder={t("Search")}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      {wanted === "" ? (
        <JsonTree value={value} label={label} toolsOf={tools} />
      ) : (
        <Matches value={value} label={label} text={wanted} root={root} />
      )}
    </div>
  );
}

function Matches({ value, label, text, root }: ValueViewProps & { readonly text: string }): React.JSX.Element {
  const { places, isCut } = useMemo(() => findText(value, text), [value, text]);
  return (
    <div className="json" role="group" aria-label={t("Found in {name}", { name: label })} data-testid="value-matches">
      {places.map(({ path, value: found }) => (
        <div key={writePath(path)} className="json-line">
          <span className="json-name">{writePath(path)}</span>
          <span className="json-count">{summary(found, 120)}</span>
          <Tools path={path} value={found} root={root} />
        </div>
      ))}
      {places.length === 0 && <p className="muted">{t("It has nothing like this.")}</p>}
      {isCut && <p className="muted">{t("There is more than is listed.")}</p>}
    </div>
  );
}

interface ToolsProps {
  readonly path: Path;
  readonly value: Json;
  readonly root: Path | undefined;
}

/** Buttons that copy a part of a value, and the reference that leads to it. */
function Tools({ path, value, root }: ToolsProps): React.JSX.Element {
  const name = writePath(path);
  return (
    <span className="value-tools">
      {root !== undefined && (
        <IconButton
          icon="link"
          label={t("Copy the reference to {path}", { path: name })}
          onClick={() => copy(writeReference([...root, ...path]))}
        />
      )}
      {path.length > 0 && (
        <IconButton icon="copy" label={t("Copy the value of {path}", { path: name })} onClick={() => copy(value)} />
      )}
    </span>
  );
}
