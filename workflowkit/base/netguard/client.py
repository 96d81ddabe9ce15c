"""The one way out: a guarded request with its redirects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from workflowkit.base.clock import monotonic_seconds
from workflowkit.base.errors import DestinationForbidden, LimitExceeded, NonRetriableError
from workflowkit.base.netguard.destination import Destination, parse_url
from workflowkit.base.netguard.exchange import METHODS, GuardedResponse, Means, Outgoing, check_headers, exchange
from workflowkit.base.netguard.policy import NetworkPolicy

if TYPE_CHECKING:
    import ssl

    from workflowkit.base.netguard.dialing import Resolver

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: What may follow a redirect to another origin. A list of what is harmless: credentials hide in headers of any name.
_HARMLESS_HEADERS = frozenset({"accept", "accept-language", "content-type", "user-agent"})


def request(
    method: str,
    url: str,
    *,
    policy: NetworkPolicy,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout_seconds: float | None = None,
    follow_redirects: bool = True,
    resolver: Resolver | None = None,
    stopwatch: Callable[[], float] = monotonic_seconds,
    tls: Callable[[], ssl.SSLContext] | None = None,
) -> GuardedResponse:
    """Send one request on behalf of somebody who is not trusted, and return the whole response, whatever its status.

    The time of everything together is the smaller of ``timeout_seconds`` and the policy's. Raises
    ``DestinationForbidden`` (URL, port, address or redirect not allowed), ``ActionTimeout``, ``LimitExceeded`` (size of
    request or response, headers, redirects), ``NonRetriableError`` (a method or header that may not be sent) and
    ``ActionError`` (network or protocol failure; worth another try).
    """
    if method not in METHODS:
        raise NonRetriableError(f"the method must be one of {', '.join(sorted(METHODS))}")
    if body is not None and len(body) > policy.max_request_bytes:
        raise LimitExceeded("max_request_bytes", policy.max_request_bytes, len(body))
    outgoing = Outgoing(method, check_headers(headers or {}), body)
    destination = parse_url(url)

    from workflowkit.base.netguard.dialing import Deadline, default_tls, system_resolver

    seconds = policy.timeout_seconds if timeout_seconds is None else min(timeout_seconds, policy.timeout_seconds)
    means = Means(policy, Deadline(seconds, stopwatch), resolver or system_resolver, tls or default_tls)
    for _ in range(policy.max_redirects + 1):
        response = exchange(destination, outgoing, means)
        location = response.headers.get("location")
        if not follow_redirects or response.status not in _REDIRECTS or location is None:
            return response
        next_destination = destination.follow(location)
        outgoing = _redirected(outgoing, response.status, destination, next_destination)
        destination = next_destination
    raise LimitExceeded("max_redirects", policy.max_redirects)


def _redirected(outgoing: Outgoing, status: int, source: Destination, target: Destination) -> Outgoing:
    """Return the request to send after a redirect (RFC 9110, section 15.4)."""
    if source.scheme == "https" and target.scheme == "http":
        raise DestinationForbidden(f"the redirect from {source.host} leaves https")
    method, headers, body = outgoing.method, dict(outgoing.headers), outgoing.body
    if (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST"):
        method, body = "GET", None
        headers = {name: value for name, value in headers.items() if not name.startswith("content-")}
    if source.origin != target.origin:
        headers = {name: value for name, value in headers.items() if name in _HARMLESS_HEADERS}
    return Outgoing(method, headers, body)
