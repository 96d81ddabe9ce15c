"""Webhooks that a provider asks for: it sends a person to us, who approves, and gets the new URL in return.

Whoever gets that URL may start workflows. So it goes to addresses that the operator has listed and to no other: a link
with somebody else's address in it must be refused before a person can be talked into approving it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from workflowkit.base.errors import Conflict, Forbidden, InvalidInput

_NOT_IN_NAMES = re.compile(r"[^a-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class IntentRequest:
    """A provider's wish, whose address is one of the allowed ones. ``webhook`` is the name the webhook would get."""

    name: str
    webhook: str
    redirect_uri: str
    redirect_host: str

    @classmethod
    def checked(cls, name: str, redirect_uri: str, *, allowed: Collection[str]) -> IntentRequest:
        """Return the wish. Raises ``Forbidden`` for an address that is not listed, ``InvalidInput`` for a bad name."""
        # As a whole: no prefixes, no patterns, and no normalisation in which two readers could differ.
        if redirect_uri not in allowed:
            raise Forbidden("this redirect_uri is not allowed here")
        webhook = _NOT_IN_NAMES.sub("-", name.lower()).strip("-")
        if not webhook:
            raise InvalidInput.at("/name", "invalid-value", "a name has letters or digits")
        return cls(name, webhook, redirect_uri, urlsplit(redirect_uri).netloc)

    def as_dict(self) -> dict[str, str]:
        return {
            "name": self.name,
            "webhook": self.webhook,
            "redirect_uri": self.redirect_uri,
            "redirect_host": self.redirect_host,
        }


def approved_location(intent: IntentRequest, public_url: str | None) -> Callable[[str], str]:
    """Return what makes the provider's address out of a webhook's token. Raises ``Conflict`` without a public URL."""
    if public_url is None:
        raise Conflict("the server does not know how it is reached from outside: set WORKFLOWKIT_PUBLIC_URL")
    joint = "&" if urlsplit(intent.redirect_uri).query else "?"
    return lambda token: f"{intent.redirect_uri}{joint}{urlencode({'url': f'{public_url}/w/{token}'})}"
