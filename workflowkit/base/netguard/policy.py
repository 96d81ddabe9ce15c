"""What an operator may change about outgoing requests."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """Which destinations may be reached, and the bounds of one request.

    The defaults are those for untrusted authors. Metadata services, link-local, multicast and reserved addresses stay
    out of reach under every policy.
    """

    allow_private: bool = False
    """Permit private, loopback and the machine's own addresses, and every port: for development."""
    allowed_hosts: frozenset[str] = frozenset()
    """Hosts that may have private addresses although others may not: ``host``, or ``host:port`` to open that port of
    the host too. Names are compared after normalisation (lower case, IDNA); IPv6 addresses stand in brackets."""
    blocked_networks: tuple[str, ...] = ()
    """Further networks to refuse, such as the installation's own public addresses: ``198.51.100.0/24``."""
    ports: frozenset[int] = frozenset({80, 443, 8080, 8443})
    timeout_seconds: float = 30.0
    """Most time of a request with its redirects, from resolving the name to the last byte. Callers may ask for less."""
    max_redirects: int = 3
    max_request_bytes: int = 4 * _MIB
    max_response_bytes: int = 2 * _MIB
    """Most bytes of a response's body, counted after decompression."""
    max_header_bytes: int = 32 * 1024
    max_headers: int = 100
