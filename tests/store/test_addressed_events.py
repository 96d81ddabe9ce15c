"""Events that are addressed to one workflow start that one, and timers fire once, in time, and never early."""

from __future__ import annotations

import pytest
from builders import a_workflow
from runtimes import Harness, a_runtime

from workflowkit.base.ids import new_id
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.runtime.timers import NOTHING, POSTPONED_MS, Fired
from workflowkit.store import events, timers
from workflowkit.store.events import EventRecord
from workflowkit.store.timers import TimerRow
from workflowkit.store.transactions import Transaction


def _address(harness: Harness, target: str) -> str:
    with harness.runtime.database.transaction("intake") as tx:
        event_id = new_id(tx.now_ms)
        record = EventRecord(event_id, DEFAULT_SCOPE, "test/happened", None, {}, tx.now_ms, tx.now_ms, target=target)
        events.insert(tx, DEFAULT_SCOPE, [record], wake_at_ms=tx.now_ms)
    harness.dispatcher.match([event_id])
    return event_id


def test_an_addressed_event_starts_its_target_only_and_asks_for_no_trigger(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(a_workflow().chain("a").trigger("test/happened").document(), "listener")
        harness.deploy(a_workflow().chain("a").trigger("other/event").document(), "target")
        _address(harness, "target")
        harness.drain()
        assert harness.column("SELECT workflow_id FROM runs") == ["target"]
        assert harness.run()["status"] == "completed"


@pytest.mark.parametrize(
    ("state", "reason"),
    [("missing", "target-missing"), ("draft", "target-unpublished"), ("off", "target-disabled"), ("away", "archived")],
)
def test_an_addressed_event_that_starts_nothing_says_why(database_url: str, state: str, reason: str) -> None:
    with a_runtime(database_url) as harness:
        document = a_workflow().chain("a").trigger("other/event").document()
        if state == "draft":
            harness.runtime.authoring.create(DEFAULT_SCOPE, document, workflow_id="target")
        if state == "off":
            harness.deploy(document, "target")
            harness.runtime.authoring.set_enabled(DEFAULT_SCOPE, "target", False)
        if state == "away":
            harness.deploy(document, "target")
            harness.runtime.authoring.archive(DEFAULT_SCOPE, "target")
        _address(harness, "target")
        harness.drain()
        assert harness.column("SELECT reason FROM decisions") == [reason]


def _plan(harness: Harness, *rows: TimerRow) -> None:
    with harness.runtime.database.transaction("timer") as tx:
        timers.plan(tx, rows)


def _timer(harness: Harness, name: str, seconds: float, kind: str = "note") -> TimerRow:
    return TimerRow(name, kind, DEFAULT_SCOPE, "subject", harness.clock.now_ms() + int(seconds * 1000), {"n": 1})


def test_a_timer_fires_once_and_never_early_however_many_schedulers_there_are(database_url: str) -> None:
    fired: list[str] = []

    def note(_tx: Transaction, timer: TimerRow) -> Fired:
        fired.append(timer.id)
        return NOTHING

    with a_runtime(database_url) as harness:
        processes = [harness.runtime, harness.new_process()]
        for process in processes:
            process.timers.handle("note", note)
        _plan(harness, _timer(harness, "b", 10), _timer(harness, "a", 5), _timer(harness, "a", 99))
        for seconds, expected in ((4.999, []), (0.001, ["a"]), (5, ["a", "b"]), (100, ["a", "b"])):
            harness.clock.advance(seconds=seconds)
            for process in processes:
                process.relay.tick()
            assert fired == expected


def test_a_timer_that_asks_for_it_fires_again_with_new_data(database_url: str) -> None:
    seen: list[int] = []

    def count(tx: Transaction, timer: TimerRow) -> Fired:
        assert timer.data is not None
        seen.append(timer.data["n"])
        return Fired(again_at_ms=tx.now_ms + 1_000, data={"n": timer.data["n"] + 1}) if len(seen) < 3 else NOTHING

    with a_runtime(database_url) as harness:
        harness.runtime.timers.handle("note", count)
        _plan(harness, _timer(harness, "a", 0))
        for _ in range(5):
            harness.skip(1)
        assert seen == [1, 2, 3]


def test_a_timer_whose_handler_fails_or_is_unknown_is_put_off_and_its_writes_are_undone(database_url: str) -> None:
    def fail(tx: Transaction, timer: TimerRow) -> Fired:
        timers.plan(tx, [TimerRow("other", "note", timer.scope, "x", tx.now_ms)])
        raise RuntimeError("no")

    with a_runtime(database_url) as harness:
        harness.runtime.timers.handle("note", fail)
        _plan(harness, _timer(harness, "a", 0), _timer(harness, "b", 0, kind="unknown"))
        harness.skip(1)
        due = {row["id"]: row["due_at_ms"] for row in harness.rows("SELECT id, due_at_ms FROM timers")}
        assert due == dict.fromkeys(("a", "b"), harness.clock.now_ms() + POSTPONED_MS)
