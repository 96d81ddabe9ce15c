"""What a code function did is undone, step by step, if its run fails or is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from dying import giving_up
from functions import Code, happen
from runtimes import Harness

from workflowkit import AsyncStepContext, NonRetriableError, StepContext
from workflowkit.base.jsonvalue import loads
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.runtime.rerunning import Again


class Bookings:
    """What a function books, and gives back."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.entered = 0

    def book(self, what: str) -> dict[str, str]:
        if what == "car":
            raise NonRetriableError("no car left")
        self.log.append(f"book {what}")
        return {"id": f"{what}-1"}

    def release(self, booking: dict[str, str]) -> None:
        self.log.append(f"undo {booking['id']}")
        if booking["id"].startswith("stuck"):
            raise RuntimeError("cannot be undone")

    @property
    def undone(self) -> list[str]:
        return [entry.removeprefix("undo ") for entry in self.log if entry.startswith("undo ")]

    def trip(self, *stops: str, retries: int = 1) -> Code:
        code = Code()

        @code.function(retries=retries)
        def fn(ctx: StepContext) -> None:
            self.entered += 1
            for stop in stops:
                if stop == "sleep":
                    ctx.step.sleep("sleep", "1h")
                else:
                    ctx.step.run(stop, self.book, stop, compensate=self.release)

        return code


def _part(harness: Harness) -> dict[str, Any]:
    (row,) = harness.rows("SELECT * FROM runs WHERE path = '$compensate'")
    return dict(row)


def _steps(harness: Harness, run_id: str) -> list[tuple[str, str]]:
    found = harness.rows(
        "SELECT step_key, kind FROM journal WHERE run_id = :id AND step_key LIKE 'fn/%' "
        "AND kind IN ('completed', 'failed') ORDER BY revision, ordinal",
        id=run_id,
    )
    return [(row["step_key"], row["kind"]) for row in found]


def test_the_steps_of_a_function_that_fails_are_undone_the_last_one_first(database_url: str) -> None:
    bookings = Bookings()
    with bookings.trip("flight", "hotel", "car", "never").running(database_url) as harness:
        happen(harness)
        assert bookings.log == ["book flight", "book hotel", "undo hotel-1", "undo flight-1"]
        part = _part(harness)
        assert part["status"] == "completed"
        assert _steps(harness, part["id"]) == [("fn/hotel", "completed"), ("fn/flight", "completed")]


def test_a_function_that_completes_undoes_nothing(database_url: str) -> None:
    bookings = Bookings()
    with bookings.trip("flight", "hotel").running(database_url) as harness:
        happen(harness)
        assert bookings.undone == []
        assert len(harness.rows("SELECT id FROM runs")) == 1


def test_a_function_that_says_nothing_is_not_entered_again(database_url: str) -> None:
    code, entered = Code(), []

    @code.function(retries=0)
    def fn(ctx: StepContext) -> None:
        entered.append(1)
        ctx.step.run("one", lambda: 1)
        raise ValueError("no luck")

    with code.running(database_url) as harness:
        happen(harness)
        assert len(entered) == 1
        assert len(harness.rows("SELECT id FROM runs")) == 1


def test_a_function_that_is_cancelled_while_it_waits_is_undone_as_far_as_it_came(database_url: str) -> None:
    bookings = Bookings()
    with bookings.trip("flight", "hotel", "sleep", "train").running(database_url) as harness:
        happen(harness)
        (run,) = harness.rows("SELECT id FROM runs")
        harness.runtime.control.cancel(DEFAULT_SCOPE, run["id"])
        harness.drain()
        assert bookings.undone == ["hotel-1", "flight-1"]
        assert "book train" not in bookings.log


def test_a_step_that_cannot_be_undone_is_tried_again_reported_and_stops_none(database_url: str) -> None:
    bookings = Bookings()
    with bookings.trip("flight", "stuck", "hotel", "car", retries=1).running(database_url) as harness:
        happen(harness)
        assert bookings.undone == ["hotel-1", "stuck-1"]
        harness.skip(16)
        assert bookings.undone == ["hotel-1", "stuck-1", "stuck-1", "flight-1"]
        part = _part(harness)
        assert (part["status"], part["handled_failures"]) == ("completed", 1)
        assert _steps(harness, part["id"]) == [
            ("fn/hotel", "completed"), ("fn/stuck", "failed"), ("fn/flight", "completed"),
        ]  # fmt: skip
        (failed,) = harness.rows(
            "SELECT data FROM journal WHERE run_id = :id AND step_key = 'fn' AND kind = 'failed'", id=part["id"]
        )
        assert loads(failed["data"])["error"]["message"] == "not everything could be undone: stuck"


