"""A URL, parsed once and strictly; the request is built from the parts, never from the text again.

Parsers disagree on odd URLs, and each disagreement is a way round a guard. So what is odd is refused: user information,
backslashes, white space, control characters, zone ids, percent signs in a host, and every spelling of an IPv4 address
but the dotted one (https://url.spec.whatwg.org/#concept-ipv4-parser lists what browsers and libc accept).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address
from urllib.parse import quote, urljoin, urlsplit

from workflowkit.base.errors import DestinationForbidden
from workflowkit.base.netguard.addresses import IPAddress
from workflowkit.base.netguard.policy import NetworkPolicy

MAX_URL_CHARS = 8 * 1024
MAX_HOST_CHARS = 253

_DEFAULT_PORTS = {"http": 80, "https": 443}
_ODD_CHARACTER = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029\ud800-\udfff]")
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:@%]+)(?::(?P<port>[0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PATH_SAFE = "/%:@!$&'()*+,;=~-._"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a request goes. ``host`` is a lower-case ASCII name, or the text of ``address`` if the URL has one."""

    scheme: str
    host: str
    port: int
    target: str
    address: IPAddress | None

    @property
    def authority(self) -> str:
        """The value of the ``Host`` header."""
        return self._bracketed_host + ("" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}")

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def _bracketed_host(self) -> str:
        return f"[{self.host}]" if isinstance(self.address, IPv6Address) else self.host

    def is_exempt(self, policy: NetworkPolicy) -> bool:
        """Return whether the policy names this host, or this port of it, as one that may be private."""
        return self._bracketed_host in policy.allowed_hosts or self._is_named_with_port(policy)

    def check_port(self, policy: NetworkPolicy) -> None:
        """Raise ``DestinationForbidden`` unless the policy allows the port."""
        if not (policy.allow_private or self.port in policy.ports or self._is_named_with_port(policy)):
            raise DestinationForbidden(f"port {self.port} of {self.host} is not allowed")

    def _is_named_with_port(self, policy: NetworkPolicy) -> bool:
        return f"{self._bracketed_host}:{self.port}" in policy.allowed_hosts

    def follow(self, location: str) -> Destination:
        """Return where a ``Location`` header leads from here."""
        _refuse_odd_characters(location)
        try:
            return parse_url(urljoin(self.url, location))
        except ValueError:
            raise DestinationForbidden("the redirect leads to no valid URL") from None


def parse_url(text: str) -> Destination:
    """Parse an absolute http or https URL. Raises ``DestinationForbidden`` for everything that is odd."""
    _refuse_odd_characters(text)
    try:
        parts = urlsplit(text)
    except ValueError:
        raise DestinationForbidden("the URL is not valid") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise DestinationForbidden("only http and https URLs are allowed")
    if "@" in parts.netloc:
        raise DestinationForbidden("a URL must not carry a user name or password")
    authority = _AUTHORITY.fullmatch(parts.netloc.removesuffix(":"))
    if authority is None:
        raise DestinationForbidden("the URL has no valid host")
    host, address = _parse_host(authority["host"])
    port = int(authority["port"] or _DEFAULT_PORTS[parts.scheme])
    target = quote(parts.path or "/", safe=_PATH_SAFE) + (
        "?" + quote(parts.query, safe=_PATH_SAFE + "?") if parts.query else ""
    )
    if not target.startswith("/"):
        raise DestinationForbidden("the URL is not valid")
    return Destination(parts.scheme, host, port, target, address)


def _refuse_odd_characters(text: str) -> None:
    if len(text) > MAX_URL_CHARS:
        raise DestinationForbidden(f"the URL is longer than {MAX_URL_CHARS} characters")
    # urlsplit drops tabs and line ends without a word, and other parsers read a backslash as a slash.
    if _ODD_CHARACTER.search(text):
        raise DestinationForbidden("the URL contains white space, a control character or a backslash")


def _parse_host(text: str) -> tuple[str, IPAddress | None]:
    if text.startswith("["):
        try:
            address = IPv6Address(text[1:-1])
        except AddressValueError:
            raise DestinationForbidden("the URL's IPv6 address is not valid") from None
        return str(address), address
    host = _ascii_name(text).removesuffix(".")
    labels = host.split(".")
    if _NUMERIC_LABEL.fullmatch(labels[-1]):
        return host, _dotted_ipv4(host)
    if len(host) > MAX_HOST_CHARS or not all(map(_LABEL.fullmatch, labels)):
        raise DestinationForbidden("the URL has no valid host name")
    return host, None


def _ascii_name(text: str) -> str:
    if text.isascii():
        return text.lower()
    import idna  # large tables, for few names

    try:
        # Before the mapping, whose time grows faster than the text.
        if len(text) > MAX_HOST_CHARS:
            raise idna.IDNAError
        return idna.encode(text, uts46=True, std3_rules=True).decode().lower()
    except idna.IDNAError:
        raise DestinationForbidden("the URL's host name is no valid international name") from None


def _dotted_ipv4(host: str) -> IPv4Address:
    try:
        return IPv4Address(host)
    except AddressValueError:
        raise DestinationForbidden("an IPv4 address must be written as four decimal numbers") from None


def parse_address(text: str) -> IPAddress:
    """Parse what a resolver answered."""
    try:
        return ip_address(text)
    except ValueError:
        raise DestinationForbidden("the name has an address that is not valid") from None
