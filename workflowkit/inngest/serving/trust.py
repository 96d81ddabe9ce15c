"""Who may call: signatures of requests, each of which counts once."""

from __future__ import annotations

from collections import OrderedDict

from workflowkit.base import forks
from workflowkit.base.errors import Unauthenticated
from workflowkit.inngest.signing import WINDOW_SECONDS, SigningKeys, read_signature

#: Most signatures that a process remembers; the oldest are forgotten first.
_REMEMBERED = 100_000


class Trust:
    """Checks signatures, and remembers those of the last minutes. Thread-safe."""

    def __init__(self, keys: SigningKeys) -> None:
        self._keys = keys
        self._seen: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._lock = forks.lock()

    def check(self, signature: str | None, body: bytes, now_seconds: int) -> str:
        """Check who signed a body, and when; return the key. Raises ``Unauthenticated``."""
        if not signature:
            raise Unauthenticated("the request is not signed")
        self._keys.check_signature(signature, body, now_seconds)
        return next(key for key in self._keys.all if _fits(key, signature, body, now_seconds))

    def check_once(self, signature: str, address: str, now_seconds: int) -> None:
        """Refuse a signed call that has come before. Raises ``Unauthenticated``.

        SAFETY: within the window a call that somebody recorded could else be sent again. Each call of a server has
        an id of its own in what is signed. What counts is what the signature says: its text has many spellings.
        """
        mark = (read_signature(signature)[1], address)
        with self._lock:
            while self._seen and (
                len(self._seen) >= _REMEMBERED or next(iter(self._seen.values())) < now_seconds - 2 * WINDOW_SECONDS
            ):
                self._seen.popitem(last=False)
            if mark in self._seen:
                raise Unauthenticated("this call was made before: its signature counts once")
            self._seen[mark] = now_seconds


def _fits(key: str, signature: str, body: bytes, now_seconds: int) -> bool:
    try:
        SigningKeys(key).check_signature(signature, body, now_seconds)
    except Unauthenticated:
        return False
    return True
