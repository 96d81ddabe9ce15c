"""Transactions that use every connection of the pool must not need one more."""

from __future__ import annotations

import threading

from workflowkit.base.clock import monotonic_seconds
from workflowkit.store.database import Database
from workflowkit.store.serverclock import CLOCK_SYNC_SECONDS


def test_the_clock_needs_no_connection_beside_those_of_the_transactions_that_read_it(postgres_url: str) -> None:
    """After a lock that was waited for longer than a reading of the clock lasts, each of them reads it anew."""
    database = Database.open(postgres_url, pool_size=1)  # and one more under load
    started = monotonic_seconds()
    try:
        with database.transaction("record") as first, database.transaction("record") as second:
            threading.Event().wait(CLOCK_SYNC_SECONDS + 0.1)
            first.read_clock()
            second.read_clock()
    finally:
        database.close()
    assert monotonic_seconds() - started < 5
