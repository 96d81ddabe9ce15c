"""The events that a run stands for: those of its batch, or of the window of a debounce that it ended. Reads only."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from workflowkit.base.scope import Scope
from workflowkit.store import schema
from workflowkit.store.queries import RunView
from workflowkit.store.transactions import Reading


@dataclass(frozen=True, slots=True)
class Gathered:
    """How many events started a run together, and the ids of the first of them, in order of arrival."""

    kind: str
    events: int
    event_ids: tuple[str, ...]


def find_gathered(tx: Reading, scope: Scope, run: RunView, *, limit: int) -> Gathered | None:
    """Return the events of a run's batch or window, with up to ``limit`` ids; ``None`` for a run of one event."""
    one, member = schema.collections.c, schema.collected_events.c
    collection = (
        sa.select(one.id, one.kind)
        .join_from(schema.collected_events, schema.collections, member.collection_id == one.id)
        .where(one.environment == scope.environment, one.tenant == scope.tenant, one.run_id == run.id)
        .where(member.event_id == run.event_id, member.workflow_id == run.workflow_id)
    )
    found = tx.connection.execute(collection).one_or_none()
    if found is None:
        return None
    own = member.collection_id == found.id
    count = tx.connection.execute(sa.select(sa.func.count()).where(own)).scalar_one()
    ids = tx.connection.execute(sa.select(member.event_id).where(own).order_by(member.event_id).limit(limit))
    return Gathered(found.kind, count, tuple(ids.scalars()))
