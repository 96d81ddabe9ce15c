import { Suspense, useId } from "react";
import type { Json } from "../../base/json";
import { toPointer } from "../../base/json";
import { tree } from "../../base/place";
import { ReferencePicker } from "../../expressions/ReferencePicker";
import { later } from "../../shell/later";
import { HelpText } from "../../shell/ui/HelpText";
import { Icon } from "../../shell/ui/Icon";
import { IconButton } from "../../shell/ui/Button";
import type { FieldProps } from "../form";
import { messageFor, useForm } from "../form";
import { optionsMark } from "../options";
import { plainChoice } from "../plain";
import type { FieldKind, FieldSpec } from "../schema";
import { describe, initialValue } from "../schema";
import { ObjectFields } from "./ObjectFields";
import { ScalarControl, isScalar } from "./ScalarControl";
import type { Expression } from "./useExpression";
import { isCondition, useExpression } from "./useExpression";
import { t, withPanelWords } from "../../locale/locale";

const ExpressionField = later(() =>
  withPanelWords(() => import("../../expressions/ExpressionField")).then((module) => module.ExpressionField),
);
const ConditionField = later(() =>
  withPanelWords(() => import("../../expressions/ConditionField")).then((module) => module.ConditionField),
);
const ChoiceField = later(() => withPanelWords(() => import("./ChoiceField")).then((module) => module.ChoiceField));
const ListField = later(() => withPanelWords(() => import("./ListField")).then((module) => module.ListField));
const MapField = later(() => withPanelWords(() => import("./MapField")).then((module) => module.MapField));
const SecretControl = later(() =>
  withPanelWords(() => import("./SecretControl")).then((module) => module.SecretControl),
);
const OptionsControl = later(() =>
  withPanelWords(() => import("./OptionsControl")).then((module) => module.OptionsControl),
);
const RareField = later(() => withPanelWords(() => import("./RareField")).then((module) => module.RareField));

/** Kinds of fields with a part of their own. */
const OWN: Partial<Record<FieldKind, (props: ControlProps & { isInvalid: boolean }) => React.JSX.Element>> = {
  list: ListField,
  map: MapField,
  choice: ChoiceField,
  several: RareField,
  form: RareField,
};
/** Kinds of fields that take some room, and are only shown when they have a value or are required. */
const LARGE: ReadonlySet<FieldSpec["kind"]> = new Set(["list", "object", "map", "choice"]);

/** One field with its label, the switch between value and reference, its control and what is wrong with it. */
export function Field(props: FieldProps): React.JSX.Element {
  const { path, schema, value, isRequired } = props;
  const form = useForm();
  const id = useId();
  const spec = describe(schema, form.root);
  const pointer = toPointer(path);
  const message = messageFor(form, props);
  const expression = useExpression(props);
  const { isExpression } = expression;
  const isLarge = LARGE.has(spec.kind) && !isExpression;
  // Of several forms, one that is a single value stands below the choice without a label of its own.
  const isGroup = isLarge && plainChoice(spec, value, form.root) === undefined;
  if (isLarge && value === undefined && !isRequired && !form.isReadOnly) return <AbsentField {...props} />;
  const describedBy = message === undefined ? undefined : `${id}-message`;
  return (
    <div
      className={`field ${isGroup ? "field-group" : ""}`}
      data-pointer={pointer}
      role={isGroup ? "group" : undefined}
      aria-labelledby={isGroup ? `${id}-label` : undefined}
      onBlur={({ currentTarget, relatedTarget }) => {
        if (!currentTarget.contains(relatedTarget)) expression.setTyping(false);
      }}
    >
      <FieldHead {...props} id={id} spec={spec} isGroup={isGroup} expression={expression} />
      <Suspense fallback={<div className="input field-loading" />}>
        <Control {...props} id={id} spec={spec} expression={expression} describedBy={describedBy} />
      </Suspense>
      {message !== undefined && (
        <span id={describedBy} className={`field-error field-error-${message.severity}`}>
          <Icon name="alert" size={13} />
          {message.text}
        </span>
      )}
      {spec.description !== undefined && (
        <span className="field-help">
          <HelpText text={spec.description} />
        </span>
      )}
    </div>
  );
}

interface FieldHeadProps extends FieldProps {
  readonly id: string;
  readonly spec: FieldSpec;
  readonly isGroup: boolean;
  readonly expression: Expression;
}

