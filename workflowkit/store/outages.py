"""Errors of drivers: which are the statement's own, and which say that the database cannot be reached now."""

from __future__ import annotations

from workflowkit.base.errors import StoreUnavailable


def raise_of_statement(error: Exception) -> None:
    """Raise an error that is the statement's own, and would be each time.

    PostgreSQL's class 54, such as a text that is too long for an index; drivers count it among what may pass by itself.
    """
    found = getattr(error, "orig", error)
    if (getattr(found, "sqlstate", None) or "").startswith("54"):
        raise found


def unavailable(error: Exception) -> StoreUnavailable:
    """Return what is raised in place of an error that says so."""
    return StoreUnavailable("the database is not available", driver_message=str(error))
