"""What a worker does with a hint: match events, or claim a step and go on with its run as far as it leads.

What happens within a step is ``runtime.performing``.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

from workflowkit.base.clock import monotonic_seconds, sleep
from workflowkit.base.errors import (
    DefinitionError,
    LeaseInterrupt,
    LeaseLost,
    StoreUnavailable,
)
from workflowkit.base.sealing import ValueUnreadable
from workflowkit.base.settings import Settings
from workflowkit.engine.outcome import Outcome, Succeeded, Suspended
from workflowkit.registry import Registry
from workflowkit.runtime.advance import Advance, NotTaken
from workflowkit.runtime.backlog import Backlog
from workflowkit.runtime.hints import Dispatcher, StepHint, hint
from workflowkit.runtime.matching import Matching
from workflowkit.runtime.performing import Performer, retries_after
from workflowkit.runtime.position import Claim, Opening, Recorded
from workflowkit.runtime.runflow import groups_of, is_limited
from workflowkit.runtime.stepping import RECORD_PAUSES_SECONDS
from workflowkit.runtime.suspending import Suspending
from workflowkit.runtime.timers import POSTPONED_MS, RETRIED_MS
from workflowkit.store.events import EventGone

_log = logging.getLogger(__name__)

Result = TypeVar("Result")
#: How many openings may wait to overtake; with more, every thread is busy with such already.
MAX_AHEAD = 256


@dataclass(slots=True)
class _Budget:
    """How long one task may go on with a run before it hands it over, so that no run starves the others."""

    ends_at: float
    steps_left: int
    draining: threading.Event
    #: What it gives way to.
    ahead: Collection[Opening]

    def allows(self) -> bool:
        """Count one step, and tell whether there may be another."""
        self.steps_left -= 1
        is_over = self.steps_left <= 0 or monotonic_seconds() >= self.ends_at
        return not (is_over or self.ahead or self.draining.is_set())


class Worker:
    """Handles hints in one process. Thread-safe; holds no state of any run between two calls."""

    def __init__(
        self,
        matching: Matching,
        advance: Advance,
        suspending: Suspending,
        performer: Performer,
        dispatcher: Dispatcher,
        registry: Registry,
        settings: Settings,
    ) -> None:
        self._matching = matching
        self.advance = advance
        self._suspending = suspending
        self.performer = performer
        self._dispatcher = dispatcher
        self._registry = registry
        self._settings = settings
        self._draining = threading.Event()
        #: What may overtake all that this process has in hand, and is hinted to others as well.
        self._ahead: deque[Opening] = deque()

    def drain(self) -> None:
        """Begin no step from now on, and hand runs over after their current one: the process is about to end."""
        self._draining.set()

    def match(self, event_ids: Sequence[str]) -> None:
        """Match events; start the first run here, and the others too as long as that is quick."""
        is_for_others = self._draining.is_set()
        try:
            matched = self._matching.match(event_ids, is_for_others=is_for_others)
        except Exception as error:
            self._match_apart(event_ids, error, self.match)
            return
        if is_for_others:
            hint(self._dispatcher, [opening.hint for opening in matched.openings], matched.event_ids)
            return
        hint(self._dispatcher, (), matched.event_ids)
        self._work_off(matched.openings, matched.claim)

    def overtake(self, event_ids: Sequence[str]) -> None:
        """Match events, and let what they start be the next that the threads of this process take up.

        It is hinted as well, to whoever is free.
        """
        try:
            matched = self._matching.match(event_ids, is_for_others=True)
        except Exception as error:
            self._match_apart(event_ids, error, self.overtake)
            return
        hint(self._dispatcher, [opening.hint for opening in matched.openings], matched.event_ids)
        if len(self._ahead) < MAX_AHEAD:
            self._ahead.extend(each for each in matched.openings if each.hint.queue in self._settings.queues)

    def _match_apart(self, event_ids: Sequence[str], error: Exception, match: Callable[[Sequence[str]], None]) -> None:
        """Match events one by one of which one cannot be matched; put off the one that is alone."""
        # SAFETY: I1 I15 — an event that cannot be matched, by a fault of ours, stays, and costs no other event. So does
        # one for which the database gives up; if it is away, nothing can be put off, and the relay repeats it all.
        if len(event_ids) > 1:
            for event_id in event_ids:
                match([event_id])
            return
        is_refused = not isinstance(error, StoreUnavailable)
        self._matching.put_off(*event_ids, by_ms=POSTPONED_MS if is_refused else RETRIED_MS)
        _log.error("event %s is put off: %s", *event_ids, error, exc_info=error if is_refused else None)

    def begin(self, event_id: str) -> None:
        """Match an event, and perform what it starts as long as that does not wait; everything else is for others."""
        matched = self._matching.match([event_id])
        # With nothing to go on with, the event may be pending yet: encrypted for others, or others are at it.
        left = () if matched.claim is not None or matched.openings else (event_id,)
        hint(self._dispatcher, (), (*matched.event_ids, *left))
        with self._backlog(()) as backlog:
            backlog.add(matched.openings)
            if matched.claim is not None:
                self._go_on(matched.claim, backlog)

    def execute(self, hints: Sequence[StepHint]) -> None:
        """Run the hinted steps that are still to be had, one after the other, and what follows from each."""
        self._work_off([Opening(hint) for hint in hints], None)

    def _work_off(self, openings: Sequence[Opening], claim: Claim | None) -> None:
        """Perform a claim, then what is still to be had of the openings that this worker serves."""
        with self._backlog(self._settings.queues) as backlog:
            backlog.add(openings)
            gives_way = True
            while True:
                if claim is not None:
                    self._go_on(claim, backlog, gives_way=gives_way)
                if self._draining.is_set():
                    return
                ahead = self._take_ahead()
                opening = ahead or backlog.take()
                if opening is None:
                    return
                gives_way = ahead is None  # those that overtake do not do so among each other
                claim, openings = self._claim(opening)
                backlog.add(openings)

    def _take_ahead(self) -> Opening | None:
        try:
            return self._ahead.popleft()
        except IndexError:
            return None

    def _backlog(self, queues: Sequence[str]) -> Backlog:
        return Backlog(queues, self._dispatcher, spill_seconds=self._settings.spill_seconds)

    def _claim(self, opening: Opening) -> tuple[Claim | None, Sequence[Opening]]:
        try:
            return self.advance.claim(opening, may_defer=True)
        except (DefinitionError, EventGone, ValueUnreadable) as error:
            _log.warning("run %s is left to others: %s", opening.hint.run_id, error)
            return None, ()

    def _go_on(self, claim: Claim, backlog: Backlog, *, gives_way: bool = True) -> None:
        """Perform a step and what follows from it, until that is nothing more for this worker."""
        ends_at = monotonic_seconds() + self._settings.inline_seconds
        budget = _Budget(ends_at, self._settings.inline_steps, self._draining, self._ahead if gives_way else ())
        next_claim: Claim | None = claim
        while next_claim is not None:
            run_id = next_claim.lease.run_id
            try:
                next_claim = self._take_a_step(next_claim, backlog, budget)
            except (LeaseLost, LeaseInterrupt, StoreUnavailable, ValueUnreadable) as lost:
                # SAFETY: I13 — whoever gets the lease next goes on with the run.
                _log.warning("run %s: given up: %s", run_id, lost or type(lost).__name__)
                return

    def _take_a_step(self, claim: Claim, backlog: Backlog, budget: _Budget) -> Claim | None:
        try:
            return self._perform(claim, backlog, budget)
        except NotTaken:
            taken, openings = self.advance.take(claim)
            backlog.add(openings)
            return taken

    def _perform(self, claim: Claim, backlog: Backlog, budget: _Budget) -> Claim | None:
        node = claim.position.workflow.nodes[claim.lease.step_key]
        spec = self._registry.executable(node.kind)
        outcome = self.performer.outcome(claim, node, spec, budget.allows)
        if claim.begun and not isinstance(outcome, Succeeded):
            raise NotTaken
        if isinstance(outcome, Suspended):
            self._suspend(claim, outcome, backlog, budget)
            return None
        go_on = budget.allows()
        # A step under a limit is not for whoever comes along: it queues.
        is_free = not (is_limited(claim.position.run) or claim.begun)
        also = backlog.take_of(claim.lease.run_id) if go_on and is_free else None
        # Not before what is waiting here already.
        hand_over = go_on and backlog.is_only_at(groups_of(claim.position.run))
        recorded = self._record(claim, outcome, retries_after(outcome, node, spec), go_on, also, hand_over)
        self.performer.keep(claim, node, outcome)
        backlog.step_done(recorded.openings if go_on else ())
        if not go_on and recorded.openings:
            # Into the queue and not into the backlog, from which this task would only go on with the run.
            self._dispatcher.execute([opening.hint for opening in recorded.openings])
        if recorded.event_ids:
            self._dispatcher.match(recorded.event_ids)
        return recorded.next_claim

    def _suspend(self, claim: Claim, suspended: Suspended, backlog: Backlog, budget: _Budget) -> None:
        """Let the step wait, trying again while the database is away."""
        openings = self._persistently(claim, lambda: self._suspending.suspend(claim, suspended))
        if budget.allows():
            backlog.step_done(openings)
        elif openings:
            self._dispatcher.execute([opening.hint for opening in openings])

    def _record(
        self, claim: Claim, outcome: Outcome, retries: int, go_on: bool, also: StepHint | None, hand_over: bool
    ) -> Recorded:
        """Record, trying again while the database is away: what the action did should not have to be done twice."""
        on_sent = outcome.on_sent if isinstance(outcome, Succeeded) else None
        try:
            recorded = self._persistently(
                claim,
                lambda: self.advance.record(
                    claim, outcome, retries=retries, go_on=go_on, also=also, hand_over=hand_over
                ),
            )
        except Exception as error:
            if on_sent is not None:
                on_sent([], error)
            raise
        if on_sent is not None:
            on_sent(recorded.sent_ids, None)
        return recorded

    def _persistently(self, claim: Claim, write: Callable[[], Result]) -> Result:
        for pause_seconds in RECORD_PAUSES_SECONDS:
            try:
                return write()
            except StoreUnavailable as error:
                _log.warning("run %s: cannot record step %s: %s", claim.lease.run_id, claim.lease.step_key, error)
                sleep(pause_seconds)  # not cut short by draining: the result matters more
        return write()
