"""How the webhooks of an application are verified: a scheme together with its secrets, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass, field

from workflowkit.base.errors import InvalidInput, Problem
from workflowkit.webhooks.delivery import Delivery
from workflowkit.webhooks.presets import (
    GITHUB,
    SHOPIFY,
    SLACK,
    Algorithm,
    BasicAuth,
    Encoding,
    Hmac,
    NoVerification,
    Stripe,
    Svix,
    Verification,
)


@dataclass(frozen=True, slots=True)
class Verify:
    """A scheme and the secrets that are in force. Showing it shows no secret."""

    scheme: Verification
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        problems = [
            Problem(f"/secrets/{index}", "invalid-value", fault)
            for index, secret in enumerate(self.secrets)
            if (fault := self.scheme.secret_fault(secret)) is not None
        ]
        if self.scheme.needs_secret and not self.secrets:
            problems.append(Problem("/secrets", "required", "there is nothing to verify with: give a secret"))
        if problems:
            raise InvalidInput(problems)

    def __call__(self, delivery: Delivery, now_ms: int) -> str | None:
        """Return the identity of a genuine delivery, ``None`` if it has none. Raises ``DeliveryRefused``."""
        return self.scheme.verify(delivery, self.secrets, now_ms)


def stripe(*secrets: str) -> Verify:
    """Return the verification of Stripe's webhooks; a secret is the endpoint's ``whsec_…``."""
    return Verify(Stripe(), secrets)


def github(*secrets: str) -> Verify:
    """Return the verification of GitHub's webhooks (``X-Hub-Signature-256``)."""
    return Verify(GITHUB, secrets)


def slack(*secrets: str) -> Verify:
    """Return the verification of Slack's requests; a secret is the app's signing secret."""
    return Verify(SLACK, secrets)


def shopify(*secrets: str) -> Verify:
    """Return the verification of Shopify's webhooks; a secret is the app's client secret."""
    return Verify(SHOPIFY, secrets)


def svix(*secrets: str) -> Verify:
    """Return the verification of Standard Webhooks, as Svix, Clerk and Resend send them (``whsec_…``)."""
    return Verify(Svix(), secrets)


def hmac(
    *secrets: str,
    header: str,
    algorithm: Algorithm = "sha256",
    encoding: Encoding = "hex",
    prefix: str = "",
    timestamp_header: str | None = None,
) -> Verify:
    """Return the verification of any keyed hash in a header; with ``timestamp_header``, of ``<time>.<body>``."""
    scheme = Hmac(
        header.lower(),
        algorithm=algorithm,
        encoding=encoding,
        prefix=prefix,
        timestamp_header=timestamp_header and timestamp_header.lower(),
    )
    return Verify(scheme, secrets)


def basic(*credentials: str) -> Verify:
    """Return the verification by user name and password, each written as ``user:password``."""
    return Verify(BasicAuth(), credentials)


def unverified() -> Verify:
    """Return no verification at all: whoever reaches the URL may send."""
    return Verify(NoVerification())
