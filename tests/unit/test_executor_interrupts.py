"""Stopping an action from outside, and never anything else."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType
from typing import Any

import pytest
import services

from workflowkit.base.errors import DeadlineInterrupt, EngineInterrupt, LeaseInterrupt
from workflowkit.engine import interrupts
from workflowkit.engine.context import ActionConfig, RunInfo, StepContext, StepInfo
from workflowkit.engine.executor import execute
from workflowkit.engine.interrupts import Guard
from workflowkit.engine.outcome import Attempted, Failed, Succeeded
from workflowkit.registry import define

SOON_SECONDS = 0.02
FOREVER_SECONDS = 60.0


def a_context() -> StepContext:
    return StepContext(
        event={"id": "e1", "name": "x", "data": {}},
        run=RunInfo("run-1", "workflow-1", "version-1", "default", "default"),
        step=StepInfo("a", "a", "kind", "A"),
        attempt=0,
        idempotency_key="key-1",
        state={},
        workflow={},
        config=ActionConfig(),
    )


def attempt(handler: Callable[..., Any], deadline_seconds: float | None, guard: Guard | None = None) -> Attempted:
    return execute(define("kind", handler), a_context(), {}, deadline_seconds=deadline_seconds, guard=guard)


def overdue(
    handler: Callable[..., Any], begun: list[str], reason: type[EngineInterrupt] = DeadlineInterrupt
) -> Attempted:
    """Execute a handler whose deadline passes when it has begun, which it notes: however slow the machine is."""
    guard = Guard()

    def strike() -> None:
        assert services.wait_until(lambda: bool(begun), timeout_seconds=FOREVER_SECONDS)
        guard.interrupt(reason)

    striker = threading.Thread(target=strike)
    striker.start()
    try:
        return attempt(handler, FOREVER_SECONDS, guard)
    finally:
        striker.join()


def noting(handler: Callable[[], Awaitable[None]], begun: list[str]) -> Callable[[], Awaitable[None]]:
    """Return ``handler``, which notes that it has begun.

    A coroutine that is interrupted before has never been awaited, and Python warns of it, in whichever test runs then.
    """

    async def noted() -> None:
        begun.append("begun")
        await handler()

    return noted


@pytest.fixture
def _no_finalizers() -> Iterator[None]:
    """Keep the garbage of other tests away: Python drops an exception that is raised inside of a finalizer."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def _frequent_switches(_no_finalizers: None) -> Iterator[None]:
    """Let threads take turns as often as the interpreter can; without a tracer, whose locks interrupts would break."""
    interval_before, trace_before = sys.getswitchinterval(), sys.gettrace()
    sys.setswitchinterval(1e-6)
    sys.settrace(None)
    yield
    sys.settrace(trace_before)
    sys.setswitchinterval(interval_before)


def spin() -> None:
    while True:
        pass


async def wait_for_ever() -> None:
    await asyncio.Event().wait()


async def spin_in_the_loop() -> None:
    spin()


async def yield_without_end() -> None:
    while True:  # noqa: ASYNC110 — busy, and polite about it
        await asyncio.sleep(0)


def test_an_action_past_its_deadline_has_timed_out_and_is_tried_again() -> None:
    outcome = attempt(spin, SOON_SECONDS)

    assert isinstance(outcome, Failed)
    assert (outcome.error.name, outcome.error.code, outcome.error.retryable) == (
        "ActionTimeout",
        "action-timeout",
        True,
    )
    assert "0.02 seconds" in outcome.error.message


@pytest.mark.parametrize("handler", [wait_for_ever, yield_without_end])
def test_a_coroutine_past_its_deadline_has_timed_out(handler: Callable[[], Awaitable[None]]) -> None:
    begun: list[str] = []

    outcome = overdue(noting(handler, begun), begun)

    assert isinstance(outcome, Failed)
    assert outcome.error.code == "action-timeout"


def test_a_coroutine_that_does_not_react_is_interrupted_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts, "CANCEL_GRACE_SECONDS", SOON_SECONDS)
    begun: list[str] = []

    outcome = overdue(noting(spin_in_the_loop, begun), begun)

    assert isinstance(outcome, Failed)
    assert outcome.error.code == "action-timeout"


