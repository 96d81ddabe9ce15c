"""Jobs over many runs: what is to be done, and how far it has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.scope import Scope
from workflowkit.store.statements import InsertInto, Sql, whose
from workflowkit.store.transactions import Transaction


class JobKind(StrEnum):
    """What a job does to each of its runs."""

    CANCEL = "cancel"
    REPLAY = "replay"


class JobState(StrEnum):
    """Where a job is. A stopped one does nothing more; what it has done stays done."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which runs a job is about: those of the tenant that are whole runs (no parts), were created in this time, and are
    in one of these states. An empty ``workflow_id`` is any.

    Or, where there are reasons for which events were ``skipped``, the events that in this time a workflow skipped.
    """

    statuses: tuple[str, ...]
    workflow_id: str
    created_after_ms: int
    created_before_ms: int
    condition: str | None = None
    skipped: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as it is stored. Older processes know no ``skipped``, and so no job that has the key."""
        value: dict[str, Any] = {
            "statuses": list(self.statuses),
            "workflow_id": self.workflow_id,
            "created_after_ms": self.created_after_ms,
            "created_before_ms": self.created_before_ms,
            "condition": self.condition,
        }
        if self.skipped:
            value["skipped"] = list(self.skipped)
        return value

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Chosen:
        return cls(**{**value, "statuses": tuple(value["statuses"]), "skipped": tuple(value.get("skipped", ()))})


@dataclass(frozen=True, slots=True)
class Found:
    """What a job is about: a run, or an event that a workflow skipped. Ids are in the order in which they are taken."""

    id: str
    event_id: str
    workflow_id: str


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job. ``cursor`` is the last run it has looked at, ``options`` what it is to do in detail; ``matched_count`` is
    how many runs were chosen when it was made, ``begun_count`` how many it has taken up so far, ``done_count`` how many
    of those are over."""

    id: str
    scope: Scope
    kind: JobKind
    state: JobState
    chosen: Chosen
    options: Mapping[str, Any]
    matched_count: int
    created_at_ms: int
    cursor: str = ""
    begun_count: int = 0
    done_count: int = 0
    finished_at_ms: int | None = None


_COLUMNS = (
    "id", "environment", "tenant", "kind", "state", "chosen", "options", "matched_count", "created_at_ms", "run_cursor",
    "begun_count", "done_count", "finished_at_ms",
)  # fmt: skip
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM jobs"  # noqa: S608 - names from our own code
_INSERT = InsertInto("jobs", _COLUMNS)
_OWNED = "environment = :environment AND tenant = :tenant"
_LOCK = Sql(f"{_SELECT} WHERE {_OWNED} AND id = :id {{for_update}}")
_GET = Sql(f"{_SELECT} WHERE {_OWNED} AND id = :id")
_FIND = Sql(f"{_SELECT} WHERE {_OWNED} AND id < :before ORDER BY id DESC LIMIT :limit")
_ADVANCE = Sql(
    f"""
    UPDATE jobs SET run_cursor = :run_cursor, begun_count = begun_count + :begun
    WHERE {_OWNED} AND id = :id
    """  # noqa: S608
)
_END = Sql(
    f"""
    UPDATE jobs SET state = :state, finished_at_ms = :now_ms WHERE {_OWNED} AND id = :id AND state = 'running'
    """  # noqa: S608
)
_COUNT_DONE = Sql(f"UPDATE jobs SET done_count = done_count + 1 WHERE {_OWNED} AND id = :id")  # noqa: S608
_CHOICE = f"""
    FROM runs WHERE {_OWNED} AND path IS NULL AND status {{in_ids}} AND created_at_ms >= :after_ms
        AND created_at_ms < :before_ms AND (:workflow_id = '' OR workflow_id = :workflow_id)
"""
# The words of the indexes: their rows are few.
_WAS_SKIPPED = "reason IN ('archived', 'disabled', 'drained', 'paused') AND reason {in_ids}"
_IS_BEHIND = "(event_id > :event_id OR (event_id = :event_id AND {table}workflow_id > :behind))"
_SKIPPED = f"""
    SELECT event_id, workflow_id FROM (
        SELECT event_id, workflow_id FROM decisions
        WHERE {_OWNED} AND {_WAS_SKIPPED} AND at_ms >= :after_ms AND at_ms < :before_ms
            AND (:workflow_id = '' OR workflow_id = :workflow_id) AND {_IS_BEHIND.format(table="")}
        ORDER BY event_id, workflow_id LIMIT :limit
    ) AS decided
    UNION
    SELECT m.event_id, m.workflow_id FROM collections c JOIN collected_events m ON m.collection_id = c.id
    WHERE {_OWNED} AND {_WAS_SKIPPED} AND closed_at_ms >= :after_ms AND closed_at_ms < :before_ms
        AND (:workflow_id = '' OR c.workflow_id = :workflow_id) AND {_IS_BEHIND.format(table="m.")}
