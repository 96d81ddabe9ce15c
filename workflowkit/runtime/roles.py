"""Roles: names for what people may do. A person may have several; what these allow adds up."""

from __future__ import annotations

from collections.abc import Iterable

from workflowkit.runtime.keys import PERMISSIONS

_VIEWER = frozenset(
    {"workflows:read", "runs:read", "actions:read", "webhooks:read", "approvals:read", "alerts:read"}
)  # fmt: skip
#: Secrets are picked by those who edit, by name, and stored by administrators.
_EDITOR = _VIEWER | {"workflows:write", "secrets:read"}
_OPERATOR = _VIEWER | {
    "workflows:pause", "runs:write", "events:send", "signals:send", "approvals:decide", "alerts:write",
    "webhooks:write",
}  # fmt: skip
#: For programs only: to act in somebody's name, and to see what is encrypted. No role has them.
NOT_OF_PEOPLE = frozenset({"approvals:impersonate", "runs:decrypt"})
#: About the whole installation, whichever tenant one acts for.
OF_THE_INSTALLATION = frozenset({"system:read", "metrics:read", "apps:write", "limits:share"})

#: From the least to the most.
ROLES: dict[str, frozenset[str]] = {
    "viewer": _VIEWER,
    "editor": _EDITOR,
    "publisher": _EDITOR | {"workflows:publish", "workflows:pause"},
    "operator": _OPERATOR,
    "admin": frozenset(PERMISSIONS) - NOT_OF_PEOPLE - OF_THE_INSTALLATION,
    "owner": frozenset(PERMISSIONS) - NOT_OF_PEOPLE,
}


def permissions_of(roles: Iterable[str]) -> frozenset[str]:
    """Return what ``roles`` allow together. A role that this version does not know allows nothing."""
    return frozenset[str]().union(*(ROLES.get(role, frozenset()) for role in roles))


def ordered(roles: Iterable[str]) -> tuple[str, ...]:
    """Return roles from the least to the most, each once, those that are known."""
    given = set(roles)
    return tuple(role for role in ROLES if role in given)