def test_a_lost_lease_stops_the_action_and_is_nobodys_outcome() -> None:
    guard = Guard()
    timer = threading.Timer(SOON_SECONDS, guard.interrupt, [LeaseInterrupt])
    timer.start()

    with pytest.raises(LeaseInterrupt):
        attempt(spin, FOREVER_SECONDS, guard)
    timer.join()


def test_a_lost_lease_stops_a_coroutine_too() -> None:
    begun: list[str] = []

    with pytest.raises(LeaseInterrupt):
        overdue(noting(wait_for_ever, begun), begun, LeaseInterrupt)


def test_a_lease_that_is_lost_before_the_start_keeps_the_action_from_starting() -> None:
    started = []
    guard = Guard()
    guard.interrupt(LeaseInterrupt)

    with pytest.raises(LeaseInterrupt):
        attempt(lambda: started.append(1), None, guard)

    assert started == []


def test_an_interrupt_after_the_end_strikes_nobody() -> None:
    guard = Guard()
    assert attempt(lambda: 1, FOREVER_SECONDS, guard) == Succeeded(1)

    guard.interrupt(LeaseInterrupt)

    for _ in range(1000):
        pass


LOCKING_CODE = """
def lock(events, until_seconds, clock):
    events.append("locking")
    while clock() < until_seconds:
        pass
    events.append("locked")
"""


@pytest.mark.parametrize("module", ["logging", "threading", "queue"])
def test_an_interrupt_waits_until_a_lock_of_the_library_is_taken(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts, "DELICATE_SECONDS", FOREVER_SECONDS)
    namespace: dict[str, Any] = {"__name__": module}
    exec(LOCKING_CODE, namespace)
    events: list[str] = []

    def handler() -> None:
        namespace["lock"](events, time.monotonic() + 10 * SOON_SECONDS, time.monotonic)
        spin()

    assert isinstance(overdue(handler, events), Failed)
    assert events == ["locking", "locked"]


def test_an_interrupt_does_not_wait_for_a_lock_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts, "DELICATE_SECONDS", SOON_SECONDS)
    namespace: dict[str, Any] = {"__name__": "threading"}
    exec(LOCKING_CODE, namespace)
    events: list[str] = []

    assert isinstance(overdue(lambda: namespace["lock"](events, FOREVER_SECONDS, lambda: 0), events), Failed)
    assert events == ["locking"]


def test_code_that_catches_exceptions_does_not_catch_an_interrupt() -> None:
    def stubborn() -> None:
        while True:
            try:
                spin()
            except Exception:
                continue

    assert isinstance(attempt(stubborn, SOON_SECONDS), Failed)


def test_an_action_that_finishes_in_spite_of_its_deadline_has_succeeded() -> None:
    begun: list[str] = []

    def swallow() -> str:
        try:
            begun.append("swallow")
            spin()
        except BaseException:
            return "done"
        return "never"

    assert overdue(swallow, begun) == Succeeded("done")


def test_what_a_handler_raises_on_its_way_out_does_not_hide_the_timeout() -> None:
    begun: list[str] = []
    cleaned: list[int] = []

    def untidy() -> None:
        try:
            begun.append("untidy")
            spin()
        finally:
            cleaned.append(1)

    outcome = overdue(untidy, begun)

    assert isinstance(outcome, Failed)
    assert outcome.error.code == "action-timeout"
    assert cleaned == [1]


def test_the_deadline_of_an_outer_action_is_not_the_inner_ones() -> None:
    inner: list[Attempted] = []

    def outer() -> None:
        inner.append(attempt(spin, FOREVER_SECONDS))

    outcome = attempt(outer, SOON_SECONDS)

    assert isinstance(outcome, Failed)
    assert outcome.error.code == "action-timeout"
    assert inner == []


def test_an_earlier_deadline_does_not_wait_for_a_later_one() -> None:
    late = Guard()
    thread = threading.Thread(target=guarded, args=(late, spin, FOREVER_SECONDS))
    thread.start()

    outcome = attempt(spin, SOON_SECONDS)

    assert isinstance(outcome, Failed)
    assert late.reason is None
    late.interrupt(LeaseInterrupt)
    thread.join()


def test_a_guard_that_a_stranger_interrupts_is_disarmed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    guard = Guard()
    guard.arm(None)
    calls = []
    real = interrupts._watcher.forget

    def struck_once(forgotten: Guard) -> None:
        calls.append(forgotten)
        if len(calls) == 1:
            raise KeyboardInterrupt
        real(forgotten)

    monkeypatch.setattr(interrupts._watcher, "forget", struck_once)

    with pytest.raises(KeyboardInterrupt):
        guard.disarm()

    guard.interrupt(LeaseInterrupt)
    assert calls == [guard, guard]


