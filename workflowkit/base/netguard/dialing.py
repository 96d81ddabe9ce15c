"""Resolving a name once, connecting to one of its checked addresses, and a stream that waits until one deadline only.

Imported on the first request only: it needs httpcore, which takes a tenth of a second to load.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from typing import Any, TypeVar

import certifi
import httpcore

from workflowkit.base.errors import ActionError, ActionTimeout, DestinationForbidden, LimitExceeded
from workflowkit.base.netguard.addresses import IPAddress, refusal
from workflowkit.base.netguard.destination import Destination, parse_address
from workflowkit.base.netguard.policy import NetworkPolicy

#: Given a host and a port, return the host's addresses as text, best first; raises ``OSError`` if there are none.
Resolver = Callable[[str, int], Sequence[str]]

_Argument = TypeVar("_Argument")
_Result = TypeVar("_Result")

MAX_ADDRESSES_TRIED = 4
_WRITE_CHUNK_BYTES = 64 * 1024


class Deadline:
    """A moment on the monotonic stopwatch by which everything must be done."""

    __slots__ = ("_at", "_stopwatch")

    def __init__(self, seconds: float, stopwatch: Callable[[], float]) -> None:
        self._stopwatch = stopwatch
        self._at = stopwatch() + seconds

    def remaining_seconds(self) -> float:
        """Return the time left, always positive. Raises ``ActionTimeout`` when there is none."""
        left = self._at - self._stopwatch()
        if left <= 0:
            raise ActionTimeout("the request took longer than its deadline allows")
        return left


def system_resolver(host: str, port: int) -> list[str]:
    """Ask the operating system."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def checked_addresses(
    destination: Destination, policy: NetworkPolicy, resolver: Resolver, deadline: Deadline
) -> list[IPAddress]:
    """Return the destination's addresses. Raises ``DestinationForbidden`` if any one of them may not be reached.

    One bad address among good ones is refused too: that mixture is how a name is made to pass a check and then to point
    elsewhere.
    """
    if destination.address is not None:
        found = [destination.address]
    else:
        found = [parse_address(text) for text in _resolve_in_time(resolver, destination, deadline)]
    allow_private = policy.allow_private or destination.is_exempt(policy)
    for address in found:
        reason = refusal(address, allow_private=allow_private, blocked_networks=policy.blocked_networks)
        if reason is None and not allow_private and _is_of_this_machine(address):
            reason = "it belongs to this machine"
        if reason is not None:
            # The address itself stays unsaid: it would turn the guard into a map of the internal name server.
            raise DestinationForbidden(f"the address of {destination.host} may not be reached: {reason}")
    return found


def connect(
    destination: Destination, addresses: Iterable[IPAddress], deadline: Deadline, *, max_read_bytes: int
) -> DeadlineStream:
    """Return a stream to the first of the checked ``addresses`` that answers. No name is resolved here."""
    candidates, failure = list(addresses)[:MAX_ADDRESSES_TRIED], ""
    for left, address in zip(range(len(candidates), 0, -1), candidates, strict=True):
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            # An address that swallows packets must not use up the time of the next one.
            connection.settimeout(deadline.remaining_seconds() / left)
            # SAFETY: S3 — the checked number, never the name.
            connection.connect((str(address), destination.port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            connection.close()
            failure = error.strerror or "no answer in time"
        except BaseException:
            connection.close()
            raise
        else:
            return DeadlineStream(connection, deadline, max_read_bytes)
    deadline.remaining_seconds()
    raise ActionError(f"cannot connect to {destination.host} port {destination.port}: {failure}")


@cache
def default_tls() -> ssl.SSLContext:
    """Return the context that trusts the system's authorities (or ``SSL_CERT_FILE``) and certifi's."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


class DeadlineStream(httpcore.NetworkStream):
    """A socket on which the whole exchange, not each read, has a time limit, and a limit of bytes read.

    Raises ``ActionTimeout`` and ``LimitExceeded`` straight through httpcore; its own timeouts are not used.
    """

    def __init__(self, connection: socket.socket, deadline: Deadline, max_read_bytes: int) -> None:
        self._socket = connection
        self._deadline = deadline
        self._max_read_bytes = max_read_bytes
        self._read_bytes = 0

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._in_time(httpcore.ReadError, self._socket.recv, max_bytes)
        self._read_bytes += len(data)
        if self._read_bytes > self._max_read_bytes:
            raise LimitExceeded("response_wire_bytes", self._max_read_bytes)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        view = memoryview(buffer)
        while view:
            sent = self._in_time(httpcore.WriteError, self._socket.send, view[:_WRITE_CHUNK_BYTES])
            view = view[sent:]

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> DeadlineStream:
        """Return the encrypted stream; ``server_hostname`` is sent as SNI and must be in the certificate."""
        wrap = partial(ssl_context.wrap_socket, server_hostname=server_hostname)
        wrapped = self._in_time(httpcore.ConnectError, wrap, self._socket)
        return DeadlineStream(wrapped, self._deadline, self._max_read_bytes)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()

    def get_extra_info(self, info: str) -> Any:
        return None

    def _in_time(
        self, failure: type[Exception], operation: Callable[[_Argument], _Result], argument: _Argument
    ) -> _Result:
        self._socket.settimeout(self._deadline.remaining_seconds())
        try:
            return operation(argument)
        except TimeoutError:
            raise ActionTimeout("the request took longer than its deadline allows") from None
        except OSError as error:
            raise failure(error.strerror or str(error)) from error


def _resolve_in_time(resolver: Resolver, destination: Destination, deadline: Deadline) -> Sequence[str]:
    # getaddrinfo has no timeout of its own: it waits on a thread that may be left behind, and ends by itself.
    answers: queue.SimpleQueue[Sequence[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolver(destination.host, destination.port))
        except Exception as error:
            answers.put(error)

    threading.Thread(target=ask, name="netguard-resolver", daemon=True).start()
    try:
        answer = answers.get(timeout=deadline.remaining_seconds())
    except queue.Empty:
        raise ActionTimeout(f"the name server did not answer for {destination.host} in time") from None
    if isinstance(answer, OSError | UnicodeError) or not answer:
        raise ActionError(f"cannot find the host {destination.host}")
    if isinstance(answer, Exception):
        raise answer
    return answer


def _is_of_this_machine(address: IPAddress) -> bool:
    """Return whether packets to ``address`` would not leave the machine; sends nothing."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        # Connecting a datagram socket only asks the routing table, which answers an own address with itself.
        probe.connect((str(address), 9))
        return bool(parse_address(probe.getsockname()[0]) == address)
    return False
