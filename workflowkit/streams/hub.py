"""The hub: one thread that holds all streams of a process, and looks into the database for all of them together.

A server thread takes the request, finds out what may be followed, and hands the connection over; from then on it costs
a file descriptor and a few hundred bytes, and neither a thread nor a database connection. What is new is found by
notices (``runtime.notices``), and without them by a look at all channels each half second: two statements.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
from collections import deque
from collections.abc import Iterable

from workflowkit.base import forks
from workflowkit.base.clock import monotonic_seconds
from workflowkit.base.errors import StoreUnavailable
from workflowkit.base.limits import Limits
from workflowkit.runtime.following import News, Place, Subscription, changed, look
from workflowkit.runtime.notices import Notices
from workflowkit.store.database import Database
from workflowkit.store.transactions import Reading
from workflowkit.streams.connection import Connection, opened
from workflowkit.streams.dialect import Dialect

_log = logging.getLogger(__name__)

#: How often all channels are looked at: the bound on how late something is told whose notice is lost.
LOOK_SECONDS = 0.5
#: How far apart looks are kept that notices ask for: what happens together is told together.
GATHER_SECONDS = 0.02
#: How long nothing is written to a stream before a heartbeat is.
HEARTBEAT_SECONDS = 15.0
#: How long a client may take to read the end of its stream.
ENDING_SECONDS = 10.0
_SWEEP_SECONDS = 1.0


class Hub:
    """The streams of a process. Thread-safe; a forked child has none of its parent's."""

    def __init__(self, database: Database, notices: Notices, limits: Limits) -> None:
        self._database, self._notices, self._limits = database, notices, limits
        self._begin()
        forks.register(self._begin)

    def _begin(self) -> None:
        # In a child as well, whose copies of the sockets are closed by being forgotten, without a word to the clients.
        self._lock = threading.Lock()
        self._arriving: deque[Connection] = deque()
        self._noticed: set[str] = set()
        #: By channel; changed by the hub's thread only.
        self._connections: dict[str, set[Connection]] = {}
        self._due: set[Connection] = set()
        self._count = 0
        self._is_stopping = False
        self._thread: threading.Thread | None = None
        self._selector: selectors.BaseSelector
        self._woken: socket.socket
        self._waker: socket.socket
        self._looked_at = self._looked_at_all = self._swept_at = float("-inf")

    @property
    def count(self) -> int:
        """How many streams there are."""
        return self._count

    def has_room(self) -> bool:
        """Tell whether another stream may come."""
        return self._count < self._limits.streams and not self._is_stopping

    def adopt(self, sock: socket.socket, subscription: Subscription, place: Place, dialect: Dialect) -> None:
        """Take over a connection whose answer has begun; it belongs to the hub from now on."""
        connection = opened(sock, subscription, place, dialect, self._limits)
        with self._lock:
            if self._is_stopping:
                connection.close()
                return
            self._count += 1
            self._arriving.append(connection)
            self._start()
        self._wake()

    def notice(self, channels: Iterable[str]) -> None:
        """Look at these channels soon, if anybody follows them. Returns at once; any thread."""
        followed = [channel for channel in channels if channel in self._connections]
        if followed:
            with self._lock:
                self._noticed.update(followed)
            self._wake()

    def close(self) -> None:
        """End all streams, and the thread."""
        with self._lock:
            self._is_stopping = True
        thread, self._thread = self._thread, None
        if thread is not None:
            self._wake()
            thread.join()
            self._woken.close()
            self._waker.close()
            self._selector.close()

    # --- the hub's thread

    def _start(self) -> None:
        if self._thread is None:
            self._woken, self._waker = socket.socketpair()
            self._woken.setblocking(False)
            self._waker.setblocking(False)
            self._selector = selectors.DefaultSelector()
            self._selector.register(self._woken, selectors.EVENT_READ)
            self._notices.listen(self.notice)
            self._thread = threading.Thread(target=self._run, name="workflowkit-streams", daemon=True)
            self._thread.start()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # it is being woken already, or it is gone
            self._waker.send(b"\0")

    def _run(self) -> None:
        while not self._is_stopping:
            for key, mask in self._selector.select(self._pause_seconds()):
                self._serve(key.data, mask)
            self._take_arriving()
            now = monotonic_seconds()
            if now - self._swept_at >= _SWEEP_SECONDS:
                self._swept_at = now
                self._sweep(now)
            self._look_if_due(now)
        self._take_arriving()
        for connection in self._all():
            self._end(connection)
            self._drop(connection)

    def _pause_seconds(self) -> float | None:
        """Return how long nothing has to be done unless something happens."""
        if not self._connections:
            return None
        due_at = self._looked_at_all + LOOK_SECONDS
        if self._due or self._noticed:
            due_at = min(due_at, self._looked_at + GATHER_SECONDS)
        return max(0.0, min(due_at, self._swept_at + _SWEEP_SECONDS) - monotonic_seconds())

    def _serve(self, connection: Connection | None, mask: int) -> None:
        if connection is None:
            _drain(self._woken)
            return
        if mask & selectors.EVENT_READ and connection.is_gone():
            self._drop(connection)
        elif mask & selectors.EVENT_WRITE or connection.wants_to_write:
            try:
                connection.flush()
            except OSError:
                self._drop(connection)
            else:
                self._settle(connection)

    def _take_arriving(self) -> None:
        while self._arriving:
            connection = self._arriving.popleft()
            self._connections.setdefault(connection.subscription.channel, set()).add(connection)
            self._selector.register(connection.sock, selectors.EVENT_READ, connection)
            self._due.add(connection)

    def _sweep(self, now: float) -> None:
        """End streams whose time is over, and keep the others from looking dead."""
        for connection in self._all():
            if now >= connection.ends_at:
                if connection.is_ending:
                    self._drop(connection)
                else:
                    self._end(connection)
            elif now - connection.written_at >= HEARTBEAT_SECONDS and not connection.is_ending:
                self._beat(connection, now)

    def _end(self, connection: Connection) -> None:
        connection.ends_at = monotonic_seconds() + ENDING_SECONDS
        try:
            connection.end()
        except OSError:
            self._drop(connection)
        else:
            self._settle(connection)

    def _beat(self, connection: Connection, now: float) -> None:
        try:
            connection.beat(now)
        except OSError:
            self._drop(connection)
        else:
            self._settle(connection)

    def _settle(self, connection: Connection) -> None:
        """Wait for the client to read what it has not, or let it go if it has the end."""
        if connection.is_ending and not connection.wants_to_write:
            self._drop(connection)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.wants_to_write else 0)
        self._selector.modify(connection.sock, wanted, connection)

    def _drop(self, connection: Connection) -> None:
        channel = connection.subscription.channel
        others = self._connections.get(channel, set())
        if connection not in others:
            return
        others.discard(connection)
        if not others:
            del self._connections[channel]
        self._due.discard(connection)
        self._selector.unregister(connection.sock)
        connection.close()
        with self._lock:
            self._count -= 1

    def _all(self) -> list[Connection]:
        return [connection for those in self._connections.values() for connection in those]

    # --- looking

    def _look_if_due(self, now: float) -> None:
        if not self._connections:
            return
        is_due = now - self._looked_at_all >= LOOK_SECONDS
        if not is_due and not ((self._due or self._noticed) and now - self._looked_at >= GATHER_SECONDS):
            return
        self._looked_at = now
        if is_due:
            self._looked_at_all = now
        try:
            with self._database.read() as tx:
                self._look(tx, now, at_all=is_due)
        except StoreUnavailable as error:
            _log.warning("streams: %s", error)
            self._looked_at = now + LOOK_SECONDS
        except Exception:
            _log.exception("streams: a look failed")
            self._looked_at = now + LOOK_SECONDS

    def _look(self, tx: Reading, now: float, *, at_all: bool) -> None:
        with self._lock:
            noticed, self._noticed = self._noticed, set()
        for channel in noticed:
            self._due |= self._connections.get(channel, set())
        if at_all:
            self._find_changed(tx)
        news: dict[tuple[Subscription, Place], News] = {}
        for connection in list(self._due):
            # Those who follow the same and have the same are told the same.
            key = (connection.subscription, connection.place)
            if key not in news:
                news[key] = look(tx, connection.subscription, connection.place, self._limits)
            if not news[key].has_more:
                self._due.discard(connection)
            if not connection.is_ending:
                self._tell(connection, news[key], now)

    def _find_changed(self, tx: Reading) -> None:
        # Those who have not been told anything yet are due anyway.
        least = min((seq for each in self._all() if (seq := each.place.seq) is not None), default=0)
        for scope, channel, newest in changed(tx, self._connections, after=least):
            for connection in self._connections.get(channel, ()):
                subscription = connection.subscription
                is_behind = connection.place.is_behind(newest) and subscription.scope == scope
                if is_behind and (newest.seq == 0 or subscription.takes_messages):
                    self._due.add(connection)

    def _tell(self, connection: Connection, news: News, now: float) -> None:
        try:
            connection.tell(news, now)
        except OSError:
            self._drop(connection)
            return
        if connection.is_ending:
            connection.ends_at = now + ENDING_SECONDS
        self._settle(connection)


def _drain(sock: socket.socket) -> None:
    with contextlib.suppress(BlockingIOError):
        while sock.recv(4096):
            pass
