"""What an installation is told about a webhook, as JSON and as values: verification, senders, events."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from workflowkit.base.errors import InvalidInput, Problem
from workflowkit.definition.model import Json
from workflowkit.definition.patterns import check_listed_name
from workflowkit.webhooks.presets import (
    GITHUB,
    SHOPIFY,
    SLACK,
    BasicAuth,
    Hmac,
    NoVerification,
    Stripe,
    Svix,
    Verification,
)

NAME = re.compile(r"[a-z0-9_-]{1,64}")
#: Names that are words in paths.
RESERVED_NAMES: Final = frozenset({"intent", "templates"})
MAX_SECRETS: Final = 5
MAX_LISTED: Final = 100
MAX_SECRET_CHARS: Final = 1_000

_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,100}")
_PRESETS: Final[Mapping[str, Verification]] = {
    "none": NoVerification(),
    "basic": BasicAuth(),
    "stripe": Stripe(),
    "github": GITHUB,
    "slack": SLACK,
    "shopify": SHOPIFY,
    "svix": Svix(),
}
PRESETS: Final = (*_PRESETS, "hmac")
_HMAC_VALUES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "header": lambda value: isinstance(value, str) and _HEADER_NAME.fullmatch(value) is not None,
    "algorithm": lambda value: value in ("sha256", "sha1", "sha512"),
    "encoding": lambda value: value in ("hex", "base64"),
    "prefix": lambda value: isinstance(value, str) and len(value) <= 100,
    "timestamp_header": lambda value: (
        value is None or (isinstance(value, str) and _HEADER_NAME.fullmatch(value) is not None)
    ),
    "timestamp_prefix": lambda value: isinstance(value, str) and len(value) <= 100,
    "separator": lambda value: isinstance(value, str) and len(value) <= 100,
}


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """A webhook as its owner describes it. ``event_names`` and ``cidrs`` are ``None`` where nothing is restricted."""

    verification: Mapping[str, Json]
    transform: Mapping[str, Json] | None = None
    event_names: tuple[str, ...] | None = None
    cidrs: tuple[str, ...] | None = None
    enabled: bool = True


def parse_verification(value: Json) -> Verification:
    """Return the scheme of ``{"preset": "stripe"}`` or ``{"preset": "hmac", "header": …}``. Raises ``InvalidInput``."""
    preset = value.get("preset") if isinstance(value, dict) else None
    if preset not in PRESETS:
        raise InvalidInput.at("/verification/preset", "invalid-value", f"choose one of {', '.join(PRESETS)}")
    options = {key: option for key, option in value.items() if key != "preset"}
    known = _HMAC_VALUES if preset == "hmac" else {}
    problems = [
        Problem(f"/verification/{key}", "unknown-key", f"the preset {preset} has no such parameter")
        for key in options
        if key not in known
    ]
    problems += [
        Problem(f"/verification/{key}", "invalid-value", "this value is not possible here")
        for key, option in options.items()
        if key in known and not known[key](option)
    ]
    if preset == "hmac" and "header" not in options:
        problems.append(Problem("/verification/header", "missing-key", "name the header that carries the signature"))
    if problems:
        raise InvalidInput(problems)
    if preset != "hmac":
        return _PRESETS[preset]
    named = {key: option.lower() if key.endswith("header") and option else option for key, option in options.items()}
    return Hmac(**named)


def preset_of(scheme: Verification) -> str:
    """Return the name of a scheme that ``parse_verification`` reads."""
    return next((name for name, known in _PRESETS.items() if known == scheme), "hmac")


def name_problems(name: str) -> Iterator[Problem]:
    """Yield why a webhook cannot be called ``name``."""
    if not NAME.fullmatch(name) or name in RESERVED_NAMES:
        yield Problem("/name", "invalid-value", "a name has 1 to 64 of a-z, 0-9, _ and -, and is no reserved word")


def secret_problems(scheme: Verification, secrets: Iterable[str]) -> Iterator[Problem]:
    """Yield what is wrong with the secrets of a webhook."""
    secrets = tuple(secrets)
    if scheme.needs_secret and not secrets:
        yield Problem("/secrets", "required", "this verification needs a secret")
    if len(secrets) > MAX_SECRETS:
        yield Problem("/secrets", "invalid-value", f"up to {MAX_SECRETS} secrets can be in force")
    for index, secret in enumerate(secrets):
        fault = "too long" if len(secret) > MAX_SECRET_CHARS else scheme.secret_fault(secret)
        if fault is not None:
            yield Problem(f"/secrets/{index}", "invalid-value", fault)


def restriction_problems(settings: WebhookSettings) -> Iterator[Problem]:
    """Yield what is wrong with the lists of event names and networks."""
    for field in fields(settings):
        listed = getattr(settings, field.name)
        if isinstance(listed, tuple) and not 1 <= len(listed) <= MAX_LISTED:
            yield Problem(f"/{field.name}", "invalid-value", f"list 1 to {MAX_LISTED} of them, or leave it out")
    for index, pattern in enumerate(settings.event_names or ()):
        if (message := check_listed_name(pattern)) is not None:
            yield Problem(f"/event_names/{index}", "invalid-value", message)
    for index, cidr in enumerate(settings.cidrs or ()):
        try:
            ipaddress.ip_network(cidr)
        except ValueError:
            yield Problem(f"/cidrs/{index}", "invalid-value", "write a network, as 192.0.2.0/24 or 2001:db8::/32")


def allows_address(cidrs: Iterable[str] | None, address: str) -> bool:
    """Return whether a list of networks admits an address; what is no address is in none."""
    if cidrs is None:
        return True
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return any((mapped or found) in ipaddress.ip_network(cidr) for cidr in cidrs)
