"""Events: accepted, and kept as pending until they have been matched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.errors import Gone
from workflowkit.base.scope import Scope
from workflowkit.base.sealing import open_event_data, seal_event_data
from workflowkit.store.statements import DeleteFrom, InsertInto, Sql, whose
from workflowkit.store.transactions import Transaction


class EventGone(Gone):
    """An event that a run was started by is not there any more: the database has lost it."""


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event, read as it is stored (see ``opened``).

    ``event_id`` is the sender's; ``extra`` holds the optional fields of the event's JSON.

    An event with a ``target`` is addressed to that workflow: it starts no other, and asks for no trigger.
    """

    id: str
    scope: Scope
    name: str
    event_id: str | None
    data: Mapping[str, Any]
    ts_ms: int
    received_at_ms: int
    extra: Mapping[str, Any] | None = None
    depth: int = 0
    source_run_id: str | None = None
    duplicate_of: str | None = None
    target: str | None = None

    @property
    def webhook(self) -> str | None:
        """The webhook that it came through; no sender can set this."""
        return self.extra.get("webhook") if self.extra else None

    @property
    def starts_at_ms(self) -> int | None:
        """When runs of it are to start; ``None`` if it was not ahead of its time when it came: at once.

        Compared with the time at which it came: who matches it may have a clock that is a moment behind.
        """
        return self.ts_ms if self.ts_ms > self.received_at_ms else None

    def as_json(self) -> dict[str, Any]:
        """Return the event as workflows see it."""
        event = {"id": self.event_id or self.id, "name": self.name, "data": self.data, "ts": self.ts_ms}
        return {**event, **self.extra} if self.extra else event


COLUMNS = (
    "id", "environment", "tenant", "name", "event_id", "data", "extra", "ts_ms", "depth", "source_run_id",
    "duplicate_of", "received_at_ms", "target",
)  # fmt: skip
SELECT = f"SELECT {', '.join(COLUMNS)} FROM events"  # noqa: S608 - names from our own code
_INSERT_EVENTS = InsertInto("events", COLUMNS)
_INSERT_PENDING = InsertInto("pending_events", ("id", "wake_at_ms"))
DELETE_PENDING = DeleteFrom("pending_events")
_PUT_OFF = Sql("UPDATE pending_events SET wake_at_ms = :wake_at_ms WHERE id = :id")
# No join: where the one table is taken to be empty, the other one may be read as a whole.
_PENDING = Sql(
    f"""
    {SELECT} WHERE id {{in_ids}} AND (SELECT p.id FROM pending_events p WHERE p.id = events.id) IS NOT NULL
    ORDER BY id
    """  # noqa: S608
)
_SELECT_ALL = Sql(f"{SELECT} WHERE id {{in_ids}} ORDER BY id")
_LOCK_PENDING = Sql("SELECT id FROM pending_events WHERE id {in_ids} ORDER BY id {for_update}")
_SELECT_ONE = Sql(f"{SELECT} WHERE id = :id")
_KEEP = Sql("SELECT 1 FROM events WHERE id = :id {keep_skip_locked}")
_FIND_SINCE = Sql(
    f"""
    {SELECT} WHERE environment = :environment AND tenant = :tenant AND name = :name AND id >= :after
        AND (duplicate_of IS NULL OR :repeated)
    ORDER BY id LIMIT :limit
    """
)
_FIND_COVERED_SINCE = Sql(
    f"""
    {SELECT} WHERE environment = :environment AND tenant = :tenant AND substr(name, 1, :length) = :prefix
        AND length(name) > :length AND id >= :after AND (duplicate_of IS NULL OR :repeated)
    ORDER BY id LIMIT :limit
    """
)
#: From when on ``wake_pending`` finds something.
WAKES_AT_MS = "SELECT min(wake_at_ms) FROM pending_events"
_WAKE_PENDING = Sql(
    """
    UPDATE pending_events SET wake_at_ms = :wake_at_ms
    WHERE id IN (
        SELECT id FROM pending_events WHERE wake_at_ms <= :now_ms ORDER BY wake_at_ms LIMIT :limit {skip_locked}
    )
    RETURNING id
    """
)

