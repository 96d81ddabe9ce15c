"""What becomes of an event under each control, and under several."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

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
from workflowkit.flow.decision import Batched, Case, Delayed, Rows, Skip, SkipReason, Start, Wait
from workflowkit.flow.idempotency import Claim
from workflowkit.flow.keys import INVALID_TEXT, FlowKeys, Key
from workflowkit.flow.singleton import Lock

NOW = 50_000
CASE = Case("event", "run", event_ts_ms=NOW, size_bytes=10)
STARTS = Start(at_ms=NOW, score_ms=NOW)
FALSE, FAULTY = Key("false"), Key(INVALID_TEXT, "division by zero")
RATE = RateLimit(1, 1_000)
ONCE = Idempotency("event.id", 9)
SKIP, CANCEL, QUEUE_LATEST = map(Singleton, (SingletonMode.SKIP, SingletonMode.CANCEL, SingletonMode.QUEUE_LATEST))


def test_without_controls_a_run_starts_now() -> None:
    admission = admit(FlowControl(), CASE, Rows(), now_ms=NOW)
    assert (admission.decision, admission.rows) == (STARTS, Rows())


@pytest.mark.parametrize(("asked_ms", "at_ms"), [(NOW - 1, NOW), (NOW + 7, NOW + 7)])
def test_a_run_starts_when_the_event_asks_for_it_but_not_in_the_past(asked_ms: int, at_ms: int) -> None:
    case = replace(CASE, start_at_ms=asked_ms, priority_seconds=3)
    assert admit(FlowControl(), case, Rows(), now_ms=NOW).decision == Start(at_ms, at_ms - 3_000)
    ahead = admit(FlowControl(priority="3"), case, Rows(), now_ms=NOW).decision
    assert ahead == Start(at_ms, at_ms - 3_000, head_start_ms=3_000)


@pytest.mark.parametrize(("asked_ms", "at_ms", "queued_at_ms"), [(None, NOW, NOW - 9), (NOW + 7, NOW + 7, NOW + 7)])
def test_a_run_is_in_line_since_its_event_came(asked_ms: int | None, at_ms: int, queued_at_ms: int) -> None:
    case = replace(CASE, received_at_ms=NOW - 9, start_at_ms=asked_ms, priority_seconds=3)
    assert admit(FlowControl(), case, Rows(), now_ms=NOW).decision == Start(at_ms, queued_at_ms - 3_000)


@pytest.mark.parametrize(
    ("controls", "rows", "decision", "stored"),
    [
        (FlowControl(batch=Batch(2, 9)), Rows(), Batched(False), Rows(batch=OpenBatch(NOW + 9, 1, 10))),
        (FlowControl(batch=Batch(2, 9)), Rows(batch=OpenBatch(NOW + 1, 1, 1)), Batched(True), Rows()),
        (
            FlowControl(batch=Batch(2, 9)),
            Rows(batch=OpenBatch(NOW, 1, 1)),
            Batched(False, closed=OpenBatch(NOW, 1, 1)),
            Rows(batch=OpenBatch(NOW + 9, 1, 10)),
        ),
        (FlowControl(rate_limit=RATE), Rows(), STARTS, Rows(rate_arrival_us=51_000_000)),
        (FlowControl(idempotency=ONCE), Rows(), STARTS, Rows(claim=Claim("event", NOW + 9))),
        (
            FlowControl(idempotency=ONCE),
            Rows(claim=Claim("event", NOW + 1)),
            STARTS,
            Rows(claim=Claim("event", NOW + 1)),
        ),
        (FlowControl(debounce=Debounce(9)), Rows(), Delayed(), Rows(window=Window(NOW, NOW + 9, "event", NOW))),
        (
            FlowControl(debounce=Debounce(9)),
            Rows(window=Window(1, NOW, "old", 1)),
            Delayed(fired=Window(1, NOW, "old", 1)),
            Rows(window=Window(NOW, NOW + 9, "event", NOW)),
        ),
        (FlowControl(singleton=SKIP), Rows(), STARTS, Rows(lock=Lock("run"))),
        (
            FlowControl(singleton=CANCEL),
            Rows(lock=Lock("old")),
            replace(STARTS, cancelled="old"),
            Rows(lock=Lock("run")),
        ),
        (FlowControl(singleton=QUEUE_LATEST), Rows(lock=Lock("old")), Wait("old"), Rows(lock=Lock("old", "run"))),
        (
            FlowControl(singleton=QUEUE_LATEST),
            Rows(lock=Lock("old", "older")),
            Wait("old", superseded="older"),
            Rows(lock=Lock("old", "run")),
        ),
    ],
)
def test_each_control_takes_the_event_or_lets_it_start(
    controls: FlowControl, rows: Rows, decision: Any, stored: Rows
) -> None:
    admission = admit(controls, CASE, rows, now_ms=NOW)
    assert (admission.decision, admission.rows) == (decision, stored)


@pytest.mark.parametrize(
    ("controls", "case", "rows", "skip"),
    [
        (FlowControl(rate_limit=RATE), CASE, Rows(rate_arrival_us=50_001_000), Skip(SkipReason.RATE_LIMITED)),
        (
            FlowControl(rate_limit=RATE),
            replace(CASE, keys=FlowKeys(rate_limit=FAULTY)),
            Rows(),
            Skip(SkipReason.KEY_ERROR, detail="division by zero"),
        ),
        (
            FlowControl(idempotency=ONCE),
            replace(CASE, keys=FlowKeys(idempotency=FAULTY)),
            Rows(),
            Skip(SkipReason.KEY_ERROR, detail="division by zero"),
        ),
        (FlowControl(idempotency=ONCE), CASE, Rows(claim=Claim("old", NOW + 1)), Skip(SkipReason.IDEMPOTENT, "old")),
        (FlowControl(singleton=SKIP), CASE, Rows(lock=Lock("old")), Skip(SkipReason.SINGLETON, "old")),
        (FlowControl(), replace(CASE, is_archived=True, is_paused=True), Rows(), Skip(SkipReason.ARCHIVED)),
        (FlowControl(), replace(CASE, is_disabled=True, is_paused=True), Rows(), Skip(SkipReason.DISABLED)),
        (FlowControl(), replace(CASE, is_paused=True, is_drained=True), Rows(), Skip(SkipReason.PAUSED)),
        (FlowControl(), replace(CASE, is_drained=True), Rows(), Skip(SkipReason.DRAINED)),
        (FlowControl(), replace(CASE, is_backlog_full=True), Rows(), Skip(SkipReason.BACKLOG_FULL)),
        (FlowControl(), replace(CASE, run_exists=True), Rows(), Skip(SkipReason.RUN_EXISTS, "run")),
        # What would have been stored, had it not been skipped later, is not.
        (
            FlowControl(rate_limit=RATE, singleton=CANCEL),
            replace(CASE, is_paused=True),
            Rows(lock=Lock("old")),
            Skip(SkipReason.PAUSED),
        ),
    ],
)
def test_a_skipped_event_says_why_and_changes_nothing(
    controls: FlowControl, case: Case, rows: Rows, skip: Skip
) -> None:
    admission = admit(controls, case, rows, now_ms=NOW)
    assert (admission.decision, admission.rows) == (skip, rows)


@pytest.mark.parametrize(
    ("controls", "case", "rows"),
    [
        (
            FlowControl(rate_limit=RATE),
            replace(CASE, keys=FlowKeys(rate_limit=FALSE)),
            Rows(rate_arrival_us=50_500_000),
        ),
        (
            FlowControl(idempotency=ONCE),
            replace(CASE, keys=FlowKeys(idempotency=FALSE)),
            Rows(claim=Claim("old", NOW + 1)),
        ),
        (FlowControl(singleton=SKIP), replace(CASE, keys=FlowKeys(singleton=FALSE)), Rows(lock=Lock("old"))),
        (FlowControl(singleton=SKIP), replace(CASE, keys=FlowKeys(singleton=FAULTY)), Rows(lock=Lock("old"))),
        (FlowControl(batch=Batch(2, 9)), replace(CASE, takes_batch=False), Rows(batch=OpenBatch(NOW + 1, 1, 1))),
    ],
)
def test_a_control_that_does_not_apply_leaves_the_event_and_its_row_alone(
    controls: FlowControl, case: Case, rows: Rows
) -> None:
    admission = admit(controls, case, rows, now_ms=NOW)
    assert (admission.decision, admission.rows) == (STARTS, rows)


def test_the_controls_come_in_their_order() -> None:
    """Everything applies; what decided is taken away, and the next of the order decides."""
    held = Rows(rate_arrival_us=50_500_000, claim=Claim("first", NOW + 1), lock=Lock("other"))
    flow = FlowControl(batch=Batch(2, 9), idempotency=ONCE, rate_limit=RATE, debounce=Debounce(9), singleton=SKIP)
    case = replace(
        CASE, is_archived=True, is_disabled=True, is_paused=True, is_drained=True, is_backlog_full=True, run_exists=True
    )  # fmt: skip
    found: list[Any] = []
    changes: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"batch": None}, {}), ({"idempotency": None}, {}), ({"rate_limit": None}, {}), ({"debounce": None}, {}),
        ({"singleton": None}, {}), ({}, {"is_archived": False}), ({}, {"is_disabled": False}),
        ({}, {"is_paused": False}), ({}, {"is_drained": False}), ({}, {"is_backlog_full": False}),
        ({}, {"run_exists": False}),
    ]  # fmt: skip
    for of_flow, of_case in [*changes, ({}, {})]:
        found.append(admit(flow, case, held, now_ms=NOW).decision)
        flow, case = replace(flow, **of_flow), replace(case, **of_case)
    assert found == [
        Batched(False), Skip(SkipReason.IDEMPOTENT, "first"), Skip(SkipReason.RATE_LIMITED), Delayed(),
        Skip(SkipReason.SINGLETON, "other"), Skip(SkipReason.ARCHIVED), Skip(SkipReason.DISABLED),
        Skip(SkipReason.PAUSED), Skip(SkipReason.DRAINED), Skip(SkipReason.BACKLOG_FULL),
        Skip(SkipReason.RUN_EXISTS, "run"), STARTS,
    ]  # fmt: skip


def test_idempotency_overrides_a_rate_limit() -> None:
    rows = Rows(rate_arrival_us=50_500_000)
    admission = admit(FlowControl(idempotency=ONCE, rate_limit=RATE), CASE, rows, now_ms=NOW)
    assert admission.decision == STARTS
    assert admission.rows == replace(rows, claim=Claim("event", NOW + 9))


def test_a_rate_limit_counts_the_events_of_a_debounce() -> None:
    admission = admit(FlowControl(rate_limit=RATE, debounce=Debounce(9)), CASE, Rows(), now_ms=NOW)
    assert admission.decision == Delayed()
    assert admission.rows.rate_arrival_us == 51_000_000


def test_what_starts_later_passes_only_the_later_controls() -> None:
    controls = FlowControl(batch=Batch(2, 9), rate_limit=RATE, debounce=Debounce(9), singleton=SKIP)
    rows = Rows(rate_arrival_us=50_500_000)
    admission = admit_start(controls, CASE, rows, now_ms=NOW)
    assert (admission.decision, admission.rows) == (STARTS, replace(rows, lock=Lock("run")))
    assert admit_start(controls, replace(CASE, is_paused=True), rows, now_ms=NOW).decision == Skip(SkipReason.PAUSED)


def test_a_run_whose_turn_has_come_holds_the_lock_unless_it_is_skipped_then() -> None:
    controls, rows = FlowControl(singleton=QUEUE_LATEST), Rows(lock=Lock("run"))
    admission = admit_start(controls, CASE, rows, now_ms=NOW)
    assert (admission.decision, admission.rows) == (STARTS, rows)
    admission = admit_start(controls, replace(CASE, is_drained=True), rows, now_ms=NOW)
    assert (admission.decision, admission.rows) == (Skip(SkipReason.DRAINED), Rows())


def test_a_run_that_is_there_keeps_its_lock() -> None:
    rows = Rows(lock=Lock("run"))
    admission = admit(FlowControl(singleton=SKIP), replace(CASE, run_exists=True), rows, now_ms=NOW)
    assert (admission.decision, admission.rows) == (Skip(SkipReason.RUN_EXISTS, "run"), rows)
