"""Loops: each item is done once whatever happens, the loop is woken once, and the order of ends does not show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime, at_once

from workflowkit.base import failpoints
from workflowkit.base.jsonvalue import loads
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.engine.context import StepContext
from workflowkit.registry import Registry
from workflowkit.runtime.hints import StepHint

Act = Callable[[Any], Any]


def _registry(act: Act) -> Registry:
    registry = a_registry()

    @registry.action("act", retries=0)
    def handler(value: Any = None) -> Any:
        return act(value)

    return registry


def _loop(body: dict[str, Any] | None = None, **inputs: Any) -> dict[str, Any]:
    """Return a document with one loop over the event's items, whose body is one step."""
    document = a_workflow().action("each", "builtin:for_each", {"items": "!ref($.event.data.items)"} | inputs)
    written = document.path("$source", "each").trigger("test/happened").document()
    written["actions"][0]["body"] = body or _body("!ref($.item)")
    return written


def _body(value: Any) -> dict[str, Any]:
    return a_workflow().action("do", "act", {"value": value}).path("$source", "do").document() | {
        "output": "!ref($.state.do)"
    }


def _start(harness: Harness, document: dict[str, Any], items: Any, **data: Any) -> None:
    harness.deploy(document)
    harness.send("test/happened", {"items": items, **data})


def _run(harness: Harness) -> dict[str, Any]:
    (row,) = harness.rows("SELECT * FROM runs WHERE parent_run_id IS NULL")
    return row


def _output(harness: Harness) -> Any:
    run = _run(harness)
    assert run["status"] == "completed", run
    return loads(run["output"])["each"]


def _error(harness: Harness) -> dict[str, Any]:
    run = _run(harness)
    assert run["status"] == "failed", run
    error: dict[str, Any] = loads(run["error"])
    return error


def _statuses(harness: Harness) -> list[str]:
    return [
        row["status"] for row in harness.rows("SELECT status FROM runs WHERE parent_run_id IS NOT NULL ORDER BY id")
    ]


def test_the_items_are_done_and_given_in_order(database_url: str) -> None:
    with a_runtime(database_url, _registry(lambda value: value * 10)) as harness:
        _start(harness, _loop(), [3, 1, 2])
        harness.drain()
        assert _output(harness) == {"items": [30, 10, 20], "failed": []}
        assert harness.steps().keys() == {"each", "do"}


def test_a_loop_over_nothing_gives_nothing(database_url: str) -> None:
    with a_runtime(database_url, _registry(lambda value: value)) as harness:
        _start(harness, _loop(), [])
        harness.drain()
        assert _output(harness) == {"items": [], "failed": []}
        assert _statuses(harness) == []


def test_an_item_sees_itself_the_event_and_what_comes_before_the_loop(database_url: str) -> None:
    body = _body(
        {
            "item": "!ref($.item.n)",
            "index": "!ref($.index)",
            "key": "!ref($.key)",
            "who": "!ref($.event.data.who)",
            "before": "!ref($.state.before)",
            "text": "!ref($.key) of !ref($.state.before)",
        }
    )
    document = _loop(body, key="'k' + string(item.n)")
    document["actions"].insert(0, {"id": "before", "kind": "noop", "inputs": {"value": "earlier"}})
    document["edges"] = [{"from": "$source", "to": "before"}, {"from": "before", "to": "each"}]

    with a_runtime(database_url, _registry(lambda value: value)) as harness:
        _start(harness, document, [{"n": 7}, {"n": 8}], who="Ada")
        harness.drain()
        assert _output(harness)["items"] == [
            {"item": 7, "index": 0, "key": "k7", "who": "Ada", "before": "earlier", "text": "k7 of earlier"},
            {"item": 8, "index": 1, "key": "k8", "who": "Ada", "before": "earlier", "text": "k8 of earlier"},
        ]


