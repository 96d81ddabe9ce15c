import { useMemo } from "react";
import type { Json, JsonObject } from "../../base/json";
import type { FocusWish } from "../../editor/store";
import { t } from "../../locale/locale";
import { Button, IconButton } from "../../shell/ui/Button";
import { ControlFields } from "./ControlFields";
import type { Messages } from "./inside";
import { messagesInside, useInside } from "./inside";
import { FieldMessageLine } from "./KeyField";
import { limitsOf, pointerOfLimit } from "./values";

interface LimitListProps {
  readonly value: Json | undefined;
  readonly messages: Messages;
  readonly isReadOnly: boolean;
  readonly focusWish: FocusWish | undefined;
  readonly onChange: (value: Json, pointer: string) => void;
}

/** Two of steps, and one of runs. */
const MOST_LIMITS = 3;
const NEW_LIMIT: JsonObject = { limit: 5, key: "event.data.customer" };

/** The limits of concurrency: a step has to stay under all of them. */
export function LimitList({ value, messages, isReadOnly, focusWish, onChange }: LimitListProps): React.JSX.Element {
  const limits = limitsOf(value);
  return (
    <>
      {limits.map((limit, index) => (
        // oxlint-disable-next-line react/no-array-index-key -- limits have nothing of their own to be told apart by
        <LimitFields
          key={index}
          index={index}
          isAlone={limits.length === 1}
          limit={limit}
          pointer={pointerOfLimit(value, index)}
          messages={messages}
          isReadOnly={isReadOnly}
          focusWish={focusWish}
          onChange={(next, pointer) => onChange(limits.with(index, next), `${index}${pointer}`)}
          onRemove={() => onChange(limits.toSpliced(index, 1), "")}
        />
      ))}
      {!isReadOnly && limits.length < MOST_LIMITS && (
        <Button icon="plus" onClick={() => onChange([...limits, NEW_LIMIT], "")}>
          {t("Add a limit")}
        </Button>
      )}
    </>
  );
}

interface LimitFieldsProps {
  readonly index: number;
  readonly isAlone: boolean;
  readonly limit: JsonObject;
  /** Where it stands below the setting. */
  readonly pointer: string;
  readonly messages: Messages;
  readonly isReadOnly: boolean;
  readonly focusWish: FocusWish | undefined;
  readonly onChange: (limit: JsonObject, pointer: string) => void;
  readonly onRemove: () => void;
}

function LimitFields(props: LimitFieldsProps): React.JSX.Element {
  const { index, isAlone, limit, pointer, isReadOnly, onChange, onRemove } = props;
  const messages = useMemo(() => messagesInside(props.messages, pointer), [props.messages, pointer]);
  const focusWish = useInside(props.focusWish, pointer);
  const own = pointer === "" ? undefined : messages.get("");
  return (
    <div className="flow-limit" role="group" aria-label={t("Limit {number}", { number: index + 1 })}>
      {!isAlone && (
        <div className="row">
          <span className="grow field-label">{t("Limit {number}", { number: index + 1 })}</span>
          {!isReadOnly && (
            <IconButton icon="trash" label={t("Remove limit {number}", { number: index + 1 })} onClick={onRemove} />
          )}
        </div>
      )}
      {own !== undefined && <FieldMessageLine message={own} />}
      <ControlFields
        name="concurrency"
        value={limit}
        messages={messages}
        isReadOnly={isReadOnly}
        focusWish={focusWish}
        onChange={onChange}
      />
    </div>
  );
}