@pytest.mark.parametrize(
    ("place", "hit"), [("step", 1), ("step", 2), ("step", 3), ("record", 1), ("step", 4), ("step", 5), ("record", 2)]
)
@pytest.mark.parametrize("side", ["before_commit", "after_commit"])
def test_a_worker_that_dies_in_between_leaves_nothing_out(database_url: str, place: str, side: str, hit: int) -> None:
    """Three steps, the function's failure, two steps that undo two of them, and the end of that."""
    bookings = Bookings()
    with bookings.trip("flight", "hotel", "car").running(database_url) as harness:
        with giving_up(f"{place}.{side}", hit) as passed:
            happen(harness)
        assert len(passed) == hit
        harness.dispatcher.waiting.clear()
        for _ in range(8):
            harness.skip(31)
        statuses = {row["path"]: row["status"] for row in harness.rows("SELECT path, status FROM runs")}
        assert statuses == {None: "failed", "$compensate": "completed"}
        # A call whose result was not recorded is repeated; none is left out, and none comes out of turn.
        assert list(dict.fromkeys(bookings.undone)) == ["hotel-1", "flight-1"]
        assert len(bookings.undone) <= 3
        assert _steps(harness, _part(harness)["id"]) == [("fn/hotel", "completed"), ("fn/flight", "completed")]


def test_the_order_is_that_of_completion_also_of_steps_side_by_side(database_url: str) -> None:
    bookings, code = Bookings(), Code()

    @code.function(retries=0)
    def fn(ctx: StepContext) -> None:
        def late() -> None:
            ctx.step.sleep("wait", "1h")
            ctx.step.run("late", bookings.book, "late", compensate=bookings.release)

        def early() -> None:
            ctx.step.run("early", bookings.book, "early", compensate=bookings.release)

        ctx.group.parallel([late, early])
        ctx.step.run("car", bookings.book, "car")

    with code.running(database_url) as harness:
        happen(harness)
        harness.skip(3600)
        assert bookings.undone == ["late-1", "early-1"]


def test_a_function_can_say_how_it_is_undone_without_a_step_to_say_it_of(database_url: str) -> None:
    bookings, code = Bookings(), Code()

    @code.function(retries=0)
    def fn(ctx: StepContext) -> None:
        ctx.compensations.add("close account", bookings.log.append, "undo account")
        booked = ctx.step.run("flight", bookings.book, "flight")
        ctx.compensations.add("release flight", bookings.release, booked)
        ctx.step.run("car", bookings.book, "car")

    with code.running(database_url) as harness:
        happen(harness)
        assert bookings.undone == ["flight-1", "account"]


def test_an_asynchronous_function_is_undone_with_its_tasks(database_url: str) -> None:
    bookings, code = Bookings(), Code()

    async def release(booking: dict[str, str]) -> None:
        await asyncio.sleep(0)
        bookings.release(booking)

    @code.function(retries=0)
    async def fn(ctx: AsyncStepContext) -> None:
        async def slow() -> None:
            await ctx.step.run("one", bookings.book, "one", compensate=release)
            await ctx.step.sleep("wait", "30d")

        async def quick() -> None:
            await ctx.compensations.add("two", bookings.log.append, "undo two")
            await ctx.step.run("three", bookings.book, "three", compensate=release)

        await asyncio.gather(slow(), quick())

    with code.running(database_url) as harness:
        happen(harness)
        (run,) = harness.rows("SELECT id FROM runs")
        harness.runtime.control.cancel(DEFAULT_SCOPE, run["id"])
        harness.drain()
        assert sorted(bookings.undone) == ["one-1", "three-1", "two"]
        assert bookings.undone.index("three-1") < bookings.undone.index("two")
        assert _part(harness)["handled_failures"] == 0


def test_the_function_is_told_the_run_that_it_undoes_and_repeats_nothing(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "workflowkit.action")
    code, seen = Code(), []

    @code.function(retries=0)
    def fn(ctx: StepContext) -> None:
        seen.append((ctx.run.id, ctx.event["name"]))
        ctx.publish("progress", "on the way")
        ctx.logger.info("on the way")
        value = ctx.step.run("one", lambda: 1, compensate=lambda one: ctx.logger.info("undoing %s", one))
        ctx.send_event("test/never", {})
        raise NonRetriableError(str(value))

    with code.running(database_url) as harness:
        happen(harness)
        (run,) = harness.rows("SELECT id FROM runs WHERE path IS NULL")
        assert seen == [(run["id"], "test/happened")] * 2
        assert harness.rows("SELECT id FROM events WHERE name = 'test/never'") == []
        lines = [record.message for record in caplog.records if record.name == "workflowkit.action"]
        assert lines == ["on the way", "undoing 1"]


