"""Streams as messages of a WebSocket (RFC 6455)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from workflowkit.base.errors import InvalidInput, Problem
from workflowkit.runtime.following import News
from workflowkit.streams.dialect import Heard

#: It would tell of each connection.
_log = logging.getLogger(__name__)
_log.setLevel(logging.WARNING)
_SWITCHING, _AWAY = 101, 1001
#: Clients have little to say; more than this in one message ends the stream.
_HEARD_BYTES = 64 * 1024


class WebSocketMessages:
    """Messages of a WebSocket (RFC 6455); ``texts`` returns those that news are told with.

    Raises ``InvalidInput`` for a request that asks for none. What a client says is read for pings and its farewell.
    """

    is_lasting = True
    linger_seconds = 0.0

    def __init__(self, environ: Mapping[str, Any], texts: Callable[[News], Iterable[str]]) -> None:
        self._texts, self._is_pinged = texts, False
        self._protocol = ServerProtocol(max_size=_HEARD_BYTES, logger=_log)
        self._protocol.receive_data(_request_head(environ))
        asked = next((each for each in self._protocol.events_received() if isinstance(each, Request)), None)
        response = None if asked is None else self._protocol.accept(asked)
        if response is None or response.status_code != _SWITCHING:
            raise InvalidInput([Problem("/headers/Upgrade", "required", "here WebSockets are opened")])
        self._protocol.send_response(response)
        #: What is written first.
        self.opening = self._sent()

    def told(self, news: News) -> bytes:
        """Return the messages that news are told with."""
        if self._protocol.state is State.OPEN:
            for text in self._texts(news):
                self._protocol.send_text(text.encode())
        return self._sent()

    def heartbeat(self) -> bytes:
        """Return a ping. Raises ``ConnectionAbortedError`` if nothing came back of the one before."""
        if self._is_pinged:
            raise ConnectionAbortedError("the client does not answer")
        self._is_pinged = True
        if self._protocol.state is State.OPEN:
            self._protocol.send_ping(b"")
        return self._sent()

    def end(self) -> bytes:
        """Return a farewell."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(_AWAY, "the stream has ended")
        return self._sent()

    def heard(self, data: bytes) -> Heard:
        """Return what the protocol answers to a client: to its pings, and to its farewell."""
        self._is_pinged = False
        self._protocol.receive_data(data)
        self._protocol.events_received()  # nobody asked for what it says
        return Heard(self._sent(), self._protocol.state is not State.OPEN)

    def _sent(self) -> bytes:
        return b"".join(self._protocol.data_to_send())


def _request_head(environ: Mapping[str, Any]) -> bytes:
    """Return the head of a request as it came, from what WSGI tells of it."""
    headers = {
        name[5:].replace("_", "-").title(): str(value) for name, value in environ.items() if name.startswith("HTTP_")
    }
    lines = [
        f"{environ.get('REQUEST_METHOD', 'GET')} / HTTP/1.1",
        *(f"{name}: {each}" for name, each in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
