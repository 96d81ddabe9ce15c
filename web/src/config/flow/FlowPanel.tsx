import { useCallback, useMemo } from "react";
import type { Json, JsonObject } from "../../base/json";
import { isObject, without } from "../../base/json";
import { withOptional } from "../../document/scope";
import { useDocument, useEditor, useEditorContext, useHost } from "../../editor/store";
import { t } from "../../locale/locale";
import type { LocatedProblem } from "../../problems/locate";
import { ControlCard } from "./ControlCard";
import { CONTROLS } from "./controls";
import { whyNot } from "./exclusions";
import { PastEvents } from "./PastEvents";
import type { ControlName } from "./values";
import { controlAt } from "./values";
import "./flow.css";

const NONE: readonly LocatedProblem[] = [];
const EMPTY: JsonObject = {};

/** How much goes on at once, how often runs start, and which events start none. */
export function FlowPanel(): React.JSX.Element {
  const { store } = useEditorContext();
  const { isEmbedded } = useHost();
  const document = useDocument();
  const isReadOnly = useEditor((state) => state.isReadOnly);
  const problems = useEditor((state) => state.problems.byTarget.get("workflow")) ?? NONE;
  const wish = useEditor((state) => state.focusWish);
  const settings = isObject(document.settings) ? document.settings : EMPTY;
  const change = useCallback(
    (name: ControlName, value: Json | undefined, pointer: string) => {
      store.getState().edit(
        (old) => {
          const before = isObject(old.settings) ? old.settings : EMPTY;
          const next = value === undefined ? without(before, name) : { ...before, [name]: value };
          return withOptional(old, "settings", Object.keys(next).length === 0 ? undefined : next);
        },
        t("edit the flow control"),
        pointer === "" ? undefined : `settings ${name} ${pointer}`,
      );
    },
    [store],
  );
  const wished = useMemo(() => (wish === undefined ? undefined : controlAt(wish.field)), [wish]);
  return (
    <>
      <p className="muted">
        {t(
          "An event passes batch, idempotency or rate limit, debounce and singleton, in this order. Then throttle and concurrency say when its steps start, and priority who comes first. Changes hold for events that come after they were published; but how high a concurrency limit is also holds for runs that wait.",
        )}
      </p>
      {CONTROLS.map((control) => (
        <ControlCard
          key={control.name}
          control={control}
          value={settings[control.name]}
          whyNot={whyNot(document, control.name)}
          problems={problems}
          isReadOnly={isReadOnly}
          focusWish={wished === control.name ? wish : undefined}
          onChange={change}
        />
      ))}
      {/* The tokens of hosts do not reach the events of a tenant. */}
      {!isEmbedded && <PastEvents settings={settings} />}
    </>
  );
}
