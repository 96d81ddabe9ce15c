"""Signed tokens: claims that a client carries for a while, and that only this installation can have written.

``<base64url of canonical JSON>.<signature>``. Nothing is stored, so a token cannot be called back: it is good until it
expires, or until the key that signed it is dropped. Who reads one names its purpose; the signatures of one purpose are
worth nothing for another. The claims are not secret.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from workflowkit.base import jsonvalue
from workflowkit.base.clock import Clock
from workflowkit.base.errors import InvalidInput, LimitExceeded
from workflowkit.base.jsonvalue import Json
from workflowkit.base.secrets import Keyring

#: The claim that holds when a token ends, in milliseconds since the epoch.
EXPIRES = "expires_at_ms"
#: Longer ones are no longer fit for a header or an address.
MAX_TOKEN_LENGTH = 4096
_SHAPE = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class Tokens:
    """Writes and reads tokens under the keys of ``keyring``; the first of them signs, all are recognised."""

    keyring: Keyring = field(repr=False)
    clock: Clock

    def mint(self, purpose: str, claims: Mapping[str, Json], *, ttl_seconds: float) -> str:
        """Return a token for ``purpose`` that is good for ``ttl_seconds``.

        Raises ``ValueError`` if it would never be good, or too long to be sent.
        """
        if ttl_seconds <= 0:
            raise ValueError("a token must be good for a while: ttl_seconds > 0")
        expires_at_ms = self.clock.now_ms() + int(ttl_seconds * 1000)
        text = jsonvalue.canonical({**claims, EXPIRES: expires_at_ms})
        payload = base64.urlsafe_b64encode(text).decode().rstrip("=")
        token = f"{payload}.{self.keyring.sign(payload, purpose)}"
        if len(token) > MAX_TOKEN_LENGTH:
            raise ValueError(f"the claims of a token are too long: {len(token)} of {MAX_TOKEN_LENGTH} characters")
        return token

    def read(self, purpose: str, token: str) -> dict[str, Json] | None:
        """Return the claims of a token that was written for ``purpose`` and is still good; else ``None``."""
        found = _SHAPE.fullmatch(token) if len(token) <= MAX_TOKEN_LENGTH else None
        if found is None or not self.keyring.has_signed(found[2], found[1], purpose):
            return None
        claims = _claims(found[1])
        return claims if claims is not None and claims[EXPIRES] > self.clock.now_ms() else None


def _claims(payload: str) -> dict[str, Json] | None:
    try:
        text = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        claims = jsonvalue.loads_strict(text, max_bytes=MAX_TOKEN_LENGTH)
    except (binascii.Error, InvalidInput, LimitExceeded):
        return None  # signed by us, but under a purpose of the same name that meant something else
    return claims if isinstance(claims, dict) and isinstance(claims.get(EXPIRES), int) else None
