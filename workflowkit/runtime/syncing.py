"""Syncing at the start of a process, also where the database is not there yet."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from workflowkit.base.errors import DefinitionError
from workflowkit.runtime.functions import Absent, Synced

_log = logging.getLogger(__name__)

#: How long to wait before another try.
RETRY_SECONDS = 5.0
#: How long a process may take to register all its functions: after that it switches those off that it does not have.
SETTLE_SECONDS = 5.0


class StartupSync:
    """Calls ``sync`` until it has succeeded once: at once, and then in a thread.

    If functions are left that the process does not have, it does so once more in a while, to switch them off.
    """

    def __init__(
        self, sync: Callable[[Absent], Synced], *, retry_seconds: float = RETRY_SECONDS,
        settle_seconds: float = SETTLE_SECONDS,
    ) -> None:  # fmt: skip
        self._sync = sync
        self._retry_seconds = retry_seconds
        self._settle_seconds = settle_seconds
        self._next = Absent.KEPT
        self._is_left = False
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Try now; if the database does not answer, or has no tables yet, go on trying without holding the caller up.

        Raises ``DefinitionError``, which no further try can mend.
        """
        if not self._try() or self._is_left:
            self._thread = threading.Thread(target=self._go_on, name="workflowkit-sync", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Give up."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _try(self) -> bool:
        try:
            synced = self._sync(self._next)
        except DefinitionError:
            raise
        except Exception as error:
            # Whatever it is, a process that comes up before its database must not die of it.
            _log.warning("functions are not synced yet, trying again every %g s: %s", self._retry_seconds, error)
            return False
        self._is_left = self._next is Absent.KEPT and bool(synced.kept)
        if self._is_left:
            self._next = Absent.SETTLED
        return True

    def _go_on(self) -> None:
        while not self._stopped.wait(self._settle_seconds if self._is_left else self._retry_seconds):
            if self._try() and not self._is_left:
                return