/** The label, and what can be done with the value as a whole. */
function FieldHead({
  path,
  value,
  label,
  isRequired,
  id,
  spec,
  isGroup,
  expression,
}: FieldHeadProps): React.JSX.Element {
  const form = useForm();
  const isOwn = path.length > 0 && !form.isReadOnly;
  const { isExpression, toggle } = expression;
  return (
    <div className="field-head">
      <label className="field-label" id={`${id}-label`} htmlFor={isGroup ? undefined : id}>
        {label}
        {isRequired && (
          <span className="field-required" title={t("Required")}>
            {" *"}
          </span>
        )}
      </label>
      <span className="grow" />
      {isOwn && form.variables !== undefined && !isCondition(spec) && (
        <>
          <ReferencePicker
            variables={form.variables}
            label={label}
            onPick={(text) => {
              expression.setTyping(false);
              form.change(path, picked(value, spec, text));
            }}
          />
          <button
            type="button"
            className="fx"
            aria-pressed={isExpression}
            aria-label={
              isExpression
                ? t("fx, {label}: use a fixed value", { label })
                : t("fx, {label}: use a reference", { label })
            }
            title={isExpression ? t("Use a fixed value") : t("Use a reference")}
            data-testid={`fx-${toPointer(path)}`}
            onClick={() => {
              toggle();
              // Left on the button, the next letters would be keys of the canvas.
              if (isExpression) requestAnimationFrame(() => tree().getElementById(id)?.focus());
            }}
          >
            fx
          </button>
        </>
      )}
      {isOwn && isGroup && !isRequired && (
        <IconButton
          icon="trash"
          label={t("Remove {name}", { name: label })}
          className="small"
          onClick={() => form.change(path, undefined)}
        />
      )}
    </div>
  );
}

/** The value after a reference was picked: added to what may hold several, else in the place of what was there. */
function picked(value: Json | undefined, spec: FieldSpec, reference: string): Json {
  if (spec.kind === "several" && value !== undefined) return [value, reference].flat();
  const isLongText = (spec.kind === "text" || spec.kind === "area") && optionsMark(spec.schema) === undefined;
  return isLongText && typeof value === "string" && value !== "" ? `${value}${reference}` : reference;
}

export interface ControlProps extends FieldProps {
  readonly id: string;
  readonly spec: FieldSpec;
  readonly expression: Expression;
  readonly describedBy: string | undefined;
}

export function Control(props: ControlProps): React.JSX.Element {
  const { path, value, label, spec, expression } = props;
  const form = useForm();
  const change = (next: Json | undefined): void => form.change(path, next);
  const isInvalid = messageFor(form, props)?.severity === "error";
  if (expression.isExpression && form.variables !== undefined) {
    const { variables } = form;
    return (
      <ExpressionField
        label={label}
        testId={`field-${toPointer(path)}`}
        value={value}
        isLong={spec.kind === "area"}
        isReadOnly={form.isReadOnly}
        isFocused={expression.isWanted}
        variables={variables}
        onChange={(next) => {
          expression.keep();
          change(next);
        }}
      />
    );
  }
  if (isScalar(spec.kind)) return <Scalar {...props} isInvalid={isInvalid} />;
  const Own = OWN[spec.kind];
  if (Own !== undefined) return <Own {...props} isInvalid={isInvalid} />;
  switch (spec.kind) {
    case "logic":
    case "condition":
      return (
        <ConditionField
          label={label}
          pointer={toPointer(path)}
          language={spec.kind === "logic" ? "json-logic" : "expression"}
          value={value}
          variables={spec.kind === "logic" ? form.variables : form.readable}
          isReadOnly={form.isReadOnly}
          onChange={change}
        />
      );
    default:
      return (
        <ObjectFields
          path={path}
          schema={spec.schema}
          value={typeof value === "object" && value !== null && !Array.isArray(value) ? (value as never) : {}}
        />
      );
  }
}

/** A single value: typed, chosen from a list of the server, or the name of a secret. */
function Scalar({
  path,
  value,
  label,
  id,
  spec,
  expression,
  describedBy,
  isInvalid,
}: ControlProps & { readonly isInvalid: boolean }): React.JSX.Element {
  const form = useForm();
  const scalar = {
    id,
    pointer: toPointer(path),
    spec,
    value,
    isInvalid,
    describedBy,
    isReadOnly: form.isReadOnly,
    onChange: (next: Json | undefined): void => {
      expression.setTyping(true);
      form.change(path, next);
    },
  };
  if (spec.kind === "secret" && form.takesSecrets) return <SecretControl {...scalar} />;
  // A list has single values only: what has another form is edited as what it is.
  const isSingle = typeof value !== "object" || value === null;
  const mayChoose = form.listOptions !== undefined && !form.isReadOnly && isSingle;
  const mark = mayChoose ? optionsMark(spec.schema) : undefined;
  return mark === undefined ? <ScalarControl {...scalar} /> : <OptionsControl {...scalar} mark={mark} label={label} />;
}

/** A group of fields that is not there: a button that adds it. */
function AbsentField({ path, schema, label }: FieldProps): React.JSX.Element {
  const form = useForm();
  return (
    <div className="field-absent" data-pointer={toPointer(path)}>
      <button
        type="button"
        className="button button-quiet field-add"
        data-testid={`add-${toPointer(path)}`}
        title={describe(schema, form.root).description}
        onClick={() => form.change(path, initialValue(schema, form.root))}
      >
        <Icon name="plus" size={14} />
        {label}
      </button>
    </div>
  );
}
