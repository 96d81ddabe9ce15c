"""Calls to apps: one HTTP request through the guard, signed, and the reply as it came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workflowkit.base.errors import LimitExceeded, NonRetriableError, Unauthenticated
from workflowkit.base.ids import new_id
from workflowkit.base.jsonvalue import size_bytes
from workflowkit.base.limits import Limits
from workflowkit.base.netguard import NetworkPolicy, request
from workflowkit.base.settings import Settings
from workflowkit.inngest.canonical import canonical_json
from workflowkit.inngest.replies import RawReply, failure
from workflowkit.inngest.signing import SIGNATURE_HEADER, SigningKeys, sign

#: What the spelling for signatures may add to a payload.
_ROOM_BYTES = 1_024
_REFUSED = frozenset({401, 403})


def keys_of(settings: Settings) -> SigningKeys:
    """Return the signing keys of an installation."""
    return SigningKeys(settings.signing_key, settings.signing_key_fallback)


@dataclass(frozen=True, slots=True)
class AppClient:
    """Calls apps. Without ``keys`` it calls nobody, unless ``is_dev``."""

    keys: SigningKeys
    is_dev: bool
    policy: NetworkPolicy
    limits: Limits
    now_ms: Callable[[], int]

    @classmethod
    def of(cls, settings: Settings, now_ms: Callable[[], int]) -> AppClient:
        """Return the client of an installation."""
        limits = settings.limits
        policy = NetworkPolicy(
            allow_private=settings.dev_apps or settings.allow_private_networks,
            timeout_seconds=limits.remote_call_seconds,
            max_request_bytes=limits.remote_request_bytes,
            max_response_bytes=limits.remote_reply_bytes,
        )
        return cls(keys_of(settings), settings.dev_apps, policy, limits, now_ms)

    def fits(self, payload: Any) -> bool:
        """Tell whether a payload is not too large for one call."""
        return size_bytes(payload) <= self.limits.remote_request_bytes - _ROOM_BYTES

    def send(self, method: str, url: str, payload: Any, headers: dict[str, str]) -> RawReply:
        """Send a payload; return the reply, whatever it says.

        An app that refuses the signature is called once more with the other key. Raises what ``netguard`` raises,
        ``NonRetriableError`` without a key, ``AttemptFailed`` for a reply that is too large or wrongly signed.
        """
        body = canonical_json(payload)
        return self.send_bytes(method, url, body, {"Content-Type": "application/json", **headers}, signed=body)

    def send_bytes(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], *, signed: bytes
    ) -> RawReply:
        """Send a body as it is; the signature is that of ``signed``. Raises what ``send`` raises."""
        keys: tuple[str | None, ...] = self.keys.all
        if not keys:
            # SAFETY: fail closed: outside of development an app must be able to tell who calls it.
            if not self.is_dev:
                raise NonRetriableError("set WORKFLOWKIT_SIGNING_KEY: apps are not called without a signature")
            keys = (None,)
        for key in keys:
            reply = self._exchange(method, url, body, self._signed(headers, signed, key))
            self._check_signature(reply, key)
            if reply.status not in _REFUSED:
                break
        return reply

    def _signed(self, headers: dict[str, str], signed: bytes, key: str | None) -> dict[str, str]:
        now_ms = self.now_ms()
        sent = {
            "User-Agent": "Inngest",
            "X-Inngest-Server-Kind": "dev" if self.is_dev else "cloud",
            "X-Request-Id": new_id(now_ms),
            **headers,
        }
        return sent if key is None else {**sent, SIGNATURE_HEADER: sign(key, signed, now_ms // 1000)}

    def _exchange(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> RawReply:
        try:
            response = request(method, url, policy=self.policy, headers=headers, body=body)
        except LimitExceeded as error:
            raise failure("ReplyTooLarge", f"the exchange with the app: {error.message}", error.code, is_final=True)  # noqa: B904 - says it all
        return RawReply(response.status, response.headers, response.body)

    def _check_signature(self, reply: RawReply, key: str | None) -> None:
        """Hold a reply that is signed against its signature; SDKs that do not sign replies are taken as they are."""
        signature = reply.headers.get(SIGNATURE_HEADER.lower())
        if key is None or not signature or self.is_dev:
            return
        try:
            self.keys.check_signature(signature, reply.body, self.now_ms() // 1000)
        except Unauthenticated as error:
            raise failure("BadSignature", f"the app's reply: {error.message}", "bad-signature") from error
