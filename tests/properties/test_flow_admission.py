"""Every event ends in exactly one run, batch, window or reason, and the controls come in their order (I20)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from workflowkit.definition.settings.flow import (
    Batch,
    Debounce,
    FlowControl,
    Idempotency,
    RateLimit,
    Singleton,
    SingletonMode,
)
from workflowkit.flow.admission import admit, admit_start
from workflowkit.flow.batch import OpenBatch
from workflowkit.flow.debounce import Window
from workflowkit.flow.decision import Admission, Batched, Case, Delayed, Rows, Skip, SkipReason, Start, Wait
from workflowkit.flow.idempotency import Claim
from workflowkit.flow.keys import INVALID_TEXT, NO_KEY, FlowKeys, Key
from workflowkit.flow.singleton import Lock, leave

NOW = 50_000
BATCH, DEBOUNCE, RATE, ONCE = Batch(3, 20), Debounce(10, 30), RateLimit(2, 40), Idempotency("event.id", 60)
#: Most of what could stop an event does not, so that the later controls get their turn.
RARELY = st.sampled_from([False, False, False, True])
KEYS = st.sampled_from([NO_KEY, NO_KEY, Key('"k"'), Key("false"), Key(INVALID_TEXT, "it failed")])
CONTROLS = st.builds(
    FlowControl,
    batch=st.none() | st.just(BATCH),
    idempotency=st.none() | st.just(ONCE),
    rate_limit=st.none() | st.just(RATE),
    debounce=st.none() | st.just(DEBOUNCE),
    singleton=st.none() | st.builds(Singleton, st.sampled_from(SingletonMode)),
)
CASES = st.builds(
    Case,
    event_id=st.just("event"),
    run_id=st.just("run"),
    event_ts_ms=st.integers(NOW - 9, NOW + 9),
    size_bytes=st.integers(1, 60),
    start_at_ms=st.none() | st.integers(NOW - 9, NOW + 9),
    priority_seconds=st.integers(-600, 600),
    takes_batch=st.booleans(),
    keys=st.builds(FlowKeys, rate_limit=KEYS, singleton=KEYS, idempotency=KEYS),
    is_archived=RARELY,
    is_disabled=RARELY,
    is_paused=RARELY,
    is_drained=RARELY,
    is_backlog_full=RARELY,
    run_exists=RARELY,
)
TIMES = st.integers(NOW - 30, NOW + 30)
ROWS = st.builds(
    Rows,
    batch=st.none() | st.builds(OpenBatch, TIMES, st.integers(1, 3), st.integers(1, 50)),
    claim=st.none() | st.builds(Claim, st.sampled_from(["event", "first"]), TIMES),
    rate_arrival_us=st.none() | TIMES.map(lambda now_ms: 1_000 * now_ms),
    window=st.none() | st.builds(Window, TIMES, TIMES, st.just("first"), TIMES),
    lock=st.sampled_from([None, Lock("run"), Lock("other"), Lock("other", "third"), Lock("other", "run")]),
)


def outcome(admission: Admission) -> str:
    decision = admission.decision
    return decision.reason if isinstance(decision, Skip) else type(decision).__name__


def in_the_documented_order(controls: FlowControl, case: Case, rows: Rows) -> str:
    """Return the first outcome that applies, each judged by itself."""
    limited = not controls.idempotency and controls.rate_limit and not case.keys.rate_limit.is_false
    claims = controls.idempotency and not case.keys.idempotency.is_false
    claimed = rows.claim and rows.claim.event_id != "event" and rows.claim.expires_at_ms > NOW
    single_key = case.keys.singleton
    single = controls.singleton.mode if controls.singleton and not (single_key.is_false or single_key.fault) else None
    held = rows.lock and rows.lock.holder != "run"
    applies: list[tuple[object, str]] = [
        (controls.batch and case.takes_batch, "Batched"),
        (claims and case.keys.idempotency.fault, SkipReason.KEY_ERROR),
        (claims and claimed, SkipReason.IDEMPOTENT),
        (limited and case.keys.rate_limit.fault, SkipReason.KEY_ERROR),
        (limited and (rows.rate_arrival_us or 0) // 1_000 > NOW, SkipReason.RATE_LIMITED),
        (controls.debounce, "Delayed"),
        (single is SingletonMode.SKIP and held and rows.lock != Lock("other", "run"), SkipReason.SINGLETON),
        (case.is_archived, SkipReason.ARCHIVED),
        (case.is_disabled, SkipReason.DISABLED),
        (case.is_paused, SkipReason.PAUSED),
        (case.is_drained, SkipReason.DRAINED),
        (case.is_backlog_full, SkipReason.BACKLOG_FULL),
        (case.run_exists, SkipReason.RUN_EXISTS),
        (single is SingletonMode.QUEUE_LATEST and held, "Wait"),
        (single and rows.lock == Lock("other", "run"), "Wait"),
    ]
    return next((name for condition, name in applies if condition), "Start")


@given(CONTROLS, CASES, ROWS)
def test_the_first_control_of_the_order_that_applies_decides(controls: FlowControl, case: Case, rows: Rows) -> None:
    assert outcome(admit(controls, case, rows, now_ms=NOW)) == in_the_documented_order(controls, case, rows)


@settings(max_examples=300)
@given(st.sampled_from(SingletonMode), CASES, ROWS)
def test_what_starts_later_meets_the_later_controls_in_the_same_order(
    mode: SingletonMode, case: Case, rows: Rows
) -> None:
    everything = FlowControl(
        batch=BATCH, idempotency=ONCE, rate_limit=RATE, debounce=DEBOUNCE, singleton=Singleton(mode)
    )  # fmt: skip
    later = FlowControl(singleton=Singleton(mode))
    admission = admit_start(everything, case, rows, now_ms=NOW)
    assert outcome(admission) == in_the_documented_order(later, case, rows)
    assert admission == admit(later, case, rows, now_ms=NOW)
    if isinstance(admission.decision, Start):
        assert admission.decision.at_ms == max(NOW, case.start_at_ms or NOW)


@given(CONTROLS, CASES, ROWS)
def test_the_same_values_give_the_same_answer(controls: FlowControl, case: Case, rows: Rows) -> None:
    assert admit(controls, case, rows, now_ms=NOW) == admit(controls, replace(case), replace(rows), now_ms=NOW)


@given(CONTROLS, CASES, ROWS)
def test_a_skipped_event_changes_no_row_but_a_place_of_its_own(controls: FlowControl, case: Case, rows: Rows) -> None:
    admission = admit(controls, case, rows, now_ms=NOW)
    if isinstance(admission.decision, Skip):
        kept = rows.lock if admission.decision.reason is SkipReason.RUN_EXISTS else leave(rows.lock, "run")
        assert admission.rows == replace(rows, lock=kept)


@given(CONTROLS, CASES, ROWS)
def test_a_start_is_never_before_now_nor_before_the_time_asked_for(
    controls: FlowControl, case: Case, rows: Rows
) -> None:
    decision = admit(controls, case, rows, now_ms=NOW).decision
    if isinstance(decision, Start):
        assert decision.at_ms == max(NOW, case.start_at_ms or NOW)
        assert decision.score_ms == decision.at_ms - 1_000 * case.priority_seconds


@dataclass
class Ledger:
    """What a runtime does with the answers for one key: who is collected where, what runs, how each event ended."""

    controls: FlowControl
    rows: Rows = field(default_factory=Rows)
    batch: list[str] = field(default_factory=list)
    window: list[str] = field(default_factory=list)
    waiting: dict[str, list[str]] = field(default_factory=dict)
    running: dict[str, list[str]] = field(default_factory=dict)
    ended: Counter[str] = field(default_factory=Counter)
    cases: dict[str, Case] = field(default_factory=dict)

    def arrive(self, case: Case, now_ms: int) -> None:
        self.cases[case.run_id] = case
        admission = admit(self.controls, case, self.rows, now_ms=now_ms)
        self.rows = admission.rows
        if isinstance(admission.decision, Batched):
            if admission.decision.closed:
                self.start_batch(now_ms)
            self.batch.append(case.event_id)
            if admission.decision.is_complete:
                self.start_batch(now_ms)
        elif isinstance(admission.decision, Delayed):
            if admission.decision.fired:
                self.fire(admission.decision.fired, now_ms)
            self.window.append(case.event_id)
        else:
            self.conclude(case, [case.event_id], admission)

    def start_batch(self, now_ms: int) -> None:
        members, self.batch = self.batch, []
        self.start(self.cases[f"run-{members[0]}"], members, now_ms)

    def fire(self, window: Window, now_ms: int) -> None:
        members, self.window = self.window, []
        assert window.events == len(members)
        self.start(self.cases[f"run-{window.event_id}"], members, now_ms)

    def start(self, case: Case, members: list[str], now_ms: int) -> None:
        admission = admit_start(self.controls, case, self.rows, now_ms=now_ms)
        self.rows = admission.rows
        self.conclude(case, members, admission)

    def conclude(self, case: Case, members: list[str], admission: Admission) -> None:
        decision = admission.decision
        if isinstance(decision, Skip):
            self.ended.update(members)
            self.follow()
            return
        assert isinstance(decision, Start | Wait)
        if isinstance(decision, Start) and decision.cancelled:
            self.ended.update(self.running.pop(decision.cancelled))
        if decision.superseded:
            self.ended.update(self.waiting.pop(decision.superseded))
        (self.running if isinstance(decision, Start) else self.waiting)[case.run_id] = members

    def end(self, run_id: str) -> None:
        self.ended.update(self.running.pop(run_id))
        self.rows = replace(self.rows, lock=leave(self.rows.lock, run_id))
        self.follow()

    def follow(self) -> None:
        """Start the run that became the holder of the lock."""
        lock = self.rows.lock
        if lock and lock.holder in self.waiting:
            self.start(self.cases[lock.holder], self.waiting.pop(lock.holder), NOW)

    def close(self, now_ms: int) -> None:
        if self.rows.batch:
            self.rows = replace(self.rows, batch=None)
            self.start_batch(now_ms)
        if self.rows.window:
            window, self.rows = self.rows.window, replace(self.rows, window=None)
            self.fire(window, now_ms)
        while self.running:
            self.end(next(iter(self.running)))


@given(CONTROLS, st.lists(st.tuples(CASES, st.integers(0, 15), st.booleans()), max_size=30))
def test_every_event_ends_exactly_once(controls: FlowControl, story: list[tuple[Case, int, bool]]) -> None:
    """FlowControl of any combination, one key, runs that end at any time; nothing is lost, doubled or left behind."""
    ledger, now_ms = Ledger(controls), NOW
    for number, (case, gap_ms, ends) in enumerate(story):
        now_ms += gap_ms
        if ends and ledger.running:
            ledger.end(next(iter(ledger.running)))
        event_id = str(number)
        own = replace(case, event_id=event_id, run_id=f"run-{event_id}", run_exists=False)
        own = replace(own, keys=replace(own.keys, singleton=Key('"k"')))
        ledger.arrive(replace(own, event_ts_ms=now_ms), now_ms)
        if controls.singleton:
            assert len(ledger.running) <= 1
    ledger.close(now_ms + 100)
    assert ledger.ended == Counter(str(number) for number in range(len(story)))
    assert (ledger.waiting, ledger.batch, ledger.window) == ({}, [], [])
    assert ledger.rows.lock is None
