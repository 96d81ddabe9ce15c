"""``ctx.group``: parts of a handler that go on side by side, each with steps of its own."""

from __future__ import annotations

import contextvars
import inspect
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from typing import Any, TypeVar, overload

from workflowkit.base.errors import EngineInterrupt, NonRetriableError, SuspendInterrupt
from workflowkit.engine.interrupts import Guard
from workflowkit.engine.session import StepSession

#: How long a lock may keep an interrupt from reaching the thread that waits for branches.
_LOOK_SECONDS = 0.1

#: What branches return. Type checkers know it of each of a tuple, up to five; those of a list are all of one type.
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
#: Of a choice mypy takes also a lambda with a default, ``lambda item=item: ...``, as there are in loops.
Branch = Callable[[], A] | Callable[[], type[A]]
Task = Callable[[], Awaitable[A]] | Callable[[], Awaitable[type[A]]]


class Group:
    """Branches of a synchronous handler, on threads; as many as ``parallel_branches`` says, if that ``is_bounded``."""

    __slots__ = ("_is_bounded", "_session")

    def __init__(self, session: StepSession, *, is_bounded: bool = True) -> None:
        self._session, self._is_bounded = session, is_bounded

    @overload
    def parallel(self, branches: tuple[Branch[A], Branch[B]], *, fail_fast: bool = ...) -> tuple[A, B]: ...
    @overload
    def parallel(
        self, branches: tuple[Branch[A], Branch[B], Branch[C]], *, fail_fast: bool = ...
    ) -> tuple[A, B, C]: ...
    @overload
    def parallel(
        self, branches: tuple[Branch[A], Branch[B], Branch[C], Branch[D]], *, fail_fast: bool = ...
    ) -> tuple[A, B, C, D]: ...
    @overload
    def parallel(
        self, branches: tuple[Branch[A], Branch[B], Branch[C], Branch[D], Branch[E]], *, fail_fast: bool = ...
    ) -> tuple[A, B, C, D, E]: ...
    @overload
    def parallel(self, branches: Sequence[Branch[A]], *, fail_fast: bool = ...) -> tuple[A, ...]: ...
    def parallel(self, branches: Sequence[Callable[[], Any]], *, fail_fast: bool = False) -> tuple[Any, ...]:
        """Call all ``branches`` side by side; return what they returned, in order.

        A branch that waits does not hold up the others. Once all have ended or wait, the first failure in order is
        raised; with ``fail_fast`` as soon as there is one. Branches run on threads: what they share must bear that.
        """
        _check_callable(branches)
        if self._is_bounded:
            _check(branches, self._session)
        with self._session.branching():
            return _Branches(branches, self._session).run(fail_fast=fail_fast)


class AsyncGroup:
    """Branches of an asynchronous handler, as tasks."""

    __slots__ = ("_session",)

    def __init__(self, session: StepSession) -> None:
        self._session = session

    @overload
    async def parallel(self, branches: tuple[Task[A], Task[B]], *, fail_fast: bool = ...) -> tuple[A, B]: ...
    @overload
    async def parallel(
        self, branches: tuple[Task[A], Task[B], Task[C]], *, fail_fast: bool = ...
    ) -> tuple[A, B, C]: ...
    @overload
    async def parallel(
        self, branches: tuple[Task[A], Task[B], Task[C], Task[D]], *, fail_fast: bool = ...
    ) -> tuple[A, B, C, D]: ...
    @overload
    async def parallel(
        self, branches: tuple[Task[A], Task[B], Task[C], Task[D], Task[E]], *, fail_fast: bool = ...
    ) -> tuple[A, B, C, D, E]: ...
    @overload
    async def parallel(self, branches: Sequence[Task[A]], *, fail_fast: bool = ...) -> tuple[A, ...]: ...
    async def parallel(
        self, branches: Sequence[Callable[[], Awaitable[Any]]], *, fail_fast: bool = False
    ) -> tuple[Any, ...]:
        """Await all ``branches`` side by side: see ``Group.parallel``."""
        import asyncio

        _check_callable(branches)
        _check(branches, self._session)
        outcomes = await asyncio.gather(*(branch() for branch in branches), return_exceptions=not fail_fast)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return tuple(outcomes)


def _check(branches: Sequence[Any], session: StepSession) -> None:
    maximum = session.limits.parallel_branches
    if len(branches) > maximum:
        raise NonRetriableError(f"limit parallel_branches exceeded: at most {maximum}, got {len(branches)}")


def _check_callable(branches: Sequence[Any]) -> None:
    for branch in branches:
        if not callable(branch):
            if inspect.iscoroutine(branch):
                branch.close()  # or Python warns of it at some other place
            raise NonRetriableError(
                f"a branch of ctx.group.parallel is a function, not a value of type {type(branch).__name__}: "
                'lambda: ctx.step.run("load", load); what is called before has not been side by side'
            )


class _Branches:
    """One call of ``parallel``."""

    def __init__(self, branches: Sequence[Callable[[], Any]], session: StepSession) -> None:
        self._futures: list[Future[Any]] = [Future() for _ in branches]
        self._queue = list(zip(branches, self._futures, (Guard() for _ in branches), strict=True))[::-1]
        self._guards = [guard for _, _, guard in self._queue]
        self._lock = threading.Lock()
        self._thread_count = min(len(branches), session.limits.branch_threads)

    def run(self, *, fail_fast: bool) -> tuple[Any, ...]:
        for _ in range(self._thread_count):
            context = contextvars.copy_context()
            threading.Thread(target=context.run, args=(self._work,), name="workflowkit-branch", daemon=True).start()
        try:
            self._await(fail_fast=fail_fast)
        except EngineInterrupt as interrupt:
            # SAFETY: R6 — the lease is gone, or the time is up: that holds for every branch.
            self._stop(type(interrupt))
            raise
        return self._results()

    def _await(self, *, fail_fast: bool) -> None:
        waiting = set(self._futures)
        while waiting:
            done, waiting = wait(waiting, timeout=_LOOK_SECONDS, return_when=FIRST_EXCEPTION)
            failed = (future for future in done if _is_failure(future.exception()))
            if fail_fast and (first := next(failed, None)) is not None:
                self._stop(SuspendInterrupt)
                first.result()

    def _results(self) -> tuple[Any, ...]:
        errors = [error for future in self._futures if (error := future.exception()) is not None]
        for error in errors:
            if not isinstance(error, SuspendInterrupt):
                raise error
        if errors:
            raise SuspendInterrupt
        return tuple(future.result() for future in self._futures)

    def _stop(self, reason: type[EngineInterrupt]) -> None:
        with self._lock:
            for _, future, _ in self._queue:
                future.set_exception(reason())
            self._queue.clear()
        for guard in self._guards:
            guard.interrupt(reason)

    def _work(self) -> None:
        """Call branches, one after the other, until none is left: what a thread does."""
        while True:
            with self._lock:
                if not self._queue:
                    return
                branch, future, guard = self._queue.pop()
            _call(branch, future, guard)


def _call(branch: Callable[[], Any], future: Future[Any], guard: Guard) -> None:
    try:
        try:
            guard.arm(None)
            result = branch()
        finally:
            guard.disarm()
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)


def _is_failure(error: BaseException | None) -> bool:
    return error is not None and not isinstance(error, EngineInterrupt)
