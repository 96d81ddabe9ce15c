"""How deliveries of a webhook are verified: one frozen value per scheme.

Each has ``verify(delivery, secrets, now_ms)``, which returns the identity under which a repetition is recognised
(``None`` where the scheme has none) or raises ``DeliveryRefused``. All active secrets count, so that one can be
replaced without a gap. Facts about the schemes: the public documentation of their providers.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from workflowkit.webhooks.delivery import Delivery
from workflowkit.webhooks.signing import DeliveryRefused, Fault, check_is_signed, decode, header, prove, read_time

Algorithm = Literal["sha256", "sha1", "sha512"]
Encoding = Literal["hex", "base64"]

_SVIX_SECRET_PREFIX = "whsec_"  # noqa: S105 - how such a secret begins
_MAX_ID_CHARS = 256


class Verification(Protocol):
    """A scheme of verification."""

    @property
    def needs_secret(self) -> bool:
        """Whether there is nothing to verify with without a secret."""
        ...

    def secret_fault(self, secret: str) -> str | None:
        """Return why ``secret`` cannot be one of this scheme; ``None`` if it can."""
        ...

    def verify(self, delivery: Delivery, secrets: Sequence[str], now_ms: int) -> str | None:
        """Return the delivery's identity. Raises ``DeliveryRefused``."""
        ...


@dataclass(frozen=True, slots=True)
class NoVerification:
    """Whoever knows the URL may send."""

    needs_secret: bool = False

    def secret_fault(self, secret: str) -> str | None:
        return "nothing is verified, so there is no secret"

    def verify(self, delivery: Delivery, secrets: Sequence[str], now_ms: int) -> str | None:
        return None


@dataclass(frozen=True, slots=True)
class BasicAuth:
    """User name and password of HTTP; the secret is ``user:password``."""

    needs_secret: bool = True

    def secret_fault(self, secret: str) -> str | None:
        user, colon, password = secret.partition(":")
        return None if user and colon and password else "write it as user:password"

    def verify(self, delivery: Delivery, secrets: Sequence[str], now_ms: int) -> str | None:
        try:
            scheme, _, text = header(delivery, "authorization").partition(" ")
            if scheme.lower() != "basic":
                raise DeliveryRefused("the credentials are of another kind", Fault.WRONG_PASSWORD)
            given = decode(text.strip(), "base64")
        except DeliveryRefused as error:
            raise DeliveryRefused(error.reason, error.fault, wants_password=True) from error
        matches = [hmac.compare_digest(given, secret.encode()) for secret in secrets]
        if not any(matches):
            raise DeliveryRefused("user name or password are wrong", Fault.WRONG_PASSWORD, wants_password=True)
        return None


@dataclass(frozen=True, slots=True)
class Hmac:
    """A keyed hash of the body in a header, as most providers have it.

    With a ``timestamp_header`` the signed content is ``timestamp_prefix``, that header, ``separator``, the body, and
    the time must be within the tolerance. ``prefix`` is what stands before the hash in its header.
    """

    header: str
    algorithm: Algorithm = "sha256"
    encoding: Encoding = "hex"
    prefix: str = ""
    timestamp_header: str | None = None
    timestamp_prefix: str = ""
    separator: str = "."
    needs_secret: bool = True

    def secret_fault(self, secret: str) -> str | None:
        return None if secret else "a secret has at least one character"

    def verify(self, delivery: Delivery, secrets: Sequence[str], now_ms: int) -> str | None:
        check_is_signed(delivery)
        text = header(delivery, self.header)
        if not text.startswith(self.prefix):
            raise DeliveryRefused(f"{self.header} does not begin with {self.prefix}")
        signature = decode(text[len(self.prefix) :], self.encoding)
        content = delivery.raw
        if self.timestamp_header is not None:
            time = read_time(header(delivery, self.timestamp_header), now_ms)
            content = f"{self.timestamp_prefix}{time}{self.separator}".encode() + content
        return prove(content, [signature], [secret.encode() for secret in secrets], self.algorithm)


@dataclass(frozen=True, slots=True)
class Stripe:
    """``Stripe-Signature: t=<seconds>,v1=<hex>,v1=<hex>``, over the time, a dot and the body."""

    needs_secret: bool = True

    def secret_fault(self, secret: str) -> str | None:
        return None if secret else "a secret has at least one character"

    def verify(self, delivery: Delivery, secrets: Sequence[str], now_ms: int) -> str | None:
        check_is_signed(delivery)
        pairs = [part.strip().partition("=") for part in header(delivery, "stripe-signature").split(",")]
        if any(not equals for _, equals, _ in pairs):
            raise DeliveryRefused("the header is not a list of key=value")
        times = [value for key, _, value in pairs if key == "t"]
        if len(times) != 1:
            # Two times: one for the signature, another for the tolerance.
            raise DeliveryRefused("the time must be there once")
        time = read_time(times[0], now_ms)
        signatures = [decode(value, "hex") for key, _, value in pairs if key == "v1"]
        return prove(f"{time}.".encode() + delivery.raw, signatures, [secret.encode() for secret in secrets])


@dataclass(frozen=True, slots=True)
class Svix:
    """Svix and Standard Webhooks (Clerk, Resend and others): id, time and body, with a secret ``whsec_<base64>``."""

    needs_secret: bool = True

    def secret_fault(self, secret: str) -> str | None:
        try:
            _svix_key(secret)
        except ValueError:
            return f"write it as {_SVIX_SECRET_PREFIX} and base64, as the provider shows it"
        return None

    def verify(self, delivery: Delivery, secrets: Sequence[str], now_ms: int) -> str | None:
        check_is_signed(delivery)
        family = "svix" if "svix-id" in delivery.headers else "webhook"
        message_id = header(delivery, f"{family}-id")
        if len(message_id) > _MAX_ID_CHARS or "." in message_id:
            # A dot would let one signature stand for another split of id and time.
            raise DeliveryRefused("the id is not one")
        time = read_time(header(delivery, f"{family}-timestamp"), now_ms)
        pairs = [part.partition(",") for part in header(delivery, f"{family}-signature").split()]
        signatures = [decode(value, "base64") for version, _, value in pairs if version == "v1"]
        content = f"{message_id}.{time}.".encode() + delivery.raw
        return prove(content, signatures, [_svix_key(secret) for secret in secrets])


def _svix_key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_SVIX_SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError(secret[:6]) from error
    if not key:
        raise ValueError("empty")
    return key


GITHUB = Hmac("x-hub-signature-256", prefix="sha256=")
SHOPIFY = Hmac("x-shopify-hmac-sha256", encoding="base64")
SLACK = Hmac(
    "x-slack-signature", prefix="v0=", timestamp_header="x-slack-request-timestamp", timestamp_prefix="v0:",
    separator=":",
)  # fmt: skip


def challenge_of(scheme: Verification, delivery: Delivery) -> str | None:
    """Return what Slack wants to have repeated when its user enters the URL; ``None`` for everything else.

    Raises what reading the body raises. Ask only once the delivery is verified.
    """
    if scheme is not SLACK or not isinstance(body := delivery.body, dict) or body.get("type") != "url_verification":
        return None
    challenge = body.get("challenge")
    return challenge if isinstance(challenge, str) else None
