"""Totals of the runs that have ended, which stay when the runs are deleted.

Runs are added by the time of their end, in order and each once: up to a *mark* they are in ``run_totals``, and from
there on they are counted where they are. Only what is before the mark is ever deleted. Parts of runs do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from workflowkit.base.scope import APP_TENANT, FUNCTION_SEPARATOR
from workflowkit.store.statements import Sql
from workflowkit.store.transactions import Transaction

#: The bounds of durations. Others may be chosen any time: each row says what its runs have kept.
DURATION_BOUNDS_MS: Final = (
    100, 500, 1_000, 5_000, 30_000, 120_000, 600_000, 3_600_000, 21_600_000, 86_400_000
)  # fmt: skip
#: The bound of what took longer, and that of runs that ended before they had started.
UNBOUNDED_MS, NEVER_STARTED_MS = 2**53 - 1, -1

_WITHIN_MS = " ".join(
    (
        f"CASE WHEN started_at_ms IS NULL THEN {NEVER_STARTED_MS}",
        *(f"WHEN finished_at_ms - started_at_ms <= {bound} THEN {bound}" for bound in DURATION_BOUNDS_MS),
        f"ELSE {UNBOUNDED_MS} END",
    )
)
# SQLite would go through all there is by an index that begins so, for it to be grouped already.
_WHOSE = "environment || '', tenant, workflow_id"
# As ``owner_of`` has it.
_IS_FUNCTION = f"replace(counted.workflow_id, '{FUNCTION_SEPARATOR}', '') <> counted.workflow_id"
_DURATION_MS = "CAST(coalesce(sum(finished_at_ms - started_at_ms), 0) AS bigint)"
_DELAY_MS = "CAST(coalesce(sum(started_at_ms - created_at_ms), 0) AS bigint)"
_MARK = Sql("SELECT until_ms FROM total_marks WHERE name = 'runs'")
_MAKE_MARK = Sql("INSERT INTO total_marks (name, until_ms) VALUES ('runs', 0) ON CONFLICT (name) DO NOTHING")
_LOCK_MARK = Sql("SELECT until_ms FROM total_marks WHERE name = 'runs' {skip_locked}")
_MOVE_MARK = Sql("UPDATE total_marks SET until_ms = :until_ms WHERE name = 'runs'")
_NEXT = Sql(
    """
    SELECT finished_at_ms FROM runs WHERE path IS NULL AND finished_at_ms >= :mark_ms AND finished_at_ms < :until_ms
    ORDER BY finished_at_ms LIMIT 1 OFFSET :most
    """
)
_ADD = Sql(
    f"""
    INSERT INTO run_totals (environment, tenant, workflow_id, status, within_ms, run_count, duration_ms, delay_ms)
    SELECT {_WHOSE}, status, {_WITHIN_MS}, count(*), {_DURATION_MS}, {_DELAY_MS}
    FROM runs WHERE path IS NULL AND finished_at_ms >= :mark_ms AND finished_at_ms < :until_ms
    GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (environment, tenant, workflow_id, status, within_ms) DO UPDATE SET
        run_count = run_totals.run_count + excluded.run_count,
        duration_ms = run_totals.duration_ms + excluded.duration_ms,
        delay_ms = run_totals.delay_ms + excluded.delay_ms
    """  # noqa: S608 - our own text
)
# One statement, so that a run is counted where it ended or where it goes on, and not in both or in neither. Of each
# kind: what is added up, then what has ended since the mark, then what goes on. The workflows that are named are the
# first ones there were of these tenants and of the application, so that none loses its name to another.
_COUNT = Sql(
    f"""
    WITH named AS (
        SELECT environment, tenant, id FROM workflows WHERE tenant IN (:own_tenant, '{APP_TENANT}') OR tenant {{in_ids}}
        ORDER BY created_at_ms, environment, tenant, id LIMIT :most_workflows
    ), counted (environment, tenant, workflow_id, status, within_ms, run_count, duration_ms, delay_ms, frozen) AS (
        SELECT environment, tenant, workflow_id, status, within_ms, run_count, duration_ms, delay_ms, 0 FROM run_totals
        UNION ALL
        SELECT {_WHOSE}, status, {_WITHIN_MS}, count(*), {_DURATION_MS}, {_DELAY_MS}, 0
        FROM runs WHERE path IS NULL AND finished_at_ms >= :mark_ms GROUP BY 1, 2, 3, 4, 5
        UNION ALL
        SELECT {_WHOSE}, status,
            CASE WHEN started_at_ms IS NULL THEN {NEVER_STARTED_MS} ELSE {UNBOUNDED_MS} END, count(*), 0, 0,
            sum(CASE WHEN paused_at_ms IS NULL THEN 0 ELSE 1 END)
        FROM runs WHERE path IS NULL AND finished_at_ms IS NULL GROUP BY 1, 2, 3, 4, 5
    )
    SELECT (SELECT until_ms FROM total_marks WHERE name = 'runs'), named.environment,
        CASE WHEN counted.tenant = :own_tenant OR counted.tenant {{in_ids}} THEN counted.tenant END,
        named.id, counted.status, counted.within_ms,
        CAST(sum(counted.run_count) AS bigint), CAST(sum(counted.duration_ms) AS bigint),
        CAST(sum(counted.delay_ms) AS bigint), CAST(sum(counted.frozen) AS bigint)
    FROM counted LEFT JOIN named ON named.environment = counted.environment AND named.id = counted.workflow_id
        AND named.tenant = CASE WHEN {_IS_FUNCTION} THEN '{APP_TENANT}' ELSE counted.tenant END
    GROUP BY 2, 3, 4, 5, 6
    """  # noqa: S608
)


@dataclass(frozen=True, slots=True)
class RunCount:
    """How many runs are alike, and how long they took and had waited together, if they have ended.

    Without a ``workflow_id`` they are of workflows that are not named, and without a ``tenant`` of such tenants.
    ``within_ms`` tells of those that have ended the bound of their durations, and of all whether they have started.
    """

    environment: str | None
    tenant: str | None
    workflow_id: str | None
    status: str
    within_ms: int
    run_count: int
    duration_ms: int
    delay_ms: int
    frozen_count: int

    @property
    def has_started(self) -> bool:
        return self.within_ms != NEVER_STARTED_MS


def mark(tx: Transaction) -> int:
    """Return up to which time runs that have ended are in the totals."""
    row = tx.one(_MARK)
    return 0 if row is None else int(row[0])


def advance(tx: Transaction, *, until_ms: int, most: int) -> int | None:
    """Add about ``most`` runs, of those that ended before a time; return the new mark.

    ``None`` where somebody else is adding some: nobody is waited for.
    """
    row = tx.one(_LOCK_MARK)
    if row is None:
        tx.run(_MAKE_MARK)
        row = tx.one(_LOCK_MARK)
    if row is None or row[0] >= until_ms:
        return None if row is None else int(row[0])
    mark_ms = int(row[0])
    following = tx.one(_NEXT, mark_ms=mark_ms, until_ms=until_ms, most=most)
    # All that ended in the same millisecond are added together.
    end_ms = until_ms if following is None else max(int(following[0]), mark_ms + 1)
    tx.run(_ADD, mark_ms=mark_ms, until_ms=end_ms)
    tx.run(_MOVE_MARK, until_ms=end_ms)
    return end_ms


def count(tx: Transaction, *, own_tenant: str, tenants: Sequence[str], most_workflows: int) -> list[RunCount]:
    """Count all runs there are and were, by tenant and workflow.

    Named are the application's ``own_tenant`` and ``tenants``, and of their workflows and the application's functions
    the first ``most_workflows``.
    """
    whose = {"own_tenant": own_tenant, "ids": list(tenants)}
    while True:
        # Told, not looked up by the statement itself: so the planner knows how few runs there are behind it.
        mark_ms = mark(tx)
        rows = tx.rows(_COUNT, mark_ms=mark_ms, most_workflows=most_workflows, **whose)
        if not rows or (rows[0][0] or 0) == mark_ms:
            return [RunCount(*row[1:]) for row in rows]
