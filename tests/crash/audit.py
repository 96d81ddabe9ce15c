"""What has to be true when a soak is over: I4, I18, I19 and I20, read from the database and the ledger."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdings import holdings
from mixture import BATCH, LIMITS, RATE_LIMIT, ROUTES, THROTTLE, Limit
from stack import Stack

#: Where nothing may be left, and what of it counts.
EMPTY = {
    "slots": "SELECT * FROM slots",
    "queued steps": "SELECT * FROM queued_steps",
    "lanes": "SELECT * FROM lanes",
    "limits of lanes": "SELECT * FROM lane_groups",
    "events that wait to be matched": "SELECT * FROM pending_events",
    "open batches and windows": "SELECT * FROM collections WHERE closed_at_ms IS NULL",
    "open waits": "SELECT * FROM waits WHERE state = 'open'",
    "timers": "SELECT * FROM timers",
    "unfinished runs": "SELECT * FROM runs WHERE finished_at_ms IS NULL",
    "unfinished steps": "SELECT * FROM steps WHERE status IN ('ready', 'running', 'sleeping', 'waiting')",
    "singletons": "SELECT * FROM flow_states WHERE control = 'singleton' AND state IS NOT NULL",
}


@dataclass(frozen=True, slots=True)
class Interval:
    """When something was executed, in nanoseconds."""

    began: int
    ended: int
    run_id: str


@dataclass(frozen=True, slots=True)
class Owned:
    """Whose a run is."""

    workflow_id: str
    customer: str


def leftovers(stack: Stack) -> dict[str, int]:
    """Return how much is left that should not be, by what it is."""
    counts = {what: stack.rows(f"SELECT count(*) AS n FROM ({sql}) x")[0]["n"] for what, sql in EMPTY.items()}
    return {what: count for what, count in counts.items() if count}


def assert_all_in_order(stack: Stack, killed_at: Mapping[int, int]) -> None:
    """Check everything; ``killed_at`` says when (in nanoseconds) which process was killed."""
    assert leftovers(stack) == {}
    _assert_runs_ended_well(stack)
    _assert_every_event_is_accounted_for(stack)
    owners, intervals = _owners(stack), intervals_of(stack.ledger_path.read_text().splitlines(), killed_at)
    for limit in LIMITS:
        _assert_kept(limit, owners, intervals)
        if len({*limit.most.values()}) > 1:
            _assert_taken_by_ceilings(stack, limit, owners, intervals)
    _assert_rates(stack)
    _assert_singletons_and_batches(stack)


def _assert_runs_ended_well(stack: Stack) -> None:
    ends = Counter((row["workflow_id"], row["status"]) for row in stack.rows("SELECT workflow_id, status FROM runs"))
    unexpected = {key for key in ends if key[1] != "completed" and key != ("cancel", "cancelled")}
    assert not unexpected, ends
    # SAFETY: I2 — one result for each step, whoever died in between.
    doubled = "SELECT run_id, step_key FROM journal WHERE kind IN ('completed', 'failed', 'skipped', 'cancelled')"
    assert stack.rows(f"{doubled} GROUP BY run_id, step_key HAVING count(*) > 1") == []


def _assert_every_event_is_accounted_for(stack: Stack) -> None:
    """I20: of each event exactly one run, place in a batch or window, or decision."""
    events = stack.rows("SELECT id, name FROM events")
    expected = {(event["id"], ROUTES[event["name"]]) for event in events if event["name"] in ROUTES}
    direct = (
        "SELECT event_id, workflow_id FROM runs WHERE parent_run_id IS NULL"
        " AND id NOT IN (SELECT run_id FROM collections WHERE run_id IS NOT NULL)"
    )
    found: Counter[tuple[str, str]] = Counter()
    for sql in (direct, *(f"SELECT event_id, workflow_id FROM {name}" for name in ("collected_events", "decisions"))):
        found.update((row["event_id"], row["workflow_id"]) for row in stack.rows(sql))
    assert found.keys() == expected, found.keys() ^ expected
    assert {count for count in found.values()} == {1}, [key for key, count in found.items() if count > 1]


def intervals_of(ledger: Iterable[str], killed_at: Mapping[int, int]) -> list[Interval]:
    """Return what was executed when; what had no end ended when its process was killed."""
    begun: dict[str, tuple[int, str]] = {}
    found = []
    for line in ledger:
        mark, at, run_id, who = line.split()
        if mark == "begin":
            begun[who] = (int(at), run_id)
        else:
            began, begun_by = begun.pop(who)
            assert begun_by == run_id, line
            found.append(Interval(began, int(at), run_id))
    for who, (began, run_id) in begun.items():
        found.append(Interval(began, killed_at[int(who.partition(":")[0])], run_id))
    return found


def _owners(stack: Stack) -> dict[str, Owned]:
    rows = stack.rows("SELECT r.id, r.workflow_id, e.data FROM runs r JOIN events e ON e.id = r.event_id")
    return {row["id"]: Owned(row["workflow_id"], json.loads(row["data"])["customer"]) for row in rows}


def _assert_kept(limit: Limit, owners: Mapping[str, Owned], intervals: Sequence[Interval]) -> None:
    """I18: never did more go on than a limit allows, nor than the highest if workflows share one."""
    groups: dict[str, list[Interval]] = defaultdict(list)
    for interval in intervals:
        owned = owners[interval.run_id]
        if owned.workflow_id in limit.most:
            groups[owned.customer if limit.by_customer else ""].append(interval)
    assert groups, f"nothing was under {limit}"
    for group in groups.values():
        counted = _whole_runs(group) if limit.of_runs else group
        marks = [(each.began, 1, each) for each in counted] + [(each.ended, -1, each) for each in counted]
        going_on = 0
        for _, change, each in sorted(marks, key=lambda mark: mark[:2]):
            going_on += change
            assert going_on <= max(limit.most.values()), (limit, each)


def _assert_taken_by_ceilings(
    stack: Stack, limit: Limit, owners: Mapping[str, Owned], intervals: Sequence[Interval]
) -> None:
    """I18: a run under a shared limit took its slot beside fewer than its own ceiling, and acted while it had it.

    That it began beside fewer is not so: until it begins, others with a higher ceiling may take theirs, and begin.
    """
    held = holdings(stack, limit.most)
    for run_id, of_run in held.items():
        assert all(each.others < limit.most[owners[run_id].workflow_id] for each in of_run), (limit, run_id, of_run)
    for interval in intervals:
        if owners[interval.run_id].workflow_id in limit.most:
            of_run = held[interval.run_id]
            assert any(each.covers(interval.began, interval.ended) for each in of_run), (limit, interval, of_run)


def _whole_runs(intervals: Iterable[Interval]) -> list[Interval]:
    of_run: dict[str, list[Interval]] = defaultdict(list)
    for interval in intervals:
        of_run[interval.run_id].append(interval)
    return [
        Interval(min(each.began for each in own), max(each.ended for each in own), run_id)
        for run_id, own in of_run.items()
    ]


def _assert_rates(stack: Stack) -> None:
    """I19: never more than the limit and the burst allow, whatever window one looks at."""
    _assert_spaced(stack, "throttled", "started_at_ms", THROTTLE)
    _assert_spaced(stack, "rated", "created_at_ms", RATE_LIMIT)
    assert {row["reason"] for row in stack.rows("SELECT reason FROM decisions WHERE workflow_id = 'rated'")} <= {
        "rate-limited"
    }


def _assert_spaced(stack: Stack, workflow_id: str, column: str, rule: Mapping[str, Any]) -> None:
    apart_ms, burst = 1_000 / rule["limit"], rule.get("burst", 1)
    starts: dict[str, list[int]] = defaultdict(list)
    for row in stack.rows(
        f"SELECT r.{column} AS at_ms, e.data FROM runs r JOIN events e ON e.id = r.event_id"
        f" WHERE r.workflow_id = '{workflow_id}'"
    ):
        starts[json.loads(row["data"])["customer"]].append(row["at_ms"])
    assert starts
    for times in map(sorted, starts.values()):
        # Times are whole milliseconds: a start at the very beginning of one may be meant by its end.
        for first in range(len(times)):
            for count, last in enumerate(times[first + burst : first + burst + 50], start=1):
                assert last - times[first] > count * apart_ms - 1, (workflow_id, first, count)


def _assert_singletons_and_batches(stack: Stack) -> None:
    """I20: of a singleton the run is left that took it last; no batch is too large, or without its run."""
    singles = {
        row["id"]: row
        for row in stack.rows(
            "SELECT r.id, r.status, r.reason, r.reason_detail, e.data FROM runs r JOIN events e ON e.id = r.event_id"
            " WHERE r.workflow_id = 'cancel'"
        )
    }
    # Not by their times: who comes to the lock later may have begun its transaction earlier.
    heirs = {
        run_id: json.loads(row["reason_detail"])["run_id"]
        for run_id, row in singles.items() if row["status"] == "cancelled" and row["reason"] == "replaced"
    }  # fmt: skip
    assert heirs.keys() == {run_id for run_id, row in singles.items() if row["status"] != "completed"}
    assert len(set(heirs.values())) == len(heirs), "two were replaced by one"
    for run_id, heir in heirs.items():
        assert json.loads(singles[run_id]["data"])["customer"] == json.loads(singles[heir]["data"])["customer"]
        passed = {run_id}
        while heir in heirs:
            assert heir not in passed, "they replaced each other"
            passed.add(heir)
            heir = heirs[heir]
    sizes = stack.rows(
        "SELECT c.run_id, count(*) AS n FROM collections c JOIN collected_events m ON m.collection_id = c.id"
        " JOIN runs r ON r.id = c.run_id WHERE c.kind = 'batch' GROUP BY c.run_id"
    )
    assert sizes
    assert all(row["n"] <= BATCH["max_size"] for row in sizes)
    assert stack.rows("SELECT id FROM collections WHERE run_id IS NULL OR run_id NOT IN (SELECT id FROM runs)") == []
    orders = Counter(
        json.loads(row["data"])["order"]
        for row in stack.rows(
            "SELECT e.data FROM runs r JOIN events e ON e.id = r.event_id WHERE r.workflow_id = 'once'"
        )
    )
    assert set(orders.values()) == {1}
