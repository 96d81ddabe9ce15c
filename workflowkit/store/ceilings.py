"""How high limits of concurrency are that were changed by a newer version, and those of kinds of actions: it is what
all runs are under that wait.

A run keeps in which groups of slots its steps are, and of each limit its name, the *rule* (``flow.concurrency``). Here
is the height of those that are not what they were; triggers, of the migrations, look it up for each lane that opens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from workflowkit.store.statements import RowStatement, Sql
from workflowkit.store.transactions import Transaction

_SAVE = RowStatement(
    "INSERT INTO ceilings (rule, ceiling) VALUES ",
    ("rule", "ceiling"),
    " ON CONFLICT (rule) DO UPDATE SET ceiling = excluded.ceiling",
)
_ALL = Sql("SELECT rule, ceiling FROM ceilings WHERE rule {in_ids}")
_LOCK = Sql("SELECT workflowkit_change_ceilings(CAST(:rules AS text[]))")
# What somebody deletes at this moment is not waited for.
_APPLY = Sql(
    """
    WITH others AS MATERIALIZED (
        SELECT lane_id, slot_group FROM lane_groups WHERE rule = :rule AND ceiling <> :ceiling {skip_locked}
    )
    UPDATE lane_groups SET ceiling = :ceiling
    WHERE (lane_id, slot_group) IN (SELECT lane_id, slot_group FROM others)
    """
)
_OF_RULE = "(SELECT lane_id FROM lane_groups WHERE rule = :rule)"
#: By whether it is PostgreSQL, which may else read all of them anew for each lane of a table that is taken to be empty.
_WAKE = {
    is_postgresql: Sql(
        f"""
        UPDATE lanes SET wake_at_ms = :now_ms WHERE id IN (
            SELECT id FROM lanes WHERE not_before_ms <= :now_ms AND id {these} {{skip_locked}}
        )
        """  # noqa: S608 - from our own code
    )
    for is_postgresql, these in ((True, f"= ANY(ARRAY{_OF_RULE})"), (False, f"IN {_OF_RULE}"))
}


def heights(tx: Transaction, rules: Iterable[str]) -> dict[str, int]:
    """Return how high those of the limits are, by rule, of which that is known."""
    return {row[0]: row[1] for row in tx.rows(_ALL, ids=list(rules))}


def change(tx: Transaction, ceilings: Mapping[str, int]) -> None:
    """Let limits, by rule, be so high from now on, for steps that wait as well; the relay looks at these next.

    Those that are so high already cost one look. The last that a transaction waits for: whoever opens lanes under
    the limit, or, if there are several, under any one, waits for its end, with what they have locked.
    """
    if not ceilings:
        return
    known = heights(tx, ceilings)
    rules = sorted((rule, ceiling) for rule, ceiling in ceilings.items() if known.get(rule) != ceiling)
    if not rules:
        return
    if tx.is_postgresql:
        tx.rows(_LOCK, rules=[rule for rule, _ in rules])
    tx.insert_all((_SAVE, rules))
    for rule, ceiling in rules:
        # SAFETY: I18 — a lane is under the limit that is published, however high it was when its steps joined it.
        tx.run(_APPLY, rule=rule, ceiling=ceiling)
        tx.run(_WAKE[tx.is_postgresql], rule=rule, now_ms=tx.now_ms)
