"""``EncryptionMiddleware``: results, and the secret part of events, are encrypted before they reach the database.

A value is stored as ``{"__workflowkit_encrypted__": 1, "key": <key id>, "data": <base64>}``: AES-256-GCM, bound to its
place, with a key that is derived from a passphrase. Its id is derived from it too, so that several keys can be in use
while one replaces the other.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

from workflowkit.base.errors import InvalidInput
from workflowkit.base.jsonvalue import dumps, loads
from workflowkit.base.sealing import MARKER, Sealing, ValueUnreadable, is_sealed
from workflowkit.base.secrets import KEY_BYTES, Keyring, SecretUnreadable

_log = logging.getLogger("workflowkit.encryption")

#: Shorter passphrases are guessed, however slow the derivation is.
MIN_PASSPHRASE_CHARS = 16
#: The form of an encrypted value, and of one that only looks like one.
_ENCRYPTED, _ESCAPED = 1, 0
# The same in every process, which have nothing in common but the passphrase.
_SALT = b"workflowkit/encryption/1"
#: 16 MiB and some 50 ms per passphrase, once per process.
_SCRYPT_COST, _SCRYPT_BLOCK = 2**14, 8


class EncryptionMiddleware(Sealing):
    """Encrypts with ``key``, decrypts with it and with all of ``fallback``; each is a passphrase.

    With ``decrypt_only`` nothing more is encrypted: the way out. ``event_field`` is the field of an event's data that
    is encrypted. Raises ``InvalidInput`` for a passphrase of less than 16 characters.
    """

    def __init__(
        self, key: str, *, fallback: Sequence[str] = (), decrypt_only: bool = False, event_field: str = "encrypted"
    ) -> None:
        passphrases = [key, *([fallback] if isinstance(fallback, str) else fallback)]
        if not all(isinstance(each, str) and len(each) >= MIN_PASSPHRASE_CHARS for each in passphrases):
            message = f"a passphrase has at least {MIN_PASSPHRASE_CHARS} characters"
            raise InvalidInput.at("/key", "invalid-key", message)
        self._passphrases = passphrases
        self._is_decrypt_only = decrypt_only
        self.event_field = event_field

    def __repr__(self) -> str:
        return f"EncryptionMiddleware(event_field={self.event_field!r}, decrypt_only={self._is_decrypt_only})"

    @cached_property
    def _keyring(self) -> Keyring:
        return Keyring(dict(_derived(passphrase) for passphrase in self._passphrases))

    def seal(self, value: Any, place: str) -> Any:
        """Return a value encrypted; one that is null or, with ``decrypt_only``, any as it is."""
        if value is None:
            return None
        if self._is_decrypt_only:
            # SAFETY: what only looks like an encrypted value must come back as it is.
            return {MARKER: _ESCAPED, "data": value} if is_sealed(value) else value
        _version, key_id, data = self._keyring.seal(dumps(value), place).split(".", 2)
        return {MARKER: _ENCRYPTED, "key": key_id, "data": data}

    def open(self, value: Any, place: str) -> Any:
        """Return a value decrypted; one that is not encrypted, or was not encrypted for this place, as it is.

        Raises ``ValueUnreadable`` if its key is not here.
        """
        if not is_sealed(value):
            return value
        if value[MARKER] == _ESCAPED:
            return value.get("data")
        key_id = value.get("key")
        if not self.owns(value):
            raise ValueUnreadable(f"a value is encrypted with the key {key_id!r}, which is not here")
        try:
            return loads(self._keyring.open(f"v1.{key_id}.{value.get('data')}", place))
        except SecretUnreadable:
            _log.warning("a value in %s was not encrypted for it, and is left as it is", place)
            return value

    def owns(self, value: Any) -> bool:
        """Tell whether something is a value that is encrypted with one of the keys."""
        return is_sealed(value) and isinstance(key := value.get("key"), str) and key in self._keyring.keys


@lru_cache(maxsize=64)
def _derived(passphrase: str) -> tuple[str, bytes]:
    """Return the id of a key and the key."""
    material = hashlib.scrypt(
        passphrase.encode(), salt=_SALT, n=_SCRYPT_COST, r=_SCRYPT_BLOCK, p=1, dklen=KEY_BYTES + 8
    )
    return material[KEY_BYTES:].hex(), material[:KEY_BYTES]
