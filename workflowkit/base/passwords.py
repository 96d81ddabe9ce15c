"""Passwords: how they are stored, compared, and what is asked of a new one.

Stored as Argon2id in its own text form, which holds salt and costs, so that costs can be raised: whoever logs in with a
hash of lower costs gets a new one. The costs are those that OWASP names for servers: 19 MiB and two passes, a twentieth
of a second; sixteen logins at a time then need 300 MiB, not the gigabyte of the library's own defaults.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from workflowkit.base import ids

if TYPE_CHECKING:
    from argon2 import PasswordHasher

#: NIST SP 800-63B: length is what counts; rules about kinds of characters make passwords worse.
PASSWORD_MIN_CHARS = 12
#: Longer ones are no passwords but a way to keep the server busy.
PASSWORD_MAX_CHARS = 1_000
_MEMORY_KIB, _PASSES, _LANES = 19 * 1024, 2, 1


def hash_password(password: str) -> str:
    """Return what is stored of a password."""
    return _hasher().hash(password)


def is_password(stored: str | None, password: str) -> bool:
    """Tell whether ``stored`` is the hash of ``password``. Takes as long where nothing is stored."""
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        _hasher().verify(_nobodys() if stored is None else stored, password)
    except (InvalidHashError, VerificationError):
        return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    """Tell whether a stored password should be hashed again, at the costs of today."""
    return _hasher().check_needs_rehash(stored)


def password_problem(password: str, *, name: str) -> str | None:
    """Return what keeps ``password`` from being the one of the user ``name``, for people."""
    if not PASSWORD_MIN_CHARS <= len(password) <= PASSWORD_MAX_CHARS:
        return f"a password has {PASSWORD_MIN_CHARS} to {PASSWORD_MAX_CHARS} characters"
    if len(set(password)) < PASSWORD_MIN_CHARS // 3 or password.casefold() in (name.casefold(), name.casefold()[::-1]):
        return "this one is too easy to guess"
    return None


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=_LANES)


@cache
def _nobodys() -> str:
    # What nobody knows: comparing with it takes the same time, and always fails.
    return hash_password(ids.random_token())
