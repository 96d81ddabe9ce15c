"""Limits of executing steps and of starts: who waits, who comes next, and that no slot is ever lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest
from builders import a_workflow
from fairness import Line, Waiting, drain
from runtimes import Harness, a_registry, a_runtime, at_once, rows_read

from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.engine.context import StepContext
from workflowkit.registry import Registry
from workflowkit.runtime.position import Claim, Opening
from workflowkit.store import lanes, slots, steps
from workflowkit.store.lanes import Lane, QueuedStep
from workflowkit.store.statements import Sql

EVENT = "order/placed"
Handler = Callable[[StepContext], Any]


def _registry(handler: Handler | None = None) -> Registry:
    registry = a_registry()

    @registry.action("work")
    def work(ctx: StepContext) -> Any:
        return None if handler is None else handler(ctx)

    return registry


def _document(*, chain: int = 1, **settings: Any) -> dict[str, Any]:
    builder = a_workflow()
    ids = [f"s{number}" for number in range(chain)]
    for node_id in ids:
        builder.action(node_id, kind="work")
    return builder.path("$source", *ids).trigger(EVENT).settings(**settings).document()


def _send_all(harness: Harness, count: int, scope: Scope = DEFAULT_SCOPE, **data: Any) -> list[str]:
    events = [{"name": EVENT, "data": {"n": number, **data}} for number in range(count)]
    return [each.id for each in harness.runtime.intake.send(scope, events)]


def _take(harness: Harness, openings: list[Opening]) -> tuple[Claim | None, list[Opening]]:
    claim, more = harness.runtime.worker.advance.claim(openings.pop(0))
    return claim, [*openings, *more]


def _join_messages(harness: Harness) -> None:
    """Make one message of all that wait for their events to be matched."""
    ids = [event_id for message in harness.dispatcher.waiting for event_id in message]
    harness.dispatcher.waiting.clear()
    harness.dispatcher.match([event_id for event_id in ids if isinstance(event_id, str)])


def _match_and_claim_all(harness: Harness) -> list[Claim]:
    """Match what was sent, and claim all that may start, without executing anything."""
    matched = harness.match()
    openings, claims = list(matched.openings), [] if matched.claim is None else [matched.claim]
    while openings:
        claim, openings = _take(harness, openings)
        claims += [claim] if claim is not None else []
    return claims


@contextmanager
def _all_queue(harness: Harness, scope: Scope = DEFAULT_SCOPE, **data: Any) -> Iterator[None]:
    """Let all that is matched in the block queue, behind a run that ends with it."""
    _send_all(harness, 1, scope, **data)
    claim = harness.claim()
    yield
    harness.runtime.worker.advance.record(claim, _done(), retries=0)


def _running(harness: Harness) -> int:
    return len(harness.rows("SELECT run_id FROM steps WHERE status = 'running'"))


def _left_overs(harness: Harness) -> dict[str, int]:
    """Return how many rows each table of flow control has that should be empty when nothing goes on.

    Lanes in which nothing waits are closed by the relay.
    """
    harness.clock.advance(milliseconds=lanes.RECHECK_MS)
    harness.runtime.relay.tick()
    tables = ("slots", "queued_steps", "lanes", "lane_groups")
    return {table: len(harness.rows(f"SELECT 1 AS one FROM {table}")) for table in tables}


NOTHING_LEFT = {"slots": 0, "queued_steps": 0, "lanes": 0, "lane_groups": 0}


# --- concurrency


def test_no_more_steps_execute_than_the_limit_says(database_url: str) -> None:
    with a_runtime(database_url, _registry()) as harness:
        harness.deploy(_document(concurrency=3))
        _send_all(harness, 10)
        assert len(_match_and_claim_all(harness)) == 3
        assert _running(harness) == 3
        assert _left_overs(harness) | {"lanes": 0, "lane_groups": 0} == NOTHING_LEFT | {"slots": 3, "queued_steps": 7}
        assert harness.dispatcher.message_count == 1  # those that wait cost no message


def test_a_slot_goes_to_the_next_when_its_step_has_ended(database_url: str) -> None:
    high = [0, 0]

    def work(ctx: StepContext) -> None:
        high[0] += 1
        high[1] = max(high[1], _running(harness))

    with a_runtime(database_url, _registry(work)) as harness:
        harness.deploy(_document(concurrency=2, chain=3))
        _send_all(harness, 10)
        harness.drain()
        assert high == [30, 1]  # one worker does one after the other
        assert harness.rows("SELECT count(*) AS n FROM runs WHERE status = 'completed'") == [{"n": 10}]
        assert _left_overs(harness) == NOTHING_LEFT


def test_many_workers_never_exceed_a_limit_and_leave_nothing_behind(database_url: str) -> None:
    high: list[int] = []

    def work(ctx: StepContext) -> None:
        high.append(_running(harness))

    with a_runtime(database_url, _registry(work)) as harness:
        harness.deploy(_document(concurrency=2, chain=2))
        _send_all(harness, 24)
        harness.deliver()
        others = [harness.new_process() for _ in range(4)]
        for _ in range(40):
            at_once(*(lambda r=runtime: _deliver_some(harness, r) for runtime in others))
            if not harness.dispatcher.waiting:
                break
        harness.drain()
        assert len(high) == 48
        assert max(high) <= 2
        assert _left_overs(harness) == NOTHING_LEFT


def _deliver_some(harness: Harness, runtime: Any) -> None:
    with contextmanager(_suppress)():
        harness.deliver(runtime)


def _suppress() -> Iterator[None]:
    try:
        yield
    except IndexError:  # another thread was faster with the last hint
        return


def test_what_sleeps_waits_or_retries_holds_no_slot(database_url: str) -> None:
    def work(ctx: StepContext) -> None:
        if ctx.event["data"]["n"] == 0:
            ctx.step.sleep("nap", 60)
        if ctx.event["data"]["n"] == 1 and ctx.attempt == 0:
            raise RuntimeError("again")

    with a_runtime(database_url, _registry(work)) as harness:
        harness.deploy(_document(concurrency=1))
        _send_all(harness, 4)
        harness.drain()
        done = harness.rows("SELECT count(*) AS n FROM runs WHERE status = 'completed'")
        assert done == [{"n": 2}]
        assert _left_overs(harness) == NOTHING_LEFT
        harness.skip(60)
        assert harness.rows("SELECT count(*) AS n FROM runs WHERE status = 'completed'") == [{"n": 4}]
        assert _left_overs(harness) == NOTHING_LEFT


def test_a_key_has_slots_of_its_own_and_a_second_limit_holds_for_all(database_url: str) -> None:
    with a_runtime(database_url, _registry()) as harness:
        limits = [{"limit": 2, "key": "event.data.who"}, {"limit": 5}]
        harness.deploy(_document(concurrency=limits))
        for who in ("a", "b", "c"):
            _send_all(harness, 4, who=who)
        _join_messages(harness)
        claims = _match_and_claim_all(harness)
        held = sorted(claim.position.event["data"]["who"] for claim in claims)
        assert (len(held), max(held.count(who) for who in held)) == (5, 2)


def test_two_workflows_share_a_count_and_each_has_its_own_ceiling(database_url: str) -> None:
    shared = {"key": "'erp'", "scope": "tenant"}
    with a_runtime(database_url, _registry()) as harness:
        harness.deploy(_document(concurrency=[{"limit": 1, **shared}]), "low")
        high = _document(concurrency=[{"limit": 3, **shared}])
        high["triggers"] = [{"event": "other/thing"}]
        harness.deploy(high, "high")
        harness.send("other/thing")
        assert len(_match_and_claim_all(harness)) == 1
        _send_all(harness, 1)
        assert _match_and_claim_all(harness) == []  # one slot is held, which is all that this one allows
        for _ in range(3):
            harness.send("other/thing")
        _join_messages(harness)
        assert len(_match_and_claim_all(harness)) == 2


def test_the_mode_runs_holds_a_slot_from_the_first_step_to_the_end(database_url: str) -> None:
    def work(ctx: StepContext) -> None:
        ctx.step.sleep("nap", 60)

    with a_runtime(database_url, _registry(work)) as harness:
        harness.deploy(_document(concurrency=[{"limit": 2, "mode": "runs"}]))
        _send_all(harness, 5)
        harness.drain()
        statuses = "SELECT status, count(*) AS n FROM runs GROUP BY status ORDER BY status"
        assert harness.rows(statuses) == [{"status": "queued", "n": 3}, {"status": "waiting", "n": 2}]
        harness.skip(60)
        assert harness.rows(statuses) == [
            {"status": "completed", "n": 2}, {"status": "queued", "n": 1}, {"status": "waiting", "n": 2}
        ]  # fmt: skip
        harness.skip(60)
        harness.skip(60)
        assert harness.rows(statuses) == [{"status": "completed", "n": 5}]
        assert _left_overs(harness) == NOTHING_LEFT


def test_the_slot_of_a_dead_worker_is_free_when_its_lease_is_over(database_url: str) -> None:
    with a_runtime(database_url, _registry(), lease_seconds=15.0) as harness:
        harness.deploy(_document(concurrency=1))
        _send_all(harness, 3)
        (lost,) = _match_and_claim_all(harness)  # and its worker dies
        harness.skip(14)
        assert _running(harness) == 1
        harness.skip(1.1)
        harness.skip(1)
        assert harness.rows("SELECT count(*) AS n FROM runs WHERE status = 'completed'") == [{"n": 3}]
        assert [kind for kind, _ in harness.journal("lost")] == ["lost"]
        assert _left_overs(harness) == NOTHING_LEFT
        assert lost.lease.token == 1


def test_a_cancelled_run_gives_back_its_slot_and_its_place(database_url: str) -> None:
    with a_runtime(database_url, _registry()) as harness:
        harness.deploy(_document(concurrency=1))
        _send_all(harness, 3)
        (claim,) = _match_and_claim_all(harness)
        waiting = harness.rows("SELECT run_id FROM queued_steps ORDER BY score_ms, sequence")
        harness.runtime.control.cancel(DEFAULT_SCOPE, waiting[0]["run_id"])
        harness.runtime.control.cancel(DEFAULT_SCOPE, claim.lease.run_id)
        harness.drain()
        rows = harness.rows("SELECT status FROM runs ORDER BY status")
        assert [row["status"] for row in rows] == ["cancelled", "cancelled", "completed"]
        assert _left_overs(harness) == NOTHING_LEFT


def test_what_is_paused_keeps_nobody_waiting_and_goes_on_afterwards(database_url: str) -> None:
    from workflowkit.runtime.pausing import Target

    limit = [{"limit": 1, "key": "'all'", "scope": "tenant"}]
    with a_runtime(database_url, _registry()) as harness:
        harness.deploy(_document(concurrency=limit), "paused")
        with _all_queue(harness):
            _send_all(harness, 3)
            hints = [opening.hint for opening in harness.match().openings]
        other = _document(concurrency=limit)
        other["triggers"] = [{"event": "other/thing"}]
        harness.deploy(other, "other")
        harness.runtime.pausing.pause(Target(DEFAULT_SCOPE, "paused"))
        harness.skip(1)
        harness.dispatcher.execute(hints)
        harness.send("other/thing")
        harness.drain()
        done = "SELECT workflow_id, count(*) AS n FROM runs WHERE status = 'completed' GROUP BY workflow_id ORDER BY 1"
        assert harness.rows(done) == [{"workflow_id": "other", "n": 1}, {"workflow_id": "paused", "n": 1}]
        harness.runtime.pausing.resume(Target(DEFAULT_SCOPE, "paused"))
        for _ in range(3):
            harness.skip(30)
        assert harness.rows(done) == [{"workflow_id": "other", "n": 1}, {"workflow_id": "paused", "n": 4}]
        assert _left_overs(harness) == NOTHING_LEFT


def test_a_hint_that_is_lost_is_made_up_for_by_the_relay(database_url: str) -> None:
    with a_runtime(database_url, _registry()) as harness:
        harness.deploy(_document(concurrency=1))
        _send_all(harness, 2)
        harness.match()  # and nobody hears of the lane
        harness.skip(60)
        assert harness.rows("SELECT count(*) AS n FROM runs WHERE status = 'completed'") == [{"n": 2}]


def test_a_full_lane_costs_no_messages(database_url: str) -> None:
    with a_runtime(database_url, _registry()) as harness:
        harness.deploy(_document(concurrency=1))
        _send_all(harness, 5)
        (claim,) = _match_and_claim_all(harness)
        harness.runtime.heartbeat.stop()
        before = harness.dispatcher.message_count
        for _ in range(10):
            harness.clock.advance(seconds=1)
            harness.runtime.relay.tick()
        assert harness.dispatcher.message_count == before
        assert claim.lease.token == 1


def test_where_nobody_waits_a_run_goes_on_with_its_slot_and_one_commit_for_each_step(database_url: str) -> None:
    from workflowkit.base import failpoints

    held: list[int] = []
    with a_runtime(
        database_url, _registry(lambda ctx: held.append(len(harness.rows("SELECT * FROM slots"))))
    ) as harness:
        harness.deploy(_document(concurrency=1, chain=4))
        _send_all(harness, 1)
        commits: list[str] = []
        stop = failpoints.listen(commits.append)
        harness.drain()
        stop()
        done = [name.partition(".")[0] for name in commits if name.endswith("after_commit")]
        assert done == ["match", *["record"] * 4, "dequeue"]  # the last one looks whether anybody waits by now
        assert held == [1, 1, 1, 1]
        assert _left_overs(harness) == NOTHING_LEFT


# --- throttle


def test_a_throttle_spaces_starts_evenly_loses_none_and_keeps_their_order(database_url: str) -> None:
    started: list[tuple[float, int]] = []

    def work(ctx: StepContext) -> None:
        started.append(((harness.clock.now_ms() - began_ms) / 1000, ctx.event["data"]["n"]))

    with a_runtime(database_url, _registry(work)) as harness:
        harness.deploy(_document(throttle={"limit": 10, "period": "60s"}, chain=2))
        began_ms = harness.clock.now_ms()
        _send_all(harness, 10)
        harness.drain()
        for _ in range(60):
            harness.skip(1)
        firsts = started[::2]
        assert [number for _, number in firsts] == list(range(10))
        assert [at for at, _ in firsts] == [6.0 * number for number in range(10)]
        assert [at for at, _ in started[1::2]] == [at for at, _ in firsts]  # only starts are throttled
        assert _left_overs(harness) == NOTHING_LEFT


def test_a_burst_starts_at_once_and_keys_are_throttled_each_for_itself(database_url: str) -> None:
    started: list[str] = []
    with a_runtime(database_url, _registry(lambda ctx: started.append(ctx.event["data"]["who"]))) as harness:
        harness.deploy(_document(throttle={"limit": 1, "period": "1m", "burst": 2, "key": "event.data.who"}))
        _send_all(harness, 4, who="a")
        _send_all(harness, 4, who="b")
        harness.drain()
        assert sorted(started) == ["a", "a", "b", "b"]
        harness.skip(60)
        assert sorted(started) == ["a", "a", "a", "b", "b", "b"]


@pytest.mark.parametrize("is_new_process", [False, True])
def test_a_throttle_goes_on_when_the_clock_is_set_back(database_url: str, is_new_process: bool) -> None:
    started: list[tuple[float, int]] = []

    def work(ctx: StepContext) -> None:
        started.append(((harness.clock.now_ms() - began_ms) / 1000, ctx.event["data"]["n"]))

    with a_runtime(database_url, _registry(work)) as harness:
        harness.deploy(_document(throttle={"limit": 1, "period": "20s"}))
        _send_all(harness, 4)
        began_ms = harness.clock.now_ms()
        harness.drain()
        harness.skip(0)
        harness.clock.advance(seconds=-3_600)
        began_ms = harness.clock.now_ms()
        if is_new_process:
            harness.runtime = harness.new_process()
        for _ in range(45):
            harness.skip(1)
        assert started == [(0, 0), (1, 1), (21, 2), (41, 3)]


def test_a_start_that_finds_no_slot_uses_no_unit_of_the_throttle(database_url: str) -> None:
    started: list[float] = []

    def work(ctx: StepContext) -> None:
        started.append(harness.clock.now_ms())

    with a_runtime(database_url, _registry(work), lease_seconds=15.0) as harness:
        harness.deploy(_document(throttle={"limit": 1, "period": "10s"}, concurrency=1))
        _send_all(harness, 2)
        began_ms = harness.clock.now_ms()
        (claim,) = _match_and_claim_all(harness)
        for _ in range(14):
            harness.skip(1)  # the throttle would admit it from the tenth second on
        assert started == []
        openings = harness.runtime.worker.advance.record(claim, _done(), retries=0).openings
        harness.dispatcher.execute([opening.hint for opening in openings])
        harness.drain()
        assert started == [began_ms + 14_000]


def _done() -> Any:
    from workflowkit.engine.outcome import Succeeded

    return Succeeded(None)


# --- order


@pytest.mark.parametrize(
    ("ahead", "starts"), [((), [0, 1, 2, 3, 4, 5, 6]), ((4,), [0, 4, 1, 2, 3, 5, 6]), ((6, 3), [0, 3, 6, 1, 2, 4, 5])]
)
def test_queues_that_share_only_a_throttle_take_turns_and_a_priority_counts_between_them(
    database_url: str, ahead: tuple[int, ...], starts: list[int]
) -> None:
    with a_runtime(database_url, _registry()) as harness:
        limit = {"limit": 5, "key": "event.data.n"}
        harness.deploy(
            _document(concurrency=limit, throttle={"limit": 1, "period": "10s"}, priority="event.data.ahead")
        )
        events = [{"name": EVENT, "data": {"n": n, "ahead": 60 if n in ahead else 0}} for n in range(7)]
        for sent in (events[:1], events[1:]):  # the first one starts at once
            harness.runtime.intake.send(DEFAULT_SCOPE, sent)
            harness.drain()
        for _ in events:
            harness.skip(10)
        rows = harness.rows("SELECT e.data FROM runs r JOIN events e ON e.id = r.event_id ORDER BY r.started_at_ms")
        assert [json.loads(row["data"])["n"] for row in rows] == starts


def test_priority_moves_a_run_ahead_by_seconds(database_url: str) -> None:
    order: list[str] = []
    registry = _registry(lambda ctx: order.append(ctx.event["data"]["who"]))
    with a_runtime(database_url, registry, lease_seconds=3600.0) as harness:
        document = _document(concurrency=1, priority="event.data.ahead")
        harness.deploy(document)
        _send_all(harness, 1, who="first", ahead=0)
        (claim,) = _match_and_claim_all(harness)
        for who, ahead in (("old", 0), ("young", 0), ("urgent", 120), ("most urgent", 10_000)):
            harness.clock.advance(seconds=500 if who == "young" else 1)
            _send_all(harness, 1, who=who, ahead=ahead)
            harness.match()
        harness.runtime.worker.advance.record(claim, _done(), retries=0)
        harness.skip(60)
        # Cut to 600 seconds, which is not enough to pass one that has waited for longer only by a little.
        assert order == ["most urgent", "old", "urgent", "young"]


def test_a_tenant_with_a_thousand_runs_keeps_another_waiting_for_one_slot_time(database_url: str) -> None:
    tenants = [Scope("default", "a"), Scope("default", "b")]
    order: list[str] = []
    registry = _registry(lambda ctx: order.append(ctx.run.tenant))
    limit = [{"limit": 1, "key": "'all'", "scope": "environment"}]
    with a_runtime(database_url, registry) as harness:
        for scope in tenants:
            harness.deploy(_document(concurrency=limit), scope=scope)
        with _all_queue(harness, tenants[1]):
            for _ in range(10):  # no worker matches more at once: reading so much takes seconds
                _send_all(harness, 100, tenants[0])
                harness.match()
            _send_all(harness, 1, tenants[1])
            harness.match()
        place = harness.rows("SELECT slot_group FROM lane_groups LIMIT 1")[0]["slot_group"]
        advance, served = harness.runtime.worker.advance, []
        for _ in range(3):
            claim, _ = advance._dequeue(place)
            assert claim is not None
            served.append(claim.position.run.scope.tenant)
            advance.record(claim, _done(), retries=0)
        assert served == ["a", "b", "a"]


_ARRIVALS = [
    [("a", "k1", 0)] * 4 + [("b", "k1", 0), ("a", "k2", 5), ("a", "k1", 30), ("c", "k9", 0), ("b", "k2", 0)],
    [("a", f"k{number}", 0) for number in range(6)] + [("a", "k8", 3), ("a", "k9", 120), ("a", "k8", 5)],
    *(
        [(random.choice("ab"), random.choice(["k1", "k2", "k3"]), random.choice([-4, 0, 0, 4, 7])) for _ in range(14)]
        for random in map(Random, range(3))
    ),
]


@pytest.mark.parametrize("arrivals", _ARRIVALS)
def test_steps_start_in_the_order_that_fairness_describes(
    database_url: str, arrivals: list[tuple[str, str, int]]
) -> None:
    """The same work as in ``tests/fairness.py``, which says in Python what the SQL has to do."""
    scopes = {name: Scope("default", name) for name in ("a", "b", "c")}
    limit = [{"limit": 1, "key": "'all'", "scope": "environment"}]
    with a_runtime(database_url, _registry()) as harness:
        document = _document(concurrency=[*limit, {"limit": 5, "key": "event.data.k"}], priority="event.data.ahead")
        for scope in scopes.values():
            harness.deploy(document, scope=scope)
        line, waiting = Line(), []
        with _all_queue(harness, scopes["c"], k="k0", ahead=0):
            for number, (tenant, key, ahead) in enumerate(arrivals):
                harness.clock.advance(seconds=1)
                head_start_ms = 1_000 * ahead
                work = Waiting(tenant, key, harness.clock.now_ms() - head_start_ms, number, "test", head_start_ms)
                waiting.append(work)
                line = line.joined_by(work)
                _send_all(harness, 1, scopes[tenant], k=key, ahead=ahead, number=number)
                harness.match()
        place = next(
            row["slot_group"]
            for row in harness.rows("SELECT slot_group FROM lane_groups")
            if "all" in row["slot_group"]
        )
        advance, served = harness.runtime.worker.advance, []
        for _ in arrivals:
            claim, _ = advance._dequeue(place)
            assert claim is not None
            served.append(claim.position.event["data"]["number"])
            advance.record(claim, _done(), retries=0)
        assert served == [work.sequence for work in drain(waiting, line)]


# --- cost


def test_picking_the_next_touches_no_more_rows_behind_a_long_queue(database_url: str) -> None:
    with a_runtime(database_url, _registry()) as harness:
        harness.deploy(_document(concurrency=1))
        with _all_queue(harness):
            _send_all(harness, 1)
            harness.match()
        (row,) = harness.rows("SELECT * FROM queued_steps")
        (group,) = harness.column("SELECT slot_group FROM lane_groups")
        _fill(harness, row, range(1_000))
        short = _plan_cost(harness, row, group)
        _fill(harness, row, range(1_000, 20_000))
        assert _plan_cost(harness, row, group) <= short + 2
        with _counted(harness) as statements:
            claim, _ = harness.runtime.worker.advance._dequeue(group)
        assert claim is not None
        # One by one, as SQLite's statements are no round trips; and PostgreSQL's do so once for each version of a
        # workflow, in each process.
        assert len(statements) <= 30


def test_picking_the_next_costs_the_same_however_many_queues_wait_for_a_limit(database_url: str) -> None:
    with a_runtime(database_url, _registry()) as harness:
        harness.deploy(_document(concurrency=[{"limit": 3}, {"limit": 1, "key": "event.data.k"}]))
        claims = []
        for key in ("a", "b"):
            _send_all(harness, 1, k=key)
            claims.append(harness.claim())
        _send_all(harness, 1, k="a")
        harness.match()
        (place,) = set(harness.column("SELECT slot_group FROM lane_groups")) & _free(harness)
        _fill_lanes(harness, range(50))
        few = _cost_of_picking(harness, place)
        _fill_lanes(harness, range(50, 3_000))
        assert _cost_of_picking(harness, place) <= few + 2
        # The first in line is full by its own key; the next ones are not.
        with harness.runtime.database.transaction("match") as tx:
            assert [lane.id for lane in lanes.pick(tx, place, limit=3)] == ["lane0", "lane1", "lane10"]
            # Where the limit of all of them is full, nobody goes down the line.
            tx.insert(slots.INSERT, [(place, "r", "", 0)])
        assert _cost_of_picking(harness, place) <= few
        with harness.runtime.database.read() as tx:
            assert lanes.pick(tx, place) == []


def test_a_longer_head_start_goes_ahead_however_many_queues_wait(database_url: str) -> None:
    limits = [{"limit": 3}, {"limit": 1, "key": "event.data.k"}]
    with a_runtime(database_url, _registry()) as harness:
        harness.deploy(_document(concurrency=limits, priority="event.data.ahead"))
        for key in ("a", "b"):
            _send_all(harness, 1, k=key, ahead=0)
            harness.claim()
        _send_all(harness, 1, k="a", ahead=0)
        harness.match()
        (place,) = set(harness.column("SELECT slot_group FROM lane_groups")) & _free(harness)
        (row,) = harness.rows("SELECT line FROM queued_steps")
        costs = []
        for numbers in (range(50), range(50, 3_000)):
            _fill_lanes(harness, numbers, line=row["line"], score_ms=harness.clock.now_ms())
            _send_all(harness, 1, k=f"gold {numbers}", ahead=120)
            _send_all(harness, 1, k="a", ahead=600)  # cannot start: another of this key has a slot
            harness.match()
            harness.match()
            gold = harness.rows("SELECT lane_id FROM queued_steps WHERE head_start_ms = 120000")[0]["lane_id"]
            _fill(harness, {"lane_id": gold, "score_ms": 2 * harness.clock.now_ms()}, numbers)
            costs.append(_cost_of_picking(harness, place))
            with harness.runtime.database.transaction("match") as tx:
                found = lanes.pick(tx, place, limit=2)
                (first, second) = (lane.id for lane in found)
                step = lanes.head(tx, first)
                assert step is not None
                assert (step.head_start_ms, second) == (120_000, "lane0")
                if tx.is_postgresql:
                    ask = Sql("SELECT id FROM workflowkit_pick(:place, :now_ms)")
                    assert tx.one(ask, place=place, now_ms=tx.now_ms)[0] == first
                assert lanes.remove(tx, step.run_id, "s0")
                tx.run(Sql("DELETE FROM queued_steps WHERE lane_id = :id"), id=first)
        assert costs[1] <= costs[0] + 5


def test_who_goes_ahead_is_found_by_an_index_whatever_waits(database_url: str) -> None:
    group, costs = '["shared"]', []
    with a_runtime(database_url, _registry()) as harness:
        made = [Lane(f"lane{number:02}", DEFAULT_SCOPE, "t", "default", {group: 3}) for number in range(30)]
        with harness.runtime.database.transaction("match") as tx:
            urgent = QueuedStep("urgent", "s0", "lane20", 10, "urgent", "line", 120_000)
            tx.insert_all(*lanes.joining(made, [urgent], wake_at_ms=0))
        for numbers in (range(10), range(10, 1_000)):
            with harness.runtime.database.transaction("match") as tx:
                for lane in made:
                    rows = [(f"{lane.id}-{n}", "s0", lane.id, 1_000 + n, f"{n}", "line", 0) for n in numbers]
                    tx.insert(lanes.INSERT_STEP, rows)
            with harness.runtime.database.engine.connect() as connection:
                connection.exec_driver_sql("ANALYZE queued_steps" if tx.is_postgresql else "ANALYZE")
            costs.append(_cost_of_picking(harness, group))
            with harness.runtime.database.read() as reading:
                assert [lane.id for lane in lanes.pick(reading, group, limit=2)] == ["lane20", "lane00"]
        assert costs[1] <= 2 * costs[0]  # and not a hundred times as much


def test_going_down_the_line_finds_what_a_look_at_all_lanes_finds(database_url: str) -> None:
    group = '["shared"]'
    with a_runtime(database_url, _registry()) as harness, harness.runtime.database.transaction("match") as tx:
        for number in range(45):
            tenant = f"t{number % 4}"
            own = {group: 2, f'["{number % 7}"]': 1}
            lane = Lane(f"lane{number:02}", Scope("default", tenant), tenant, "default", own)
            # Every fifth is empty.
            queued = [QueuedStep(f"r{number}", "s0", lane.id, 0, str(number))] if number % 5 else []
            tx.insert_all(*lanes.joining([lane], queued, wake_at_ms=0))
        for number in range(0, 45, 4):  # some were served since
            lanes.served(tx, Lane(f"lane{number:02}", Scope("default", "t"), f"t{number % 4}", "default", {}))
        tx.insert(slots.INSERT, [('["3"]', "r", "", 0)])
        every = [row[0] for row in tx.rows(lanes._PICK, place=group, now_ms=tx.now_ms, limit=100)]
        assert 20 < len(every) < 36
        assert [lane.id for lane in lanes.pick(tx, group, limit=100)] == every
        assert [lane.id for lane in lanes.pick(tx, group, limit=3)] == every[:3]
        if tx.is_postgresql:
            ask = Sql("SELECT id FROM workflowkit_pick(:place, :now_ms)")
            assert tx.one(ask, place=group, now_ms=tx.now_ms)[0] == every[0]


def _free(harness: Harness) -> set[str]:
    """Return the groups of which a slot can be had."""
    full = "SELECT slot_group FROM slots GROUP BY slot_group HAVING count(*) = 1"
    every = set(harness.column("SELECT slot_group FROM slots"))
    return every - {row["slot_group"] for row in harness.rows(full)}


def _fill_lanes(harness: Harness, numbers: range, *, line: str | None = None, score_ms: int = 0) -> None:
    """Add lanes to that of the only step that waits, under its first limit, and each under one of its own key."""
    (lane,) = harness.rows(
        "SELECT * FROM lanes WHERE id IN (SELECT lane_id FROM queued_steps WHERE run_id NOT LIKE 'r%') LIMIT 1"
    )
    (group,) = harness.rows("SELECT * FROM lane_groups WHERE lane_id = :id AND ceiling = 3", id=lane["id"])
    made = [
        Lane(
            f"lane{n}", Scope("default", "default"), lane["parent"], "default", {group["slot_group"]: 3, f'["{n}"]': 1}
        )
        for n in numbers
    ]
    with harness.runtime.database.transaction("match") as tx:
        for start in range(0, len(made), 50):
            part = made[start : start + 50]
            queued = [
                QueuedStep(f"r{e.id}", "s0", e.id, score_ms, e.id, line, None if line is None else 0) for e in part
            ]
            tx.insert_all(*lanes.joining(part, queued, wake_at_ms=0))
    with harness.runtime.database.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE lanes" if harness.runtime.database.is_postgresql else "ANALYZE")


def _cost_of_picking(harness: Harness, place: str) -> int:
    """Return how many rows PostgreSQL reads, or how many hundreds of steps SQLite's virtual machine takes."""
    database = harness.runtime.database
    with database.read() as tx:
        if not database.is_postgresql:
            return _ticks(tx, lambda: lanes.pick(tx, place))
    return rows_read(database, "SELECT * FROM workflowkit_pick(%s, %s)", (place, harness.clock.now_ms()))


