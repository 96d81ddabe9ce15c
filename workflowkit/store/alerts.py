"""Rules of alerts, and the ended runs that they are about.

What counts is whole runs that completed or failed. Parts of runs do not, and neither do runs that follow from an alert,
however indirectly: else an alert whose delivery fails would lead to the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.errors import NotFound
from workflowkit.base.scope import Scope
from workflowkit.engine.alerts import (
    ALERT_EVENTS,
    AT_REST,
    AlertSettings,
    AlertState,
    Condition,
    Observation,
    Standing,
)
from workflowkit.engine.facts import ErrorInfo
from workflowkit.store.statements import Sql, whose
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class AlertRow:
    """A rule. ``transitions`` counts how often it has fired or recovered; ``fired_from_ms`` is the beginning of the
    window in which it last fired."""

    id: str
    settings: AlertSettings
    created_at_ms: int
    updated_at_ms: int
    standing: Standing = AT_REST
    transitions: int = 0
    fired_from_ms: int = 0


@dataclass(frozen=True, slots=True)
class FailedRun:
    """One of the runs that an alert is about."""

    id: str
    workflow_id: str
    finished_at_ms: int
    error: ErrorInfo | None


_COLUMNS = (
    "id, name, workflow_id, condition, window_seconds, quiet_seconds, enabled, state, since_ms, violated_at_ms, "
    "fired_from_ms, transitions, created_at_ms, updated_at_ms"
)
_OWNED = "environment = :environment AND tenant = :tenant"
_INSERT = Sql(
    f"""
    INSERT INTO alert_rules (environment, tenant, {_COLUMNS})
    VALUES (:environment, :tenant, :id, :name, :workflow_id, :condition, :window_seconds, :quiet_seconds, :enabled,
            :state, :since_ms, :violated_at_ms, :fired_from_ms, :transitions, :created_at_ms, :updated_at_ms)
    """  # noqa: S608 - names from our own code
)
_UPDATE = Sql(
    f"""
    UPDATE alert_rules SET name = :name, workflow_id = :workflow_id, condition = :condition,
        window_seconds = :window_seconds, quiet_seconds = :quiet_seconds, enabled = :enabled, state = :state,
        since_ms = :since_ms, violated_at_ms = :violated_at_ms, fired_from_ms = :fired_from_ms,
        transitions = :transitions, updated_at_ms = :updated_at_ms
    WHERE {_OWNED} AND id = :id
    """  # noqa: S608
)
_GET = Sql(f"SELECT {_COLUMNS} FROM alert_rules WHERE {_OWNED} AND id = :id")  # noqa: S608
_LOCK = Sql(f"SELECT {_COLUMNS} FROM alert_rules WHERE {_OWNED} AND id = :id {{for_update}}")  # noqa: S608
_FIND = Sql(f"SELECT {_COLUMNS} FROM alert_rules WHERE {_OWNED} AND id > :after ORDER BY id LIMIT :limit")  # noqa: S608
_COUNT = Sql(f"SELECT count(*) FROM alert_rules WHERE {_OWNED}")  # noqa: S608
_DELETE = Sql(f"DELETE FROM alert_rules WHERE {_OWNED} AND id = :id")  # noqa: S608

# An event of depth 0 came from outside. Any other one leads back to the run that made it and to that one's event, and
# so on; those of alerts have a depth without having such a run.
_FOLLOWS_ALERT = """
    EXISTS (
        WITH RECURSIVE origin (name, source_run_id) AS (
            SELECT e.name, e.source_run_id
            UNION ALL
            SELECT cause.name, cause.source_run_id
            FROM origin JOIN runs s ON s.id = origin.source_run_id JOIN events cause ON cause.id = s.event_id
        )
        SELECT 1 FROM origin WHERE name IN (:fired, :recovered)
    )
"""
_COUNTED = f"""
    FROM runs r JOIN events e ON e.id = r.event_id
    WHERE r.environment = :environment AND r.tenant = :tenant AND r.path IS NULL AND r.finished_at_ms > :after_ms
        AND r.status IN ('completed', 'failed') AND (:workflow_id = '' OR r.workflow_id = :workflow_id)
        AND (e.depth = 0 OR NOT {_FOLLOWS_ALERT})
