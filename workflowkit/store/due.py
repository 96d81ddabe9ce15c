"""What is due, at a glance that locks nothing: one statement, since every process looks twice a second.

It asks for the first times, not whether there are any up to now: for that, PostgreSQL may read a whole table, as it
takes the third of it to be due once it plans a statement for any parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

from workflowkit.store import events, flowstates, lanes, steps, timers
from workflowkit.store.lanes import RECHECK_MS
from workflowkit.store.statements import Sql
from workflowkit.store.transactions import Transaction

LOOK = Sql(
    f"""
    SELECT ({lanes.HELD_UNTIL_MS}), ({timers.DUE_AT_MS}), ({steps.WAKES_AT_MS}), ({events.WAKES_AT_MS}),
        ({lanes.WAKES_AT_MS}), ({flowstates.EXPIRES_AT_MS})
    """
)


@dataclass(frozen=True, slots=True)
class Due:
    """Whether there is anything of a kind. ``is_any_held``: lanes at which nobody is to look for long."""

    is_any_held: bool
    has_timers: bool
    has_others: bool


def look(tx: Transaction) -> Due:
    """Return what is due now."""
    held_until_ms, *first = tx.one(LOOK)
    timers_due, *others_due = (at_ms is not None and at_ms <= tx.now_ms for at_ms in first)
    return Due(held_until_ms is not None and held_until_ms > tx.now_ms + RECHECK_MS, timers_due, any(others_due))