def test_a_step_that_the_code_does_not_have_any_more_is_reported_and_stops_none(database_url: str) -> None:
    bookings, code = Bookings(), Code()
    has_changed: list[bool] = []

    @code.function(retries=0)
    def fn(ctx: StepContext) -> None:
        ctx.step.run("flight", bookings.book, "flight", compensate=bookings.release)
        if not has_changed:
            ctx.step.run("hotel", bookings.book, "hotel", compensate=bookings.release)
        has_changed.append(True)
        ctx.step.run("car", bookings.book, "car")

    with code.running(database_url) as harness:
        happen(harness)
        assert bookings.undone == ["flight-1"]
        (failed,) = harness.rows(
            "SELECT data FROM journal WHERE step_key = 'fn' AND kind = 'failed' AND data LIKE '%undone%'"
        )
        assert loads(failed["data"])["error"]["message"] == "not everything could be undone: hotel"


def test_what_a_rerun_has_kept_is_not_undone_by_it(database_url: str) -> None:
    bookings = Bookings()
    with bookings.trip("flight", "hotel", "car").running(database_url) as harness:
        happen(harness)
        (run,) = harness.rows("SELECT id FROM runs WHERE path IS NULL")
        bookings.log.clear()
        harness.runtime.rerunning.rerun(DEFAULT_SCOPE, run["id"], Again(from_step="fn/hotel"))
        harness.drain()
        assert bookings.log == ["book hotel", "undo hotel-1"]


def test_the_failure_is_handled_once_everything_is_undone(database_url: str) -> None:
    bookings, code = Bookings(), Code()

    def tell(ctx: StepContext) -> None:
        bookings.log.append("told")

    @code.function(retries=0, on_failure=tell)
    def fn(ctx: StepContext) -> None:
        ctx.step.run("flight", bookings.book, "flight", compensate=bookings.release)
        ctx.step.run("car", bookings.book, "car")

    with code.running(database_url) as harness:
        happen(harness)
        assert bookings.log == ["book flight", "undo flight-1", "told"]


@pytest.mark.parametrize(
    "use",
    [
        lambda ctx: ctx.step.run("one", lambda: 1, compensate=lambda _: None),
        lambda ctx: ctx.compensations.add("one", lambda: None),
    ],
)
def test_the_steps_of_an_action_are_not_undone_one_by_one(database_url: str, use: Callable[[StepContext], Any]) -> None:
    from builders import a_workflow
    from runtimes import a_registry, a_runtime

    registry = a_registry()
    registry.action("act", retries=0)(lambda ctx: use(ctx))
    with a_runtime(database_url, registry) as harness:
        harness.deploy(a_workflow().trigger("test/happened").action("act", "act").path("$source", "act").document())
        happen(harness)
        (run,) = harness.rows("SELECT status, error FROM runs")
        assert run["status"] == "failed"
        assert "only the steps of functions are undone one by one" in run["error"]


@pytest.mark.parametrize("end", ["failure", "cancel"])
def test_the_end_of_a_function_is_handled_once_everything_is_undone(database_url: str, end: str) -> None:
    code, log = Code(), list[str]()

    def release(what: str) -> None:
        log.append(f"undo {what}")
        if len(log) == 1:
            raise RuntimeError("not yet")

    @code.function(retries=1, on_failure=lambda ctx: log.append("failure"), on_cancel=lambda ctx: log.append("cancel"))
    def fn(ctx: StepContext) -> None:
        ctx.step.run("flight", lambda: "flight", compensate=release)
        ctx.step.run("hotel", lambda: "hotel", compensate=release)
        if end == "cancel":
            ctx.step.sleep("nap", "1d")
        raise NonRetriableError("no car left")

    with code.running(database_url) as harness:
        happen(harness)
        if end == "cancel":
            (run,) = harness.rows("SELECT id FROM runs")
            harness.runtime.control.cancel(DEFAULT_SCOPE, run["id"])
            harness.drain()
        assert log == ["undo hotel"]
        harness.skip(3_600)
        harness.drain()
        harness.skip(3_600)
        harness.drain()
    assert log == ["undo hotel", "undo hotel", "undo flight", end]


def test_what_other_code_cannot_undo_waits_for_the_code_that_the_run_began_with(database_url: str) -> None:
    code, is_changed = Code(), [False]
    undone: list[str] = []

    @code.function(retries=0)
    def fn(ctx: StepContext) -> None:
        ctx.step.run("hotel", lambda: "hotel", compensate=undone.append)
        if is_changed[0]:
            ctx.step.run("nap", lambda: 1)
        else:
            ctx.step.sleep("nap", 60)
        ctx.step.run("car", lambda: "car", compensate=undone.append)
        is_changed[0] = True
        raise NonRetriableError("no seats left")

    with code.running(database_url) as harness:
        happen(harness)
        harness.skip(60)
        harness.skip(3600)
        assert (_part(harness)["status"], undone) == ("running", ["hotel"])
        is_changed[0] = False
        harness.skip(24 * 3600)
        assert (_part(harness)["status"], undone) == ("completed", ["hotel", "car"])
