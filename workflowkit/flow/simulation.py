"""What settings would have made of events that came in the past: the same checks, on rows in memory.

Nothing is executed, so how long a run takes is an assumption. Concurrency is left out: when steps start behind a limit
depends on how long each of them takes.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from workflowkit.base.jsonvalue import size_bytes
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.definition.model import Json
from workflowkit.definition.settings.flow import FlowControl
from workflowkit.flow import gcra, singleton
from workflowkit.flow.admission import admit, admit_start
from workflowkit.flow.decision import Admission, Batched, Case, Delayed, Rows, Skip, SkipReason, Start, Wait
from workflowkit.flow.gcra import Rate
from workflowkit.flow.keys import freeze_keys, holds
from workflowkit.flow.priority import priority_seconds


@dataclass(frozen=True, slots=True)
class Sample:
    """An event that matched: as workflows see it, and when it came.

    ``first_id`` is the id of an earlier event that had the same sender's id.
    """

    id: str
    event: Json
    at_ms: int
    first_id: str | None = None


class Fate(StrEnum):
    """What becomes of an event: a run (with others, if there was a batch or a window), a cancelled run, or none."""

    RUN = "run"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


@dataclass(slots=True)
class Outcome:
    """``run`` is the id of the event whose run it is part of; ``starts_at_ms`` when its first step could start, which
    a run that is cancelled while it waits for the throttle does not.

    ``run`` is ``None`` for events that are skipped, whose ``reason`` says why.
    """

    event_id: str
    at_ms: int
    fate: Fate = Fate.RUN
    reason: str | None = None
    run: str | None = None
    starts_at_ms: int | None = None


@dataclass(slots=True)
class _Collected:
    """What a window or a batch has collected so far, under the number of its timer."""

    rows: Rows
    cases: list[Case]
    number: int


@dataclass(slots=True)
class _Line:
    """Runs that wait for one key of the throttle, in the order of their scores, and when it is looked at next."""

    runs: list[tuple[int, int, list[Case]]] = field(default_factory=list)
    arrival_us: int | None = None
    next_at_ms: int = 0


@dataclass(slots=True)
class _Replay:
    flow: FlowControl
    run_ms: int
    limits: Limits
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    rows: dict[tuple[str, str], Rows] = field(default_factory=dict)
    collected: dict[tuple[str, str], _Collected] = field(default_factory=dict)
    lines: dict[str, _Line] = field(default_factory=dict)
    runs: dict[str, list[Case]] = field(default_factory=dict)
    waiting: dict[str, list[Case]] = field(default_factory=dict)
    due: list[tuple[int, int, Callable[[int], None]]] = field(default_factory=list)
    first_ids: dict[str, str] = field(default_factory=dict)
    count: int = 0

    def arrive(self, sample: Sample) -> None:
        self.advance(sample.at_ms)
        self.outcomes[sample.id] = Outcome(sample.id, sample.at_ms)
        case = self._case(sample)
        if sample.first_id is not None and not self._takes_again(case, sample.first_id):
            self._note([case], Fate.SKIPPED, reason=SkipReason.DUPLICATE.value)
            return
        self.first_ids[sample.id] = sample.first_id or sample.id
        admission = admit(self.flow, case, self._rows_of(case), now_ms=sample.at_ms, limits=self.limits)
        decision = admission.decision
        if isinstance(decision, Batched):
            self._collect("batch", case, admission, decision.closed is not None, sample.at_ms)
            if decision.is_complete:
                key = ("batch", case.keys.batch.text)
                self._fire(key, self.collected[key].number, sample.at_ms)
            return
        self._put(("rate", case.keys.rate_limit.text), admission.rows)
        self._put(("claim", case.keys.idempotency.text), admission.rows)
        if isinstance(decision, Delayed):
            self._collect("debounce", case, admission, decision.fired is not None, sample.at_ms)
        else:
            self._apply([case], admission, sample.at_ms)

    def _takes_again(self, case: Case, first_id: str) -> bool:
        """Tell whether an event is taken whose sender's id was there before: a batch takes it once."""
        if self.flow.batch is None or not case.takes_batch:
            return self.flow.debounce is not None
        open_batch = self.collected.get(("batch", case.keys.batch.text))
        return all(self.first_ids[each.event_id] != first_id for each in (open_batch.cases if open_batch else ()))

    def advance(self, until_ms: int | None = None) -> None:
        """Let everything happen that is due by ``until_ms``; all there is, if ``None``."""
        while self.due and (until_ms is None or self.due[0][0] <= until_ms):
            at_ms, _, happen = heapq.heappop(self.due)
            happen(at_ms)

    def _case(self, sample: Sample) -> Case:
        event, rule, ts_ms = sample.event, self.flow.batch, sample.event.get("ts", sample.at_ms)
        return Case(
            event_id=sample.id, run_id=sample.id, event_ts_ms=ts_ms, start_at_ms=ts_ms,
            size_bytes=0 if rule is None else size_bytes(event),
            priority_seconds=priority_seconds(self.flow, event, now_ms=sample.at_ms, limits=self.limits),
            takes_batch=rule is not None and holds(rule.condition, event, now_ms=sample.at_ms, limits=self.limits),
            keys=freeze_keys(self.flow, event, limits=self.limits),
        )  # fmt: skip

    def _rows_of(self, case: Case) -> Rows:
        keys = case.keys
        claim = self.rows.get(("claim", keys.idempotency.text), Rows()).claim
        rate_arrival_us = self.rows.get(("rate", keys.rate_limit.text), Rows()).rate_arrival_us
        batch = self.collected.get(("batch", keys.batch.text))
        window = self.collected.get(("debounce", keys.debounce.text))
        lock = self.rows.get(("singleton", keys.singleton.text), Rows()).lock
        return Rows(
            None if batch is None else batch.rows.batch, claim, rate_arrival_us,
            None if window is None else window.rows.window, lock,
        )  # fmt: skip

    def _put(self, key: tuple[str, str], rows: Rows) -> None:
        self.rows[key] = rows

    def _collect(self, control: str, case: Case, admission: Admission, has_ended: bool, now_ms: int) -> None:
        key = (control, getattr(case.keys, control).text)
        before = self.collected.get(key)
        if before is not None and has_ended:
            self._fire(key, before.number, now_ms)
            before = None
        if before is None:
            self.count += 1
            before = self.collected[key] = _Collected(admission.rows, [], self.count)
            self._plan(key, before)
        before.rows, self.collected[key] = admission.rows, before
        before.cases.append(case)

    def _plan(self, key: tuple[str, str], collected: _Collected) -> None:
        window, batch = collected.rows.window, collected.rows.batch
        at_ms = window.fire_at_ms if window is not None else None if batch is None else batch.start_at_ms
        if at_ms is not None:
            self._later(at_ms, lambda now_ms: self._look(key, collected, now_ms))

    def _look(self, key: tuple[str, str], collected: _Collected, now_ms: int) -> None:
        window = collected.rows.window
        if self.collected.get(key) is not collected:
            return
        if window is not None and not window.is_over(now_ms):
            self._plan(key, collected)
        else:
            self._fire(key, collected.number, now_ms)

    def _fire(self, key: tuple[str, str], number: int, now_ms: int) -> None:
        collected = self.collected.get(key)
        if collected is None or collected.number != number:
            return
        del self.collected[key]
        cases, window = collected.cases, collected.rows.window
        if window is not None:
            cases = sorted(cases, key=lambda case: case.event_id != window.event_id)
        first = replace(cases[0], start_at_ms=None) if key[0] == "batch" else cases[0]
        self._start([first, *cases[1:]], now_ms)

    def _start(self, cases: list[Case], now_ms: int) -> None:
        lock = self.rows.get(("singleton", cases[0].keys.singleton.text), Rows()).lock
        self._apply(cases, admit_start(self.flow, cases[0], Rows(lock=lock), now_ms=now_ms, limits=self.limits), now_ms)

    def _apply(self, cases: list[Case], admission: Admission, now_ms: int) -> None:
        """Note what was decided about the run of ``cases``, of which the first counts."""
        decision, text = admission.decision, cases[0].keys.singleton.text
        if self.flow.singleton is not None:
            self._put(("singleton", text), Rows(lock=admission.rows.lock))
        if isinstance(decision, Skip):
            self._note(cases, Fate.SKIPPED, reason=decision.reason.value)
            return
        if isinstance(decision, Wait | Start) and decision.superseded is not None:
            self._note(self.waiting.pop(text, []), Fate.SKIPPED, reason=SkipReason.SUPERSEDED.value)
        if isinstance(decision, Wait):
            self.waiting[text] = cases
        elif isinstance(decision, Start):
            if decision.cancelled is not None:
                for each in self.runs.get(decision.cancelled, ()):
                    self.outcomes[each.event_id].fate = Fate.CANCELLED
            self.runs[cases[0].run_id] = cases
            self._note(cases, Fate.RUN, run=cases[0].event_id)
            if self.flow.throttle is None:
                self._begin(cases, decision.at_ms)
            elif decision.at_ms <= now_ms:
                self._queue(cases, decision.score_ms, now_ms)
            else:
                self._later(decision.at_ms, lambda at_ms: self._queue(cases, decision.score_ms, at_ms))

    def _queue(self, cases: list[Case], score_ms: int, now_ms: int) -> None:
        line = self.lines.setdefault(cases[0].keys.throttle.text, _Line())
        self.count += 1
        heapq.heappush(line.runs, (score_ms, self.count, cases))
        if line.next_at_ms <= now_ms:
            self._serve(line, now_ms)

    def _serve(self, line: _Line, now_ms: int) -> None:
        """Begin those runs whose turn it is. One that was cancelled meanwhile uses nothing up."""
        assert self.flow.throttle is not None  # noqa: S101 - else there are no lines
        rate = Rate.of(self.flow.throttle)
        while line.runs:
            cases = line.runs[0][2]
            if self.outcomes[cases[0].event_id].fate is not Fate.CANCELLED:
                taken = gcra.take(rate, line.arrival_us, now_ms=now_ms)
                if taken.count == 0:
                    line.next_at_ms = taken.next_at_ms
                    self._later(taken.next_at_ms, lambda at_ms: self._serve(line, at_ms))
                    return
                line.arrival_us = taken.arrival_us
                self._begin(cases, now_ms)
            heapq.heappop(line.runs)

    def _begin(self, cases: list[Case], at_ms: int) -> None:
        for each in cases:
            self.outcomes[each.event_id].starts_at_ms = at_ms
        self._later(at_ms + self.run_ms, lambda now_ms: self._leave(cases[0], now_ms))

    def _leave(self, case: Case, now_ms: int) -> None:
        text = case.keys.singleton.text
        lock = self.rows.get(("singleton", text), Rows()).lock
        left = singleton.leave(lock, case.run_id)
        self._put(("singleton", text), Rows(lock=left))
        if left is not None and lock is not None and left.holder != lock.holder and text in self.waiting:
            self._start(self.waiting.pop(text), now_ms)

    def _note(self, cases: Iterable[Case], fate: Fate, *, reason: str | None = None, run: str | None = None) -> None:
        for case in cases:
            outcome = self.outcomes[case.event_id]
            outcome.fate, outcome.reason, outcome.run = fate, reason, run

    def _later(self, at_ms: int, happen: Callable[[int], None]) -> None:
        self.count += 1
        heapq.heappush(self.due, (at_ms, self.count, happen))


def simulate(
    flow: FlowControl, samples: Iterable[Sample], *, run_ms: int, limits: Limits = DEFAULT_LIMITS
) -> list[Outcome]:
    """Return what ``flow`` would have made of each event, in their order, if every run took ``run_ms``.

    ``samples`` come in the order of their times.
    """
    replay = _Replay(flow, run_ms, limits)
    for sample in samples:
        replay.arrive(sample)
    replay.advance()
    return list(replay.outcomes.values())
