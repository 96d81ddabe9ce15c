"""Waiting for the tables: a process that starts before its database is migrated says so, once, and waits."""

from __future__ import annotations

import logging
import threading

from workflowkit.base.errors import StoreUnavailable
from workflowkit.store import migrate
from workflowkit.store.database import Database
from workflowkit.store.versions import NO_TABLES

_log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0


def is_migrated(database: Database) -> bool:
    """Tell whether the database has what this version needs, and can work with. Raises ``StoreUnavailable``."""
    return not migrate.is_behind(database) and migrate.outgrown(database) is None


def wait_for_tables(database: Database, stopping: threading.Event) -> None:
    """Return once the database is migrated, or when ``stopping`` is set."""
    said = ""
    while not stopping.is_set():
        try:
            if is_migrated(database):
                return
            missing = migrate.trouble(database) or NO_TABLES
        except StoreUnavailable as error:
            missing = str(error)
        except Exception:
            return  # that cannot be found out here: whoever does the work says what is wrong
        if missing != said:
            _log.warning("waiting: %s", missing)
            said = missing
        stopping.wait(LOOK_SECONDS)