def _ticks(tx: Any, call: Callable[[], Any]) -> int:
    ticks = [0]

    def tick() -> int:
        ticks[0] += 1
        return 0

    driver = tx.connection.connection.driver_connection
    driver.set_progress_handler(tick, 100)
    try:
        call()
    finally:
        driver.set_progress_handler(None, 0)
    return ticks[0]


def _fill(harness: Harness, row: dict[str, Any], numbers: range) -> None:
    with harness.runtime.database.transaction("match") as tx:
        tx.insert(
            lanes.INSERT_STEP,
            [
                (f"r{number}", "s0", row["lane_id"], row["score_ms"] + number, f"z{number}", None, None)
                for number in numbers
            ],
        )
    with harness.runtime.database.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE queued_steps" if harness.runtime.database.is_postgresql else "ANALYZE")


def _plan_cost(harness: Harness, row: dict[str, Any], group: str) -> int:
    """Return how many rows (PostgreSQL) or hundreds of virtual machine steps (SQLite) it costs to find the next step.

    And to find out whether anybody comes before a step that has slots. No part of it may read the queue as a whole.
    """
    database = harness.runtime.database
    with database.read() as tx:
        if not database.is_postgresql:
            return _sqlite_steps(tx, row, group)
        parameters: dict[str, Any] = {
            "now_ms": tx.now_ms, "limit": 1, "parked": steps.PARKED, "ids": [group],
            **{name: row[name] for name in ("lane_id", "score_ms", "sequence")},
        }  # fmt: skip
        total = 0
        for statement, place in (
            (lanes._PICK, group), (lanes._PICK, row["lane_id"]), (lanes._HEAD, ""), (lanes._ANY_BEFORE, ""),
        ):  # fmt: skip
            asked = "EXPLAIN (ANALYZE, FORMAT JSON) " + statement.postgresql
            plan = tx.connection.exec_driver_sql(asked, {**parameters, "place": place}).scalar_one()[0]["Plan"]
            assert "queued_steps" not in _scanned(plan)
            total += _rows_of(plan)
    return total + rows_read(database, "SELECT * FROM workflowkit_pick(%s, %s)", (group, parameters["now_ms"]))


