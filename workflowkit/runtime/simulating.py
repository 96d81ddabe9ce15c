"""What other settings would have made of the events that are stored. Reads only; nothing is executed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from workflowkit.base.errors import NotFound
from workflowkit.base.ids import first_id
from workflowkit.base.limits import Limits
from workflowkit.base.scope import Scope
from workflowkit.definition import parse_settings, parse_triggers
from workflowkit.definition.model import Json, Workflow
from workflowkit.engine.states import RunStatus
from workflowkit.flow.simulation import Outcome, Sample, simulate
from workflowkit.runtime.versions import Versions
from workflowkit.store import events, queries, subscriptions
from workflowkit.store.database import Database
from workflowkit.store.events import EventRecord
from workflowkit.store.transactions import Reading, Transaction
from workflowkit.triggers import Subscription, match, patterns_for


@dataclass(frozen=True, slots=True)
class Question:
    """Which settings, on which events: up to ``limit`` of those since ``since_ms``; how long a run takes.

    Without ``run_ms``, a run takes as long as the workflow's own last ones have: their median.
    """

    settings: Json
    since_ms: int
    limit: int
    run_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Simulated:
    """What the settings would have made of the events, in their order, and how long each run was taken to last.

    ``measured_runs`` is of how many runs that is the median: none if it was given, or if none has ended yet, which
    leaves 0.
    """

    outcomes: list[Outcome]
    run_ms: int
    measured_runs: int = 0


#: How many of the last events a trigger is tried on.
TRIED_EVENTS = 20
#: Of how many of the last runs it is looked how long they took.
MEASURED_RUNS = 100


@dataclass(frozen=True, slots=True)
class Tried:
    """What a trigger would have made of the last events with its name: how many there were, and the ids of those that
    it matches, the newest first. ``detail`` says why its condition could not be evaluated, if it once could not."""

    seen: int
    matched: tuple[str, ...]
    detail: str


class Simulating:
    """Answers what-if questions of a tenant."""

    def __init__(self, database: Database, versions: Versions, limits: Limits) -> None:
        self._database = database
        self._versions = versions
        self._limits = limits

    def simulate(self, scope: Scope, workflow_id: str, question: Question) -> Simulated:
        """Return what the settings would have made of the events that match the published version.

        Runs that no trigger starts are left out: by hand, by schedules, and by other workflows.
        Raises ``NotFound`` if there is no published version, ``DefinitionError`` for settings that no document may
        have.
        """
        flow = parse_settings(question.settings, self._limits, knows_all=True).flow
        with self._database.read() as tx:
            found = subscriptions.load_target(tx, scope, workflow_id)
            if found is None or found.version is None:
                raise NotFound(f"there is no published workflow {workflow_id!r}")
            workflow = self._versions.load(tx, scope, workflow_id, found.version)
            records = self._events(tx, scope, workflow, question)
            lengths_ms = [] if question.run_ms is not None else _lengths_ms(tx, scope, workflow_id)
        samples = [
            Sample(record.id, record.as_json(), record.received_at_ms, record.duplicate_of) for record in records
        ]
        run_ms = int(median(lengths_ms)) if lengths_ms else question.run_ms or 0
        outcomes = simulate(flow, samples, run_ms=run_ms, limits=self._limits)
        return Simulated(outcomes, run_ms, len(lengths_ms))

    def try_trigger(self, scope: Scope, event: str, condition: str | None) -> Tried:
        """Return which of the last events with a name, or with one that a pattern covers, a trigger would have matched.

        Raises ``DefinitionError`` for a trigger that no document may have.
        """
        trigger = {"event": event} | ({} if condition is None else {"if": condition})
        parse_triggers([trigger], self._limits)
        with self._database.read() as tx:
            found = queries.find_events(tx, scope, queries.EventFilter(name=event), limit=TRIED_EVENTS)
        matched, details = [], []
        for record in found:
            subscription = Subscription("", "", (condition,))
            (one,) = match(record.as_json(), [subscription], now_ms=record.received_at_ms, limits=self._limits)
            details += [one.detail] if one.detail else []
            matched += [record.id] if one.started else []
        return Tried(len(found), tuple(matched), next(iter(details), ""))

    def _events(self, tx: Transaction, scope: Scope, workflow: Workflow, question: Question) -> Sequence[EventRecord]:
        after, by_id = first_id(question.since_ms), {}
        for pattern in {trigger.event for trigger in workflow.triggers}:
            for record in events.find_since(tx, scope, pattern, after, limit=question.limit, repeated=True):
                by_id[record.id] = record
        found = [by_id[event_id] for event_id in sorted(by_id) if _matches(by_id[event_id], workflow, self._limits)]
        return [events.opened(tx, record) for record in found[: question.limit]]


def _lengths_ms(tx: Reading, scope: Scope, workflow_id: str) -> list[int]:
    """Return how long the last runs took that came to an end by themselves."""
    where = queries.RunFilter(statuses=(RunStatus.COMPLETED, RunStatus.FAILED), workflow_id=workflow_id)
    found = queries.find_runs(tx, scope, where, limit=MEASURED_RUNS)
    return [
        run.finished_at_ms - run.started_at_ms
        for run in found
        if run.finished_at_ms is not None and run.started_at_ms is not None
    ]


def _matches(record: EventRecord, workflow: Workflow, limits: Limits) -> bool:
    if record.target is not None:
        return False
    patterns = patterns_for(record.name, record.webhook)
    conditions = tuple(trigger.condition for trigger in workflow.triggers if trigger.event in patterns)
    subscription = Subscription("", "", conditions)
    return any(
        each.started for each in match(record.as_json(), [subscription], now_ms=record.received_at_ms, limits=limits)
    )
