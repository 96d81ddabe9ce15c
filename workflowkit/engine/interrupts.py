"""Stop a running action from outside: at its deadline, or when the worker has lost the step's lease.

Sync code is stopped by raising an ``EngineInterrupt`` inside its thread (``PyThreadState_SetAsyncExc``). It arrives
between two bytecodes, so code that waits inside a C call (a socket without a timeout, a long ``time.sleep``) sees it
only afterwards; an action that swallows it runs on. Async code is cancelled first, and interrupted like sync code if it
does not react.

The hard part is that an interrupt must never strike code that runs after the action. A lock cannot see to that, because
the interrupt may strike just where the lock is taken. Instead the first of the two to say so decides, by an atomic
``dict.setdefault``: either the action's thread has disarmed its guard, and nobody raises anything any more; or somebody
has begun to raise, and the action's thread stays where it is until that has struck.

Parts of an action that must not be torn apart, the transactions that record its steps, are ``shielded``: an interrupt
that comes meanwhile strikes right after them. Both sides say what they are about to do before they look at what the
other has said, so that at least one of them gives way.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator

from workflowkit.base.clock import monotonic_seconds
from workflowkit.base.errors import DeadlineInterrupt, EngineInterrupt

#: How long a cancelled coroutine may take to end before its thread is interrupted.
CANCEL_GRACE_SECONDS = 5.0
#: Modules that take locks in Python code, where an interrupt at the wrong moment would leave them locked for good.
DELICATE_MODULES = frozenset({"threading", "queue", "logging", "_frozen_importlib", "importlib._bootstrap"})
#: How long an interrupt waits for its thread to come out of them.
DELICATE_SECONDS = 0.2

#: How long a shielded part may keep an interrupt waiting; longer than that, something hangs.
SHIELD_SECONDS = 20.0

_THE_ACTION: object = object()
_armed = threading.local()


class Guard:
    """Protects one call of an action: ``arm`` before it, ``disarm`` after it, ``interrupt`` from any other thread.

    For one use only. It raises at most one interrupt, always between ``arm`` and the end of ``disarm``, and always in
    the thread that called ``arm``.
    """

    __slots__ = ("_cancel", "_decision", "_is_done", "_shields", "_thread_id", "due_at_seconds", "reason")

    def __init__(self) -> None:
        #: Why the action was asked to stop; ``None`` as long as nobody has asked.
        self.reason: type[EngineInterrupt] | None = None
        #: When the watcher acts next, on the monotonic clock.
        self.due_at_seconds = math.inf
        self._cancel: Callable[[], object] | None = None
        self._decision: dict[None, object] = {}
        self._is_done = False
        self._shields = 0
        self._thread_id = 0

    def arm(self, deadline_seconds: float | None) -> None:
        """Let interrupts into this thread from now on, one by itself after ``deadline_seconds``.

        Raises at once if ``interrupt`` was called before.
        """
        if deadline_seconds is not None:
            self.due_at_seconds = monotonic_seconds() + deadline_seconds
        # Written before ``reason`` is read, as ``interrupt`` does it the other way round: one of them sees the other.
        self._thread_id = threading.get_ident()
        if self.reason is not None:
            raise self.reason
        _guards_here().append(self)
        _watcher.watch(self)

    def disarm(self) -> None:
        """Let no interrupt in from now on. May itself be interrupted, and has done its work then too."""
        try:
            self._disarm()
        except BaseException:
            # A stranger may have struck (Ctrl-C, the guard of an outer action): ours is disarmed all the same.
            self._disarm()
            raise

    def _disarm(self) -> None:
        # SAFETY: R6 — the first to decide wins; asking again gives the same answer.
        if self._decision.setdefault(None, _THE_ACTION) is not _THE_ACTION:
            while not self._is_done:
                time.sleep(0)  # gives way to the thread that is raising: microseconds
            # The interpreter looks for it after every call, so it has struck before or does so here. Not taken back
            # (the function called with NULL), as CPython 3.11 would then look for it for ever, and hang if traced.
            time.sleep(0)
        if self in (guards := _guards_here()):
            guards.remove(self)
        _watcher.forget(self)

    def raise_shield(self) -> None:
        """Let no interrupt in before ``lower_shield``. One that has been decided upon strikes here."""
        self._shields += 1
        # SAFETY: R6 — said before looking, as in ``_raise``.
        if self._shields == 1 and self._decision and self._decision.get(None) is not _THE_ACTION:
            self._shields = 0
            while not self._is_done:
                time.sleep(0)
            time.sleep(0)
            self._shields = 1

    def lower_shield(self) -> None:
        """Let interrupts in again."""
        self._shields -= 1

    def cancel_with(self, cancel: Callable[[], object]) -> None:
        """Ask by calling ``cancel`` (from another thread) before anything is raised: the gentle way for coroutines."""
        self._cancel = cancel

    def interrupt(self, reason: type[EngineInterrupt]) -> None:
        """Stop the action with ``reason``; before ``arm``, keep it from starting. Only the first call has an effect."""
        if self.reason is not None:
            return
        self.reason = reason
        if self._thread_id == 0:
            return
        if self._cancel is None:
            self._raise(reason)
        else:
            self.due_at_seconds = monotonic_seconds() + CANCEL_GRACE_SECONDS
            self._cancel()
            _watcher.watch(self)

    def fall_due(self) -> None:
        """Act on a deadline that has passed. Called by the watcher, which forgets the guard before."""
        if self.reason is None:
            self.interrupt(DeadlineInterrupt)
        else:
            self._raise(self.reason)

    def _raise(self, reason: type[EngineInterrupt]) -> None:
        me = object()
        # SAFETY: R6 — see _disarm.
        if self._decision.setdefault(None, me) is me:
            try:
                self._await_lowered_shield()
                _await_harmless_place(self._thread_id)
                _raise_in_thread(self._thread_id, reason)
            finally:
                self._is_done = True

    def _await_lowered_shield(self) -> None:
        gives_up_at = monotonic_seconds() + SHIELD_SECONDS
        while self._shields and monotonic_seconds() < gives_up_at:
            time.sleep(0.001)


@contextlib.contextmanager
def shielded() -> Iterator[None]:
    """Keep interrupts of all guards that are armed in this thread out of the block."""
    guards = list(_guards_here())
    raised = []
    try:
        for guard in guards:
            raised.append(guard)
            guard.raise_shield()
        yield
    finally:
        for guard in raised:
            guard.lower_shield()


def _guards_here() -> list[Guard]:
    """Return the guards that are armed in this thread, the outermost first."""
    guards: list[Guard] | None = getattr(_armed, "guards", None)
    if guards is None:
        guards = _armed.guards = []
    return guards


class _Watcher:
    """One thread that sleeps until the earliest deadline of the armed guards.

    Arming a guard costs no wake-up unless its deadline is earlier than what the thread sleeps for. That stays so after
    the guard is gone: a worker that runs short actions one after another, each with the same generous deadline, wakes
    the thread once per deadline and not once per action.
    """

    def __init__(self) -> None:
        self._guards: dict[Guard, None] = {}
        self._wakes_at_seconds = math.inf
        # A lock as a bell: released to ring. It needs no owner, so an interrupt between two lines cannot break it.
        self._bell = threading.Lock()
        self._bell.acquire()
        self._start_lock = threading.Lock()
        self._is_started = False

    def watch(self, guard: Guard) -> None:
        """Call ``guard.fall_due()`` when it is due, unless it is forgotten before."""
        # Added before the time is read, as the thread does it the other way round: no guard is overlooked.
        self._guards[guard] = None
        if guard.due_at_seconds < self._wakes_at_seconds:
            self._wakes_at_seconds = guard.due_at_seconds
            self._start()
            self._ring()

    def forget(self, guard: Guard) -> None:
        self._guards.pop(guard, None)

    def _ring(self) -> None:
        try:
            self._bell.release()
        except RuntimeError:
            return  # it rings already

    def _start(self) -> None:
        if self._is_started:
            return
        with self._start_lock:
            if not self._is_started:
                self._is_started = True
                threading.Thread(target=self._watch, name="workflowkit-deadlines", daemon=True).start()

    def _watch(self) -> None:
        while True:
            timeout_seconds = self._act()
            self._bell.acquire(timeout=min(timeout_seconds, threading.TIMEOUT_MAX))

    def _act(self) -> float:
        """Let due guards act; return the seconds until the next one."""
        asked_for = self._wakes_at_seconds
        self._wakes_at_seconds = math.inf  # whoever arms a guard from here on rings
        guards, now = list(self._guards), monotonic_seconds()
        for guard in guards:
            if guard.due_at_seconds <= now:
                self.forget(guard)
                guard.fall_due()
        times = [guard.due_at_seconds for guard in guards if guard.due_at_seconds > now]
        next_at = min(times, default=math.inf)
        if asked_for > now:
            next_at = min(next_at, asked_for)
        self._wakes_at_seconds = next_at
        return max(0.0, next_at - now)


def _await_harmless_place(thread_id: int) -> None:
    # Waiting inside a lock looks the same as taking it, hence the time limit. What is seen here holds when the
    # exception is set a moment later, since the thread cannot move before we let go of the interpreter.
    gives_up_at = monotonic_seconds() + DELICATE_SECONDS
    while monotonic_seconds() < gives_up_at:
        frame = sys._current_frames().get(thread_id)
        if frame is None or frame.f_globals.get("__name__") not in DELICATE_MODULES:
            return
        time.sleep(0.001)


def _raise_in_thread(thread_id: int, exception: type[BaseException]) -> None:
    import ctypes  # 10 ms, and most processes never interrupt anything

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), ctypes.py_object(exception))


_watcher = _Watcher()


def _forget_the_parent() -> None:
    """Give a forked child its own watcher: threads do not survive a fork, and the parent's guards are not ours."""
    global _watcher
    _watcher = _Watcher()


os.register_at_fork(after_in_child=_forget_the_parent)
