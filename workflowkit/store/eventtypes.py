"""Which events there are by name, and how many came when. Reads only.

Everything is answered by the index of events by name and id, entry by entry, without reading an event. Ids begin with
the time, so a count by the beginning of the id is one by time.
"""

from __future__ import annotations

from workflowkit.base.scope import Scope
from workflowkit.store.statements import Sql, whose
from workflowkit.store.transactions import Transaction

_OWNED = "environment = :environment AND tenant = :tenant"
# From name to name by the index, however many events each has.
_NAMES = Sql(
    f"""
    WITH RECURSIVE found(name, number) AS (
        SELECT (SELECT min(name) FROM events WHERE {_OWNED} AND name > :after), 1
        UNION ALL
        SELECT (SELECT min(name) FROM events WHERE {_OWNED} AND name > found.name), number + 1
        FROM found WHERE name IS NOT NULL AND number < :limit
    )
    SELECT name FROM found WHERE name IS NOT NULL ORDER BY number
    """  # noqa: S608
)
_NEWEST = Sql(f"SELECT max(id) FROM events WHERE {_OWNED} AND name = :name")  # noqa: S608
_COUNTS = Sql(
    f"""
    SELECT substr(id, 1, :chars), count(*) FROM (
        SELECT id FROM events WHERE {_OWNED} AND name = :name AND id >= :since_id ORDER BY id DESC LIMIT :most
    ) newest GROUP BY 1
    """  # noqa: S608
)


def find_names(tx: Transaction, scope: Scope, *, after: str, limit: int) -> list[str]:
    """Return up to ``limit`` names that events have, in order, those behind ``after``."""
    return [row[0] for row in tx.rows(_NAMES, **whose(scope), after=after, limit=limit)]


def newest_id(tx: Transaction, scope: Scope, name: str) -> str | None:
    """Return our id of the last event of a name."""
    found: str | None = tx.one(_NEWEST, **whose(scope), name=name)[0]
    return found


def count(tx: Transaction, scope: Scope, name: str, *, since_id: str, chars: int, most: int) -> dict[str, int]:
    """Return how many of the ``most`` newest events of a name, from an id on, begin with which ``chars`` characters."""
    rows = tx.rows(_COUNTS, **whose(scope), name=name, since_id=since_id, chars=chars, most=most)
    return {row[0]: row[1] for row in rows}
