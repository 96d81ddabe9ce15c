"""Everything there is to be told of an event, read at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from workflowkit.base.scope import Scope
from workflowkit.store import queries
from workflowkit.store.events import EventRecord
from workflowkit.store.queries import CollectionView, DecisionView, ResumedView, RunView
from workflowkit.store.transactions import Reading


@dataclass(frozen=True, slots=True)
class EventStory:
    """An event: the runs it started and resumed, why it did not start others, and what it shares with other events.

    While it ``is_pending`` nothing has been decided yet.
    """

    event: EventRecord
    is_pending: bool
    runs: list[RunView]
    resumed: list[ResumedView]
    decisions: list[DecisionView]
    collections: list[CollectionView]


def tell_event(tx: Reading, scope: Scope, event_id: str, *, most_runs: int) -> EventStory:
    """Return the event of this tenant with our id ``event_id``, up to so many runs of a kind. Raises ``NotFound``."""
    return EventStory(
        queries.get_event(tx, scope, event_id),
        queries.is_pending(tx, scope, event_id),
        queries.find_runs(tx, scope, queries.RunFilter(event_id=event_id), limit=most_runs),
        queries.find_resumed(tx, scope, event_id, limit=most_runs),
        queries.find_decisions(tx, scope, event_id),
        queries.find_collections(tx, scope, event_id),
    )
