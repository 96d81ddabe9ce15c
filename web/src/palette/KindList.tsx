import { useEffect, useId, useMemo, useState } from "react";
import { tree } from "../base/place";
import { toneOf } from "../canvas/StepNode";
import type { Kind } from "../editor/catalogue";
import { Icon } from "../shell/ui/Icon";
import { KIND_MEDIA_TYPE } from "./dragging";
import { recentKinds } from "./recent";
import { groupKinds, searchKinds } from "./search";
import { t } from "../locale/locale";

interface KindListProps {
  readonly kinds: readonly Kind[];
  readonly onChoose: (kind: string) => void;
  readonly isFocused?: boolean;
  readonly canDrag?: boolean;
}

interface Shown {
  readonly heading: string | undefined;
  readonly kind: Kind;
}

/** The actions, with a field to find one. The field keeps the focus; arrow keys move through the list. */
export function KindList({ kinds, onChoose, isFocused = false, canDrag = false }: KindListProps): React.JSX.Element {
  const [query, setQuery] = useState("");
  const [active, setActive] = useState(0);
  const listId = useId();
  const shown = useMemo(() => listed(kinds, query), [kinds, query]);
  const index = Math.min(active, shown.length - 1);
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
          }}
          onKeyDown={onKeyDown}
        />
      </div>
      <div id={listId} role="listbox" aria-label={t("Actions")} className="kinds-list" tabIndex={-1}>
        {shown.map(({ heading, kind }, number) => (
          <KindOption
            key={`${heading ?? ""}${kind.action.kind}${number}`}
            id={optionId(number)}
            heading={heading}
            kind={kind}
            isActive={number === index && (isFocused || query !== "")}
            canDrag={canDrag}
            onChoose={onChoose}
          />
        ))}
      </div>
      {shown.length === 0 && <p className="kinds-none">{t("No action is like “{text}”.", { text: query })}</p>}
    </div>
  );
}

interface KindOptionProps {
  readonly id: string;
  readonly heading: string | undefined;
  readonly kind: Kind;
  readonly isActive: boolean;
  readonly canDrag: boolean;
  readonly onChoose: (kind: string) => void;
}

function KindOption({ id, heading, kind, isActive, canDrag, onChoose }: KindOptionProps): React.JSX.Element {
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
          <span className="kind-description">{action.description}</span>
        </span>
      </div>
    </>
  );
}

function listed(kinds: readonly Kind[], query: string): readonly Shown[] {
  if (query.trim() !== "") return searchKinds(kinds, query).map((kind) => ({ heading: undefined, kind }));
  return groupKinds(kinds, recentKinds()).flatMap(({ category, kinds: members }) =>
    members.map((kind, index) => ({ heading: index === 0 ? category : undefined, kind })),
  );
}
