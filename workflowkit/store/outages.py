"""Errors of drivers: which are the statement's own, and which say that the database cannot be reached now."""

from __future__ import annotations

import re
from typing import Any

from workflowkit.base.errors import StoreUnavailable
from workflowkit.store.versions import NO_TABLES

_UNDEFINED_TABLE = "42P01"
_LOCKED = "database is locked"
_WHO_LOCKS = (
    ": another transaction has been writing to this SQLite file; one of your own, perhaps, that has not been committed "
    "yet (give send its session=, and commit before all else)"
)
_PASSWORD = re.compile(r"(?<=://)([^\s/@:]*):[^\s/@]*@|\b(password=)\S+", re.IGNORECASE)


def raise_of_statement(error: Exception) -> None:
    """Raise an error that is the statement's own, and would be each time.

    PostgreSQL's class 54, such as a text that is too long for an index; drivers count it among what may pass by itself.
    """
    found = getattr(error, "orig", error)
    if (getattr(found, "sqlstate", None) or "").startswith("54"):
        raise found
    if any(each.__name__ == "ProgrammingError" for each in type(error).__mro__) and not lacks_tables(error):
        raise error


def lacks_tables(error: BaseException) -> bool:
    """Tell whether a driver's error says that a table is not there."""
    found: Any = getattr(error, "orig", error)
    return getattr(found, "sqlstate", None) == _UNDEFINED_TABLE or str(found).startswith("no such table")


def unavailable(error: Exception) -> StoreUnavailable:
    """Return what is raised in place of an error that says so, with what the driver said of it."""
    if lacks_tables(error):
        return StoreUnavailable(NO_TABLES)
    # A driver may repeat what it was given to connect with.
    said = _PASSWORD.sub(lambda found: f"{found[2]}***" if found[2] else f"{found[1]}:***@", _told(error))
    if said == _LOCKED:
        said += _WHO_LOCKS
    return StoreUnavailable("the database is not available", driver_message=said)


def _told(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error)
