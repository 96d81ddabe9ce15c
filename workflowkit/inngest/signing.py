"""Who may call whom: signatures of requests and replies, and the hash of the key that apps show when they register."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from workflowkit.base.errors import Unauthenticated

SIGNATURE_HEADER = "X-Inngest-Signature"
#: How far the clocks of the two sides may be apart, and how long a signature can be used again.
WINDOW_SECONDS = 300

_PREFIX = re.compile(r"^signkey-\w+-")
_TIME = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The key that signs, and the one that is taken as well while keys are changed. Without any, nothing is signed."""

    current: str | None = field(default=None, repr=False)
    fallback: str | None = field(default=None, repr=False)

    @property
    def all(self) -> tuple[str, ...]:
        """The keys there are, the one that signs first."""
        return tuple(key for key in (self.current, self.fallback) if key)

    def check_bearer(self, token: str) -> None:
        """Let an app in that shows the hash of a key, with or without prefix. Raises ``Unauthenticated``."""
        # SAFETY: every key is compared, in constant time: how long it takes says nothing of them.
        shown = _PREFIX.sub("", token).encode()
        if not any([hmac.compare_digest(shown, key_hash(key).encode()) for key in self.all]):
            raise Unauthenticated("the signing key is not the one of this server")

    def check_signature(self, signature: str, body: bytes, now_seconds: int) -> None:
        """Check who signed a body, and when. Raises ``Unauthenticated``."""
        signed_at, given = read_signature(signature)
        if _TIME.fullmatch(signed_at) is None or abs(now_seconds - int(signed_at)) > WINDOW_SECONDS:
            raise Unauthenticated(f"the signature is not from the last {WINDOW_SECONDS} seconds")
        expected = [_mac(key, body, signed_at) for key in self.all]
        if not any([hmac.compare_digest(given.encode(), mac.encode()) for mac in expected]):
            raise Unauthenticated("the signature does not fit")


def key_hash(key: str) -> str:
    """Return what stands for a key in an ``Authorization`` header, without its prefix."""
    return hashlib.sha256(bytes.fromhex(_bare(key))).hexdigest()


def read_signature(signature: str) -> tuple[str, str]:
    """Return the time and the hash that a signature consists of, however it is spelled; empty where it has none."""
    try:
        fields = parse_qs(signature, strict_parsing=True, max_num_fields=4)
    except ValueError:
        fields = {}
    return fields.get("t", [""])[-1], fields.get("s", [""])[-1]


def sign(key: str, body: bytes, now_seconds: int) -> str:
    """Return the signature of a body, which is canonical JSON or empty, for ``SIGNATURE_HEADER``."""
    return f"t={now_seconds}&s={_mac(key, body, str(now_seconds))}"


def _mac(key: str, body: bytes, signed_at: str) -> str:
    return hmac.new(_bare(key).encode(), body + signed_at.encode(), hashlib.sha256).hexdigest()


def _bare(key: str) -> str:
    return _PREFIX.sub("", key)
