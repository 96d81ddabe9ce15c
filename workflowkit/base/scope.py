"""Whose data this is: every query of a tenant's data takes a ``Scope`` first and puts it into its SQL."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """One tenant in one environment."""

    environment: str
    tenant: str


#: The scope of a single-tenant installation and of the dev server.
DEFAULT_SCOPE = Scope(environment="default", tenant="default")
