"""Who held a slot when, and beside how many others: written down by the database itself, where slots are taken.

Slots are taken under the lock of their group, so this is the order in which it happened. When actions begin and end is
less than that: of two that took their slots one after the other, the second may be the first to begin.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from stack import Stack

from workflowkit.store.slots import HELD

#: Triggers see what their statement has done, all of it. ``others`` are held by others as a slot is taken.
_WRITE_DOWN = f"""
CREATE TABLE slot_log (number bigserial PRIMARY KEY, change text, slot_group text, run_id text, step_key text,
    others bigint, at_ns bigint);
CREATE FUNCTION note_slot() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    slot slots%ROWTYPE;
    at_ns bigint := (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint;
    others bigint;
BEGIN
    IF TG_OP = 'DELETE' THEN slot := OLD; ELSE slot := NEW; END IF;
    SELECT count(*) INTO others FROM slots s WHERE s.slot_group = slot.slot_group
        AND (s.run_id, s.step_key) <> (slot.run_id, slot.step_key) AND {HELD.replace(":now_ms", "at_ns / 1000000")};
    INSERT INTO slot_log (change, slot_group, run_id, step_key, others, at_ns)
    VALUES (TG_OP, slot.slot_group, slot.run_id, slot.step_key, others, at_ns);
    RETURN NULL;
END $$;
CREATE TRIGGER note_slot AFTER INSERT OR DELETE ON slots FOR EACH ROW EXECUTE FUNCTION note_slot();
"""
_FORGET = "DROP TRIGGER note_slot ON slots; DROP FUNCTION note_slot(); DROP TABLE slot_log;"


@dataclass(slots=True)
class Holding:
    """A slot that a run held, from when to when, and beside how many others it was taken."""

    taken_ns: int
    others: int
    freed_ns: int | None = None

    def covers(self, began_ns: int, ended_ns: int) -> bool:
        return self.taken_ns <= began_ns and (self.freed_ns is None or ended_ns <= self.freed_ns)


@contextmanager
def written_down(stack: Stack) -> Iterator[None]:
    """Have the database write down who takes and gives back a slot."""
    with stack.engine.begin() as connection:
        connection.execute(sa.text(_WRITE_DOWN))
    try:
        yield
    finally:
        with stack.engine.begin() as connection:
            connection.execute(sa.text(_FORGET))


def holdings(stack: Stack, workflow_ids: Iterable[str]) -> Mapping[str, list[Holding]]:
    """Return what each run of these workflows, whose steps come one after the other, has held."""
    found: dict[str, list[Holding]] = defaultdict(list)
    for row in stack.rows("SELECT l.*, r.workflow_id FROM slot_log l JOIN runs r ON r.id = l.run_id ORDER BY number"):
        if row["workflow_id"] not in workflow_ids:
            continue
        own = found[row["run_id"]]
        if row["change"] == "INSERT":
            own.append(Holding(row["at_ns"], row["others"]))
        else:
            own[-1].freed_ns = row["at_ns"]
    return found