"""
_OBSERVE = Sql(
    f"""
    SELECT count(*), coalesce(sum(CASE WHEN status = 'failed' THEN 1 ELSE 0 END), 0)
    FROM (SELECT r.status {_COUNTED} ORDER BY r.finished_at_ms DESC LIMIT :limit) AS ended
    """  # noqa: S608
)
_LATEST = Sql(f"SELECT r.status {_COUNTED} ORDER BY r.finished_at_ms DESC, r.id DESC LIMIT :limit")
_FAILED = Sql(
    f"""
    SELECT r.id, r.workflow_id, r.finished_at_ms, r.error {_COUNTED} AND r.status = 'failed'
    ORDER BY r.finished_at_ms DESC, r.id DESC LIMIT :limit
    """
)


def insert(tx: Transaction, scope: Scope, rule: AlertRow) -> None:
    """Store a new rule."""
    tx.run(_INSERT, **_values(scope, rule), created_at_ms=rule.created_at_ms)


def update(tx: Transaction, scope: Scope, rule: AlertRow) -> None:
    """Write everything of a rule, whose lock the caller holds."""
    tx.run(_UPDATE, **_values(scope, rule))


def get(tx: Transaction, scope: Scope, alert_id: str) -> AlertRow:
    """Return a rule. Raises ``NotFound``."""
    row = tx.one(_GET, **whose(scope), id=alert_id)
    if row is None:
        raise NotFound(f"there is no alert rule {alert_id}")
    return _from_row(row)


def lock(tx: Transaction, scope: Scope, alert_id: str) -> AlertRow | None:
    """Lock a rule and return it."""
    row = tx.one(_LOCK, **whose(scope), id=alert_id)
    return None if row is None else _from_row(row)


def find(tx: Transaction, scope: Scope, *, limit: int, after: str = "") -> list[AlertRow]:
    """Return up to ``limit`` rules, oldest first, those behind the id ``after``."""
    return [_from_row(row) for row in tx.rows(_FIND, **whose(scope), after=after, limit=limit)]


def count(tx: Transaction, scope: Scope) -> int:
    """Return how many rules a tenant has."""
    (number,) = tx.one(_COUNT, **whose(scope))
    return int(number)


def delete(tx: Transaction, scope: Scope, alert_id: str) -> bool:
    """Delete a rule; tell whether there was one."""
    return tx.run(_DELETE, **whose(scope), id=alert_id) == 1


def observe(tx: Transaction, scope: Scope, workflow_id: str, *, after_ms: int, limit: int) -> Observation:
    """Return how many runs ended after a time, and how many of them failed: of the latest ``limit``."""
    ended, failures = tx.one(_OBSERVE, **_about(scope, workflow_id), after_ms=after_ms, limit=limit)
    return Observation(failures=int(failures), ended=int(ended))


def failed_in_a_row(tx: Transaction, scope: Scope, workflow_id: str, *, after_ms: int, limit: int) -> int:
    """Return how many of the latest runs that ended after a time failed one after the other, up to ``limit``."""
    rows = tx.rows(_LATEST, **_about(scope, workflow_id), after_ms=after_ms, limit=limit)
    statuses = [row[0] for row in rows]
    return next((place for place, status in enumerate(statuses) if status != "failed"), len(statuses))


def failed(tx: Transaction, scope: Scope, workflow_id: str, *, after_ms: int, limit: int) -> list[FailedRun]:
    """Return the latest runs that failed after a time."""
    rows = tx.rows(_FAILED, **_about(scope, workflow_id), after_ms=after_ms, limit=limit)
    return [
        FailedRun(row[0], row[1], row[2], None if row[3] is None else ErrorInfo.from_dict(jsonvalue.loads(row[3])))
        for row in rows
    ]


def _about(scope: Scope, workflow_id: str) -> dict[str, Any]:
    fired, recovered = ALERT_EVENTS
    return {**whose(scope), "workflow_id": workflow_id, "fired": fired, "recovered": recovered}


def _values(scope: Scope, rule: AlertRow) -> dict[str, Any]:
    settings, standing = rule.settings, rule.standing
    return {
        **whose(scope), "id": rule.id, "name": settings.name, "workflow_id": settings.workflow_id,
        "condition": jsonvalue.dumps(settings.condition.as_json()), "window_seconds": settings.window_seconds,
        "quiet_seconds": settings.quiet_seconds, "enabled": settings.enabled, "state": standing.state.value,
        "since_ms": standing.since_ms, "violated_at_ms": standing.violated_at_ms, "fired_from_ms": rule.fired_from_ms,
        "transitions": rule.transitions, "updated_at_ms": rule.updated_at_ms,
    }  # fmt: skip


def _from_row(row: Sequence[Any]) -> AlertRow:
    condition = Condition.from_json(jsonvalue.loads(row[3]))
    return AlertRow(
        id=row[0],
        settings=AlertSettings(
            name=row[1], condition=condition, workflow_id=row[2], window_seconds=row[4], quiet_seconds=row[5],
            enabled=bool(row[6]),  # SQLite has no booleans
        ),
        standing=Standing(AlertState(row[7]), row[8], row[9]),
        fired_from_ms=row[10],
        transitions=row[11],
        created_at_ms=row[12],
        updated_at_ms=row[13],
    )  # fmt: skip
