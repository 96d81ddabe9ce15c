"""What is old enough to be deleted, and deleting it. Of all tenants: this is the installation's own business."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workflowkit.base.ids import first_id
from workflowkit.store.eventids import SHARED
from workflowkit.store.statements import Sql
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class OldRun:
    """A run that may be deleted, and how many transactions it took: about as many rows belong to it."""

    id: str
    revision: int


# Each look at what else there is is one step down an index: a subquery with a LIMIT is not turned into a join, for
# which the planner may choose to read all of a table.
#: Unfinished runs that still read another one's row, journal or parts: what repeats it, and what undoes or handles it.
_AGAIN = "(SELECT a.id FROM runs a WHERE a.rerun_of = {of} AND a.finished_at_ms IS NULL LIMIT 1)"
_AFTER = """
    (SELECT f.id FROM runs f WHERE f.parent_run_id = {of} AND f.parent_step IS NULL AND f.finished_at_ms IS NULL
        LIMIT 1)
"""
#: Ended long ago, nothing is planned about it, nobody repeats it, it has no child left, and none of the runs above it
#: is still needed, however far up: what undoes one of those, for example, reads what all parts in it have done.
_MAY_GO = f"""
    r.status IN ('completed', 'failed', 'cancelled') AND r.finished_at_ms < :before_ms
    AND (SELECT t.id FROM timers t WHERE t.subject = r.id LIMIT 1) IS NULL
    AND (SELECT c.id FROM runs c WHERE c.parent_run_id = r.id ORDER BY c.parent_step, c.id LIMIT 1) IS NULL
    AND {_AGAIN.format(of="r.id")} IS NULL
    AND (r.parent_run_id IS NULL OR (
        WITH RECURSIVE above (id, parent_run_id, finished_at_ms) AS (
            SELECT p.id, p.parent_run_id, p.finished_at_ms FROM runs p WHERE p.id = r.parent_run_id
            UNION ALL
            SELECT p.id, p.parent_run_id, p.finished_at_ms FROM above JOIN runs p ON p.id = above.parent_run_id
        )
        SELECT above.id FROM above
        WHERE above.finished_at_ms IS NULL OR above.finished_at_ms >= :before_ms
            OR {_AGAIN.format(of="above.id")} IS NOT NULL OR {_AFTER.format(of="above.id")} IS NOT NULL
        LIMIT 1
    ) IS NULL)
"""  # noqa: S608 - our own text
#: A page of what there is, old enough or not, so that the next page is known: by ids, which begin with a time.
_PAGE_OF_RUNS = Sql(
    f"""
    SELECT r.id, r.revision, CASE WHEN {_MAY_GO} THEN 1 ELSE 0 END FROM runs r
    WHERE r.id > :after AND r.id < :until ORDER BY r.id LIMIT :limit
    """  # noqa: S608 - our own text
)
# Whoever is about to refer to a row locks it, and has committed once we have the lock: so we lock first and look then.
_LOCK_RUNS = Sql("SELECT id FROM runs WHERE id {in_ids} ORDER BY id {skip_locked}")
_RUNS_THAT_GO = Sql(f"SELECT r.id FROM runs r WHERE r.id {{in_ids}} AND {_MAY_GO} ORDER BY r.id")  # noqa: S608
_APPROVALS = Sql("SELECT id FROM approvals WHERE run_id {in_ids}")
#: Those that started the runs, and the batches whose events they have as they repeat another run.
_COLLECTIONS = Sql(
    """
    SELECT id FROM collections WHERE run_id {in_ids}
    UNION SELECT collection_id FROM runs WHERE id {in_ids} AND collection_id IS NOT NULL
    """
)
#: The run first: the database refuses to delete facts of a run that is there.
_OF_RUNS = tuple(
    Sql(f"DELETE FROM {table} WHERE {column} {{in_ids}}")  # noqa: S608
    for table, column in (
        ("runs", "id"), ("journal", "run_id"), ("steps", "run_id"), ("waits", "run_id"), ("log_lines", "run_id"),
        ("callbacks", "run_id"), ("slots", "run_id"),
    )
)  # fmt: skip
_OF_APPROVALS = tuple(
    Sql(f"DELETE FROM {table} WHERE {column} {{in_ids}}")  # noqa: S608
    for table, column in (
        ("approvals", "id"), ("approval_assignees", "approval_id"), ("approval_decisions", "approval_id"),
    )
)  # fmt: skip
_OF_COLLECTIONS = (
    Sql("DELETE FROM collected_events WHERE collection_id {in_ids}"),
    Sql("DELETE FROM collections WHERE id {in_ids}"),
)
#: No run, no wait, no collection and no outbox needs it any more, and its sender's id need not be recognised any more.
_EVENT_MAY_GO = """
    e.received_at_ms < :before_ms
    AND (e.event_id IS NULL OR ((
        SELECT i.first_id FROM event_ids i WHERE i.environment = e.environment AND i.tenant = e.tenant
        AND i.event_id = e.event_id AND i.first_id = e.id AND i.expires_at_ms > :now_ms LIMIT 1
    ) IS NULL AND (
        SELECT i.first_id FROM webhook_event_ids i WHERE i.environment = e.environment AND i.tenant = e.tenant
        AND i.event_id = e.event_id AND i.first_id = e.id AND i.expires_at_ms > :now_ms LIMIT 1
    ) IS NULL))
    AND (SELECT p.id FROM pending_events p WHERE p.id = e.id LIMIT 1) IS NULL
    AND (SELECT r.id FROM runs r WHERE r.event_id = e.id LIMIT 1) IS NULL
    AND (SELECT c.event_id FROM collected_events c WHERE c.event_id = e.id LIMIT 1) IS NULL
    AND (
        SELECT w.id FROM waits w JOIN runs r ON r.id = w.run_id
        WHERE w.event_id = e.id AND r.finished_at_ms IS NULL LIMIT 1
    ) IS NULL
