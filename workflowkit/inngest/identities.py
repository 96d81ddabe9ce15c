"""The UUIDs under which clients know apps and syncs: each follows from what it names."""

from __future__ import annotations

import hashlib
from uuid import UUID


def identity(kind: str, name: str, content: bytes = b"") -> str:
    """Return a UUID that follows from a kind of thing, its name and what is in it."""
    digest = hashlib.sha256("\x1f".join((kind, name)).encode() + b"\x1f" + content).digest()
    return str(UUID(bytes=digest[:16], version=5))