def test_conditions_and_skip_if_in_a_body_see_the_item(database_url: str) -> None:
    body = (
        a_workflow()
        .action("small", "act", {"value": "small"})
        .action("large", "act", {"value": "large"})
        .action("odd", "act", {"value": "odd"}, skip_if="item % 2 == 0")
        .edge("$source", "small", type="match", ref="!ref($.item)", value=1)
        .edge("$source", "large", type="match", ref="!ref($.item)", value=2)
        .path("$source", "odd")
        .document()
    )
    with a_runtime(database_url, _registry(lambda value: value)) as harness:
        _start(harness, _loop(body), [1, 2])
        harness.drain()
        assert _output(harness)["items"] == [{"small": "small", "odd": "odd"}, {"large": "large"}]


def test_loops_stand_in_loops(database_url: str) -> None:
    inner = {
        "id": "inner",
        "kind": "builtin:for_each",
        "inputs": {"items": "!ref($.item.list)", "concurrency": 1},
        "body": _body({"item": "!ref($.item)", "name": "!ref($.state.name)", "first": "!ref($.state.first)"}),
    }
    body = {
        "actions": [{"id": "name", "kind": "noop", "inputs": {"value": "!ref($.item.name)"}}, inner],
        "edges": [{"from": "$source", "to": "name"}, {"from": "name", "to": "inner"}],
        "output": "!ref($.state.inner.items)",
    }
    document = _loop(body)
    document["actions"].insert(0, {"id": "first", "kind": "noop", "inputs": {"value": 1}})
    document["edges"] = [{"from": "$source", "to": "first"}, {"from": "first", "to": "each"}]

    with a_runtime(database_url, _registry(lambda value: value)) as harness:
        _start(harness, document, [{"name": "a", "list": [1, 2]}, {"name": "b", "list": []}])
        harness.drain()
        assert _output(harness)["items"] == [
            [{"item": 1, "name": "a", "first": 1}, {"item": 2, "name": "a", "first": 1}],
            [],
        ]
        paths = set(harness.column("SELECT path FROM runs"))
        assert paths == {None, "each", "each/inner"}


def test_no_more_items_go_on_at_the_same_time_than_are_allowed(database_url: str) -> None:
    active: list[int] = []

    def act(value: Any) -> Any:
        under_way = "step_key = 'do' AND (status = 'running' OR (status = 'ready' AND due_at_ms = 0))"
        active.append(len(harness.rows(f"SELECT 1 FROM steps WHERE {under_way}")))
        return value

    with a_runtime(database_url, _registry(act)) as harness:
        _start(harness, _loop(concurrency=3), list(range(10)))
        harness.drain()
        assert active == [3] * 8 + [2, 1]
        assert _output(harness)["items"] == list(range(10))


def test_a_loop_is_begun_and_ended_with_a_claim_each_and_two_facts_whatever_its_length(database_url: str) -> None:
    with a_runtime(database_url, _registry(lambda value: value)) as harness:
        _start(harness, _loop(concurrency=2), list(range(25)))
        harness.drain()
        facts = [row["kind"] for row in harness.rows(
            "SELECT kind FROM journal WHERE run_id = :run_id ORDER BY revision, ordinal", run_id=_run(harness)["id"]
        )]  # fmt: skip
        assert facts == ["completed", "attempt", "opened", "suspended", "attempt", "completed", "completed"]


def test_a_failed_item_fails_the_loop_and_cancels_what_goes_on(database_url: str) -> None:
    def act(value: Any) -> Any:
        if value == "bad":
            raise ValueError("no luck")
        return value

    with a_runtime(database_url, _registry(act)) as harness:
        _start(harness, _loop(concurrency=1), ["good", "bad", "never", "never"])
        harness.drain()
        assert _error(harness) == {
            "name": "ValueError", "message": "item '1' (index 1): no luck", "code": "item-failed", "retryable": False,
        }  # fmt: skip
        harness.skip(5)
        assert _statuses(harness) == ["completed", "failed", "cancelled", "cancelled"]
        reasons = set(harness.column("SELECT reason FROM runs WHERE status = 'cancelled'"))
        assert reasons == {"parent-ended"}
        assert harness.rows("SELECT 1 FROM steps WHERE status IN ('ready', 'running', 'waiting')") == []


