"""Sockets to serve on, opened before anything slow happens: who connects early waits instead of being refused."""

from __future__ import annotations

import errno
import ipaddress
import socket
from urllib.parse import urlsplit

from workflowkit.cli.output import Failure, Invalid

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8288
_BACKLOG, _MOST_PORT = 512, 65_535


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one. Raises ``Failure`` naming the address that is taken."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        raise Invalid(f"{host} is no address of this machine: {error.strerror}") from error
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise Failure(
                f"port {port} is taken; choose another one: --port {port + 1}, or 0 for a free one"
            ) from error
        raise Failure(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listener


def listen_beside(url: str) -> socket.socket:
    """Return a listening socket at the host of a server's address: on the next port, or a free one if that is taken."""
    parts = urlsplit(url)
    host, port = parts.hostname or DEFAULT_HOST, parts.port or DEFAULT_PORT
    try:
        return listen(host, next_port(port))
    except Failure:
        return listen(host, 0)


def next_port(port: int) -> int:
    """Return the port after one, or 0, which means a free one, where there is none."""
    return port + 1 if 0 < port < _MOST_PORT else 0


def url_of(listener: socket.socket) -> str:
    """Return the address at which a listening socket is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def check_loopback(host: str) -> None:
    """Raise ``Invalid`` unless only this machine can reach a server on ``host``."""
    try:
        is_loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise Invalid(
            f"--host {host}: a dev server asks for no keys, so it serves this machine only; for others there is "
            "`workflowkit start`"
        )
