"""Whose data this is: every query of a tenant's data takes a ``Scope`` first and puts it into its SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from workflowkit.base.errors import InvalidInput

#: Most characters of the name of an environment, and of a tenant.
MAX_CHARS = 200


@dataclass(frozen=True, slots=True)
class Scope:
    """One tenant in one environment. Raises ``InvalidInput`` for what can be no name of one."""

    environment: str
    tenant: str

    def __post_init__(self) -> None:
        # SAFETY: S10 — nothing is kept under a name that was forgotten: an empty one would be a tenant of its own.
        for name, value in (("environment", self.environment), ("tenant", self.tenant)):
            if type(value) is not str or not 0 < len(value) <= MAX_CHARS or "\0" in value:
                message = f"{name}: a text of 1 to {MAX_CHARS} characters, not {type(value).__name__}"
                raise InvalidInput.at(f"/{name}", "invalid-value", message)


#: What names somebody or something of an application's: text, or the number or UUID that is its primary key.
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


def scope_or(scope: Scope | None, default: Scope) -> Scope:
    """Return the scope that was named, or the one that is meant else. Raises ``TypeError`` for what is no scope."""
    if scope is None:
        return default
    if not isinstance(scope, Scope):
        hint = f"Scope({default.environment!r}, {scope!r})"
        raise TypeError(f"scope= is an environment and a tenant, {hint}, not {type(scope).__name__}")
    return scope


#: The tenant that owns what an application brings along, its code functions: they serve every tenant.
APP_TENANT = "*"


def check_tenant(scope: Scope) -> Scope:
    """Return ``scope`` if it is that of a tenant. Raises ``InvalidInput`` if it is the application's own."""
    if scope.tenant == APP_TENANT:
        # SAFETY: S10 — what is the application's own concerns every tenant: no tenant may be called so.
        raise InvalidInput.at("/tenant", "reserved-name", f"{APP_TENANT!r} stands for the application itself")
    return scope


#: Stands between the ids of an application and its function in a function's id, and in no id of a tenant's workflow.
FUNCTION_SEPARATOR = "/"
#: Kinds of actions with this prefix are functions: no document of a user may have one.
FUNCTION_PREFIX = "function:"


def is_function_kind(kind: str) -> bool:
    """Tell whether the actions of a kind are functions that developers wrote."""
    return kind.startswith(FUNCTION_PREFIX)


def owner_of(scope: Scope, workflow_id: str) -> Scope:
    """Return whose workflow it is that a run of ``scope`` executes: the tenant's own, or the application's function."""
    return Scope(scope.environment, APP_TENANT) if FUNCTION_SEPARATOR in workflow_id else scope


#: The scope of a single-tenant installation and of the dev server.
DEFAULT_SCOPE = Scope(environment="default", tenant="default")
