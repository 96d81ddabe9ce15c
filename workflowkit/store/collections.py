"""Events that start one run together: batches, windows of a debounce, and what waits for a singleton's run to end."""

from __future__ import annotations

from dataclasses import dataclass

from workflowkit.base.scope import Scope
from workflowkit.store import events
from workflowkit.store.events import EventGone, EventRecord
from workflowkit.store.statements import InsertInto, Sql, whose
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class CollectionRecord:
    """A collection. Its id follows from its first event; ``key`` is the text of that event's key."""

    id: str
    scope: Scope
    workflow_id: str
    version: int
    kind: str
    key: str
    opened_at_ms: int


_INSERT = InsertInto(
    "collections", ("id", "environment", "tenant", "workflow_id", "version", "kind", "key", "opened_at_ms")
)
_INSERT_MEMBER = InsertInto("collected_events", ("event_id", "workflow_id", "collection_id", "ordinal"))
_FIND = Sql(
    """
    SELECT id, environment, tenant, workflow_id, version, kind, key, opened_at_ms FROM collections
    WHERE environment = :environment AND tenant = :tenant AND id = :id AND closed_at_ms IS NULL
    """
)
_CLOSE = Sql(
    """
    UPDATE collections SET run_id = :run_id, reason = :reason, closed_at_ms = :now_ms
    WHERE id = :id AND closed_at_ms IS NULL
    """
)
# By when they were received. Those that come together are matched by several workers, and join in any order.
_MEMBERS = Sql("SELECT event_id FROM collected_events WHERE collection_id = :id ORDER BY event_id")
_REPEATED = Sql(
    """
    SELECT events.extra FROM collected_events JOIN events ON events.id = collected_events.event_id
    WHERE collected_events.collection_id = :id AND events.event_id = :event_id
    """
)
_FIND_REASON = Sql(
    """
    SELECT c.reason FROM collected_events m JOIN collections c ON c.id = m.collection_id
    WHERE m.event_id = :event_id AND m.workflow_id = :workflow_id
        AND c.environment = :environment AND c.tenant = :tenant
    """
)
_DELETE_MEMBERS = Sql("DELETE FROM collected_events WHERE collection_id = :id")
_DELETE = Sql("DELETE FROM collections WHERE id = :id")


def insert(tx: Transaction, record: CollectionRecord) -> None:
    """Open a collection."""
    scope = record.scope
    row = (
        record.id, scope.environment, scope.tenant, record.workflow_id, record.version, record.kind, record.key,
        record.opened_at_ms,
    )  # fmt: skip
    tx.insert(_INSERT, [row])


def add(tx: Transaction, collection_id: str, event_id: str, workflow_id: str, ordinal: int) -> None:
    """Put an event into a collection.

    Raises the driver's IntegrityError if it is in one of the workflow's already.
    """
    # SAFETY: I20 — no event is collected twice: the database itself refuses it.
    tx.insert(_INSERT_MEMBER, [(event_id, workflow_id, collection_id, ordinal)])


def find_open(tx: Transaction, scope: Scope, collection_id: str) -> CollectionRecord | None:
    """Return a collection that has not been closed."""
    row = tx.one(_FIND, **whose(scope), id=collection_id)
    return None if row is None else CollectionRecord(row[0], Scope(row[1], row[2]), *row[3:])


def close(tx: Transaction, collection_id: str, *, run_id: str | None = None, reason: str | None = None) -> bool:
    """Note the run of a collection, or why it has none; tell whether it was open."""
    return tx.run(_CLOSE, id=collection_id, run_id=run_id, reason=reason, now_ms=tx.now_ms) == 1


def event_ids(tx: Transaction, collection_id: str) -> list[str]:
    """Return the ids of the collected events, in order of arrival."""
    return [row[0] for row in tx.rows(_MEMBERS, id=collection_id)]


def has_sender_id(tx: Transaction, collection_id: str, record: EventRecord) -> bool:
    """Tell whether an event with the sender's id of this one, which came in the same way, is in a collection."""
    found = tx.rows(_REPEATED, id=collection_id, event_id=record.event_id)
    # SAFETY: S16 — an event that was sent must not keep out a delivery that has the same id.
    return any(events.webhook_in(extra) == record.webhook for (extra,) in found)


def load_events(tx: Transaction, collection_id: str) -> list[EventRecord]:
    """Return the collected events, in order of arrival. Raises ``EventGone``."""
    ids = event_ids(tx, collection_id)
    found = {record.id: record for record in events.load_all(tx, ids)}
    if not ids or len(found) < len(ids):
        raise EventGone(f"events of the collection {collection_id} are gone")
    return [found[event_id] for event_id in ids]


def find_reason(tx: Transaction, scope: Scope, event_id: str, workflow_id: str) -> str | None:
    """Return why the collection of a workflow's that an event is in started no run; ``None`` if nothing says so."""
    row = tx.one(_FIND_REASON, **whose(scope), event_id=event_id, workflow_id=workflow_id)
    return None if row is None else row[0]


def delete(tx: Transaction, collection_id: str) -> None:
    """Forget a collection whose events are accounted for in another way."""
    tx.run(_DELETE_MEMBERS, id=collection_id)
    tx.run(_DELETE, id=collection_id)
