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

    While it ``is_pending`` nothing has been decided yet. ``names`` are what the workflows are called now, by id.
    """

    event: EventRecord
    is_pending: bool
    runs: list[RunView]
    resumed: list[ResumedView]
    decisions: list[DecisionView]
    collections: list[CollectionView]
    names: dict[str, str]


def tell_event(tx: Reading, scope: Scope, event_id: str, *, most_runs: int) -> EventStory:
    """Return the event of this tenant with our id ``event_id``, up to so many runs of a kind. Raises ``NotFound``."""
    event, is_pending = queries.get_event(tx, scope, event_id), queries.is_pending(tx, scope, event_id)
    runs = queries.find_runs(tx, scope, queries.RunFilter(event_id=event_id), limit=most_runs)
    resumed = queries.find_resumed(tx, scope, event_id, limit=most_runs)
    decisions, collections = queries.find_decisions(tx, scope, event_id), queries.find_collections(tx, scope, event_id)
    told = {each.workflow_id for each in runs} | {each.workflow_id for each in resumed}
    told |= {each.workflow_id for each in collections} | {each.workflow_id for each in decisions if each.workflow_id}
    names = queries.workflow_names(tx, scope, told)
    return EventStory(event, is_pending, runs, resumed, decisions, collections, names)
