"""Identifiers: sortable by time of creation, and derivable where a repeat must give the same one.

An id is a ULID (https://github.com/ulid/spec): 48 bits of milliseconds and 80 of entropy, 26 characters of Crockford's
base 32, which sorts as text in order of time. Those of one process are in the order in which they were made, also
within a millisecond: the entropy begins with a count, and its other 48 bits are random. A *derived* id keeps the time
of its parent and replaces the entropy by a hash: whoever sends an event or begins a run a second time gives it the same
id, and it counts once. No id is a secret; those are ``random_token``.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import os

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
#: How many characters of an id are its time, each of 5 bits.
TIME_CHARS = 10
_ENTROPY_BITS = 80
#: Of the ids of items: room for 32^4 of them; 60 bits of hash remain.
_INDEX_CHARS = 4
ID_LENGTH = 26


def _encode(value: int, length: int) -> str:
    chars = []
    for _ in range(length):
        chars.append(_ALPHABET[value & 31])
        value >>= 5
    return "".join(reversed(chars))


#: In CPython one call of a counter is never interrupted by another. The start leaves room for 2^31 ids.
_count = itertools.count(int.from_bytes(os.urandom(4)) >> 1)


def new_id(now_ms: int) -> str:
    """Return a fresh id of this time, after all others that this process made of it. Thread-safe."""
    return ulid(now_ms, (next(_count) % 2**32).to_bytes(4) + os.urandom(6))


def ulid(at_ms: int, entropy: bytes) -> str:
    """Return the id of a time and 10 bytes that somebody else has chosen."""
    return _encode((at_ms << _ENTROPY_BITS) | int.from_bytes(entropy), ID_LENGTH)


def first_id(at_ms: int) -> str:
    """Return the lowest id that a thing created at ``at_ms`` could have."""
    return _encode(max(0, at_ms) << _ENTROPY_BITS, ID_LENGTH)


def time_of(own_id: str) -> int:
    """Return the time that an id of ours has, in milliseconds since 1970."""
    at_ms = 0
    for char in own_id[:TIME_CHARS]:
        at_ms = at_ms << 5 | _ALPHABET.index(char)
    return at_ms


def derived_id(parent_id: str, *parts: str) -> str:
    """Return the id that follows from ``parent_id`` and ``parts``; equal arguments give equal ids."""
    digest = hashlib.blake2b("\x1f".join((parent_id, *parts)).encode(), digest_size=10).digest()
    return parent_id[:TIME_CHARS] + _encode(int.from_bytes(digest), ID_LENGTH - TIME_CHARS)


def item_id(parent_id: str, index: int, *parts: str) -> str:
    """Return the id of an item that follows from ``parent_id`` and ``parts``; those of one parent sort by ``index``."""
    digest = hashlib.blake2b("\x1f".join((parent_id, *parts)).encode(), digest_size=8).digest()
    hashed = _encode(int.from_bytes(digest), ID_LENGTH - TIME_CHARS - _INDEX_CHARS)
    return parent_id[:TIME_CHARS] + _encode(index, _INDEX_CHARS) + hashed


def started_run_id(event_id: str, workflow_id: str) -> str:
    """Return the id of the run of a workflow that our event ``event_id`` starts."""
    return derived_id(event_id, workflow_id)


def timed_id(at_ms: int, *parts: str) -> str:
    """Return the id of something of the time ``at_ms`` that follows from ``parts``."""
    return derived_id(_encode(at_ms, TIME_CHARS), str(at_ms), *parts)


def derived_fraction(*parts: str) -> float:
    """Return a number in [0, 1) that follows from ``parts``, evenly spread over different ones."""
    return int.from_bytes(hashlib.blake2b("\x1f".join(parts).encode(), digest_size=4).digest()) / 2**32


def idempotency_key(run_id: str, step_key: str) -> str:
    """Return the key that is the same in every attempt of a step."""
    return hashlib.blake2b(f"{run_id}\x1f{step_key}".encode(), digest_size=16).hexdigest()


def random_token(size_bytes: int = 32) -> str:
    """Return an unguessable URL-safe secret."""
    return _encode(int.from_bytes(os.urandom(size_bytes)), -(-size_bytes * 8 // 5))


def token_hash(token: str) -> str:
    """Return what is stored of a random token: it has 256 bits, so one hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def request_seed(now_ms: int) -> str:
    """Return what the ids of the events of one request follow from, however often it is sent (``api.seeding``)."""
    return f"{now_ms},{base64.b64encode(os.urandom(10)).decode()}"


def random_fraction() -> float:
    """Return a number in [0, 1): the jitter of retries."""
    return int.from_bytes(os.urandom(4)) / 2**32
