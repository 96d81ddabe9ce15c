"""Users of a host application, which has its own login: what it tells us of the one who is calling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from workflowkit.base.errors import InvalidInput
from workflowkit.base.scope import DEFAULT_SCOPE, Id, Scope, check_tenant, id_text
from workflowkit.runtime.roles import ROLES, ordered

_ID_MAX_CHARS = 200


@dataclass(frozen=True, slots=True)
class HostUser:
    """Who is logged in to the host application, and what they may do here.

    ``id`` is kept with what they do, ``name`` is shown. Numbers and UUIDs as ``id`` and ``tenant`` are kept as text,
    which is what these say then; the ``environment`` is the application's own unless it is named. ``roles`` are
    ``viewer``, ``editor``, ``publisher``, ``operator``, ``admin`` and ``owner``, one or several. Who runs a tenant is
    ``admin``: ``owner`` is who runs the installation, and sees and holds up other tenants. Raises ``ValueError`` for
    what would let somebody in by mistake.
    """

    id: Id
    roles: str | tuple[str, ...]
    tenant: Id = DEFAULT_SCOPE.tenant
    environment: str | None = None
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", id_text(self.id))
        object.__setattr__(self, "tenant", id_text(self.tenant))
        if not 0 < len(self.key) <= _ID_MAX_CHARS:
            raise ValueError(f"the id of a user has 1 to {_ID_MAX_CHARS} characters")
        if not self.tenant or self.environment == "":
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
        """For whom they act, in the default environment if none is named."""
        return self.scope_in(DEFAULT_SCOPE.environment)

    def scope_in(self, environment: str) -> Scope:
        """Return for whom they act, in this environment if none is named."""
        return Scope(environment if self.environment is None else self.environment, str(self.tenant))

    @property
    def all_roles(self) -> tuple[str, ...]:
        """Their roles, from the least to the most."""
        return ordered(self._given)

    @property
    def _given(self) -> tuple[str, ...]:
        return (self.roles,) if isinstance(self.roles, str) else tuple(self.roles)


#: Called with each request, in the host's own request context; ``None`` is nobody.
Authenticate: TypeAlias = Callable[[], HostUser | None]
