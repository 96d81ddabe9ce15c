import { useCallback, useState } from "react";
import type { OptionList } from "../../api/schema";
import type { Json } from "../../base/json";
import { isList, toPointer } from "../../base/json";
import { tree } from "../../base/place";
import { hasReference, isReference } from "../../document/references";
import { chipsOf } from "../../expressions/chips";
import type { Variables } from "../../expressions/variables";
import { t } from "../../locale/locale";
import { IconButton } from "../../shell/ui/Button";
import type { IconName } from "../../shell/ui/Icon";
import { Icon } from "../../shell/ui/Icon";
import { useForm } from "../form";
import { optionsMark } from "../options";
import { ChoiceField } from "./ChoiceField";
import type { ControlProps } from "./Field";
import { OptionsControl } from "./OptionsControl";
import "./several.css";

interface SeveralFieldProps extends ControlProps {
  readonly isInvalid: boolean;
}

/** One text or several, chosen from a list that the server makes, typed, or references. */
export function SeveralField(props: SeveralFieldProps): React.JSX.Element {
  const { path, value, label, id, spec, describedBy, isInvalid } = props;
  const { variables, isReadOnly, change } = useForm();
  const known = useKnown();
  const mark = optionsMark(spec.schema);
  const texts = textsOf(value);
  if (texts === undefined || mark === undefined) return <ChoiceField {...props} />;
  const write = (next: readonly string[]): void => change(path, valueOf(next));
  return (
    <div className="several">
      {texts.length > 0 && (
        <ul className="several-chosen" aria-label={label}>
          {texts.map((text, index) => (
            <Chosen
              // oxlint-disable-next-line react/no-array-index-key -- a document may have a text twice
              key={index}
              text={text}
              name={known.labels.get(text)}
              isStranger={known.all !== undefined && !known.all.has(text)}
              variables={variables}
              onRemove={
                isReadOnly
                  ? undefined
                  : () => {
                      write(texts.toSpliced(index, 1));
                      tree().getElementById(id)?.focus();
                    }
              }
            />
          ))}
        </ul>
      )}
      {!isReadOnly && (
        <OptionsControl
          id={id}
          pointer={toPointer(path)}
          spec={spec}
          value={undefined}
          isInvalid={isInvalid}
          describedBy={describedBy}
          isReadOnly={false}
          mark={mark}
          label={label}
          taken={texts}
          placeholder={texts.length === 0 ? exampleOf(spec.schema.examples) : undefined}
          onList={known.note}
          onChange={(next) => {
            const added =
              typeof next === "string" ? split(next, known.labels) : next === undefined ? [] : [String(next)];
            if (added.length > 0) write([...new Set([...texts, ...added])]);
          }}
        />
      )}
    </div>
  );
}

/** What is known of the values that there are: what they are called, and, once the whole list was there, which those are. */
function useKnown() {
  const [labels, setLabels] = useState<ReadonlyMap<string, string>>(new Map());
  const [all, setAll] = useState<ReadonlySet<string>>();
  const note = useCallback(({ items }: OptionList, isWhole: boolean) => {
    setLabels((old) => new Map([...old, ...items.map(({ value, label }): [string, string] => [String(value), label])]));
    if (isWhole) setAll(new Set(items.map(({ value }) => String(value))));
  }, []);
  return { labels, all, note };
}

interface ChosenProps {
  readonly text: string;
  /** What it is called, if that is known. */
  readonly name: string | undefined;
  readonly isStranger: boolean;
  readonly variables: Variables | undefined;
  readonly onRemove: (() => void) | undefined;
}

function Chosen({ text, name, isStranger, variables, onRemove }: ChosenProps): React.JSX.Element {
  const { shown, icon, problem } = look(text, name, variables);
  return (
    <li className="several-one" title={problem ?? text}>
      <Icon name={icon} size={14} />
      <span className="several-name">
        <bdi>{shown}</bdi>
        {isStranger && !hasReference(text) && <small>{t("Not in the list.")}</small>}
        {problem !== undefined && <small className="several-wrong">{problem}</small>}
      </span>
      {onRemove !== undefined && (
        <IconButton icon="x" className="small" label={t("Remove {name}", { name: shown })} onClick={onRemove} />
      )}
    </li>
  );
}

interface Look {
  readonly shown: string;
  readonly icon: IconName;
  readonly problem: string | undefined;
}

/** How a value is shown: a reference in words, what the list calls it, or what it is. */
function look(text: string, name: string | undefined, variables: Variables | undefined): Look {
  const [chip] = variables !== undefined && isReference(text) ? chipsOf(text, variables) : [];
  if (chip !== undefined) return { ...chip, shown: chip.parts.join(" › ") };
  const shown = name ?? (text.trim() === "" ? t("(empty)") : text);
  return { shown, icon: hasReference(text) ? "braces" : "user", problem: undefined };
}

/** The texts of a value; `undefined` for one that is something else. Null is a text that says nothing. */
function textsOf(value: Json | undefined): readonly string[] | undefined {
  if (value === undefined) return [];
  if (value === null) return [""];
  if (typeof value === "string") return [value];
  return isList(value) && value.every((each) => typeof each === "string") ? (value as readonly string[]) : undefined;
}

/** A reference that stands alone may come out as a list by itself. */
function valueOf(texts: readonly string[]): Json | undefined {
  const said = texts.filter((text) => text.trim() !== "");
  const [only] = said;
  if (only === undefined) return undefined;
  return said.length === 1 && isReference(only) ? only : said;
}

/** The values of a text: several may have been typed or pasted with commas between them, by what they are called, too. */
function split(text: string, labels: ReadonlyMap<string, string>): readonly string[] {
  if (labels.has(text) || hasReference(text)) return [text];
  const parts = text.split(/[,;](?:\s+|$)/).map((part) => part.trim());
  const values = new Map([...labels].map(([value, label]) => [label, value]));
  return parts.filter((part) => part !== "").map((part) => (labels.has(part) ? part : (values.get(part) ?? part)));
}

function exampleOf(examples: Json | undefined): string | undefined {
  const [example] = isList(examples) ? examples : [];
  return typeof example === "string" ? example : undefined;
}
