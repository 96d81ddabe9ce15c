import type { ReactNode } from "react";
import { useState } from "react";
import type { Json, Path } from "../../base/json";
import { isList, isObject, summary } from "../../base/json";
import { notify } from "../notices";
import { IconButton } from "./Button";
import { Icon } from "./Icon";
import "./json.css";
import { t } from "../../locale/locale";

/** Entries of one object or list that are drawn before somebody asks for more. */
const PAGE = 100;
/** Deeper values are closed at first. */
const OPEN_DEPTH = 2;

interface JsonTreeProps {
  readonly value: Json;
  /** What it is, for screen readers and the button that copies it. */
  readonly label: string;
  /** What can be done with each value in it, beside its line. */
  readonly toolsOf?: ToolsOf;
}

type ToolsOf = (path: Path, value: Json) => ReactNode;

/** A JSON value to look into, with everything in it to be copied. Only what is open is drawn. */
export function JsonTree({ value, label, toolsOf }: JsonTreeProps): React.JSX.Element {
  return (
    <div className="json" dir="ltr" role="group" aria-label={label}>
      <span className="json-copy">
        <IconButton icon="copy" label={t("Copy {name}", { name: label })} onClick={() => copy(value)} />
      </span>
      <JsonNode name={undefined} value={value} path={[]} toolsOf={toolsOf} />
    </div>
  );
}

interface JsonNodeProps {
  readonly name: string | undefined;
  readonly value: Json;
  readonly path: Path;
  readonly toolsOf: ToolsOf | undefined;
}

function JsonNode({ name, value, path, toolsOf }: JsonNodeProps): React.JSX.Element {
  const entries = entriesOf(value);
  const [isOpen, setOpen] = useState(path.length < OPEN_DEPTH && (entries?.length ?? 0) <= PAGE);
  const [shown, setShown] = useState(PAGE);
  if (entries === undefined || entries.length === 0) {
    return (
      <div className="json-line json-leaf">
        <Name name={name} />
        <Scalar value={value} />
        {toolsOf?.(path, value)}
      </div>
    );
  }
  return (
    <div>
      <div className="json-row">
        <button type="button" className="json-line json-toggle" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          <Icon name={isOpen ? "chevronDown" : "chevronRight"} size={12} />
          <Name name={name} />
          <span className="json-count">
            {isList(value) ? `[${entries.length}]` : `{${entries.length}}`} {isOpen ? "" : summary(value, 60)}
          </span>
        </button>
        {toolsOf?.(path, value)}
      </div>
      {isOpen && (
        <div className="json-inside">
          {entries.slice(0, shown).map(([key, inner]) => (
            <JsonNode
              key={key}
              name={key}
              value={inner}
              path={[...path, isList(value) ? Number(key) : key]}
              toolsOf={toolsOf}
            />
          ))}
          {entries.length > shown && (
            <button type="button" className="json-line json-more" onClick={() => setShown(shown + PAGE)}>
              {t("{number} more", { number: entries.length - shown })}
            </button>
          )}
        </div>
      )}
    </div>
  );
}

function Name({ name }: { readonly name: string | undefined }): React.JSX.Element | null {
  return name === undefined ? null : <span className="json-name">{name}:</span>;
}

function Scalar({ value }: { readonly value: Json }): React.JSX.Element {
  const kind = value === null ? "null" : isList(value) || isObject(value) ? "empty" : typeof value;
  return <span className={`json-value json-${kind}`}>{typeof value === "string" ? value : JSON.stringify(value)}</span>;
}

function entriesOf(value: Json): readonly (readonly [string, Json])[] | undefined {
  if (isList(value)) return value.map((item, index) => [String(index), item] as const);
  return isObject(value) ? Object.entries(value) : undefined;
}

/** Puts a value on the clipboard: texts as they are, everything else as JSON. */
export function copy(value: Json): void {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  navigator.clipboard.writeText(text).then(
    () => notify(t("Copied.")),
    () => notify(t("The browser does not allow copying here."), "error"),
  );
}
