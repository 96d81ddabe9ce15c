"""Looking through runs, newest first, a bounded number at a time. Reads only.

What an index finds narrows the *window*, so many runs in a row by id; every other filter is held against the runs of
the window only. So no statement's work grows with the tables, however few runs are like what is looked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from workflowkit.base import jsonvalue
from workflowkit.base.ids import first_id
from workflowkit.base.scope import Scope
from workflowkit.definition.runsearch import RunSearch
from workflowkit.engine.states import RunStatus
from workflowkit.store import schema
from workflowkit.store.queries import RunFilter
from workflowkit.store.schema.base import owned
from workflowkit.store.statements import Sql, whose
from workflowkit.store.transactions import Reading

#: How much later than the time that its id has a run may be created. That time is its event's, or that of the run that
#: began it, which may have waited for a year.
LONGEST_WAIT_MS = 400 * 24 * 3_600_000
#: How much earlier it may be: the clocks of two processes differ, and an app that begins a run by itself has its own.
_CLOCK_SKEW_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class RunChoice(RunFilter):
    """Which runs to look for.

    ``app_id`` is the application whose functions they are of, ``id_prefix`` how the run's id begins.
    """

    version: int | None = None
    app_id: str | None = None
    id_prefix: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A run that the filters admit. ``place`` counts the runs of the window up to it, itself included."""

    id: str
    event_id: str
    status: RunStatus
    created_at_ms: int
    output_bytes: int
    place: int


_run = schema.runs.c
#: Rows of the tenant, by id. Text, since hundreds of ids are rendered with every statement of SQLAlchemy's.
_THESE = "environment = :environment AND tenant = :tenant AND id {in_ids}"
_EVENTS = Sql(f"SELECT id, event_id, name, ts_ms, data, extra FROM events WHERE {_THESE}")  # noqa: S608
_OUTPUTS = Sql(f"SELECT id, coalesce(error, output) FROM runs WHERE {_THESE}")  # noqa: S608


def _mentioning(find: str, collation: str) -> Sql:
    places = ("e.data", "e.name", "coalesce(e.event_id, '')", "coalesce(r.error, r.output, '')")
    anywhere = " OR ".join(f"{find}(lower({place} COLLATE {collation}), :clue) > 0" for place in places)
    return Sql(
        "SELECT r.id FROM runs r LEFT JOIN events e "  # noqa: S608
        "ON e.environment = r.environment AND e.tenant = r.tenant AND e.id = r.event_id "
        f"WHERE r.environment = :environment AND r.tenant = :tenant AND r.id {{in_ids}} AND ({anywhere})"
    )


#: By whether it is PostgreSQL. In some languages the small letter of I is another one than i.
_MENTIONING = {True: _mentioning("strpos", '"C"'), False: _mentioning("instr", "BINARY")}


def candidates(
    tx: Reading, scope: Scope, choice: RunChoice, *, before: str | None, window: int, limit: int
) -> list[Candidate]:
    """Return the first ``limit`` runs that the filters admit among the ``window`` newest before the id ``before``."""
    size = sa.func.coalesce(_length(tx, _run.output), 0).label("output_bytes")
    place = sa.func.row_number().over(order_by=_run.id.desc()).label("place")
    inner = (
        sa.select(_run.id, _run.event_id, _run.status, _run.version, _run.workflow_id, _run.path, _run.created_at_ms,
                  size, place)
        .where(*_narrowed(scope, choice, before))
        .order_by(_run.id.desc())
        .limit(window)
        .subquery()
    )  # fmt: skip
    seen = inner.c
    query = (
        sa.select(seen.id, seen.event_id, seen.status, seen.created_at_ms, seen.output_bytes, seen.place)
        .where(*_admitted(seen, choice))
        .order_by(seen.id.desc())
        .limit(limit)
    )
    return [
        Candidate(row.id, row.event_id, RunStatus(row.status), row.created_at_ms, row.output_bytes, row.place)
        for row in tx.connection.execute(query)
    ]


def window_end(
    tx: Reading, scope: Scope, choice: RunChoice, *, before: str | None, window: int
) -> tuple[int, str | None]:
    """Return how many runs the window has, up to ``window``, and the id of its last one; ``None`` if it has none."""
    inner = (
        sa.select(_run.id).where(*_narrowed(scope, choice, before)).order_by(_run.id.desc()).limit(window).subquery()
    )
    count, last = tx.connection.execute(sa.select(sa.func.count(), sa.func.min(inner.c.id))).one()
    return int(count), last


