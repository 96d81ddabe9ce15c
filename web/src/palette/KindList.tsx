import { memo, useEffect, useId, useMemo, useState } from "react";
import { tree } from "../base/place";
import { toneOf } from "../canvas/StepNode";
import type { Kind } from "../editor/catalogue";
import { Icon } from "../shell/ui/Icon";
import { KIND_MEDIA_TYPE } from "./dragging";
import type { Lacks } from "./fitting";
import { fittingFirst } from "./fitting";
import { recentKinds } from "./recent";
import type { Keywords } from "./search";
import { groupKinds, searchKinds } from "./search";
import { t, withPanelWords } from "../locale/locale";

/** So many rows are drawn at first, and again as often as somebody comes near the end: each costs time at each key. */
const ROWS_AT_A_TIME = 50;

interface KindListProps {
  readonly kinds: readonly Kind[];
  /** What keeps actions from fitting where a step would come to stand: these come after those that fit. */
  readonly lacks: Lacks;
  readonly onChoose: (kind: string) => void;
  readonly isFocused?: boolean;
  readonly canDrag?: boolean;
}

interface Shown {
  readonly heading: string | undefined;
  readonly kind: Kind;
  readonly lack: string | undefined;
}

/** The actions, with a field to find one. The field keeps the focus; arrow keys move through the list. */
export const KindList = memo(function KindList(props: KindListProps): React.JSX.Element {
  const { kinds, lacks, onChoose, isFocused = false, canDrag = false } = props;
  const [query, setQuery] = useState("");
  const [active, setActive] = useState(0);
  const [room, setRoom] = useState(ROWS_AT_A_TIME);
  const [keywords, setKeywords] = useState<Keywords>();
  const listId = useId();
  const shown = useMemo(() => listed(kinds, query, lacks, keywords), [kinds, query, lacks, keywords]);
  const index = Math.min(active, shown.length - 1);
  const drawn = shown.slice(0, Math.max(room, index + ROWS_AT_A_TIME / 2));
  const optionId = (number: number): string => `${listId}-${number}`;
  useEffect(() => {
    tree().getElementById(`${listId}-${index}`)?.scrollIntoView({ block: "nearest" });
  }, [listId, index]);
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const chosen = shown[index];
    if (step !== undefined && shown.length > 0) setActive((index + step + shown.length) % shown.length);
    else if (event.key === "Enter" && chosen !== undefined) onChoose(chosen.kind.action.kind);
    else return;
    event.preventDefault();
  };
  return (
    <div className="kinds">
      <div className="kinds-search">
        <Icon name="search" />
        <input
          className="input"
          type="search"
          role="combobox"
          aria-expanded="true"
          aria-controls={listId}
          aria-activedescendant={shown.length > 0 ? optionId(index) : undefined}
          aria-label={t("Find an action")}
          placeholder={t("Find an action")}
          data-testid="palette-search"
          value={query}
          data-autofocus={isFocused ? "" : undefined}
          onChange={(event) => {
            setQuery(event.target.value);
            setActive(0);
            setRoom(ROWS_AT_A_TIME);
          }}
          onFocus={() => {
            if (keywords !== undefined) return;
            // Without them actions are found by their own names.
            withPanelWords(() => import("./keywords")).then(
              ({ keywordsOf }) => setKeywords(() => keywordsOf),
              () => undefined,
            );
          }}
          onKeyDown={onKeyDown}
        />
      </div>
      <div
        id={listId}
        role="listbox"
        aria-label={t("Actions")}
        className="kinds-list"
        tabIndex={-1}
        onScroll={({ currentTarget }) => isNearEnd(currentTarget) && setRoom(drawn.length + ROWS_AT_A_TIME)}
      >
        {drawn.map(({ heading, kind, lack }, number) => (
          <KindOption
            key={`${heading ?? ""}${kind.action.kind}${number}`}
            id={optionId(number)}
            place={number + 1}
            count={shown.length}
            heading={heading}
            kind={kind}
            lack={lack}
            isActive={number === index && (isFocused || query !== "")}
            canDrag={canDrag}
            onChoose={onChoose}
          />
        ))}
      </div>
      {shown.length === 0 && <p className="kinds-none">{t("No action is like “{text}”.", { text: query })}</p>}
    </div>
  );
});

interface KindOptionProps {
  readonly id: string;
  readonly place: number;
  /** How many there are, also those that are not drawn. */
  readonly count: number;
  readonly heading: string | undefined;
  readonly kind: Kind;
  readonly lack: string | undefined;
  readonly isActive: boolean;
  readonly canDrag: boolean;
  readonly onChoose: (kind: string) => void;
}

function KindOption(props: KindOptionProps): React.JSX.Element {
  const { id, place, count, heading, kind, lack, isActive, canDrag, onChoose } = props;
  const { action, icon, family } = kind;
  return (
    <>
      {heading !== undefined && (
        <div className="kinds-heading" role="presentation">
          {heading}
        </div>
      )}
      {/* oxlint-disable-next-line jsx-a11y/click-events-have-key-events -- the keys are those of the search field */}
      <div
        id={id}
        role="option"
        tabIndex={-1}
        aria-selected={isActive}
        aria-posinset={place}
        aria-setsize={count}
        className="kind"
        data-testid={`palette-item-${action.kind}`}
        draggable={canDrag}
        title={action.description}
        onDragStart={(event) => event.dataTransfer.setData(KIND_MEDIA_TYPE, action.kind)}
        onClick={() => onChoose(action.kind)}
      >
        <span className={`step-icon step-icon-small step-icon-${toneOf(family)}`}>
          <Icon name={icon} />
        </span>
        <span className="kind-text">
          <span className="kind-name">{action.name}</span>
          <span className="kind-description">
            <bdi>{action.description}</bdi>
          </span>
          {lack !== undefined && <span className="kind-lack">{lack}</span>}
        </span>
      </div>
    </>
  );
}

function isNearEnd({ scrollTop, clientHeight, scrollHeight }: Element): boolean {
  return scrollTop + 2 * clientHeight > scrollHeight;
}

function listed(kinds: readonly Kind[], query: string, lacks: Lacks, keywords: Keywords | undefined): readonly Shown[] {
  const shown = (kind: Kind, heading?: string): Shown => ({ heading, kind, lack: lacks.get(kind.action.kind) });
  if (query.trim() !== "") return fittingFirst(searchKinds(kinds, query, keywords), lacks).map((kind) => shown(kind));
  return groupKinds(kinds, recentKinds()).flatMap(({ category, kinds: members }) =>
    fittingFirst(members, lacks).map((kind, index) => shown(kind, index === 0 ? category : undefined)),
  );
}
