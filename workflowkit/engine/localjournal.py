"""The journal of a run in memory, and what its steps have sent."""

from __future__ import annotations

from typing import Any

from workflowkit.base.clock import Clock
from workflowkit.base.ids import derived_id
from workflowkit.engine.channels import Message
from workflowkit.engine.facts import Fact, FactKind
from workflowkit.engine.localends import Watch
from workflowkit.engine.outcome import EmittedEvent


class LocalJournal:
    """The facts of one run, in order; its events and messages, as JSON.

    ``watch`` hears of each step that has ended, and may cancel the run for what comes then.
    """

    def __init__(self, run_id: str, clock: Clock, watch: Watch) -> None:
        self._run_id, self._clock, self._watch = run_id, clock, watch
        self.facts: list[Fact] = []
        self.events: list[dict[str, Any]] = []
        self.messages: list[dict[str, Any]] = []

    def keep(self, fact: Fact) -> Fact:
        """Enter a fact, and return it."""
        self.facts.append(fact)
        if fact.kind in (FactKind.COMPLETED, FactKind.FAILED):
            self._watch.step_ended(fact.step, self._clock.now_ms())
        return fact

    def amend(self, before: Fact, after: Fact) -> None:
        """Let one fact stand in the place of another."""
        self.facts[self.facts.index(before)] = after

    def send(self, key: str, emitted: tuple[EmittedEvent, ...]) -> list[str]:
        """Keep the events of a step; return their ids."""
        ids = []
        for index, event in enumerate(emitted):
            event_id = event.id or derived_id(self._run_id, key, str(index))
            ts_ms = self._clock.now_ms() if event.ts_ms is None else event.ts_ms
            self.events.append({"id": event_id, "name": event.name, "data": event.data, "ts": ts_ms})
            ids.append(event_id)
        return ids

    def publish(self, message: Message) -> None:
        """Keep a message."""
        self.messages.append(message.as_dict())

    def is_cut(self) -> bool:
        """Tell whether the run is cancelled by something that has happened in the middle of an attempt."""
        return self._watch.is_cut(self._clock.now_ms())
