"""Secrets that have to be stored and read again: encrypted, each bound to its place, under keys that can be replaced.

A sealed secret is ``v1.<key id>.<base64url of nonce and ciphertext>`` (AES-256-GCM). What it belongs to is
authenticated with it: copied to another row it cannot be opened. An installation's keys are written as

    WORKFLOWKIT_SECRET_KEY="2026b:<base64 of 32 bytes>,2026a:<base64 of 32 bytes>"

The first seals, all open: put a new one in front, and drop the old one once everything is sealed again.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from workflowkit.base.errors import WorkflowKitError

KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = "v1"
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")


class SecretUnreadable(WorkflowKitError):
    """A stored secret cannot be opened: its key is gone, or it is not what was sealed here."""

    code = "secret-unreadable"


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys of an installation by id; the first is the one that seals."""

    keys: dict[str, bytes] = field(repr=False)

    def __post_init__(self) -> None:
        if not self.keys:
            raise ValueError("there must be a key")

    @classmethod
    def parse(cls, text: str) -> Keyring:
        """Read ``id:base64,id:base64``. Raises ``ValueError``, without showing any of it."""
        keys: dict[str, bytes] = {}
        for number, part in enumerate(text.split(","), start=1):
            key_id, colon, encoded = part.strip().partition(":")
            try:
                key = base64.b64decode(encoded, validate=True)
            except binascii.Error:
                key = b""
            if not colon or not _KEY_ID.fullmatch(key_id) or len(key) != KEY_BYTES or key_id in keys:
                raise ValueError(
                    f"key {number} is not <id>:<base64 of {KEY_BYTES} bytes> with an id of its own, as "
                    "main:$(openssl rand -base64 32) makes one"
                )
            keys[key_id] = key
        return cls(keys)

    @classmethod
    def generate(cls) -> Keyring:
        """Return a keyring with one fresh key."""
        return cls({"generated": os.urandom(KEY_BYTES)})

    @classmethod
    def from_file(cls, path: Path) -> Keyring:
        """Return the keys of a file that only its owner may read, which is made with a fresh key if it is missing.

        Raises ``ValueError`` if the file holds none.
        """
        if not path.exists():
            draft = path.with_name(f"{path.name}.{os.getpid()}")
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(cls.generate().render() + "\n")
            # Linked in one go and only once: of two processes that start together, both read the first one's key.
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
            draft.unlink()
        return cls.parse(path.read_text("ascii").strip())

    def render(self) -> str:
        """Return the keys as ``parse`` reads them. This is the secret itself."""
        return ",".join(f"{key_id}:{base64.b64encode(key).decode()}" for key_id, key in self.keys.items())

    def seal(self, secret: str, place: str) -> str:
        """Return ``secret`` encrypted; only for the same ``place`` can it be opened again."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key_id, key = next(iter(self.keys.items()))
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + AESGCM(key).encrypt(nonce, secret.encode(), place.encode())
        return f"{_VERSION}.{key_id}.{base64.urlsafe_b64encode(sealed).decode()}"

    def sign(self, text: str, purpose: str) -> str:
        """Return 256 bits, in base64url, that only who has the key can make: of ``text``, and for this ``purpose``."""
        return _signature(next(iter(self.keys.values())), text, purpose)

    def has_signed(self, signature: str, text: str, purpose: str) -> bool:
        """Tell whether ``signature`` is what ``sign`` returned, under any of the keys."""
        return any(
            hmac.compare_digest(_signature(key, text, purpose).encode(), signature.encode())
            for key in self.keys.values()
        )

    def open(self, sealed: str, place: str) -> str:
        """Return the secret that was sealed for ``place``. Raises ``SecretUnreadable``."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        version, _, rest = sealed.partition(".")
        key_id, _, encoded = rest.partition(".")
        if version != _VERSION or (key := self.keys.get(key_id)) is None:
            raise SecretUnreadable("the key of a stored secret is not in WORKFLOWKIT_SECRET_KEY")
        try:
            data = base64.urlsafe_b64decode(encoded)
            return AESGCM(key).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], place.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise SecretUnreadable(
                f"a stored secret does not open with the key {key_id!r} of WORKFLOWKIT_SECRET_KEY: it may have been "
                "stored by a process that has another key of this id; or it was changed, or belongs to something else"
            ) from error


def _signature(key: bytes, text: str, purpose: str) -> str:
    # A key of its own for each purpose: what encrypts never signs.
    own_key = hmac.digest(key, f"workflowkit sign {purpose}".encode(), "sha256")
    return base64.urlsafe_b64encode(hmac.digest(own_key, text.encode(), "sha256")).decode().rstrip("=")