def test_with_continue_a_failed_item_leaves_null_and_is_listed(database_url: str) -> None:
    def act(value: Any) -> Any:
        if value % 2:
            raise ValueError(f"odd: {value}")
        return value

    with a_runtime(database_url, _registry(act)) as harness:
        _start(harness, _loop(concurrency=2, on_item_error="continue", key="'k' + string(item)"), [0, 1, 2, 3])
        harness.drain()
        found = _output(harness)
        assert found["items"] == [0, None, 2, None]
        assert [(each["key"], each["index"], each["error"]["message"]) for each in found["failed"]] == [
            ("k1", 1, "odd: 1"), ("k3", 3, "odd: 3")
        ]  # fmt: skip


def test_a_failed_loop_can_be_handled_like_any_failed_step(database_url: str) -> None:
    document = _loop()
    document["actions"][0]["settings"] = {"on_error": "fallback", "fallback": "none"}
    with a_runtime(database_url, _registry(lambda value: 1 // 0)) as harness:
        _start(harness, document, [1, 2])
        harness.drain()
        assert _output(harness) == "none"


@pytest.mark.parametrize(
    ("items", "key", "message"),
    [
        (["a", "b", "a"], "item", "items 0 and 2 have the same key 'a'"),
        ([1, "1"], "item", "items 0 and 1 have the same key '1'"),
        (["a", ""], "item", "item 1: a key is a whole number, or text of 1 to 200 characters"),
        ([{"id": None}], "item.id", "item 0: a key is a whole number, or text of 1 to 200 characters"),
        ([1.5], "item", "item 0: a key is a whole number, or text of 1 to 200 characters"),
        (list(range(1001)), None, "limit loop_items exceeded"),
    ],
)
def test_items_that_cannot_be_told_apart_are_refused_before_any_begins(
    sqlite_url: str, items: list[Any], key: str | None, message: str
) -> None:
    with a_runtime(sqlite_url, _registry(lambda value: value)) as harness:
        _start(harness, _loop(key=key), items)
        harness.drain()
        assert message in _error(harness)["message"]
        assert _statuses(harness) == []


def test_a_list_that_changes_after_the_loop_began_changes_nothing(database_url: str) -> None:
    """Killed at item 5, the list in another order; what was done is not done again, and none is lost."""
    names = [f"item-{number}" for number in range(10)]
    source, done = list(names), Counter[str]()

    def act(value: Any) -> Any:
        if value == "item-5" and len(done) == 5 and source == names:
            source.reverse()
            harness.clock.advance(seconds=40)  # the worker is stopped until its lease has ended
        else:
            done[value] += 1
        return value

    registry = _registry(act)

    @registry.action("list", retries=0)
    def list_source() -> Any:
        return list(source)

    document = _loop(key="item", concurrency=1)
    document["actions"][0]["inputs"]["items"] = "!ref($.state.list)"
    document["actions"].insert(0, {"id": "list", "kind": "list"})
    document["edges"] = [{"from": "$source", "to": "list"}, {"from": "list", "to": "each"}]

    with a_runtime(database_url, registry) as harness:
        harness.deploy(document)
        harness.send("test/happened")
        harness.drain()
        assert list(done) == names[:5]
        harness.skip(1)
        assert _output(harness)["items"] == names
        assert done == dict.fromkeys(names, 1)
        assert harness.journal("lost") == [("lost", "do")]


@pytest.mark.parametrize("place", ["suspend.before_commit", "suspend.after_commit"])
def test_a_worker_that_dies_as_the_items_begin_neither_doubles_nor_loses_one(database_url: str, place: str) -> None:
    done = Counter[int]()

    class Died(BaseException):
        pass

    def die(name: str) -> None:
        if name == place:
            raise Died

    with a_runtime(database_url, _registry(lambda value: done.update([value]))) as harness:
        _start(harness, _loop(concurrency=2), [1, 2, 3])
        stop = failpoints.listen(die)
        try:
            with pytest.raises(Died):
                harness.drain()
        finally:
            stop()
        for _ in range(4):
            harness.skip(31)
        assert _output(harness) == {"items": [None] * 3, "failed": []}
        assert done == {1: 1, 2: 1, 3: 1}


@pytest.mark.parametrize("hit", [1, 2, 3, 4])
@pytest.mark.parametrize("side", ["before_commit", "after_commit"])
def test_a_worker_that_dies_at_the_end_of_an_item_loses_no_turn(database_url: str, side: str, hit: int) -> None:
    hits: list[str] = []

    class Died(BaseException):
        pass

    def die(name: str) -> None:
        if name == f"record.{side}":
            hits.append(name)
            if len(hits) == hit:
                raise Died

    with a_runtime(database_url, _registry(lambda value: value)) as harness:
        _start(harness, _loop(concurrency=1), [1, 2, 3])
        stop = failpoints.listen(die)
        try:
            with pytest.raises(Died):
                harness.drain()
        finally:
            stop()
        harness.dispatcher.waiting.clear()
        for _ in range(6):
            harness.skip(31)
        assert _output(harness)["items"] == [1, 2, 3]


@pytest.mark.parametrize("on_item_error", ["fail", "continue"])
def test_of_items_that_end_at_the_same_moment_one_wakes_the_loop(postgres_url: str, on_item_error: str) -> None:
    registry = a_registry()

    @registry.action("act", retries=0, queue="slow")
    def act(value: Any) -> Any:
        if value == "bad":
            raise ValueError(value)
        return value

    with a_runtime(postgres_url, registry) as harness:
        harness.deploy(_loop(concurrency=4, on_item_error=on_item_error))
        workers = [harness.new_process(queues=("slow",)).worker for _ in range(4)]
        for number in range(8):
            items = [number, 2, 3, "bad"] if number % 2 else [number, 2, 3, 4]
            harness.send("test/happened", {"items": items})
            harness.deliver()
            hints = _hints(harness)
            calls = [partial(worker.execute, [hint]) for worker, hint in zip(workers, hints, strict=True)]
            assert at_once(*calls) == [None] * 4
            assert [hint.step_key for hint in _hints(harness)] == ["each"]
            harness.skip(5)  # the hint is lost: the relay finds the loop
        failed = "failed" if on_item_error == "fail" else "completed"
        ended = harness.rows("SELECT status FROM runs WHERE parent_run_id IS NULL ORDER BY id")
        assert [row["status"] for row in ended] == ["completed", failed] * 4


def _hints(harness: Harness) -> list[StepHint]:
    """Take all hints that wait."""
    found = [hint for message in harness.dispatcher.waiting for hint in message if isinstance(hint, StepHint)]
    harness.dispatcher.waiting.clear()
    return found


def test_a_loop_that_takes_too_long_fails_and_cancels_its_items(database_url: str) -> None:
    registry = a_registry()

    @registry.action("act")
    def sleep(ctx: StepContext, value: Any = None) -> Any:
        ctx.step.sleep("nap", value)

    document = _loop(concurrency=2)
    document["actions"][0]["settings"] = {"timeout": "1m"}
    with a_runtime(database_url, registry) as harness:
        _start(harness, document, ["10s", "2h", "1s"])
        harness.drain()
        for _ in range(7):
            harness.skip(10)
        assert _error(harness)["code"] == "loop-timeout"
        harness.skip(5)
        assert _statuses(harness) == ["completed", "cancelled", "completed"]


def test_items_that_wait_hold_neither_a_worker_nor_the_others(database_url: str) -> None:
    registry = a_registry()

    @registry.action("act")
    def sleep(ctx: StepContext, value: Any = None) -> Any:
        ctx.step.sleep("nap", value)
        return value

    with a_runtime(database_url, registry) as harness:
        _start(harness, _loop(concurrency=2), ["3h", "1h", "1h", "1h"])
        harness.drain()
        assert _run(harness)["status"] == "waiting"
        assert _statuses(harness) == ["waiting", "waiting", "scheduled", "scheduled"]
        harness.skip(3600)
        assert _statuses(harness) == ["waiting", "completed", "waiting", "scheduled"]
        harness.skip(3600)
        harness.skip(3600)
        assert _output(harness)["items"] == ["3h", "1h", "1h", "1h"]


def test_a_run_that_is_cancelled_takes_its_items_along(database_url: str) -> None:
    registry = a_registry()

    @registry.action("act")
    def sleep(ctx: StepContext) -> None:
        ctx.step.sleep("nap", "1h")

    body = a_workflow().action("do", "act").path("$source", "do").document()
    with a_runtime(database_url, registry) as harness:
        _start(harness, _loop(body, concurrency=2), [1, 2, 3])
        harness.drain()
        harness.runtime.control.cancel(DEFAULT_SCOPE, _run(harness)["id"])
        harness.skip(5)
        assert _statuses(harness) == ["cancelled"] * 3
        assert set(harness.steps().values()) == {"cancelled"}
        assert harness.rows("SELECT 1 FROM steps WHERE wake_at_ms IS NOT NULL") == []


def test_an_item_that_is_cancelled_by_hand_counts_as_failed_and_gives_up_its_turn(database_url: str) -> None:
    registry = a_registry()

    @registry.action("act")
    def sleep(ctx: StepContext, value: Any = None) -> Any:
        ctx.step.sleep("nap", "1h")
        return value

    with a_runtime(database_url, registry) as harness:
        _start(harness, _loop(concurrency=1, on_item_error="continue"), ["a", "b", "c", "d"])
        harness.drain()
        items = harness.column("SELECT id FROM runs WHERE parent_run_id IS NOT NULL ORDER BY id")
        harness.runtime.control.cancel(DEFAULT_SCOPE, items[2])  # it never had a turn, so it passes none on
        assert _statuses(harness) == ["waiting", "scheduled", "cancelled", "scheduled"]
        harness.runtime.control.cancel(DEFAULT_SCOPE, items[0])
        harness.drain()
        assert _statuses(harness) == ["cancelled", "waiting", "cancelled", "scheduled"]
        harness.skip(3600)
        harness.skip(3600)
        found = _output(harness)
        assert found["items"] == [None, "b", None, "d"]
        assert [(each["index"], each["error"]["code"]) for each in found["failed"]] == [
            (0, "item-cancelled"), (2, "item-cancelled")
        ]  # fmt: skip


def test_a_stop_in_a_body_ends_its_item_only(database_url: str) -> None:
    body = (
        a_workflow()
        .action("stop", "stop", {"output": "stopped at !ref($.item)"})
        .action("do", "act", {"value": "!ref($.item)"})
        .edge("$source", "stop", type="match", ref="!ref($.item)", value=2)
        .edge("$source", "do", type="match", ref="!ref($.item)", value=1)
        .document()
    )
    with a_runtime(database_url, _registry(lambda value: value)) as harness:
        _start(harness, _loop(body), [1, 2])
        harness.drain()
        assert _output(harness)["items"] == [{"do": 1}, "stopped at 2"]


def test_a_stop_beside_a_loop_ends_its_items_too(database_url: str) -> None:
    registry = a_registry()

    @registry.action("act")
    def sleep(ctx: StepContext) -> None:
        ctx.step.sleep("nap", "1h")

    document = _loop(a_workflow().action("do", "act").path("$source", "do").document())
    document["actions"] += [{"id": "pause", "kind": "pause"}, {"id": "stop", "kind": "stop"}]
    document["edges"] += [{"from": "$source", "to": "pause"}, {"from": "pause", "to": "stop"}]

    @registry.action("pause")
    def pause(ctx: StepContext) -> None:
        ctx.step.sleep("nap", "1m")

    with a_runtime(database_url, registry) as harness:
        _start(harness, document, [1, 2])
        harness.drain()
        harness.skip(60)
        harness.skip(5)
        assert _run(harness)["status"] == "completed"
        assert _statuses(harness) == ["cancelled", "cancelled"]


def test_an_item_none_of_whose_steps_is_reached_is_done_at_once(database_url: str) -> None:
    body = a_workflow().action("do", "act", {"value": "!ref($.item)"}).document()
    body["edges"] = [{"from": "$source", "to": "do", "conditional": {"type": "if", "ref": "!ref($.item)"}}]
    with a_runtime(database_url, _registry(lambda value: value)) as harness:
        _start(harness, _loop(body, concurrency=1), [0, 1, 0])
        harness.drain()
        assert _output(harness)["items"] == [{}, {"do": 1}, {}]
        harness.send("test/happened", {"items": [0, 0]})
        harness.drain()
        outputs = set(harness.column("SELECT output FROM runs WHERE parent_run_id IS NULL"))
        assert (
            '{"each":{"failed":[],"items":[{},{}]}}' in outputs or '{"each":{"items":[{},{}],"failed":[]}}' in outputs
        )


def test_items_that_end_and_items_that_are_cancelled_at_the_same_moment_do_not_block_each_other(
    postgres_url: str,
) -> None:
    """The locks of an item that ends go to the loop and on to the next item; those of a cancelled one the other way."""
    registry = a_registry()
    registry.action("act", retries=0, queue="slow")(lambda value=None: value)

    with a_runtime(postgres_url, registry) as harness:
        harness.deploy(_loop(concurrency=2, on_item_error="continue"))
        workers = [harness.new_process(queues=("slow",)).worker for _ in range(2)]
        for number in range(12):
            harness.send("test/happened", {"items": [number, 1, 2, 3, 4]})
            harness.deliver()
            hints = _hints(harness)
            rows = harness.rows("SELECT id FROM runs WHERE finished_at_ms IS NULL AND path = 'each' ORDER BY id")
            waiting = [row["id"] for row in rows][2:4]
            cancel = harness.runtime.control.cancel
            calls: list[Callable[[], Any]] = [
                partial(worker.execute, [hint]) for worker, hint in zip(workers, hints, strict=True)
            ]
            calls += [partial(cancel, DEFAULT_SCOPE, run_id) for run_id in waiting]
            outcomes = at_once(*calls)
            assert [each for each in outcomes if isinstance(each, Exception)] == []
            for worker in workers:
                worker.execute(_hints(harness))
            for _ in range(3):
                harness.skip(5)
                for worker in workers:
                    worker.execute([hint for hint in _hints(harness) if hint.queue == "slow"])
            harness.skip(5)
        ended = harness.rows("SELECT status FROM runs WHERE path IS NULL")
        assert [row["status"] for row in ended] == ["completed"] * 12


def test_a_longer_loop_costs_the_same_commits_for_each_item_and_none_besides(database_url: str) -> None:
    def commits(length: int) -> int:
        seen: list[str] = []
        harness.send("test/happened", {"items": list(range(length))})
        stop = failpoints.listen(lambda name: seen.append(name) if name.endswith("after_commit") else None)
        harness.drain()
        stop()
        return len(seen)

    with a_runtime(database_url, _registry(lambda value: value)) as harness:
        harness.deploy(_loop(concurrency=3))
        few, more, many = commits(10), commits(20), commits(40)
        assert more - few <= 3 * 10  # a claim and a result, the latter perhaps tried the short way first
        assert many - more == 2 * (more - few)
