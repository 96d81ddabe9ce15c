"""Which IP addresses may be reached.

IPv4 refuses what is listed, IPv6 admits global unicast only and refuses what is listed there. The lists follow IANA's
registries of special-purpose addresses (https://www.iana.org/assignments/iana-ipv4-special-registry/ and
.../iana-ipv6-special-registry/) and name the metadata services of the large clouds. ``ipaddress.is_global`` is asked as
well and never alone: Python 3.11 calls ``64:ff9b::7f00:1``, ``2002:7f00:1::``, ``224.0.0.1`` and ``fec0::1`` global.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network


def _networks(*texts: str) -> tuple[IPNetwork, ...]:
    return tuple(ip_network(text) for text in texts)


#: Refused under every policy.
_NEVER = _networks(
    # metadata and host services of clouds, wherever they lie
    "169.254.0.0/16",  # link-local; 169.254.169.254 nearly everywhere, 169.254.170.2 on ECS
    "168.63.129.16/32",  # Azure's host agent: a public address
    "100.100.100.200/32",  # Alibaba
    "192.0.0.0/24",  # IETF protocol assignments; Oracle's metadata service
    "fd00:ec2::/32",  # AWS
    "fd20:ce::/32",  # Google
    # nobody's address
    "0.0.0.0/8",  # "this network": reaches the local host on Linux
    "192.0.2.0/24",
    "198.51.100.0/24",
    "203.0.113.0/24",  # documentation
    "192.88.99.0/24",  # 6to4 relays
    "198.18.0.0/15",  # benchmarks
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # reserved, broadcast
    # IPv6 that carries another address inside: what is reached is not what is written
    "::/96",  # IPv4-compatible; ``::`` itself (``::1`` is private, below)
    "::ffff:0:0/96",  # IPv4-mapped
    "::ffff:0:0:0/96",  # IPv4-translated
    "64:ff9b::/96",  # NAT64
    "64:ff9b:1::/48",  # local NAT64
    "2001::/23",  # IETF protocol assignments, with Teredo and ORCHID
    "2002::/16",  # 6to4
    "2001:db8::/32",
    "3fff::/20",  # documentation
    "fe80::/10",  # link-local
    "fec0::/10",  # site-local, deprecated
    "ff00::/8",  # multicast
)

#: Refused unless a policy opens them.
_PRIVATE = _networks(
    "10.0.0.0/8",
    "100.64.0.0/10",  # carrier-grade NAT; overlay networks
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "::1/128",
    "fc00::/7",
)

_IPV6_GLOBAL_UNICAST = IPv6Network("2000::/3")
_IPV6_LOOPBACK = IPv6Address("::1")


def refusal(address: IPAddress, *, allow_private: bool, blocked_networks: tuple[str, ...] = ()) -> str | None:
    """Return why ``address`` may not be reached, or ``None`` if it may."""
    if _is_in(address, _parsed(blocked_networks)):
        return "it is in a network that this installation blocks"
    if _is_in(address, _NEVER) and address != _IPV6_LOOPBACK:
        return "it is reserved or belongs to the infrastructure"
    if _is_in(address, _PRIVATE):
        return None if allow_private else "it is a private address"
    if isinstance(address, IPv6Address) and (address not in _IPV6_GLOBAL_UNICAST or address.scope_id is not None):
        return "it is no global unicast address"
    return None if address.is_global else "it is no public address"


def _is_in(address: IPAddress, networks: Iterable[IPNetwork]) -> bool:
    return any(address in network for network in networks)


@cache
def _parsed(networks: tuple[str, ...]) -> tuple[IPNetwork, ...]:
    return _networks(*networks)
