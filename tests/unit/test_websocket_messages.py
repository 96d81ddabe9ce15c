"""WebSockets as a stream's way of writing: what is written, and when a client is given up."""

from __future__ import annotations

from typing import Any

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.uri import parse_uri

from workflowkit.base.errors import InvalidInput
from workflowkit.runtime.following import News, Place, Told
from workflowkit.streams.websocket import WebSocketMessages

NEWS = News((Told("message", {"data": 1}, Place(-1, 1)), Told("message", {"data": 2}, Place(-1, 2))), Place(-1, 2))


def environ_of(request: Request) -> dict[str, Any]:
    headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.raw_items()}
    return {"REQUEST_METHOD": "GET", **headers}


def connected() -> tuple[ClientProtocol, WebSocketMessages]:
    client = ClientProtocol(parse_uri("ws://server/v1/realtime/connect"))
    request = client.connect()
    client.send_request(request)
    client.data_to_send()
    messages = WebSocketMessages(environ_of(request), lambda news: [str(told.data["data"]) for told in news.told])
    client.receive_data(messages.opening)
    client.events_received()
    return client, messages


def frames(client: ClientProtocol, data: bytes) -> list[tuple[Opcode, bytes]]:
    client.receive_data(data)
    return [(each.opcode, bytes(each.data)) for each in client.events_received() if isinstance(each, Frame)]


def test_news_are_messages_of_their_own() -> None:
    client, messages = connected()
    assert frames(client, messages.told(NEWS)) == [(Opcode.TEXT, b"1"), (Opcode.TEXT, b"2")]


def test_a_client_that_does_not_answer_a_ping_is_given_up() -> None:
    client, messages = connected()
    assert frames(client, messages.heartbeat()) == [(Opcode.PING, b"")]
    with pytest.raises(ConnectionAbortedError):
        messages.heartbeat()


def test_a_client_that_answers_pings_stays() -> None:
    client, messages = connected()
    for _ in range(3):
        client.receive_data(messages.heartbeat())
        heard = messages.heard(b"".join(client.data_to_send()))
        assert (heard.answer, heard.is_over) == (b"", False)


def test_the_end_is_a_farewell_after_which_nothing_is_told() -> None:
    client, messages = connected()
    ((opcode, data),) = frames(client, messages.end())
    assert (opcode, int.from_bytes(data[:2])) == (Opcode.CLOSE, 1001)
    assert (messages.told(NEWS), messages.end(), messages.heard(b"".join(client.data_to_send())).is_over) == (
        b"", b"", True,
    )  # fmt: skip


def test_nonsense_ends_the_stream() -> None:
    _, messages = connected()
    heard = messages.heard(b"\xff" * 64)
    assert heard.is_over
    assert heard.answer


@pytest.mark.parametrize("missing", ["HTTP_UPGRADE", "HTTP_CONNECTION", "HTTP_SEC_WEBSOCKET_KEY"])
def test_a_request_for_something_else_is_refused(missing: str) -> None:
    environ = environ_of(ClientProtocol(parse_uri("ws://server/")).connect())
    del environ[missing]
    with pytest.raises(InvalidInput):
        WebSocketMessages(environ, lambda _: [])
