"""What becomes of events of workflows with flow control: each ends in one run, batch, window or decision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime, at_once

from workflowkit.base.ids import new_id
from workflowkit.base.jsonvalue import loads
from workflowkit.base.limits import Limits
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.engine.context import StepContext
from workflowkit.engine.ends import RUN_FAILED
from workflowkit.engine.waitspecs import FOLLOWING_EVENT
from workflowkit.registry import Registry
from workflowkit.runtime import queuelimits
from workflowkit.runtime.jobs import NewJob
from workflowkit.runtime.pausing import Target
from workflowkit.runtime.schedules import EVENT_NAME as CRON_EVENT
from workflowkit.store import events, queries
from workflowkit.store.events import EventRecord
from workflowkit.store.gathered import find_gathered
from workflowkit.store.jobs import JobKind

EVENT = "order/placed"


class Seen(list[Any]):
    """What the action of the workflow saw, run by run."""


def _registry(seen: Seen, handler: Callable[[StepContext], Any] | None = None) -> Registry:
    registry = a_registry()

    @registry.action("see")
    def see(ctx: StepContext) -> Any:
        seen.append([event["data"].get("n") for event in ctx.events])
        return None if handler is None else handler(ctx)

    return registry


def _document(**settings: Any) -> dict[str, Any]:
    return a_workflow().action("s", kind="see").path("$source", "s").trigger(EVENT).settings(**settings).document()


def _send(harness: Harness, *numbers: int, **data: Any) -> list[str]:
    """Send events one by one, each matched before the next comes."""
    ids = []
    for number in numbers:
        ids.append(harness.send(EVENT, {"n": number, **data}))
        harness.drain()
    return ids


def _reasons(harness: Harness) -> list[str]:
    return harness.column("SELECT reason FROM decisions ORDER BY at_ms, event_id")


def _runs(harness: Harness) -> Counter[str]:
    return Counter(harness.column("SELECT status FROM runs"))


def assert_all_accounted_for(harness: Harness) -> None:
    """Every event that matched is in one collection, or has one decision, or one run of its own: I20."""
    found: Counter[str] = Counter()
    for (query,) in (
        ("SELECT event_id FROM decisions",),
        ("SELECT event_id FROM collected_events",),
        ("SELECT event_id FROM runs WHERE rerun_of IS NULL AND id NOT IN"
         " (SELECT run_id FROM collections WHERE run_id IS NOT NULL)",),
    ):  # fmt: skip
        found.update(row["event_id"] for row in harness.rows(query))
    events = set(harness.column("SELECT id FROM events WHERE name = :name", name=EVENT))
    assert {event_id: found[event_id] for event_id in events} == dict.fromkeys(events, 1)


# --- asked for

COLLECTING = pytest.mark.parametrize(
    "settings",
    [
        {"batch": {"max_size": 9, "timeout": "1m"}},
        {"debounce": {"period": "1m"}},
        {"debounce": {"period": "1m"}, "throttle": {"limit": 60, "period": "1m", "burst": 9}},
    ],
    ids=["batch", "debounce", "debounce and throttle"],
)


@COLLECTING
@pytest.mark.parametrize("way", ["invoke", "by hand"])
def test_a_run_that_is_asked_for_begins_at_once_and_by_itself(
    database_url: str, settings: dict[str, Any], way: str
) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_document(**settings))
        _send(harness, 1, 2)
        if way == "invoke":
            run_id = harness.runtime.invoking.invoke(DEFAULT_SCOPE, "test", {"n": 3})
        else:
            run_id = harness.runtime.requesting.by_hand(DEFAULT_SCOPE, "test", {"n": 3}, is_author=True).run_id
        harness.drain()
        _send(harness, 4)
        assert [(row["id"], row["status"]) for row in harness.rows("SELECT * FROM runs")] == [(run_id, "completed")]
        harness.skip(61)
        assert seen == [[3], [1, 2, 4] if "batch" in settings else [4]]
        assert_all_accounted_for(harness)


@COLLECTING
def test_a_run_that_a_step_starts_begins_at_once_and_by_itself(database_url: str, settings: dict[str, Any]) -> None:
    registry = _registry(seen := Seen())
    started: list[str] = []

    @registry.action("start")
    def start(ctx: StepContext) -> None:
        started.append(ctx.start_run("test", {"n": 1}))

    with a_runtime(database_url, registry) as harness:
        harness.deploy(_document(**settings))
        harness.deploy(a_workflow().action("s", kind="start").path("$source", "s").trigger("go").document(), "starts")
        harness.send("go")
        harness.drain()
        (run,) = harness.rows("SELECT id FROM runs WHERE workflow_id = 'test'")
        assert ([run["id"]], seen) == (started, [[1]])


@COLLECTING
@pytest.mark.parametrize("name", [CRON_EVENT, RUN_FAILED, FOLLOWING_EVENT])
def test_what_else_is_addressed_to_a_workflow_is_collected(
    database_url: str, settings: dict[str, Any], name: str
) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_document(**settings))
        with harness.runtime.database.transaction("intake") as tx:
            record = EventRecord(
                new_id(tx.now_ms), DEFAULT_SCOPE, name, None, {"n": 1}, tx.now_ms, tx.now_ms, target="test"
            )
            events.insert(tx, DEFAULT_SCOPE, [record], wake_at_ms=tx.now_ms)
        harness.dispatcher.match([record.id])
        harness.drain()
        assert seen == []
        harness.skip(61)
        assert seen == [[1]]


@COLLECTING
def test_a_run_that_was_asked_for_as_a_pause_began_is_the_same_when_it_is_replayed(
    database_url: str, settings: dict[str, Any]
) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_document(**settings))
        run_id = harness.runtime.invoking.invoke(DEFAULT_SCOPE, "test", {"n": 1})
        harness.runtime.pausing.pause(Target(DEFAULT_SCOPE, "test"))
        harness.drain()
        assert _reasons(harness) == ["paused"]
        harness.runtime.pausing.resume(Target(DEFAULT_SCOPE, "test"))
        for _ in range(2):
            harness.runtime.jobs.create(DEFAULT_SCOPE, NewJob(JobKind.REPLAY, skipped=("paused",)))
            harness.skip(1)
            harness.skip(1)
        assert (harness.column("SELECT id FROM runs"), seen) == ([run_id], [[1]])


@pytest.mark.parametrize("control", ["rate_limit", "idempotency"])
def test_a_run_that_is_asked_for_is_skipped_by_other_controls_and_told_so(database_url: str, control: str) -> None:
    rule = {"limit": 1, "period": "1h"} if control == "rate_limit" else {"key": "'one'", "period": "1h"}
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_document(debounce={"period": "1m"}, **{control: rule}))
        for number in range(2):
            harness.runtime.invoking.invoke(DEFAULT_SCOPE, "test", {"n": number})
            harness.drain()
        assert (seen, len(_reasons(harness))) == ([[0]], 1)


# --- rate limit and idempotency


def test_a_rate_limit_drops_what_comes_too_early_and_says_so(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_document(rate_limit={"limit": 1, "period": "4h", "key": "event.data.who"}))
        _send(harness, 1, 2, who="a")
        _send(harness, 3, who="b")
        assert seen == [[1], [3]]
        assert _reasons(harness) == ["rate-limited"]
        harness.clock.advance(seconds=4 * 3600)
        _send(harness, 4, who="a")
        assert seen[-1] == [4]
        assert_all_accounted_for(harness)


def test_a_rate_limit_that_is_raised_counts_for_later_events_at_once(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_document(rate_limit={"limit": 1, "period": "24h"}))
        _send(harness, 1, 2)
        harness.deploy(_document(rate_limit={"limit": 10, "period": "10m"}))
        for number in (3, 4, 5):
            harness.clock.advance(seconds=60)
            _send(harness, number)
        _send(harness, 6)
        assert seen == [[1], [3], [4], [5]]
        assert _reasons(harness) == ["rate-limited", "rate-limited"]


def test_a_rate_limit_does_not_last_longer_when_the_clock_is_set_back(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_document(rate_limit={"limit": 1, "period": "10s"}))
        _send(harness, 1)
        harness.clock.advance(seconds=-3_600)
        for number in (2, 3):
            _send(harness, number)
        harness.clock.advance(seconds=10)
        _send(harness, 4)
        assert seen == [[1], [2], [4]]


def test_matching_the_same_event_again_takes_one_unit_of_the_rate_only(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_document(rate_limit={"limit": 2, "period": "1m"}))
        event_id = harness.send(EVENT, {"n": 1})
        for _ in range(3):
            harness.dispatcher.match([event_id])
        harness.drain()
        assert seen == [[1]]
        harness.clock.advance(seconds=30)
        _send(harness, 2)
        assert seen == [[1], [2]]


def test_idempotency_names_the_event_whose_claim_it_is(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_document(idempotency="event.data.cart"))
        first, _, _ = _send(harness, 1, 2, 3, cart="c1")
        _send(harness, 4, cart="c2")
        assert seen == [[1], [4]]
        assert harness.rows("SELECT DISTINCT reason, other_id FROM decisions") == [
            {"reason": "idempotent", "other_id": first}
        ]
        harness.clock.advance(seconds=24 * 3600)
        _send(harness, 5, cart="c1")
        assert seen[-1] == [5]


def test_a_key_that_cannot_be_evaluated_is_a_reason(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_document(rate_limit={"limit": 1, "period": "1h", "key": "event.data.n / 0"}))
        _send(harness, 1)
        assert (seen, _reasons(harness)) == ([], ["key-error"])


def test_states_that_say_nothing_any_more_are_deleted(database_url: str) -> None:
    with a_runtime(database_url, _registry(Seen())) as harness:
        harness.deploy(_document(rate_limit={"limit": 1, "period": "1m", "key": "event.data.n"}))
        _send(harness, *range(10))
        harness.clock.advance(seconds=61)
        _send(harness, 100)
        harness.runtime.relay.tick()
        assert len(harness.rows("SELECT key FROM flow_states")) == 1


# --- debounce


def test_a_window_starts_one_run_with_the_last_event(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_document(debounce={"period": "5s", "timeout": "10s"}))
        started: list[int] = []
        for second in range(21):
            before = len(seen)
            _send(harness, second)
            harness.runtime.relay.tick()
            harness.drain()
            if len(seen) > before:
                started.append(second)
            harness.clock.advance(seconds=1)
        assert started == [10, 20]
        harness.skip(60)
        assert seen == [[9], [19], [20]]
        assert_all_accounted_for(harness)
        collected = harness.rows("SELECT run_id, reason FROM collections")
        assert [(bool(row["run_id"]), row["reason"]) for row in collected] == [(True, None)] * 3


def test_an_event_with_an_earlier_time_is_not_the_last(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_document(debounce={"period": "5s"}))
        now_ms = harness.clock.now_ms()
        harness.send(EVENT, {"n": 1}, ts=now_ms)
        harness.send(EVENT, {"n": 2}, ts=now_ms - 1_000)
        harness.drain()
        harness.skip(5)
        assert seen == [[1]]


def test_an_event_at_the_instant_in_which_a_window_fires_opens_the_next_one(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_document(debounce={"period": "5s"}))
        for _ in range(5):
            _send(harness, 1)
            harness.clock.advance(seconds=5)
            event_id = harness.send(EVENT, {"n": 2})
            other = harness.new_process()
            outcomes = at_once(partial(harness.runtime.worker.match, [event_id]), other.timers.fire_due)  # fmt: skip
            assert not [each for each in outcomes if isinstance(each, Exception)], outcomes
            harness.drain()
            harness.skip(5)
            assert seen == [[1], [2]]
            assert_all_accounted_for(harness)
            seen.clear()


# --- batch


def _batched(**more: Any) -> dict[str, Any]:
    return _document(batch={"max_size": 3, "timeout": "10s", **more})


def test_batches_start_when_they_are_full_or_their_time_is_up(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_batched())
        _send(harness, *range(8))
        assert seen == [[0, 1, 2], [3, 4, 5]]
        harness.skip(9.9)
        assert len(seen) == 2
        harness.skip(0.1)
        assert seen[2:] == [[6, 7]]
        assert _runs(harness) == {"completed": 3}
        assert_all_accounted_for(harness)


def test_a_batch_is_in_order_of_arrival_and_a_run_of_each_of_its_events(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_batched())
        ids = [harness.send(EVENT, {"n": number}) for number in range(3)]
        for event_id in (ids[1], ids[2], ids[0]):  # matched by several workers, they join in any order
            harness.runtime.worker.match([event_id])
        harness.drain()
        assert seen == [[0, 1, 2]]
        (row,) = harness.rows("SELECT id, event_id FROM runs")
        assert row["event_id"] == ids[0]
        with harness.runtime.database.read() as tx:
            found = [queries.find_runs(tx, DEFAULT_SCOPE, queries.RunFilter(event_id=each), limit=9) for each in ids]
            (run,) = found[0]
            gathered = find_gathered(tx, DEFAULT_SCOPE, run, limit=9)
        assert [[each.id for each in runs] for runs in found] == [[row["id"]]] * 3
        assert gathered is not None
        assert gathered.event_ids == tuple(ids)


def test_events_of_different_keys_never_share_a_batch_and_those_that_it_does_not_take_run_alone(
    database_url: str,
) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_batched(key="event.data.who", **{"if": "event.data.n < 100"}))
        for number in range(3):
            _send(harness, number, who="a")
            _send(harness, number + 10, who="b")
        _send(harness, 100, who="a")
        assert seen == [[0, 1, 2], [10, 11, 12], [100]]


def test_many_events_in_one_transaction_make_the_same_batches(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_batched())
        events = [{"name": EVENT, "data": {"n": number}} for number in range(7)]
        accepted = harness.runtime.intake.send(DEFAULT_SCOPE, events)
        assert len(accepted) == 7
        harness.drain()
        harness.skip(10)
        assert sorted(number for batch in seen for number in batch) == list(range(7))
        assert sorted(map(len, seen)) == [1, 3, 3]
        assert_all_accounted_for(harness)


def test_a_batch_is_a_list_for_references_too(database_url: str) -> None:
    document = (
        a_workflow().action("n", kind="noop", inputs={"value": "!ref($.events[*].data.n)"}).path("$source", "n")
        .trigger(EVENT).settings(batch={"max_size": 2, "timeout": "10s", "if": "event.data.n > 0"}).document()
    )  # fmt: skip
    with a_runtime(database_url) as harness:
        harness.deploy(document)
        _send(harness, 1, 2, 0)
        outputs = [loads(row["output"]) for row in harness.rows("SELECT output FROM runs ORDER BY created_at_ms, id")]
        assert sorted(outputs, key=str) == [{"n": [0]}, {"n": [1, 2]}]


def test_a_batch_that_fills_up_at_many_places_is_never_split_nor_doubled(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_batched())
        ids = [harness.send(EVENT, {"n": number}) for number in range(12)]
        workers = [harness.new_process().worker for _ in range(4)]
        calls = [(lambda w=worker, part=ids[k * 3 : k * 3 + 3]: w.match(part)) for k, worker in enumerate(workers)]
        outcomes = at_once(*calls, *calls[:2])  # two of them by two workers
        assert not [each for each in outcomes if isinstance(each, Exception)], outcomes
        harness.drain()
        harness.skip(10)
        assert sorted(number for batch in seen for number in batch) == list(range(12))
        assert max(map(len, seen)) == 3
        assert_all_accounted_for(harness)


# --- singleton


def _waits(ctx: StepContext) -> None:
    ctx.step.sleep("long", 60)


@pytest.fixture
def busy(database_url: str) -> Any:
    """A harness whose runs sleep for a minute."""
    seen = Seen()
    with a_runtime(database_url, _registry(seen, _waits)) as harness:
        yield harness, seen


def test_a_singleton_skips_what_comes_while_it_runs(busy: tuple[Harness, Seen]) -> None:
    harness, _ = busy
    harness.deploy(_document(singleton={"mode": "skip"}))
    _send(harness, *range(10))
    assert _runs(harness) == {"waiting": 1}
    assert _reasons(harness) == ["singleton"] * 9
    assert set(harness.column("SELECT other_id FROM decisions")) == {harness.run()["id"]}
    harness.skip(60)
    _send(harness, 10)
    assert _runs(harness) == {"completed": 1, "waiting": 1}
    assert_all_accounted_for(harness)


def test_a_singleton_of_the_mode_cancel_runs_the_last_event(busy: tuple[Harness, Seen]) -> None:
    harness, _ = busy
    harness.deploy(_document(singleton={"mode": "cancel"}))
    _send(harness, *range(10))
    harness.skip(0)
    (alive,) = harness.rows("SELECT event_id FROM runs WHERE status = 'waiting'")
    (last,) = harness.rows("SELECT max(id) AS id FROM events WHERE name = :name", name=EVENT)
    assert _runs(harness) == {"cancelled": 9, "waiting": 1}
    assert set(harness.column("SELECT reason FROM runs WHERE status = 'cancelled'")) == {"replaced"}
    data = loads(harness.rows("SELECT data FROM events WHERE id = :id", id=alive["event_id"])[0]["data"])
    assert data["n"] == 9
    assert last["id"]
    harness.skip(60)
    assert _runs(harness) == {"cancelled": 9, "completed": 1}
    assert_all_accounted_for(harness)


def test_a_singleton_of_the_mode_queue_latest_goes_on_with_the_last_event(busy: tuple[Harness, Seen]) -> None:
    harness, seen = busy
    harness.deploy(_document(singleton={"mode": "queue_latest"}))
    _send(harness, *range(5))
    assert (seen, _runs(harness)) == ([[0]], {"waiting": 1})
    assert _reasons(harness) == ["superseded"] * 3
    # Each names the event that took its place, also where that has no run either.
    ids = harness.column("SELECT id FROM events ORDER BY id")
    named = harness.rows("SELECT event_id, other_id FROM decisions ORDER BY event_id")
    assert [(row["event_id"], row["other_id"]) for row in named] == list(pairwise(ids[1:]))
    assert_all_accounted_for(harness)
    harness.skip(60)
    assert seen == [[0], [0], [4]]  # the first is entered again after its sleep
    assert _runs(harness) == {"completed": 1, "waiting": 1}
    harness.skip(60)
    assert _runs(harness) == {"completed": 2}
    assert harness.rows("SELECT id FROM collections") == []
    assert harness.rows("SELECT state FROM flow_states WHERE state IS NOT NULL") == []
    assert_all_accounted_for(harness)


@pytest.mark.parametrize("mode", ["skip", "cancel", "queue_latest"])
def test_rivals_for_a_singleton_leave_one_run(busy: tuple[Harness, Seen], mode: str) -> None:
    harness, _ = busy
    harness.deploy(_document(singleton={"mode": mode}))
    ids = [harness.send(EVENT, {"n": number}) for number in range(6)]
    workers = [harness.new_process().worker for _ in ids]
    calls = [
        (lambda w=worker, event_id=event_id: w.match([event_id])) for worker, event_id in zip(workers, ids, strict=True)
    ]
    outcomes = at_once(*calls)
    assert not [each for each in outcomes if isinstance(each, Exception)], outcomes
    harness.drain()
    harness.skip(0)
    assert _runs(harness)["waiting"] == 1
    assert_all_accounted_for(harness)


def test_a_cancelled_run_lets_the_next_one_start(busy: tuple[Harness, Seen]) -> None:
    from workflowkit.base.scope import DEFAULT_SCOPE

    harness, seen = busy
    harness.deploy(_document(singleton={"mode": "queue_latest"}))
    _send(harness, 1, 2)
    harness.runtime.control.cancel(DEFAULT_SCOPE, harness.run()["id"])
    harness.drain()
    assert seen == [[1], [2]]
    assert _runs(harness) == {"cancelled": 1, "waiting": 1}


def test_a_run_that_ends_as_it_begins_does_not_keep_the_lock(database_url: str) -> None:
    document = (
        a_workflow().chain("a").trigger(EVENT).settings(singleton={"mode": "skip"}).document()
    )  # fmt: skip
    document["edges"][0]["conditional"] = {"type": "if", "ref": "!ref($.event.data.go)"}
    with a_runtime(database_url) as harness:
        harness.deploy(document)
        _send(harness, 1, 2, go=False)
        assert _runs(harness) == {"completed": 2}


def test_a_window_whose_run_meets_a_singleton_waits_for_it(busy: tuple[Harness, Seen]) -> None:
    harness, seen = busy
    harness.deploy(_document(debounce={"period": "5s"}, singleton={"mode": "queue_latest"}))
    _send(harness, 1, 2)
    harness.skip(5)
    _send(harness, 3)
    harness.skip(5)
    _send(harness, 4)
    harness.skip(5)
    assert seen == [[2]]
    reasons = harness.column("SELECT reason FROM collections ORDER BY opened_at_ms")
    assert reasons == [None, "superseded", None]
    harness.skip(60)
    assert seen[-1] == [4]
    assert_all_accounted_for(harness)


# --- invoked runs


def test_who_invokes_a_limited_workflow_hears_the_reason_at_once(database_url: str) -> None:
    registry = _registry(seen := Seen())

    @registry.action("call")
    def call(ctx: StepContext) -> Any:
        return ctx.step.invoke("other", "limited", {"n": 7})

    with a_runtime(database_url, registry) as harness:
        harness.deploy(_document(rate_limit={"limit": 1, "period": "1h"}), "limited")
        caller = a_workflow().action("c", kind="call", retries=0).path("$source", "c").trigger("call/it").document()
        harness.deploy(caller, "caller")
        for _ in range(2):
            harness.send("call/it")
            harness.drain()
        assert seen == [[7]]
        rows = harness.rows("SELECT status, error FROM runs WHERE workflow_id = 'caller' ORDER BY created_at_ms, id")
        assert sorted(row["status"] for row in rows) == ["completed", "failed"]
        (error,) = [row["error"] for row in rows if row["error"]]
        assert "rate-limited" in error


# --- full queues


def _queued_by_key(harness: Harness) -> dict[str, int]:
    """Return how many runs wait that have not begun, by the key of their event."""
    rows = harness.rows(
        "SELECT e.data FROM queued_steps q JOIN runs r ON r.id = q.run_id JOIN events e ON e.id = r.event_id"
        " WHERE r.started_at_ms IS NULL"
    )
    return dict(Counter(loads(row["data"])["k"] for row in rows))


def test_an_event_is_skipped_if_too_many_runs_wait_in_its_queue(database_url: str) -> None:
    hourly = {"limit": 1, "period": "1h", "key": "event.data.k"}
    with a_runtime(database_url, _registry(seen := Seen()), limits=Limits(queued_runs=2)) as harness:
        harness.deploy(_document(throttle=hourly, rate_limit={"limit": 5, "period": "1s", "burst": 5}))
        _send(harness, 1, 2, 3, 4, k="a")
        assert (seen, _queued_by_key(harness), _reasons(harness)) == ([[1]], {"a": 2}, ["backlog-full"])
        # Another key is another queue, and what was skipped has used nothing up.
        _send(harness, 5, 6, k="b")
        assert (seen, _queued_by_key(harness)) == ([[1], [5]], {"a": 2, "b": 1})
        harness.skip(3600)
        _send(harness, 7, k="a")
        assert _queued_by_key(harness) == {"a": 2}
        assert _reasons(harness) == ["backlog-full"]
        assert_all_accounted_for(harness)


def test_a_limit_of_runs_makes_a_queue_that_may_be_full(database_url: str) -> None:
    with a_runtime(database_url, _registry(Seen(), _nap), limits=Limits(queued_runs=1)) as harness:
        harness.deploy(_document(concurrency={"limit": 1, "mode": "runs"}))
        _send(harness, 1, 2, 3)
        assert _reasons(harness) == ["backlog-full"]
        assert len(harness.rows("SELECT * FROM queued_steps")) == 1
        assert_all_accounted_for(harness)


def test_a_large_limit_is_looked_at_once_a_second(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queuelimits, "SMALL_LIMIT", 1)
    with a_runtime(sqlite_url, _registry(Seen()), limits=Limits(queued_runs=2)) as harness:
        harness.deploy(_document(throttle={"limit": 1, "period": "1h"}))
        _send(harness, 1, 2, 3, 4)
        assert _reasons(harness) == []
        harness.skip(1)
        _send(harness, 5, 6)
        assert _reasons(harness) == ["backlog-full"] * 2


def _nap(ctx: StepContext) -> None:
    ctx.step.sleep("nap", "1d")
