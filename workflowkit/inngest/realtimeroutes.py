"""The realtime of SDKs over HTTP: ``/v1/realtime``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from flask import Flask, Response, request

from workflowkit.base.errors import InvalidInput
from workflowkit.base.jsonvalue import loads_strict
from workflowkit.inngest.answers import error_answer, json_answer, read_body
from workflowkit.inngest.realtime import PIECE_BYTES, RawEvents, Realtime, shown_texts
from workflowkit.inngest.server import AppServer
from workflowkit.streams.handover import PIECES

CONNECT, SSE = "/v1/realtime/connect", "/v1/realtime/sse"
#: Whoever has a token may follow, from any page: the token is all that it takes.
_ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
_STREAMED = "text/stream"


class RealtimeRoutes:
    """The views."""

    def __init__(self, server: AppServer) -> None:
        self._server, self._realtime = server, Realtime(server.parts)

    def add_to(self, app: Flask) -> None:
        """Add the routes."""
        app.add_url_rule("/v1/realtime/token", view_func=self._token, endpoint="realtime.token", methods=["POST"])
        app.add_url_rule("/v1/realtime/publish", view_func=self._publish, endpoint="realtime.publish", methods=["POST"])
        app.add_url_rule("/v1/realtime/publish/tee", view_func=self._tee, endpoint="realtime.tee", methods=["POST"])
        # Browsers ask nothing before these, so nothing is answered there.
        app.add_url_rule(
            CONNECT, view_func=self._connect, endpoint=CONNECT, websocket=True, provide_automatic_options=False
        )
        app.add_url_rule(SSE, view_func=self._sse, endpoint=SSE, provide_automatic_options=False)

    def _token(self) -> Response:
        return json_answer({"jwt": self._realtime.token(read_body(self._server.parts().settings.limits))}, 201)

    def _publish(self) -> Response:
        """Publish the body: JSON, or else text; piece by piece if it is a stream."""
        asked, topics = request.args, request.args.getlist("topic")
        channel, scope = asked.get("channel", ""), self._server.scope_of(asked.get("run_id"))
        if request.mimetype == _STREAMED:
            self._realtime.publish_stream(scope, channel, topics, self._pieces())
            return Response(status=200)
        data, limits = request.get_data(cache=False), self._server.parts().settings.limits
        try:
            value = loads_strict(data, max_bytes=limits.message_bytes, limit="message_bytes")
        except InvalidInput:
            value = data.decode(errors="replace")
        self._realtime.publish(scope, channel, topics, value)
        return Response(status=200)

    def _pieces(self) -> Iterator[bytes]:
        return _pieces(self._server.parts().settings.limits.piece_seconds)

    def _tee(self) -> Response:
        run_id = request.args.get("channel", "")
        self._realtime.tee(self._server.state.scope(run_id), run_id, self._pieces())
        return Response(status=200)

    def _connect(self) -> Response:
        """Turn the request into a WebSocket on which a subscriber is told what is published."""
        from workflowkit.streams.websocket import WebSocketMessages

        subscription, place = self._realtime.subscription(request.args.get("token", ""))
        messages = WebSocketMessages(request.environ, shown_texts)
        body = self._server.parts().streams.websocket(request.environ, subscription, place, messages)
        if body is None:
            message = "this process holds no further WebSocket: serve it with StreamWorker"
            return error_answer(message, 503, "limit-exceeded")
        return Response(body, direct_passthrough=True)

    def _sse(self) -> Response:
        """Answer with what is published, as server-sent events; of a run, with what was passed on before, too."""
        subscription, place = self._realtime.subscription(request.args.get("token", ""))
        if subscription.run_id is not None:
            place = place.at_beginning()
        body = self._server.parts().streams.body(request.environ, subscription, place, RawEvents)
        return Response(body, content_type="text/event-stream", headers={"X-Accel-Buffering": "no", **_ANY_ORIGIN})


def _pieces(idle_seconds: float) -> Iterator[bytes]:
    """Yield the body of the request, each piece as soon as it is there where the server tells them so.

    A client that is gone, or silent for too long, has said everything: some leave their streams open, and each holds a
    thread.
    """
    environ = request.environ
    sock = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    if sock is not None:
        sock.settimeout(idle_seconds)
    pieces = environ.get(PIECES) or iter(lambda: request.stream.read(PIECE_BYTES), b"")
    with suppress(OSError):
        yield from pieces
