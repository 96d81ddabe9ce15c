"""Where the steps of a run stand that wait for a limit, for people who ask: nothing is locked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from workflowkit.base import jsonvalue
from workflowkit.store import slots
from workflowkit.store.statements import Sql
from workflowkit.store.transactions import Transaction

#: Further than that nobody counts who comes before.
MOST_AHEAD: Final = 1_000


@dataclass(frozen=True, slots=True)
class Queued:
    """A step in its lane. ``throttle`` is what its run is under before it begins, and ``not_before_ms`` when that lets
    the next one start, as far as is known in the lanes that share it; ``groups`` has the ceiling and the held slots of
    each limit, and ``ahead`` is how many steps come before it in the lane, up to ``MOST_AHEAD``."""

    step_key: str
    throttle: Mapping[str, Any] | None
    not_before_ms: int
    groups: Mapping[str, tuple[int, int]]
    ahead: int


_FIND = Sql(
    """
    SELECT q.step_key, l.id, l.throttle, (
        SELECT max(t.not_before_ms) FROM lanes t
        WHERE t.id = l.id OR (t.parent = l.parent AND t.throttle = l.throttle)
    ), (
        SELECT count(*) FROM (
            SELECT 1 FROM queued_steps o WHERE o.lane_id = q.lane_id
                AND (o.score_ms < q.score_ms OR (o.score_ms = q.score_ms AND o.sequence < q.sequence))
            LIMIT :most
        ) AS earlier
    )
    FROM queued_steps q JOIN lanes l ON l.id = q.lane_id WHERE q.run_id = :run_id
    """
)
_GROUPS = Sql(
    "SELECT lane_id, slot_group, ceiling FROM lane_groups WHERE lane_id {in_ids} ORDER BY lane_id, slot_group"
)


def find(tx: Transaction, run_id: str) -> list[Queued]:
    """Return the steps of a run that wait in lanes."""
    rows = tx.rows(_FIND, run_id=run_id, most=MOST_AHEAD)
    if not rows:
        return []
    ceilings: dict[str, dict[str, int]] = {}
    for lane_id, group, ceiling in tx.rows(_GROUPS, ids=sorted({row[1] for row in rows})):
        ceilings.setdefault(lane_id, {})[group] = ceiling
    groups = sorted({group for of_lane in ceilings.values() for group in of_lane})
    held = slots.held(tx, groups) if groups else {}
    return [
        Queued(
            step_key, None if throttle is None else jsonvalue.loads(throttle), not_before_ms,
            {group: (ceiling, held.get(group, 0)) for group, ceiling in ceilings.get(lane_id, {}).items()}, ahead,
        )
        for step_key, lane_id, throttle, not_before_ms, ahead in rows
    ]  # fmt: skip