def admitted_events(tx: Reading, scope: Scope, ids: Sequence[str], search: RunSearch | None) -> dict[str, int]:
    """Return those of these events that a search may admit (all, if there is none), with the sizes of their data."""
    find, size = ("strpos", "octet_length") if tx.is_postgresql else ("instr", "length")
    parts = {} if search is None else {f"part{number}": text for number, text in enumerate(search.fragments)}
    conditions = [f"{find}(data, :{name}) > 0" for name in parts]
    if search is not None and search.event_name is not None:
        conditions, parts = [*conditions, "name = :name"], {**parts, "name": search.event_name}
    text = " AND ".join((f"SELECT id, {size}(data) FROM events WHERE {_THESE}", *conditions))  # noqa: S608
    return dict(tx.rows(Sql(text), **whose(scope), ids=list(ids), **parts))


def mentioning(tx: Reading, scope: Scope, ids: Sequence[str], clue: str) -> set[str]:
    """Return those of these runs in whose event or output, as they are stored, a text in small letters stands."""
    return {id for (id,) in tx.rows(_MENTIONING[tx.is_postgresql], **whose(scope), ids=list(ids), clue=clue)}


def find_events(tx: Reading, scope: Scope, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return these events by our ids, as workflows see them. Values that are encrypted stay so."""
    return {row[0]: _shown(*row) for row in tx.rows(_EVENTS, **whose(scope), ids=list(ids))}


def find_outputs(tx: Reading, scope: Scope, ids: Sequence[str]) -> dict[str, Any]:
    """Return the output of each of these runs as it is stored; of a failed one, its error."""
    rows = tx.rows(_OUTPUTS, **whose(scope), ids=list(ids))
    return {row[0]: None if row[1] is None else jsonvalue.loads(row[1]) for row in rows}


def _narrowed(scope: Scope, choice: RunChoice, before: str | None) -> Iterator[sa.ColumnElement[bool]]:
    """Yield the conditions that an index answers."""
    yield from owned(schema.runs, scope)
    if before is not None:
        yield _run.id < before
    if set(choice.statuses) == {RunStatus.FAILED}:
        yield _run.error.is_not(None)  # of all that failed, and an index has those
    for column, wanted in (
        (_run.workflow_id, choice.workflow_id),
        (_run.event_id, choice.event_id),
        (_run.parent_run_id, choice.parent_run_id),
    ):
        if wanted is not None:
            yield column == wanted
    if choice.created_before_ms is not None:
        yield _run.id < first_id(choice.created_before_ms + _CLOCK_SKEW_MS)
    if choice.created_after_ms is not None:
        yield _run.id >= first_id(choice.created_after_ms - LONGEST_WAIT_MS)
    if choice.id_prefix is not None:
        yield sa.and_(_run.id >= choice.id_prefix, _run.id <= choice.id_prefix + "Z" * 26)


def _admitted(seen: Any, choice: RunChoice) -> Iterator[sa.ColumnElement[bool]]:
    """Yield the conditions that no index answers."""
    if choice.statuses:
        yield seen.status.in_([status.value for status in choice.statuses])
    if choice.version is not None:
        yield seen.version == choice.version
    if choice.app_id is not None:
        yield sa.func.substr(seen.workflow_id, 1, len(choice.app_id) + 1) == f"{choice.app_id}/"
    if choice.parent_run_id is None:
        yield seen.path.is_(None)
    if choice.created_after_ms is not None:
        yield seen.created_at_ms >= choice.created_after_ms
    if choice.created_before_ms is not None:
        yield seen.created_at_ms < choice.created_before_ms


def _shown(own_id: str, event_id: str | None, name: str, ts_ms: int, data: str, extra: str | None) -> dict[str, Any]:
    version = None if extra is None else jsonvalue.loads(extra).get("v")
    return {"id": event_id or own_id, "name": name, "ts": ts_ms, "v": version, "data": jsonvalue.loads(data)}


def _length(tx: Reading, column: sa.Column[str]) -> Any:
    # On PostgreSQL this reads no text that is stored apart; SQLite counts characters, and both are told as bytes.
    return (sa.func.octet_length if tx.is_postgresql else sa.func.length)(column)