"""
#: Nobody has the events of a collection any more.
_IS_UNUSED = """
    (SELECT r.id FROM runs r WHERE r.id = c.run_id LIMIT 1) IS NULL
    AND (SELECT r.id FROM runs r WHERE r.collection_id = c.id LIMIT 1) IS NULL
"""
_UNUSED_COLLECTIONS = Sql(f"SELECT c.id FROM collections c WHERE c.id {{in_ids}} AND {_IS_UNUSED}")  # noqa: S608
#: Events that came together and started nothing, or whose runs are gone.
_COLLECTION_MAY_GO = f"c.closed_at_ms < :before_ms AND {_IS_UNUSED}"
_PAGE_OF_COLLECTIONS = Sql(
    f"""
    SELECT c.id, CASE WHEN {_COLLECTION_MAY_GO} THEN 1 ELSE 0 END FROM collections c
    WHERE c.id > :after AND c.id < :until ORDER BY c.id LIMIT :limit
    """  # noqa: S608
)
_LOCK_COLLECTIONS = Sql("SELECT id FROM collections WHERE id {in_ids} ORDER BY id {skip_locked}")
_COLLECTIONS_THAT_GO = Sql(
    f"SELECT c.id FROM collections c WHERE c.id {{in_ids}} AND {_COLLECTION_MAY_GO} ORDER BY c.id"  # noqa: S608
)
_PAGE_OF_EVENTS = Sql(
    f"""
    SELECT e.id, CASE WHEN {_EVENT_MAY_GO} THEN 1 ELSE 0 END FROM events e
    WHERE e.id > :after AND e.id < :until ORDER BY e.id LIMIT :limit
    """  # noqa: S608
)
_LOCK_EVENTS = Sql("SELECT id FROM events WHERE id {in_ids} ORDER BY id {skip_locked}")
_EVENTS_THAT_GO = Sql(f"SELECT e.id FROM events e WHERE e.id {{in_ids}} AND {_EVENT_MAY_GO} ORDER BY e.id")  # noqa: S608
_FORGET_SENDERS_IDS = tuple(
    Sql(
        f"""
        DELETE FROM {table} WHERE (environment, tenant, event_id) IN (
            SELECT environment, tenant, event_id FROM events WHERE id {{in_ids}} AND event_id IS NOT NULL
        ) AND (first_id {{in_ids}}{or_also})
        """  # noqa: S608 - names from our own code
    )
    for table, or_also in (
        # What is of no first event goes with the last one whose id it is.
        ("event_ids", f" OR (first_id = '{SHARED}' AND expires_at_ms <= :now_ms)"),
        ("webhook_event_ids", ""),
    )
)
_OF_EVENTS = (Sql("DELETE FROM decisions WHERE event_id {in_ids}"), Sql("DELETE FROM events WHERE id {in_ids}"))
_COUNT_RUNS = Sql(
    """
    SELECT count(*) FROM runs r
    WHERE r.status IN ('completed', 'failed', 'cancelled') AND r.finished_at_ms < :before_ms
    """
)
_COUNT_EVENTS = Sql("SELECT count(*) FROM events WHERE id < :until AND received_at_ms < :before_ms")
_COUNT_AUDIT = Sql("SELECT count(*) FROM audit_log WHERE at_ms < :before_ms")


def find_runs(tx: Transaction, *, before_ms: int, after: str, limit: int) -> tuple[list[OldRun], str | None]:
    """Return those of the next ``limit`` runs that may go, and behind which to go on; ``None`` at the end."""
    page = tx.rows(_PAGE_OF_RUNS, before_ms=before_ms, after=after, until=first_id(before_ms), limit=limit)
    return [OldRun(row[0], row[1]) for row in page if row[2]], page[-1][0] if len(page) == limit else None


def delete_runs(tx: Transaction, run_ids: Sequence[str], *, before_ms: int) -> int:
    """Delete runs that may (still) go, with all that belongs to them; return how many. Nobody is waited for."""
    ids = _ids(tx, _RUNS_THAT_GO, _ids(tx, _LOCK_RUNS, run_ids), before_ms=before_ms)
    if not ids:
        return 0
    approvals, collections = _ids(tx, _APPROVALS, ids), _ids(tx, _COLLECTIONS, ids)
    for statement in _OF_RUNS:
        tx.run(statement, ids=ids)
    collections = _ids(tx, _UNUSED_COLLECTIONS, collections)
    for statement in _OF_APPROVALS if approvals else ():
        tx.run(statement, ids=approvals)
    for statement in _OF_COLLECTIONS if collections else ():
        tx.run(statement, ids=collections)
    return len(ids)


def find_collections(tx: Transaction, *, before_ms: int, after: str, limit: int) -> tuple[list[str], str | None]:
    """Return those of the next ``limit`` collections of events that may go, and behind which to go on."""
    page = tx.rows(_PAGE_OF_COLLECTIONS, before_ms=before_ms, after=after, until=first_id(before_ms), limit=limit)
    return [row[0] for row in page if row[1]], page[-1][0] if len(page) == limit else None


def delete_collections(tx: Transaction, collection_ids: Sequence[str], *, before_ms: int) -> int:
    """Delete collections that may (still) go, but not the events in them; return how many."""
    ids = _ids(tx, _COLLECTIONS_THAT_GO, _ids(tx, _LOCK_COLLECTIONS, collection_ids), before_ms=before_ms)
    for statement in _OF_COLLECTIONS if ids else ():
        tx.run(statement, ids=ids)
    return len(ids)


def find_events(tx: Transaction, *, before_ms: int, after: str, limit: int) -> tuple[list[str], str | None]:
    """Return those of the next ``limit`` events that may go, and behind which to go on; ``None`` at the end."""
    until = first_id(before_ms)
    page = tx.rows(_PAGE_OF_EVENTS, before_ms=before_ms, after=after, until=until, limit=limit, now_ms=tx.now_ms)
    return [row[0] for row in page if row[1]], page[-1][0] if len(page) == limit else None


def delete_events(tx: Transaction, event_ids: Sequence[str], *, before_ms: int) -> int:
    """Delete events that may (still) go, with what was decided about them; return how many."""
    ids = _ids(tx, _EVENTS_THAT_GO, _ids(tx, _LOCK_EVENTS, event_ids), before_ms=before_ms, now_ms=tx.now_ms)
    if not ids:
        return 0
    for statement in _FORGET_SENDERS_IDS:
        tx.run(statement, ids=ids, now_ms=tx.now_ms)
    for statement in _OF_EVENTS:
        tx.run(statement, ids=ids)
    return len(ids)


def count_runs(tx: Transaction, *, before_ms: int) -> int:
    """Return how many runs ended before a time."""
    return int(tx.one(_COUNT_RUNS, before_ms=before_ms)[0])


def count_events(tx: Transaction, *, before_ms: int) -> int:
    """Return how many events came before a time."""
    return int(tx.one(_COUNT_EVENTS, before_ms=before_ms, until=first_id(before_ms))[0])


def count_audit(tx: Transaction, *, before_ms: int) -> int:
    """Return how many entries of audit logs are older than a time."""
    return int(tx.one(_COUNT_AUDIT, before_ms=before_ms)[0])


def _ids(tx: Transaction, statement: Sql, ids: Sequence[str], **parameters: int) -> list[str]:
    return [row[0] for row in tx.rows(statement, ids=list(ids), **parameters)] if ids else []