def guarded(guard: Guard, work: Callable[[], object], deadline_seconds: float | None = None) -> bool:
    """Do what ``execute`` does around a handler; return whether it was interrupted."""
    try:
        try:
            guard.arm(deadline_seconds)
            work()
        finally:
            guard.disarm()
    except LeaseInterrupt:
        return True
    return False


def test_an_interrupt_at_any_bytecode_of_the_guard_stays_inside_it() -> None:
    """Interrupt once before each bytecode that runs between arming and having disarmed, from another thread."""
    struck, own_trace = [], sys.gettrace()  # of a debugger, or of coverage
    with _interrupter() as interrupt:
        for place in range(1_000):
            guard = Guard()
            tracer = _Tracer(place, lambda guard=guard: interrupt(guard))  # type: ignore[misc]
            sys.settrace(tracer.trace)
            try:
                was_struck = guarded(guard, lambda: None)
            finally:
                sys.settrace(own_trace)
            for _ in range(20):  # the eval loop looks for interrupts at every turn
                pass
            if not tracer.has_struck:
                break
            struck.append(was_struck)

    assert 50 < len(struck) < 1_000
    assert True in struck
    assert False in struck  # late ones find the guard disarmed


class _Tracer:
    """Calls ``strike`` before the n-th bytecode below ``guarded``."""

    def __init__(self, place: int, strike: Callable[[], None]) -> None:
        self._left, self._strike = place, strike
        self.has_struck = False

    def trace(self, frame: FrameType, event: str, _argument: object) -> Any:
        frame.f_trace_opcodes = True
        if event == "opcode" and not self.has_struck and frame.f_code is not guarded.__code__:
            if self._left == 0:
                self.has_struck = True
                self._strike()
            self._left -= 1
        return self.trace


@contextmanager
def _interrupter() -> Iterator[Callable[[Guard], None]]:
    """Yield a function that has another thread interrupt a guard and waits for it, and can itself be interrupted."""
    # Of C alone, as anything written in Python could be left half done by the interrupt. An answer of its own for each
    # request: one that is struck before it waits for its answer leaves it behind, and no other may take it for its own.
    asked: SimpleQueue[tuple[Guard, SimpleQueue[None]] | None] = SimpleQueue()

    def serve() -> None:
        while (request := asked.get()) is not None:
            guard, answered = request
            guard.interrupt(LeaseInterrupt)
            answered.put(None)

    def interrupt(guard: Guard) -> None:
        answered: SimpleQueue[None] = SimpleQueue()
        asked.put((guard, answered))
        answered.get()

    server = threading.Thread(target=serve)
    server.start()
    try:
        yield interrupt
    finally:
        asked.put(None)
        server.join()


def test_an_interrupt_that_has_been_decided_on_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    decided, may_strike = threading.Event(), threading.Event()
    raise_in_thread = interrupts._raise_in_thread

    def hesitate(thread_id: int, reason: type[BaseException]) -> None:
        decided.set()
        may_strike.wait()
        raise_in_thread(thread_id, reason)

    monkeypatch.setattr(interrupts, "_raise_in_thread", hesitate)
    guard = Guard()
    interrupter = threading.Thread(target=guard.interrupt, args=[LeaseInterrupt])
    guard.arm(None)
    interrupter.start()
    decided.wait()
    threading.Timer(SOON_SECONDS, may_strike.set).start()

    with pytest.raises(LeaseInterrupt):
        guard.disarm()
    interrupter.join()


@contextmanager
def _interrupting() -> Iterator[SimpleQueue[Guard | None]]:
    """Yield a queue of guards, each of which another thread interrupts as soon as it can."""
    guards: SimpleQueue[Guard | None] = SimpleQueue()

    def interrupt_each() -> None:
        while (guard := guards.get()) is not None:
            guard.interrupt(LeaseInterrupt)

    interrupter = threading.Thread(target=interrupt_each)
    interrupter.start()
    try:
        yield guards
    finally:
        guards.put(None)
        interrupter.join()


