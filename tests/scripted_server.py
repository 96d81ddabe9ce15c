"""A real TCP server on 127.0.0.1 that answers HTTP requests with whatever bytes a test wants."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came over the wire; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Script = Callable[[Received], bytes | Iterable[bytes]]


def reply(status: int = 200, body: bytes = b"", /, **headers: str) -> bytes:
    """Return a plain response; ``content_type=...`` becomes the header ``content-type``."""
    head = {"content-length": str(len(body)), **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in head.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


class ScriptedServer:
    """Answers each connection with what ``script`` returns for its request: bytes, or pieces sent one by one.

    Without a script it accepts connections and does nothing with them.
    """

    def __init__(self, script: Script | None = None, *, tls: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self.connections = 0
        self.script, self._tls = script, tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.host}"
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> ScriptedServer:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            if self.script is None:
                connection.close()
        for thread in self._threads:
            thread.join(timeout=5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        if self.script is None:
            return
        try:
            stream = self._tls.wrap_socket(connection, server_side=True) if self._tls else connection
            with contextlib.closing(stream), stream.makefile("rb") as reader:
                request = _read_request(reader.readline, reader.read)
                self.received.append(request)
                answer = self.script(request)
                for piece in [answer] if isinstance(answer, bytes) else answer:
                    stream.sendall(piece)
        except (OSError, ValueError):
            pass  # the client went away, or refused our certificate
        finally:
            connection.close()
            self._open.discard(connection)


def _read_request(readline: Callable[[], bytes], read: Callable[[int], bytes]) -> Received:
    method, target, _ = readline().decode().split(" ")
    headers = {}
    while (line := readline().decode().strip()) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Received(method, target, headers, read(int(headers.get("content-length", 0))))
