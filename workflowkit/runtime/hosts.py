"""Users of a host application, which has its own login: what it tells us of the one who is calling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from workflowkit.base.errors import InvalidInput
from workflowkit.base.scope import DEFAULT_SCOPE, Scope, check_tenant
from workflowkit.runtime.roles import ROLES, ordered

_ID_MAX_CHARS = 200

#: What names a row of an application's: text, or the number or UUID that is its primary key.
Id: TypeAlias = str | int | UUID


def id_text(value: Id) -> str:
    """Return an id of an application's as the text under which it is kept here: numbers and UUIDs become text.

    Anything else, such as ``None`` or a boolean, is a ``TypeError``: it would be the name of somebody.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | UUID):
        raise TypeError(f"an id is text, a whole number or a UUID, not {type(value).__name__}")
    return str(value)


@dataclass(frozen=True, slots=True)
class HostUser:
    """Who is logged in to the host application, and what they may do here.

    ``id`` is kept with what they do, ``name`` is shown. Numbers and UUIDs as ``id`` and ``tenant`` are kept as text,
    which is what these say then. ``roles`` are ``viewer``, ``editor``, ``publisher``,
    ``operator``, ``admin`` and ``owner``, one or several. Who runs a tenant is ``admin``: ``owner`` is who runs the
    installation, and sees and holds up other tenants. Raises ``ValueError`` for what would let somebody in by mistake.
    """

    id: Id
    roles: str | tuple[str, ...]
    tenant: Id = DEFAULT_SCOPE.tenant
    environment: str = DEFAULT_SCOPE.environment
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", id_text(self.id))
        object.__setattr__(self, "tenant", id_text(self.tenant))
        if not 0 < len(self.key) <= _ID_MAX_CHARS:
            raise ValueError(f"the id of a user has 1 to {_ID_MAX_CHARS} characters")
        if not self.tenant or not self.environment:
            raise ValueError("say for which tenant they act")
        try:
            check_tenant(self.scope)
        except InvalidInput as error:
            raise ValueError(error.message) from None
        if unknown := sorted(set(self._given) - set(ROLES)):
            raise ValueError(f"roles are {', '.join(ROLES)}, not {', '.join(map(repr, unknown))}")

    @property
    def key(self) -> str:
        """The ``id`` as text."""
        return str(self.id)

    @property
    def scope(self) -> Scope:
        """For whom they act."""
        return Scope(self.environment, str(self.tenant))

    @property
    def all_roles(self) -> tuple[str, ...]:
        """Their roles, from the least to the most."""
        return ordered(self._given)

    @property
    def _given(self) -> tuple[str, ...]:
        return (self.roles,) if isinstance(self.roles, str) else tuple(self.roles)


#: Called with each request, in the host's own request context; ``None`` is nobody.
Authenticate: TypeAlias = Callable[[], HostUser | None]
