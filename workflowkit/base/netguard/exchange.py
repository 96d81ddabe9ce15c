"""One request on one connection, and its response within bounds."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workflowkit.base.errors import ActionError, LimitExceeded, NonRetriableError
from workflowkit.base.netguard.destination import Destination
from workflowkit.base.netguard.policy import NetworkPolicy

if TYPE_CHECKING:
    import ssl

    from workflowkit.base.netguard.dialing import Deadline, Resolver

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
USER_AGENT = "workflowkit"

#: Set here, or about the connection itself; a caller's value would only confuse whoever reads the message on the way.
_OWN_HEADERS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
_METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_DECOMPRESS_CHUNK_BYTES = 64 * 1024
#: Framing, headers and interim responses may take as much again as the body, and this.
_WIRE_ALLOWANCE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class GuardedResponse:
    """A whole response. Header names are lower-case, repeated ones joined by ``", "``; ``body`` is decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request, as it is put on the wire but for the headers that the connection decides."""

    method: str
    headers: Mapping[str, str]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Means:
    """What one guarded request uses: its policy, its deadline, and how names are resolved and peers verified."""

    policy: NetworkPolicy
    deadline: Deadline
    resolver: Resolver
    tls: Callable[[], ssl.SSLContext]


def check_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the caller's headers with lower-case names. Raises ``NonRetriableError`` for what may not be sent."""
    checked = {}
    for name, value in headers.items():
        lowered = name.lower()
        if _HEADER_NAME.fullmatch(name) is None or lowered in _OWN_HEADERS or lowered.startswith("proxy-"):
            raise NonRetriableError(f"the header {name[:80]!a} may not be set")
        if _HEADER_VALUE.fullmatch(value) is None:
            raise NonRetriableError(f"the value of the header {name} contains a character that headers cannot carry")
        checked[lowered] = value.strip()
    return checked


def exchange(destination: Destination, outgoing: Outgoing, means: Means) -> GuardedResponse:
    """Send one request and read its response; follow nothing. Raises as ``netguard.request`` does."""
    import httpcore

    from workflowkit.base.netguard import dialing

    policy, deadline = means.policy, means.deadline
    destination.check_port(policy)
    addresses = dialing.checked_addresses(destination, policy, means.resolver, deadline)
    max_read_bytes = 2 * policy.max_response_bytes + _WIRE_ALLOWANCE_BYTES
    stream = dialing.connect(destination, addresses, deadline, max_read_bytes=max_read_bytes)
    try:
        if destination.scheme == "https":
            stream = stream.start_tls(means.tls(), destination.host)
        url = httpcore.URL(
            scheme=destination.scheme, host=destination.host, port=destination.port, target=destination.target
        )
        connection = httpcore.HTTP11Connection(url.origin, stream)
        wire_headers = _wire_headers(destination, outgoing)
        with connection.stream(outgoing.method, url, headers=wire_headers, content=outgoing.body) as response:
            if response.status < 200:
                raise ActionError(f"{destination.host} answered with the protocol switch {response.status}")
            headers = _bounded_headers(response.headers, policy)
            chunks = _decoded(response.iter_stream(), headers.get("content-encoding", ""), destination.host)
            body = _bounded_body(chunks, policy.max_response_bytes)
        return GuardedResponse(response.status, headers, body, destination.url)
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise ActionError(f"the exchange with {destination.host} failed: {error}") from error
    finally:
        stream.close()


def _wire_headers(destination: Destination, outgoing: Outgoing) -> list[tuple[bytes, bytes]]:
    headers = {
        "host": destination.authority,
        "user-agent": USER_AGENT,
        "accept": "*/*",
        "accept-encoding": "gzip, deflate",
        **outgoing.headers,
        "connection": "close",
    }
    if outgoing.body is not None or outgoing.method in _METHODS_WITH_BODY:
        headers["content-length"] = str(len(outgoing.body or b""))
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _bounded_headers(raw: Sequence[tuple[bytes, bytes]], policy: NetworkPolicy) -> dict[str, str]:
    if len(raw) > policy.max_headers:
        raise LimitExceeded("max_headers", policy.max_headers, len(raw))
    size_bytes = sum(len(name) + len(value) for name, value in raw)
    if size_bytes > policy.max_header_bytes:
        raise LimitExceeded("max_header_bytes", policy.max_header_bytes, size_bytes)
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("ascii").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _bounded_body(chunks: Iterable[bytes], max_bytes: int) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > max_bytes:
            raise LimitExceeded("max_response_bytes", max_bytes)
    return bytes(body)


def _decoded(chunks: Iterable[bytes], encoding: str, host: str) -> Iterator[bytes]:
    """Yield the body in small pieces, so that whoever counts them can stop before a bomb has gone off."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        yield from chunks
    elif encoding in ("gzip", "x-gzip", "deflate"):
        try:
            yield from _inflated(chunks, is_gzip=encoding != "deflate")
        except zlib.error as error:
            raise ActionError(f"{host} sent a body that is not {encoding}") from error
    else:
        raise ActionError(f"{host} sent the content encoding {encoding[:40]!a}, which was not asked for")


def _inflated(chunks: Iterable[bytes], *, is_gzip: bool) -> Iterator[bytes]:
    inflater = None
    for chunk in chunks:
        data = chunk
        while data:
            if inflater is None or inflater.eof:
                inflater = zlib.decompressobj(_window_bits(data, is_gzip))
            yield inflater.decompress(data, _DECOMPRESS_CHUNK_BYTES)
            data = inflater.unused_data or inflater.unconsumed_tail
            if inflater.eof and not is_gzip:
                return
    if inflater is not None and not inflater.eof:
        raise zlib.error("incomplete")


def _window_bits(data: bytes, is_gzip: bool) -> int:
    if is_gzip:
        return zlib.MAX_WBITS | 16
    # "deflate" means zlib (RFC 9110, section 8.4.1.2), but some servers send the bare stream; zlib starts with 0x?8.
    return zlib.MAX_WBITS if data[0] & 0x0F == 8 else -zlib.MAX_WBITS
