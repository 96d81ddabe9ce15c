"""Links whose secret part is the credential: for those who decide an approval, and for callbacks.

The secret part of an approval's link is signed with the installation's key and stored nowhere: it is made again
wherever it is needed, and can only be checked. One of a callback is random, and stored as a hash.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from workflowkit.base import ids
from workflowkit.base.secrets import Keyring

_PURPOSE = "approval link"
_APPROVAL_TOKEN = re.compile(r"([0-9A-Z]{26})([A-Za-z0-9_-]{43})")
_CALLBACK_TOKEN = re.compile(r"[0-9A-Z]{52}")


@dataclass(frozen=True, slots=True)
class Links:
    """Makes and reads links.

    ``public_url`` is how the API is reached from outside; without it links are paths. ``keyring`` returns the
    installation's keys, ``None`` where it has none: then there are no links for approvals.
    """

    public_url: str | None = None
    keyring: Callable[[], Keyring | None] = field(default=lambda: None, repr=False)

    @property
    def can_invite(self) -> bool:
        """Whether somebody who gets a link by mail can follow it."""
        return self.public_url is not None and self.keyring() is not None

    def approval(self, approval_id: str, assignee: str) -> str | None:
        """Return the link by which ``assignee`` decides; the same each time."""
        keyring = self.keyring()
        if keyring is None:
            return None
        return f"{self.public_url or ''}/a/{approval_id}{keyring.sign(_signed(approval_id, assignee), _PURPOSE)}"

    def assignee_of(self, token: str, assignees: Sequence[str]) -> str | None:
        """Return who of ``assignees`` was given the token of an approval; ``None`` if nobody was."""
        found, keyring = _APPROVAL_TOKEN.fullmatch(token), self.keyring()
        if found is None or keyring is None:
            return None
        # All are compared, so that the time taken does not tell whose it is.
        holders = [each for each in assignees if keyring.has_signed(found[2], _signed(found[1], each), _PURPOSE)]
        return holders[0] if holders else None

    def callback(self, token: str) -> str:
        """Return the URL at which a callback is received."""
        return f"{self.public_url or ''}/c/{token}"


def approval_id_of(token: str) -> str | None:
    """Return which approval a token is for, if it looks like one."""
    found = _APPROVAL_TOKEN.fullmatch(token)
    return None if found is None else found[1]


def new_callback_token() -> str:
    """Return the secret part of a callback's URL: 256 random bits."""
    return ids.random_token()


def callback_hash(token: str) -> str | None:
    """Return what is stored of a callback's token, if it looks like one. Random as it is, it needs no salt."""
    return hashlib.sha256(token.encode()).hexdigest() if _CALLBACK_TOKEN.fullmatch(token) else None


def _signed(approval_id: str, assignee: str) -> str:
    return f"{approval_id}\x1f{assignee}"