_LATE = "pending.id < :before_id AND pending.wake_at_ms <= :hinted_until_ms"
_LONGEST_WAITING = Sql(
    f"""
    SELECT events.id, events.environment, events.tenant
    FROM pending_events AS pending JOIN events ON events.id = pending.id
    WHERE {_LATE} ORDER BY pending.id LIMIT :limit
    """  # noqa: S608 - from our own code
)
_WAITING_BEHIND = Sql(
    f"""
    SELECT id FROM (
        SELECT events.id, row_number() OVER (PARTITION BY events.environment, events.tenant ORDER BY events.id) AS turn
        FROM (SELECT id FROM pending_events AS pending WHERE {_LATE} ORDER BY id DESC LIMIT :newest) AS late
        JOIN events ON events.id = late.id
        WHERE NOT (events.environment = :environment AND events.tenant = :tenant)
    ) AS others
    WHERE turn <= :each ORDER BY turn, id LIMIT :limit
    """  # noqa: S608 - from our own code
)


def insert(tx: Transaction, scope: Scope, records: Sequence[EventRecord], *, wake_at_ms: int | None) -> None:
    """Store events and mark them as pending; without ``wake_at_ms`` only store them: the caller has decided about them.

    Duplicates are matched too: there are workflows that take every event.
    """
    if any(record.scope != scope for record in records):
        raise ValueError("every event must belong to the given scope")
    pending = [] if wake_at_ms is None else [(record.id, wake_at_ms) for record in records]
    # SAFETY: I1 — the event and its place in the outbox are one transaction.
    tx.insert_all((_INSERT_PENDING, pending), (_INSERT_EVENTS, [_to_row(tx, record) for record in records]))


def insert_matched(tx: Transaction, record: EventRecord) -> None:
    """Store an event that has started its run already."""
    tx.insert(_INSERT_EVENTS, [_to_row(tx, record)])


def find_since(
    tx: Transaction, scope: Scope, name: str, after: str, *, limit: int, repeated: bool = False
) -> list[EventRecord]:
    """Return the first events of this name, or covered by this pattern, from the id ``after`` on.

    Without those whose sender's id was there before, unless they are asked for (``repeated``).
    """
    where = {**whose(scope), "repeated": repeated}
    if name.endswith("*"):
        prefix = {"prefix": name[:-1], "length": len(name) - 1}
        return [from_row(row) for row in tx.rows(_FIND_COVERED_SINCE, **where, **prefix, after=after, limit=limit)]
    return [from_row(row) for row in tx.rows(_FIND_SINCE, **where, name=name, after=after, limit=limit)]


def pending(tx: Transaction, ids: Sequence[str]) -> list[EventRecord]:
    """Return those of ``ids`` that are still pending, in order.

    The ids come from our own hints; the rows say whose they are. The caller deletes them from the outbox, with
    ``DELETE_PENDING``, in the transaction that writes what they came to.
    """
    return [from_row(row) for row in tx.rows(_PENDING, ids=list(ids))]


def put_off(tx: Transaction, event_id: str, *, wake_at_ms: int) -> None:
    """Let a pending event be looked at again at a time."""
    tx.run(_PUT_OFF, id=event_id, wake_at_ms=wake_at_ms)


def load(tx: Transaction, event_id: str) -> EventRecord:
    """Return the event with our id ``event_id``, which a run row named. Raises ``EventGone``."""
    record = find(tx, event_id)
    if record is None:
        raise EventGone(f"the event {event_id} is gone")
    return record


def find(tx: Transaction, event_id: str) -> EventRecord | None:
    """Return the event with our id ``event_id``, if it is (still) there."""
    row = tx.one(_SELECT_ONE, id=event_id)
    return None if row is None else from_row(row)


def keep(tx: Transaction, event_id: str) -> bool:
    """Tell whether an event is there; then nobody deletes it until the transaction ends.

    Who deletes it just now is not waited for: the caller may hold what that one waits for.
    """
    return tx.one(_KEEP, id=event_id) is not None


