"""A worker of gunicorn's whose streams cost no thread.

gunicorn's own threaded worker occupies a thread for as long as an answer goes on, so a few streams would occupy all.
This one gives the connection away when the answer asks for it (``streams.handover``), and counts it as done. It is what
``workflowkit api`` uses; applications that are served by gunicorn may use it too:

    gunicorn -k workflowkit.streams.webworker.StreamWorker --threads 8 shop:app
"""

from __future__ import annotations

import resource
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from gunicorn.http.body import ChunkedReader
from gunicorn.workers.gthread import ThreadWorker

from workflowkit.streams.handover import CAN_HAND_OVER, PIECES, HandOver

_PIECE_BYTES = 1_024


class StreamWorker(ThreadWorker):
    """The threaded worker, with streams."""

    def init_process(self) -> None:
        """Begin to serve: each stream is an open file, of which systems allow few unless they are asked."""
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the application, and tell it with each request what can be done."""
        super().load_wsgi()
        application: Callable[..., Iterable[bytes]] = self.wsgi

        def told(environ: Any, start_response: Any) -> Iterable[bytes]:
            # Neither TLS nor HTTP/2 can go on without the worker's own objects.
            is_plain = type(environ["gunicorn.socket"]) is socket.socket and environ.get("HTTP_VERSION") != "2"
            environ[CAN_HAND_OVER] = is_plain
            environ[PIECES] = _pieces(environ["wsgi.input"])
            return application(environ, start_response)

        self.wsgi = told

    def handle_request(self, req: Any, conn: Any) -> bool:
        """Answer a request; return whether its connection can be used for another one."""
        try:
            return bool(super().handle_request(req, conn))
        except HandOver as hand_over:
            taken, conn.sock = conn.sock, socket.socket()  # gunicorn closes what it has: a socket of no consequence
            # As gunicorn frames an answer that has no length.
            hand_over.adopt(taken, is_chunked=req.version > (1, 0))
            return False


def _pieces(body: Any) -> Iterator[bytes]:
    """Yield what a client sends as it comes: gunicorn itself waits until it has a kilobyte."""
    reader = body.reader
    if isinstance(reader, ChunkedReader):
        yield from filter(None, reader.parser or ())
        reader.parser = None
    else:
        while piece := body.read(_PIECE_BYTES):
            yield piece
