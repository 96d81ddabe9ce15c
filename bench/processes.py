"""Child processes of a benchmark: started in their own process group, always ended by their own id."""

from __future__ import annotations

import atexit
import ctypes
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

REPOSITORY = Path(__file__).resolve().parents[1]

_PR_SET_PDEATHSIG = 1
_running: list[Child] = []
# Looked up now: after a change of user the interpreter's own files may be out of reach.
_prctl = ctypes.CDLL(None, use_errno=True).prctl


@dataclass(frozen=True, slots=True)
class Account:
    """The user and group ids a server runs under."""

    uid: int
    gid: int


class Child:
    """One started process and its group. ``name`` is for messages; output goes to ``log_path``."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log_path: Path) -> None:
        self.name = name
        self.process = process
        self.log_path = log_path

    @property
    def pid(self) -> int:
        return self.process.pid

    def check_alive(self) -> None:
        """Raise ``RuntimeError`` with the end of the log if the process is gone."""
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended with {self.process.returncode}\n{self.log_tail()}")

    def log_tail(self, size_bytes: int = 3000) -> str:
        return self.log_path.read_bytes()[-size_bytes:].decode(errors="replace")

    def stop(self, signal_number: int = signal.SIGTERM, *, timeout_seconds: float = 10) -> None:
        """End the process and whatever is left of its group. Does nothing the second time."""
        if self in _running:
            _running.remove(self)
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
            try:
                self.process.wait(timeout_seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


def spawn(
    name: str,
    command: Sequence[str | Path],
    *,
    log_path: Path,
    environment: Mapping[str, str] | None = None,
    directory: Path = REPOSITORY,
    account: Account | None = None,
    pipes: bool = False,
) -> Child:
    """Start ``command`` in a new process group; it dies with this process even if that is killed.

    ``environment`` is added to ours. Output goes to the log; with ``pipes``, standard input and output are pipes.
    """
    log: IO[bytes]
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
            stdout=subprocess.PIPE if pipes else log,
            stderr=log,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
            cwd=directory,
            start_new_session=True,
            preexec_fn=_before_exec(account),
        )
    child = Child(name, process, log_path)
    _running.append(child)
    return child


def _before_exec(account: Account | None) -> Callable[[], None]:
    def run() -> None:
        if account is not None:
            os.setgroups([])
            os.setgid(account.gid)
            os.setuid(account.uid)
        # After the change of user, which clears it.
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    return run


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@atexit.register
def stop_all() -> None:
    """End every child that still runs, the last started first."""
    for child in reversed(tuple(_running)):
        child.stop(timeout_seconds=3)
