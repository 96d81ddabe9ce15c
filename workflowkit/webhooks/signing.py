"""Keyed hashes of deliveries: what a signature is made of, and how one is compared.

Every function here either proves that whoever sent the bytes knows a secret, or raises ``DeliveryRefused``; there is no
third outcome, and what an attacker controls (headers) is held against a strict form before it is used.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from typing import Final

from workflowkit.base.errors import Unauthenticated
from workflowkit.webhooks.delivery import Delivery

#: How far the time in a signature may be from ours, before and after.
TOLERANCE_SECONDS = 300
#: Providers send one signature per active secret; more than a handful is an attempt to make us work.
MAX_SIGNATURES = 16

_DIGITS = re.compile(r"[0-9]{1,12}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


class Fault:
    """Why a delivery is refused, as its webhook's owner is told."""

    MISSING_SIGNATURE: Final = "missing-signature"
    MALFORMED_SIGNATURE: Final = "malformed-signature"
    WRONG_SIGNATURE: Final = "wrong-signature"
    STALE_SIGNATURE: Final = "stale-signature"
    WRONG_PASSWORD: Final = "wrong-password"  # noqa: S105 - no password
    UNSIGNED_METHOD: Final = "unsigned-method"
    SENDER_NOT_ALLOWED: Final = "sender-not-allowed"


class DeliveryRefused(Unauthenticated):
    """A delivery is not from whom it should be. The message tells the sender nothing; ``reason`` is for our log.

    ``fault`` is a code for it. ``wants_password``: user name and password are asked for, which some providers send only
    then.
    """

    def __init__(self, reason: str, fault: str = Fault.MALFORMED_SIGNATURE, *, wants_password: bool = False) -> None:
        super().__init__("the delivery was refused")
        self.reason = reason
        self.fault = fault
        self.wants_password = wants_password


def header(delivery: Delivery, name: str) -> str:
    """Return a header that must be there. Raises ``DeliveryRefused``."""
    value = delivery.headers.get(name.lower())
    if not value:
        raise DeliveryRefused(f"there is no header {name}", Fault.MISSING_SIGNATURE)
    return value


def check_is_signed(delivery: Delivery) -> None:
    """Refuse a request whose meaning lies outside of what signatures cover: theirs is the body."""
    if delivery.method not in ("POST", "PUT"):
        raise DeliveryRefused(f"{delivery.method} has no signed body", Fault.UNSIGNED_METHOD)


def read_time(text: str, now_ms: int) -> str:
    """Return the time of a signature as it was written, if it is within the tolerance. Raises ``DeliveryRefused``."""
    if not _DIGITS.fullmatch(text):
        raise DeliveryRefused("the time is not a whole number of seconds")
    # SAFETY: S16 — both ways: a time from the future would outlive the memory of replays.
    if abs(int(text) * 1000 - now_ms) > TOLERANCE_SECONDS * 1000:
        raise DeliveryRefused("the time is too far from ours", Fault.STALE_SIGNATURE)
    return text


def decode(text: str, encoding: str) -> bytes:
    """Return the bytes of a signature in ``hex`` or ``base64``. Raises ``DeliveryRefused``."""
    pattern = _HEX if encoding == "hex" else _BASE64
    if not pattern.fullmatch(text):
        raise DeliveryRefused(f"a signature is not {encoding}")
    try:
        return bytes.fromhex(text) if encoding == "hex" else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise DeliveryRefused(f"a signature is not {encoding}") from None


def prove(content: bytes, given: Sequence[bytes], secrets: Iterable[bytes], algorithm: str = "sha256") -> str:
    """Return the identity of signed ``content``, if one of the signatures is that of one of the secrets.

    The identity is that of the content: whoever leaves out one of several signatures, or writes one differently, still
    repeats the same delivery. Raises ``DeliveryRefused``.
    """
    if not 1 <= len(given) <= MAX_SIGNATURES:
        raise DeliveryRefused("there is no signature, or there are too many")
    # SAFETY: S16 — constant time, and every pair is compared: how long it takes tells nothing.
    matches = [
        hmac.compare_digest(hmac.digest(secret, content, algorithm), signature)
        for secret in secrets
        for signature in given
    ]
    if not any(matches):
        raise DeliveryRefused("no signature matches", Fault.WRONG_SIGNATURE)
    return hashlib.sha256(content).hexdigest()
