"""Limits of concurrency that are shared with other tenants: who may publish them is not for the document to say."""

from __future__ import annotations

from typing import Final

from workflowkit.base.errors import Problem
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.settings.flow import Scope, concurrency_entries

NOT_ALLOWED: Final = "scope-not-allowed"
_SHARED: Final = frozenset({Scope.ENVIRONMENT, Scope.INSTALLATION})


def check_shared_limits(document: Json) -> list[Problem]:
    """Return the limits of a document, whatever it is, that count what other tenants do, too."""
    settings = document.get("settings") if isinstance(document, dict) else None
    written = settings.get("concurrency") if isinstance(settings, dict) else None
    return [
        Problem(f"/settings/concurrency{below}/scope", NOT_ALLOWED, _message(scope))
        for below, entry in concurrency_entries(written)
        if isinstance(entry, dict) and isinstance(scope := entry.get("scope"), str) and scope in _SHARED
    ]


def _message(scope: str) -> str:
    return (
        f"A limit for the whole {scope} holds up other tenants: it needs the permission limits:share, or scope tenant"
    )
