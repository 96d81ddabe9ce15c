"""What PostgreSQL believes about a queue is what it was in a quiet hour: empty. A burst after that costs no more."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime, rows_read

from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.store import ceilings, events, lanes, steps
from workflowkit.store.statements import Sql

WAITING, AT_ONCE = 2_000, 32
#: Taken to be empty, though their files are not: what autovacuum notes about a table whose rows have all been deleted.
_TAKE_FOR_EMPTY = Sql(
    """
    UPDATE pg_class AS c SET reltuples = 0, relpages = 1 WHERE relnamespace = CAST(current_schema() AS regnamespace)
        AND (relname {in_ids} OR EXISTS (
            SELECT 1 FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid WHERE i.indexrelid = c.oid
                AND t.relname {in_ids}
        ))
    """
)
_SOME_LANES = Sql(
    """
    INSERT INTO lanes (id, environment, tenant, queue, turn, not_before_ms)
    SELECT 'l' || n, 'default', 'default', 'default', n, 0 FROM generate_series(1, :count) n
    """
)
_THEIR_GROUPS = Sql(
    """
    INSERT INTO lane_groups (lane_id, slot_group, ceiling, rule)
    SELECT 'l' || n, 'g', 1, 'r' || CASE WHEN n > 9 THEN n::text ELSE '' END FROM generate_series(1, :count) n
    """
)


def _burst(harness: Harness) -> list[str]:
    harness.deploy(a_workflow().action("a", kind="set").path("$source", "a").trigger("order/placed").document())
    sent = [{"name": "order/placed", "data": {}}] * 500
    ids = [each.id for _ in range(WAITING // 500) for each in harness.runtime.intake.send(DEFAULT_SCOPE, sent)]
    with harness.runtime.database.transaction("test") as tx:
        tx.run(_TAKE_FOR_EMPTY, ids=["pending_events", "events", "lanes", "steps"])
    return ids


@pytest.mark.parametrize("statement", ["pending", "delete", "wake"])
def test_a_burst_after_a_quiet_hour_costs_no_more(postgres_url: str, statement: str) -> None:
    with a_runtime(postgres_url, a_registry()) as harness:
        ids, now_ms = _burst(harness)[:AT_ONCE], harness.clock.now_ms() + 3_600_000
        sql: str
        given: Any
        sql, given = {
            "pending": (events._PENDING.postgresql, {"ids": ids}),
            "delete": (events.DELETE_PENDING.render(AT_ONCE, is_postgresql=True), ids),
            "wake": (events._WAKE_PENDING.postgresql, {"now_ms": now_ms, "limit": AT_ONCE, "wake_at_ms": now_ms}),
        }[statement]
        # What is small enough may be read as a whole, to find rows and to change them; not once more for each row.
        assert rows_read(harness.runtime.database, sql, given) <= 2 * WAITING + 3 * AT_ONCE


def test_another_height_of_a_limit_costs_no_more_for_many_queues(postgres_url: str) -> None:
    count = 1_000
    with a_runtime(postgres_url, a_registry()) as harness:
        now_ms = harness.clock.now_ms()
        with harness.runtime.database.transaction("test") as tx:
            tx.run(_SOME_LANES, count=count)
            tx.run(_THEIR_GROUPS, count=count)
            tx.run(_TAKE_FOR_EMPTY, ids=["lanes", "lane_groups"])
        given = {"rule": "r", "now_ms": now_ms}
        assert rows_read(harness.runtime.database, ceilings._WAKE[True].postgresql, given) <= 4 * count


def test_what_is_locked_is_found_once() -> None:
    assert lanes._WAKE.postgresql.count("= ANY(ARRAY(SELECT id FROM lanes") == 1
    assert "LIMIT %(limit)s FOR UPDATE SKIP LOCKED)) RETURNING id" in lanes._WAKE.postgresql
    assert "IN (SELECT id FROM lanes" in lanes._WAKE.sqlite
    assert " MATERIALIZED " in steps._WAKE.postgresql
    within = Sql(
        "DELETE FROM a WHERE id IN (SELECT id FROM a WHERE b IN (SELECT b FROM c) LIMIT 5 {skip_locked}) RETURNING (id)"
    )
    assert within.postgresql == (
        "DELETE FROM a WHERE id = ANY(ARRAY("
        "SELECT id FROM a WHERE b IN (SELECT b FROM c) LIMIT 5 FOR UPDATE SKIP LOCKED)) RETURNING (id)"
    )
