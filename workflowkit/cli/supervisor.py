"""One parent of several processes: starts them, starts them again when they die, and ends them together."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from workflowkit.base.clock import monotonic_seconds
from workflowkit.cli import lifeline
from workflowkit.cli.output import INVALID
from workflowkit.cli.processes import announce

#: A process that lived for less than this is started again more and more slowly.
SETTLED_SECONDS = 10.0
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 0.5, 30.0

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(slots=True)
class Child:
    """A process to keep alive: a program with its arguments. ``name`` is what the log calls it."""

    name: str
    program: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    starts_at: float = 0.0
    delay_seconds: float = field(default=FIRST_DELAY_SECONDS)


def child(name: str, *arguments: str) -> Child:
    """Return a child that is ``workflowkit`` with these arguments."""
    return Child(name, [sys.executable, "-m", "workflowkit", *arguments])


class Supervisor:
    """Keeps children alive until this process gets SIGTERM or SIGINT; a second one kills them."""

    def __init__(self, children: Sequence[Child]) -> None:
        self._children = list(children)
        self._lifeline_read, self._lifeline_write = os.pipe()
        self._exit_code: int | None = None

    def run(self) -> int:
        """Start all children and return, when all have ended, the exit code for this process."""
        with _woken_by_signals() as wake:
            while self._exit_code is None:
                for child in self._children:
                    self._look_after(child)
                if self._exit_code is None and wake(self._seconds_to_next_start()):
                    self._exit_code = 0
            self._tell_all(signal.SIGTERM)
            while any(child.process is not None and child.process.poll() is None for child in self._children):
                if wake(None):
                    self._tell_all(signal.SIGKILL)
        os.close(self._lifeline_write)
        os.close(self._lifeline_read)
        return self._exit_code

    def _look_after(self, child: Child) -> None:
        """Start a child whose time has come; note the end of one that has ended."""
        now = monotonic_seconds()
        if child.process is not None and (code := child.process.poll()) is not None:
            if code == INVALID:
                self._exit_code = INVALID  # starting it again would not help
            if now - child.started_at >= SETTLED_SECONDS:
                child.delay_seconds = FIRST_DELAY_SECONDS
            child.process, child.starts_at = None, now + child.delay_seconds
            announce(f"{child.name} ended with {code}; next start in {child.delay_seconds:g} s")
            child.delay_seconds = min(2 * child.delay_seconds, LONGEST_DELAY_SECONDS)
        if child.process is None and now >= child.starts_at and self._exit_code is None:
            child.process, child.started_at = self._spawn(child), now
            announce(f"{child.name} started, pid {child.process.pid}")

    def _spawn(self, child: Child) -> subprocess.Popen[bytes]:
        # A session of its own: Ctrl-C on the terminal comes to us alone, and we end the children in order.
        return subprocess.Popen(  # noqa: S603 - our own command line
            child.program,
            env={**os.environ, lifeline.VARIABLE: str(self._lifeline_read)},
            pass_fds=[self._lifeline_read],
            start_new_session=True,
        )

    def _seconds_to_next_start(self) -> float | None:
        waiting = [child.starts_at for child in self._children if child.process is None]
        return max(0.0, min(waiting) - monotonic_seconds()) if waiting else None

    def _tell_all(self, signal_number: signal.Signals) -> None:
        for child in self._children:
            if child.process is not None:
                child.process.send_signal(signal_number)  # does nothing where the process has ended


@contextlib.contextmanager
def _woken_by_signals() -> Iterator[Wait]:
    """Give a function that waits for a signal to this process or the end of a child."""
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    earlier = {number: signal.signal(number, lambda *_: None) for number in (*_SIGNALS, signal.SIGCHLD)}
    earlier_wakeup = signal.set_wakeup_fd(write)
    try:
        yield Wait(read)
    finally:
        signal.set_wakeup_fd(earlier_wakeup)
        for number, handler in earlier.items():
            signal.signal(number, handler)
        os.close(read)
        os.close(write)


class Wait:
    """Waits for signals, which Python writes into a pipe as one byte each."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __call__(self, timeout_seconds: float | None) -> bool:
        """Wait for a signal; tell whether one came that ends processes."""
        select.select([self._descriptor], [], [], timeout_seconds)
        try:
            received = os.read(self._descriptor, 4096)
        except BlockingIOError:
            return False
        return any(number in _SIGNALS for number in received)
