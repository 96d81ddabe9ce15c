"""What handlers log, on its way to the database: gathered in the process and written by a thread of its own.

So a line costs the step nothing but memory, and the steps of a busy process share a commit. What was logged in the
last moments of a process that is killed is lost: lines are for people, and nothing is decided by them.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass

from workflowkit.base import forks
from workflowkit.base.errors import StoreUnavailable
from workflowkit.base.ids import new_id
from workflowkit.base.limits import Limits
from workflowkit.base.scope import Scope
from workflowkit.store import loglines
from workflowkit.store.database import Database
from workflowkit.store.loglines import LogLine

_log = logging.getLogger(__name__)

#: How long lines are gathered before they are written.
FLUSH_SECONDS = 0.5
#: Lines of one transaction, and lines that wait at most; more are dropped while the database is away.
LINES_PER_COMMIT, MAX_WAITING = 500, 20_000
#: Levels by the names that people use.
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
#: The highest level that a line is kept with.
MAX_LEVEL = 1_000


@dataclass(frozen=True, slots=True)
class _Waiting:
    scope: Scope
    line: LogLine


class Logs:
    """The lines of one process. Its thread starts with the first line. Thread-safe."""

    def __init__(self, database: Database, limits: Limits, *, level: str) -> None:
        self._database, self._limits = database, limits
        self._level = LEVELS.get(level)
        self._begin()
        forks.register(self._begin)

    def _begin(self) -> None:
        # In a child as well: what waits in the parent is written by the parent.
        self._waiting: deque[_Waiting] = deque()
        self._stopping = threading.Event()
        self._lock, self._flushing = threading.Lock(), threading.Lock()
        self._thread: threading.Thread | None = None

    def keeper(self, scope: Scope, run_id: str, step_key: str, attempt: int) -> Keeper:
        """Return what keeps the lines of one attempt (``engine.newslogger.LineKeeper``)."""
        return Keeper(self, scope, run_id, step_key, attempt)

    def wants(self, level: int) -> bool:
        """Tell whether lines of this level are kept."""
        # The logging module complains itself about what is no level.
        return self._level is not None and isinstance(level, int) and level >= self._level

    def add(self, scope: Scope, run_id: str, step_key: str, attempt: int, level: int, message: str) -> None:
        """Let a line be written soon; one that finds no room is dropped."""
        if len(self._waiting) >= MAX_WAITING:
            return
        at_ms = self._database.carried_ms()
        line_id = new_id(at_ms)
        text = _storable(message[: self._limits.log_line_chars])
        line = LogLine(line_id, run_id, step_key, attempt, min(level, MAX_LEVEL), text, at_ms)
        self._waiting.append(_Waiting(scope, line))
        self._start()

    def flush(self) -> None:
        """Write all lines that wait. Raises ``StoreUnavailable``; what was not written waits on."""
        with self._flushing:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), LINES_PER_COMMIT))]
                try:
                    self._write(batch)
                except StoreUnavailable:
                    self._waiting.extendleft(reversed(batch))
                    raise
                except Exception:
                    # SAFETY: S10 — the lines of others that wait with it are not lost by one that cannot be written.
                    self._write_each(batch)

    def stop(self) -> None:
        """Write what waits and end the thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _write(self, batch: list[_Waiting]) -> None:
        lines: dict[Scope, list[LogLine]] = {}
        for waiting in batch:
            lines.setdefault(waiting.scope, []).append(waiting.line)
        with self._database.transaction("log") as tx:
            for scope, of_scope in lines.items():
                loglines.append(tx, scope, of_scope, run_bytes=self._limits.run_log_bytes)

    def _write_each(self, batch: list[_Waiting]) -> None:
        for done, waiting in enumerate(batch):
            try:
                self._write([waiting])
            except StoreUnavailable:
                self._waiting.extendleft(reversed(batch[done:]))
                raise
            except Exception:
                _log.exception("a line of run %s was lost", waiting.line.run_id)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and not self._stopping.is_set():
                self._thread = threading.Thread(target=self._run, name="workflowkit-logs", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._stopping.wait(FLUSH_SECONDS):
            self._try()
        self._try()

    def _try(self) -> None:
        try:
            self.flush()
        except StoreUnavailable as error:
            _log.warning("lines of handlers wait: %s", error)
        except Exception:
            # The batch is lost, and the thread goes on: lines must not end what they tell of.
            _log.exception("lines of handlers were lost")


def _storable(text: str) -> str:
    """Return text that every database takes: NUL and lone surrogates are written as Python writes them."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()


@dataclass(frozen=True, slots=True)
class Keeper:
    """Keeps the lines of one attempt."""

    logs: Logs
    scope: Scope
    run_id: str
    step_key: str
    attempt: int

    def wants(self, level: int) -> bool:
        return self.logs.wants(level)

    def keep(self, level: int, message: str, step: str | None) -> None:
        self.logs.add(self.scope, self.run_id, step or self.step_key, self.attempt, level, message)