"""  # noqa: S608
_COUNT_SKIPPED = Sql(f"SELECT count(*) FROM ({_SKIPPED}) AS skipped")  # noqa: S608
_NEXT_SKIPPED = Sql(
    f"SELECT event_id, workflow_id FROM ({_SKIPPED}) AS skipped ORDER BY event_id, workflow_id LIMIT :limit"  # noqa: S608
)
#: More than there are.
_ALL = 2**62
_COUNT = Sql(f"SELECT count(*) {_CHOICE}")
_NEXT = Sql(f"SELECT id, event_id, workflow_id {_CHOICE} AND id > :run_cursor ORDER BY id LIMIT :limit")


def insert(tx: Transaction, scope: Scope, job: JobRow) -> None:
    """Add a job."""
    row = (
        job.id, scope.environment, scope.tenant, job.kind.value, job.state.value, jsonvalue.dumps(job.chosen.as_json()),
        jsonvalue.dumps(job.options), job.matched_count, job.created_at_ms, job.cursor, 0, 0, None,
    )  # fmt: skip
    tx.insert(_INSERT, [row])


def get(tx: Transaction, scope: Scope, job_id: str) -> JobRow | None:
    """Return a job."""
    row = tx.one(_GET, **whose(scope), id=job_id)
    return None if row is None else _from_row(row)


def lock(tx: Transaction, scope: Scope, job_id: str) -> JobRow | None:
    """Return a job that nobody else can change until this transaction ends."""
    row = tx.one(_LOCK, **whose(scope), id=job_id)
    return None if row is None else _from_row(row)


def find(tx: Transaction, scope: Scope, *, limit: int, before: str = "~") -> list[JobRow]:
    """Return up to ``limit`` jobs, newest first, those before the job with the id ``before``."""
    return [_from_row(row) for row in tx.rows(_FIND, **whose(scope), before=before, limit=limit)]


def count_chosen(tx: Transaction, scope: Scope, chosen: Chosen) -> int:
    """Return how many runs or events are chosen, not looking at the condition."""
    if chosen.skipped:
        return int(tx.one(_COUNT_SKIPPED, **whose(scope), **_choice(chosen), **_behind(""), limit=_ALL)[0])
    return int(tx.one(_COUNT, **whose(scope), **_choice(chosen))[0])


def next_chosen(tx: Transaction, scope: Scope, chosen: Chosen, *, after: str, limit: int) -> list[Found]:
    """Return the next chosen runs or events behind the id ``after``, in order, not looking at the condition."""
    if chosen.skipped:
        rows = tx.rows(_NEXT_SKIPPED, **whose(scope), **_choice(chosen), **_behind(after), limit=limit)
        return [Found(f"{row[0]}/{row[1]}", row[0], row[1]) for row in rows]
    rows = tx.rows(_NEXT, **whose(scope), **_choice(chosen), run_cursor=after, limit=limit)
    return [Found(row[0], row[1], row[2]) for row in rows]


def advance(tx: Transaction, scope: Scope, job_id: str, *, cursor: str, begun: int) -> None:
    """Note how far a job has come. The caller has locked it."""
    tx.run(_ADVANCE, **whose(scope), id=job_id, run_cursor=cursor, begun=begun)


def count_done(tx: Transaction, scope: Scope, job_id: str) -> None:
    """Note that a job is done with one more of its runs."""
    tx.run(_COUNT_DONE, **whose(scope), id=job_id)


def end(tx: Transaction, scope: Scope, job_id: str, state: JobState) -> None:
    """End a job that is running."""
    tx.run(_END, **whose(scope), id=job_id, state=state.value, now_ms=tx.now_ms)


def _choice(chosen: Chosen) -> dict[str, Any]:
    return {
        "ids": list(chosen.skipped or chosen.statuses),
        "after_ms": chosen.created_after_ms,
        "before_ms": chosen.created_before_ms,
        "workflow_id": chosen.workflow_id,
    }


def _behind(after: str) -> dict[str, str]:
    event_id, _, workflow_id = after.partition("/")
    return {"event_id": event_id, "behind": workflow_id}


def _from_row(row: Any) -> JobRow:
    return JobRow(
        id=row[0], scope=Scope(row[1], row[2]), kind=JobKind(row[3]), state=JobState(row[4]),
        chosen=Chosen.from_json(jsonvalue.loads(row[5])), options=jsonvalue.loads(row[6]), matched_count=row[7],
        created_at_ms=row[8], cursor=row[9], begun_count=row[10], done_count=row[11], finished_at_ms=row[12],
    )  # fmt: skip
