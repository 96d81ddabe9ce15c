"""Users of a host application, which has its own login: what it tells us of the one who is calling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from workflowkit.base.errors import InvalidInput
from workflowkit.base.scope import DEFAULT_SCOPE, Scope, check_tenant
from workflowkit.runtime.roles import ROLES, ordered

_ID_MAX_CHARS = 200


@dataclass(frozen=True, slots=True)
class HostUser:
    """Who is logged in to the host application, and what they may do here.

    ``id`` is kept with what they do, ``name`` is shown. ``roles`` are ``viewer``, ``editor``, ``publisher``,
    ``operator``, ``admin`` and ``owner``, one or several. Who runs a tenant is ``admin``: ``owner`` is who runs the
    installation, and sees and holds up other tenants. Raises ``ValueError`` for what would let somebody in by mistake.
    """

    id: str
    roles: str | tuple[str, ...]
    tenant: str = DEFAULT_SCOPE.tenant
    environment: str = DEFAULT_SCOPE.environment
    name: str = ""

    def __post_init__(self) -> None:
        if not self.id or len(self.id) > _ID_MAX_CHARS:
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
    def scope(self) -> Scope:
        """For whom they act."""
        return Scope(self.environment, self.tenant)

    @property
    def all_roles(self) -> tuple[str, ...]:
        """Their roles, from the least to the most."""
        return ordered(self._given)

    @property
    def _given(self) -> tuple[str, ...]:
        return (self.roles,) if isinstance(self.roles, str) else tuple(self.roles)


#: Called with each request, in the host's own request context; ``None`` is nobody.
Authenticate: TypeAlias = Callable[[], HostUser | None]
