"""Calls to apps: one HTTP request through the guard, signed, and the reply as it came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

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
#: Of so many apps it is remembered which key they take.
_MOST_PLACES = 10_000


def keys_of(settings: Settings) -> SigningKeys:
    """Return the signing keys of an installation."""
    return SigningKeys(settings.signing_key, settings.signing_key_fallback)


class TakenKeys:
    """Which key each app took last: while keys are changed, the next call begins with that. Thread-safe."""

    def __init__(self) -> None:
        self._by_place: dict[str, str] = {}

    def ordered(self, keys: tuple[str, ...], url: str) -> tuple[str, ...]:
        """Return keys in the order in which they are tried."""
        taken = self._by_place.get(_place(url))
        return keys if taken not in keys else tuple(sorted(keys, key=lambda key: key != taken))

    def note(self, url: str, key: str) -> None:
        """Keep which key an app took."""
        if len(self._by_place) >= _MOST_PLACES:
            self._by_place.clear()
        self._by_place[_place(url)] = key


@dataclass(frozen=True, slots=True)
class AppClient:
    """Calls apps. Without ``keys`` it calls nobody, unless ``is_dev``."""

    keys: SigningKeys
    is_dev: bool
    policy: NetworkPolicy
    limits: Limits
    now_ms: Callable[[], int]
    taken: TakenKeys = field(default_factory=TakenKeys)

    @classmethod
    def of(cls, settings: Settings, now_ms: Callable[[], int], taken: TakenKeys | None = None) -> AppClient:
        """Return the client of an installation; ``taken`` is what its other clients know of apps."""
        limits = settings.limits
        policy = NetworkPolicy(
            allow_private=settings.dev_apps or settings.allow_private_networks,
            timeout_seconds=limits.remote_call_seconds,
            max_request_bytes=limits.remote_request_bytes,
            max_response_bytes=limits.remote_reply_bytes,
        )
        return cls(keys_of(settings), settings.dev_apps, policy, limits, now_ms, taken or TakenKeys())

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
        keys = self.taken.ordered(self.keys.all, url)
        if not keys:
            # SAFETY: fail closed: outside of development an app must be able to tell who calls it.
            if not self.is_dev:
                raise NonRetriableError("set WORKFLOWKIT_SIGNING_KEY: apps are not called without a signature")
            return self._exchange(method, url, body, self._signed(headers, signed, None))
        for key in keys:
            reply = self._exchange(method, url, body, self._signed(headers, signed, key))
            self._check_signature(reply, key)
            if reply.status not in _REFUSED:
                self.taken.note(url, key)
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

    def _check_signature(self, reply: RawReply, key: str) -> None:
        """Hold a reply that is signed against its signature; SDKs that do not sign replies are taken as they are."""
        signature = reply.headers.get(SIGNATURE_HEADER.lower())
        if not signature or self.is_dev:
            return
        try:
            self.keys.check_signature(signature, reply.body, self.now_ms() // 1000)
        except Unauthenticated as error:
            raise failure("BadSignature", f"the app's reply: {error.message}", "bad-signature") from error


def _place(url: str) -> str:
    return urlsplit(url).netloc
