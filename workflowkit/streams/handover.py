"""How a request becomes a stream: handed over to the hub, or, on servers that cannot, held by its thread for a while.

A server that can hand over puts ``CAN_HAND_OVER`` into the WSGI environment (``streams.webworker``). Its worker sends
what the body yields first, which begins the answer, and catches ``HandOver``, which the body raises then.
"""

from __future__ import annotations

import errno
import selectors
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from workflowkit.base import forks
from workflowkit.base.clock import monotonic_seconds, sleep
from workflowkit.base.limits import Limits
from workflowkit.runtime.following import News, Place, Subscription, look
from workflowkit.store.database import Database
from workflowkit.streams import frames
from workflowkit.streams.connection import Connection, opened
from workflowkit.streams.dialect import Dialect, ServerSentEvents
from workflowkit.streams.hub import HEARTBEAT_SECONDS, LOOK_SECONDS, Hub

if TYPE_CHECKING:
    from workflowkit.streams.websocket import WebSocketMessages

#: The key of the WSGI environment.
CAN_HAND_OVER = "workflowkit.can_hand_over"
#: Where such a server has the body of the request as an iterator of its pieces, each as soon as it is there.
PIECES = "workflowkit.pieces"
#: How long a request may hold its thread, where nobody takes the connection over.
BLOCKING_SECONDS = 25.0


class Adopt(Protocol):
    """Takes over a connection whose answer has begun."""

    def __call__(self, sock: socket.socket, *, is_chunked: bool) -> None: ...


class Written(Protocol):
    """Makes the dialect of a stream that is the answer to a request. ``is_chunked`` says how answers are framed."""

    def __call__(self, *, is_chunked: bool) -> Dialect: ...


class HandOver(BaseException):
    """Raised by the body of an answer: the connection is to be given to ``adopt``, and the request is done with it.

    No ``Exception``: what servers and middleware do about errors must not be done about this.
    """

    def __init__(self, adopt: Adopt) -> None:
        super().__init__()
        self.adopt = adopt


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Streams:
    """The streams of a process. ``pause`` lets the given seconds pass between two looks of a request that is held."""

    database: Database
    hub: Hub
    limits: Limits
    pause: Callable[[float], object] = sleep
    _places: list[threading.BoundedSemaphore] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._begin()
        forks.register(self._begin)

    def _begin(self) -> None:
        self._places[:] = [threading.BoundedSemaphore(self.limits.blocking_streams)]

    def body(
        self, environ: Mapping[str, Any], subscription: Subscription, place: Place, written: Written = ServerSentEvents
    ) -> Iterator[bytes]:
        """Return the body of the answer to a subscriber who has reached ``place``, as ``written`` has it.

        It goes on for as long as the server can afford; its client comes back when it ends.
        """
        if environ.get(CAN_HAND_OVER) and self.hub.has_room():
            return self._handed_over(subscription, place, written)
        if environ.get("wsgi.multithread") and self._places[0].acquire(blocking=False):
            return _Released(self._held(subscription, place, written(is_chunked=False)), self._places[0].release)
        return self._once(subscription, place, written(is_chunked=False))

    def websocket(
        self, environ: Mapping[str, Any], subscription: Subscription, place: Place, messages: WebSocketMessages
    ) -> Iterator[bytes] | None:
        """Return the body that turns a request into a WebSocket; ``None`` where this server cannot hold another one."""
        if environ.get(CAN_HAND_OVER) and self.hub.has_room():
            return self._upgraded(subscription, place, messages)
        sock = environ.get("werkzeug.socket") or environ.get("gunicorn.socket")
        if sock is None or not self._places[0].acquire(blocking=False):
            return None
        connection = opened(sock, subscription, place, messages, self.limits)
        return _Released(self._held_open(connection, messages.opening), self._places[0].release)

    def close(self) -> None:
        """End all streams that were handed over."""
        self.hub.close()

    def _handed_over(self, subscription: Subscription, place: Place, written: Written) -> Iterator[bytes]:
        def adopt(sock: socket.socket, *, is_chunked: bool) -> None:
            self.hub.adopt(sock, subscription, place, written(is_chunked=is_chunked))

        yield frames.opening(frames.RETRY_MS)
        raise HandOver(adopt)

    def _upgraded(self, subscription: Subscription, place: Place, messages: WebSocketMessages) -> Iterator[bytes]:
        def adopt(sock: socket.socket, *, is_chunked: bool) -> None:
            sock.sendall(messages.opening)
            self.hub.adopt(sock, subscription, place, messages)

        # Before anything is yielded, so the server has not begun an answer: this is another protocol.
        raise HandOver(adopt)
        yield b""  # never reached: makes this a generator, which the server starts

    def _held_open(self, connection: Connection, opening: bytes) -> Iterator[bytes]:
        """Look again and again, until the client goes. Ends the way in which servers hear of clients that have gone."""
        connection.write(opening, monotonic_seconds())
        # Not ``select.select``: a process with many streams has files of higher numbers than that can watch.
        with selectors.DefaultSelector() as selector:
            while not connection.is_ending:
                writes = selectors.EVENT_WRITE if connection.wants_to_write else 0
                selector.register(connection.sock, selectors.EVENT_READ | writes)
                found = selector.select(LOOK_SECONDS)
                selector.unregister(connection.sock)
                if any(mask & selectors.EVENT_READ for _, mask in found) and connection.is_gone():
                    break
                connection.flush()
                now = monotonic_seconds()
                connection.tell(self._look(connection.subscription, connection.place), now)
                if now - connection.written_at >= HEARTBEAT_SECONDS:
                    connection.beat(now)
        # The answer was the WebSocket: nothing may be written behind it.
        raise ConnectionResetError(errno.ECONNRESET, "the WebSocket has ended")
        yield b""  # never reached: makes this a generator, which the server starts

    def _once(self, subscription: Subscription, place: Place, dialect: Dialect) -> Iterator[bytes]:
        """Tell what there is, and end: the client polls."""
        yield frames.opening(frames.POLLING_RETRY_MS)
        yield dialect.told(self._look(subscription, place))

    def _held(self, subscription: Subscription, place: Place, dialect: Dialect) -> Iterator[bytes]:
        """Look again and again, for a while."""
        yield frames.opening(frames.RETRY_MS)
        started_at = written_at = monotonic_seconds()
        over_at: float | None = None
        while True:
            news = self._look(subscription, place)
            data = dialect.told(news)
            now = monotonic_seconds()
            if data or now - written_at >= HEARTBEAT_SECONDS:
                written_at = now
                yield data or dialect.heartbeat()
            place = news.place
            if news.is_over and over_at is None:
                over_at = now
            is_over = over_at is not None and now - over_at >= dialect.linger_seconds
            if is_over or now - started_at >= BLOCKING_SECONDS:
                return
            if not news.has_more:
                self.pause(LOOK_SECONDS)

    def _look(self, subscription: Subscription, place: Place) -> News:
        with self.database.read() as tx:
            return look(tx, subscription, place, self.limits)


@dataclass(slots=True)
class _Released:
    """A body after whose end, or whose client's, something is given back: once, whatever the server does."""

    body: Iterator[bytes]
    release: Callable[[], None]
    is_closed: bool = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self.body)

    def close(self) -> None:
        """Give it back. Servers call it when they are done with an answer."""
        if not self.is_closed:
            self.is_closed = True
            self.release()