def _scanned(plan: dict[str, Any]) -> set[str]:
    """Return the tables that a plan reads from one end to the other."""
    found = {plan["Relation Name"]} if plan["Node Type"] == "Seq Scan" else set()
    return found.union(*(_scanned(part) for part in plan.get("Plans", ())))


def _rows_of(plan: dict[str, Any]) -> int:
    seen = plan["Actual Rows"] * plan["Actual Loops"] + plan.get("Rows Removed by Filter", 0)
    return int(seen) + sum(_rows_of(part) for part in plan.get("Plans", ()))


def _sqlite_steps(tx: Any, row: dict[str, Any], group: str) -> int:
    ticks = [0]

    def tick() -> int:
        ticks[0] += 1
        return 0

    driver = tx.connection.connection.driver_connection
    driver.set_progress_handler(tick, 100)
    try:
        (lane,) = lanes.pick(tx, group)
        step = lanes.head(tx, lane.id)
        assert step is not None
        assert step.run_id == row["run_id"]
        assert not lanes.any_before(tx, lane, step)
    finally:
        driver.set_progress_handler(None, 0)
    for statement in (lanes._PICK, lanes._HEAD, lanes._ANY_BEFORE):
        given = {"ids": "[]", "limit": 1, "now_ms": 0, "place": group, **lanes.before(lane, step, by_ms=0)} | {
            "ids": "[]"
        }
        asked = [each[-1] for each in driver.execute("EXPLAIN QUERY PLAN " + statement.sqlite, given)]
        assert not any(line.startswith(("SCAN q", "SCAN queued_steps")) for line in asked), asked
    return ticks[0]


@contextmanager
def _counted(harness: Harness) -> Iterator[list[str]]:
    """Collect the statements of the next transactions."""
    from workflowkit.store.transactions import Transaction

    statements: list[str] = []
    original = Transaction._execute

    def execute(self: Any, statement: Any, parameters: Any) -> Any:
        statements.append(statement.sqlite)
        return original(self, statement, parameters)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transaction, "_execute", execute)
        yield statements


# --- what has no limits


def test_a_workflow_without_limits_writes_no_row_of_flow_control(database_url: str) -> None:
    with a_runtime(database_url, _registry()) as harness:
        harness.deploy(_document(chain=5))
        commits: list[str] = []
        from workflowkit.base import failpoints

        stop = failpoints.listen(commits.append)
        _send_all(harness, 1)
        harness.drain()
        stop()
        done = [name.partition(".")[0] for name in commits if name.endswith("after_commit")]
        assert done == ["intake", "match", *["record"] * 5]
        assert harness.run()["flow"] is None
        assert _left_overs(harness) == NOTHING_LEFT
        assert harness.rows("SELECT 1 AS one FROM flow_states") == []