def opened(tx: Transaction, record: EventRecord) -> EventRecord:
    """Return an event that was read, with its encrypted data decrypted. Raises ``ValueUnreadable``."""
    if tx.sealing is None:
        return record
    return replace(record, data=open_event_data(tx.sealing, record.name, record.data, _place(record.scope)))


def load_all(tx: Transaction, ids: Sequence[str]) -> list[EventRecord]:
    """Return the events with these ids of ours, which rows of a run or a collection named."""
    return [from_row(row) for row in tx.rows(_SELECT_ALL, ids=list(ids))]


def lock_pending(tx: Transaction, ids: Sequence[str]) -> list[str]:
    """Lock the places in the outbox of those of ``ids`` that are still pending; return them in order."""
    return [row[0] for row in tx.rows(_LOCK_PENDING, ids=list(ids))]


def wake_pending(tx: Transaction, *, limit: int, wake_at_ms: int) -> list[str]:
    """Return ids of pending events that were due for a hint, and put their next one off to ``wake_at_ms``."""
    rows = tx.rows(_WAKE_PENDING, now_ms=tx.now_ms, limit=limit, wake_at_ms=wake_at_ms)
    return sorted(row[0] for row in rows)


@dataclass(frozen=True, slots=True)
class Late:
    """Which pending events count as late: those with lower ids than ``before_id``, which carry the time at which they
    came. Without those that were put off beyond ``hinted_until_ms``, as they cannot be matched.
    """

    before_id: str
    hinted_until_ms: int


def longest_waiting(tx: Transaction, late: Late, *, limit: int) -> tuple[Scope, list[str]] | None:
    """Return whose late event is the oldest, and which of the ``limit`` oldest are theirs; ``None`` if none is late."""
    rows = tx.rows(_LONGEST_WAITING, before_id=late.before_id, hinted_until_ms=late.hinted_until_ms, limit=limit)
    if not rows:
        return None
    first = Scope(rows[0][1], rows[0][2])
    return first, [row[0] for row in rows if Scope(row[1], row[2]) == first]


def waiting_behind(tx: Transaction, late: Late, first: Scope, *, newest: int, each: int, limit: int) -> list[str]:
    """Return late events of others than ``first``: of each ``each``, the first of everybody first, ``limit`` in all.

    Looks at the ``newest`` ones only, however many there are.
    """
    where = whose(first)
    rows = tx.rows(
        _WAITING_BEHIND, before_id=late.before_id, hinted_until_ms=late.hinted_until_ms, newest=newest, each=each,
        limit=limit, **where,
    )  # fmt: skip
    return [row[0] for row in rows]


def _place(scope: Scope) -> str:
    # Not of the event itself: a run's event is told again by the event that tells of the run's end.
    return f"{scope.environment}/{scope.tenant}/event"


def _to_row(tx: Transaction, record: EventRecord) -> tuple[Any, ...]:
    data = record.data
    if tx.sealing is not None:
        data = seal_event_data(tx.sealing, record.name, data, _place(record.scope))
    extra = jsonvalue.dumps(record.extra) if record.extra else None
    return (
        record.id, record.scope.environment, record.scope.tenant, record.name, record.event_id,
        jsonvalue.dumps(data), extra, record.ts_ms, record.depth, record.source_run_id, record.duplicate_of,
        record.received_at_ms, record.target,
    )  # fmt: skip


def webhook_in(extra: str | None) -> str | None:
    """Return the webhook that an event came through, from what is stored of its optional fields."""
    return jsonvalue.loads(extra).get("webhook") if extra else None


def from_row(row: Any) -> EventRecord:
    """Return the event of a row of ``COLUMNS``."""
    return EventRecord(
        id=row[0], scope=Scope(row[1], row[2]), name=row[3], event_id=row[4], data=jsonvalue.loads(row[5]),
        extra=jsonvalue.loads(row[6]) if row[6] else None, ts_ms=row[7], depth=row[8], source_run_id=row[9],
        duplicate_of=row[10], received_at_ms=row[11], target=row[12],
    )  # fmt: skip