@pytest.mark.usefixtures("_frequent_switches")
def test_an_interrupt_never_leaks_out_of_its_guard() -> None:
    """Race the end of many actions against an interrupt each; every one must land inside its guard or nowhere."""
    struck = 0
    with _interrupting() as guards:
        for length in range(4_000):
            guard = Guard()
            guards.put(guard)
            struck += guarded(guard, lambda: sum(range(length % 100 * 50)))  # noqa: B023
            for _ in range(20):  # the eval loop looks for interrupts at every turn
                pass
    assert 0 < struck < 4_000  # both sides have won some of the races


@pytest.mark.usefixtures("_frequent_switches")
def test_an_outcome_is_never_lost_to_a_deadline_that_falls_on_the_end() -> None:
    """Deadlines of about the length of the action: each attempt succeeds or times out, and nothing else happens."""
    spec = define("kind", lambda: sum(range(200)))
    context = a_context()

    for i in range(1_000):
        outcome = execute(spec, context, {}, deadline_seconds=(i % 50) * 1e-6)
        assert outcome == Succeeded(19_900) or isinstance(outcome, Failed)


def test_a_row_of_short_actions_does_not_wake_the_watcher_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = interrupts._Watcher()
    rings = []
    monkeypatch.setattr(interrupts, "_watcher", watcher)
    monkeypatch.setattr(watcher, "_ring", lambda: rings.append(1))
    monkeypatch.setattr(watcher, "_start", lambda: None)

    for _ in range(100):
        attempt(lambda: None, 300.0)
        watcher._act()

    assert len(rings) == 1
    assert watcher._guards == {}


def test_an_earlier_deadline_wakes_the_watcher(monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = interrupts._Watcher()
    rings = []
    monkeypatch.setattr(interrupts, "_watcher", watcher)
    monkeypatch.setattr(watcher, "_ring", lambda: rings.append(1))
    monkeypatch.setattr(watcher, "_start", lambda: None)

    for deadline_seconds in (300.0, 200.0, 250.0):
        Guard().arm(deadline_seconds)

    assert len(rings) == 2
    assert 190 < watcher._act() <= 200


def test_a_watcher_with_nothing_to_do_sleeps_without_end() -> None:
    assert interrupts._Watcher()._act() == float("inf")


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_deadlines_work_in_a_forked_child() -> None:
    attempt(lambda: None, FOREVER_SECONDS)  # the parent's watcher runs
    child = os.fork()
    if child == 0:
        exit_code = 1
        try:
            outcome = attempt(spin, SOON_SECONDS)
            exit_code = 0 if isinstance(outcome, Failed) and outcome.error.code == "action-timeout" else 2
        finally:
            os._exit(exit_code)

    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0


def test_interrupts_are_no_exceptions() -> None:
    assert not issubclass(DeadlineInterrupt, Exception)
    assert not issubclass(LeaseInterrupt, Exception)


def test_an_interrupt_waits_for_a_shielded_part_and_strikes_right_after_it() -> None:
    seen: list[str] = []

    def handler() -> None:
        with interrupts.shielded():
            threading.Thread(target=guard.interrupt, args=(LeaseInterrupt,), daemon=True).start()
            while guard.reason is None:
                time.sleep(0.001)
            for _ in range(2_000):  # many places where it could strike
                seen.append("inside")
        for _ in range(10_000):
            time.sleep(0.001)
        seen.append("after")

    guard = Guard()
    stopper = threading.Thread(target=guard.interrupt, args=(LeaseInterrupt,))
    stopper.start()
    stopper.join()
    # Asked before the action began: it is not begun at all.
    with pytest.raises(LeaseInterrupt):
        attempt(handler, None, guard)
    assert seen == []

    guard = Guard()
    with pytest.raises(LeaseInterrupt):
        attempt(handler, None, guard)
    assert seen == ["inside"] * 2_000


@pytest.mark.usefixtures("_no_finalizers")
def test_an_interrupt_that_is_being_raised_strikes_before_the_shield_or_after_it() -> None:
    def race() -> list[str]:
        reached: list[str] = []
        guard = Guard()

        def handler() -> None:
            guards.put(guard)
            with interrupts.shielded():
                reached.append("in")
                sum(range(1_000))
                reached.append("out")
            for _ in range(10_000):
                time.sleep(0.001)

        with pytest.raises(LeaseInterrupt):
            attempt(handler, None, guard)
        return reached

    with _interrupting() as guards:
        outcomes = [race() for _ in range(200)]

    assert all(reached in ([], ["in", "out"]) for reached in outcomes)
