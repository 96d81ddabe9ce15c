"""Whose data this is: every query of a tenant's data takes a ``Scope`` first and puts it into its SQL."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """One tenant in one environment."""

    environment: str
    tenant: str


#: The tenant that owns what an application brings along, its code functions: they serve every tenant.
APP_TENANT = "*"
#: Stands between the ids of an application and its function in a function's id, and in no id of a tenant's workflow.
FUNCTION_SEPARATOR = "/"


def owner_of(scope: Scope, workflow_id: str) -> Scope:
    """Return whose workflow it is that a run of ``scope`` executes: the tenant's own, or the application's function."""
    return Scope(scope.environment, APP_TENANT) if FUNCTION_SEPARATOR in workflow_id else scope


#: The scope of a single-tenant installation and of the dev server.
DEFAULT_SCOPE = Scope(environment="default", tenant="default")
