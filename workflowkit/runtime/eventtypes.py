"""Events by name: how many came when, and which workflows listen to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workflowkit.base.ids import ID_LENGTH, TIME_CHARS, first_id, time_of
from workflowkit.base.limits import Limits
from workflowkit.base.scope import Scope
from workflowkit.runtime.schedules import EVENT_NAME as SCHEDULE_FIRED
from workflowkit.store import eventtypes, queries, schedules, subscriptions
from workflowkit.store.database import Database
from workflowkit.store.transactions import Reading
from workflowkit.triggers.patterns import patterns_for


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time up to now, in parts.

    Events are counted by the first ``chars`` characters of their ids: of so many that a part is ``per_part`` of the
    stretches that these tell apart.
    """

    chars: int
    per_part: int
    parts: int

    @property
    def part_ms(self) -> int:
        return self.per_part << 5 * (TIME_CHARS - self.chars)


#: 28 parts of 2.2 minutes, 21 of 70 minutes, 24 of 7 hours: an hour, a day, a week, and what is begun.
SPANS = {"1h": Span(7, 4, 28), "24h": Span(6, 4, 21), "7d": Span(6, 24, 25)}


@dataclass(frozen=True, slots=True)
class EventType:
    """The events of one name. ``counts`` is by part of the span, the oldest first.

    It ``is_capped`` if only the newest ``counted_events`` were counted. ``workflow_ids`` are those with a trigger that
    takes the name in, whatever its condition; of what schedules fire, those with a schedule, too.
    """

    name: str
    count: int
    is_capped: bool
    last_at_ms: int | None
    counts: tuple[int, ...]
    workflow_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventTypes:
    """Names of events, and from when on they were counted, in parts of how many milliseconds.

    ``workflow_names`` are what the workflows that listen are called now, by id.
    """

    types: list[EventType]
    starts_at_ms: int
    part_ms: int
    workflow_names: dict[str, str]


def look(
    database: Database,
    scope: Scope,
    span: Span,
    *,
    limit: int,
    after: str = "",
    name: str | None = None,
    limits: Limits,
) -> EventTypes:
    """Return up to ``limit`` names of this tenant's events behind ``after``, in order; or only ``name``."""
    with database.read() as tx:
        part = tx.now_ms // span.part_ms
        starts_at_ms = (part - span.parts + 1) * span.part_ms
        names = [name] if name is not None else eventtypes.find_names(tx, scope, after=after, limit=limit)
        linked = _linked(tx, scope, names)
        found = [
            _counted(tx, scope, each, span, starts_at_ms, limits.counted_events, tuple(linked.get(each, ())))
            for each in names
        ]
        called = queries.workflow_names(tx, scope, [one for each in found for one in each.workflow_ids])
    return EventTypes(found, starts_at_ms, span.part_ms, called)


def _counted(
    tx: Reading, scope: Scope, name: str, span: Span, starts_at_ms: int, most: int, workflow_ids: tuple[str, ...]
) -> EventType:
    counts = [0] * span.parts
    by_prefix = eventtypes.count(tx, scope, name, since_id=first_id(starts_at_ms), chars=span.chars, most=most)
    for prefix, number in by_prefix.items():
        at_ms = time_of(prefix.ljust(ID_LENGTH, "0"))
        counts[min(max((at_ms - starts_at_ms) // span.part_ms, 0), span.parts - 1)] += number
    last = eventtypes.newest_id(tx, scope, name)
    last_at_ms = None if last is None else time_of(last)
    return EventType(name, sum(counts), sum(counts) >= most, last_at_ms, tuple(counts), workflow_ids)


def _linked(tx: Reading, scope: Scope, names: Sequence[str]) -> dict[str, list[str]]:
    """Return the workflows that listen to each name, by themselves or by a pattern."""
    patterns = {name: patterns_for(name) for name in names}
    wanted = sorted({pattern for of_name in patterns.values() for pattern in of_name})
    listening = subscriptions.load(tx, scope, wanted).in_force
    linked = {
        name: list(dict.fromkeys(each.workflow_id for each in listening if each.pattern in of_name))
        for name, of_name in patterns.items()
    }
    if SCHEDULE_FIRED in linked:
        # Each of these is addressed to the workflow whose time it is, which listens to no name.
        linked[SCHEDULE_FIRED] = list(dict.fromkeys([*linked[SCHEDULE_FIRED], *schedules.firing(tx, scope)]))
    return linked
