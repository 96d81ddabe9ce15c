"""How a database's connections come through a fork.

A child never uses those of its parent, nor closes them: two processes would read each other's answers from one socket.
With SQLite that is not enough. Its library keeps per process what it has locked in a file, and a child that has a
connection of its parent believes that its own are locked as that one is. So no connection to a file may be open at the
moment of a fork: it waits until the transactions of other threads have ended, and closes what is idle.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter

import sqlalchemy as sa

from workflowkit.base import forks

_log = logging.getLogger(__name__)

#: How long a fork waits for the transactions of other threads.
WAIT_SECONDS = forks.WAIT_SECONDS


class Gate:
    """Where each use of an engine begins and ends: a context manager, for one engine."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._is_file = engine.dialect.name == "sqlite" and engine.url.database not in (None, "", ":memory:")
        self._is_memory = engine.dialect.name == "sqlite" and not self._is_file
        self._condition = threading.Condition()
        #: How many connections each thread uses, and how many threads are about to fork.
        self._users: Counter[int] = Counter()
        self._forking = 0
        if self._is_file:
            forks.register(self._in_child, before=self._close, in_parent=self._open)
        elif not self._is_memory:
            forks.register(self._in_child)

    def __enter__(self) -> None:
        if not self._is_file:
            return
        me = threading.get_ident()
        with self._condition:
            # Who has a connection may take another: the fork waits for the first one anyway.
            while self._forking and not self._users[me]:
                self._condition.wait()
            self._users[me] += 1

    def __exit__(self, *_error: object) -> None:
        if not self._is_file:
            return
        me = threading.get_ident()
        with self._condition:
            self._users[me] -= 1
            if self._users[me] <= 0:
                del self._users[me]
            if self._forking:
                self._condition.notify_all()

    def _close(self) -> None:
        me = threading.get_ident()
        with self._condition:
            self._forking += 1
            is_free = self._condition.wait_for(lambda: not any(each != me for each in self._users), WAIT_SECONDS)
        if not is_free:
            _log.warning("forking while another thread is in a transaction: the child must not use the database")
        self._engine.dispose()

    def _open(self) -> None:
        with self._condition:
            self._forking -= 1
            self._condition.notify_all()

    def _in_child(self) -> None:
        self._condition = threading.Condition()
        self._users, self._forking = Counter(), 0
        # SAFETY: S10 — on a connection of the parent's, rows of one tenant would be answers to queries of another.
        forks.abandon(self._engine.pool)
        self._engine.dispose(close=False)
