"""Debounce and batches: every event is in exactly one run, whenever the scheduler comes (I20)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from workflowkit.base.limits import Limits
from workflowkit.definition.settings.flow import Batch, Debounce
from workflowkit.flow.batch import OpenBatch, append
from workflowkit.flow.debounce import Window, add

TIMES = st.integers(1, 15)
DEBOUNCES = st.builds(Debounce, period_ms=TIMES, timeout_ms=st.none() | TIMES)
BATCHES = st.builds(Batch, max_size=st.integers(2, 6), timeout_ms=TIMES)
LIMITS = Limits(batch_bytes=60)


@dataclass(frozen=True)
class Arrival:
    """An event; ``visited`` says that a scheduler came just before it and started what was due."""

    event_id: str
    now_ms: int
    ts_ms: int
    key: str
    size_bytes: int
    visited: bool


@st.composite
def arrivals(draw: st.DrawFn) -> list[Arrival]:
    now_ms, found = 1_000, []
    for number in range(draw(st.integers(1, 40))):
        now_ms += draw(st.integers(0, 6))
        ts_ms = now_ms - draw(st.integers(0, 30))
        key, size_bytes = draw(st.sampled_from("ab")), draw(st.sampled_from([1, 15, 30, 61]))
        found.append(Arrival(str(number), now_ms, ts_ms, key, size_bytes, draw(st.booleans())))
    return found


@dataclass
class Collected:
    """Events of one run, as a runtime would have them linked, with the row they were collected under."""

    row: Window | OpenBatch
    members: list[Arrival] = field(default_factory=list)


def debounced(rule: Debounce, events: list[Arrival], *, scheduler: bool) -> list[Collected]:
    fired: list[Collected] = []
    current: Collected | None = None
    for event in events:
        if scheduler and event.visited and current and current.row.is_over(event.now_ms):
            fired.append(current)
            current = None
        window = current.row if current else None
        assert not isinstance(window, OpenBatch)
        added = add(rule, window, event_id=event.event_id, event_ts_ms=event.ts_ms, now_ms=event.now_ms)
        if added.fired:
            assert current
            assert added.fired == current.row
            fired.append(current)
            current = None
        current = Collected(added.window, [*(current.members if current else []), event])
    return [*fired, current] if current else fired


def batched(rule: Batch, events: list[Arrival], *, scheduler: bool = True) -> list[Collected]:
    """Collect by key, and return the batches in the order of their first events."""
    rows: dict[str, Collected] = {}
    started: list[Collected] = []
    for event in events:
        current = rows.pop(event.key, None)
        if scheduler and event.visited and current and current.row.is_over(event.now_ms):
            started.append(current)
            current = None
        batch = current.row if current else None
        assert not isinstance(batch, Window)
        appended = append(rule, batch, size_bytes=event.size_bytes, now_ms=event.now_ms, limits=LIMITS)
        if appended.closed:
            assert current
            assert appended.closed == current.row
            started.append(current)
            current = None
        current = Collected(appended.batch, [*(current.members if current else []), event])
        size_bytes = sum(member.size_bytes for member in current.members)
        is_full = len(current.members) == rule.max_size or size_bytes >= LIMITS.batch_bytes
        assert appended.is_complete == is_full
        if appended.is_complete:
            started.append(current)
        else:
            rows[event.key] = current
    return sorted([*started, *rows.values()], key=lambda each: int(each.members[0].event_id))


@given(DEBOUNCES, arrivals())
def test_every_debounced_event_is_in_one_window_that_runs_with_the_last(rule: Debounce, events: list[Arrival]) -> None:
    windows = debounced(rule, events, scheduler=True)
    assert [event for each in windows for event in each.members] == events
    for each in windows:
        assert isinstance(each.row, Window)
        last = max(each.members, key=lambda event: (event.ts_ms, int(event.event_id)))
        assert (each.row.event_id, each.row.events) == (last.event_id, len(each.members))


@given(DEBOUNCES, arrivals())
def test_a_window_is_open_while_events_come_and_no_longer_than_its_timeout(
    rule: Debounce, events: list[Arrival]
) -> None:
    windows = debounced(rule, events, scheduler=True)
    for each in windows:
        assert isinstance(each.row, Window)
        opened_at_ms, quiet_at_ms = each.members[0].now_ms, each.members[-1].now_ms + rule.period_ms
        latest_ms = opened_at_ms + rule.timeout_ms if rule.timeout_ms else quiet_at_ms
        assert each.row.fire_at_ms == min(quiet_at_ms, latest_ms)
        assert all(event.now_ms < each.row.fire_at_ms for event in each.members)
    for before, after in pairwise(windows):
        assert isinstance(before.row, Window)
        assert after.members[0].now_ms >= before.row.fire_at_ms


@given(DEBOUNCES, BATCHES, arrivals())
def test_how_late_a_scheduler_comes_changes_nothing(debounce: Debounce, batch: Batch, events: list[Arrival]) -> None:
    assert debounced(debounce, events, scheduler=True) == debounced(debounce, events, scheduler=False)
    assert batched(batch, events, scheduler=True) == batched(batch, events, scheduler=False)


@given(BATCHES, arrivals())
def test_batches_lose_double_and_mix_nothing(rule: Batch, events: list[Arrival]) -> None:
    batches = batched(rule, events)
    assert Counter(event for each in batches for event in each.members) == Counter(events)
    for each in batches:
        assert len({event.key for event in each.members}) == 1
        assert each.members == sorted(each.members, key=lambda event: int(event.event_id))


@given(BATCHES, arrivals())
def test_a_batch_stays_within_size_bytes_and_time(rule: Batch, events: list[Arrival]) -> None:
    for each in batched(rule, events):
        size_bytes = sum(event.size_bytes for event in each.members)
        assert isinstance(each.row, OpenBatch)
        assert (each.row.events, each.row.size_bytes) == (len(each.members), size_bytes)
        assert len(each.members) <= rule.max_size
        assert size_bytes <= LIMITS.batch_bytes or len(each.members) == 1
        assert each.row.start_at_ms == each.members[0].now_ms + rule.timeout_ms
        assert all(event.now_ms < each.row.start_at_ms for event in each.members)


@given(BATCHES, arrivals())
def test_a_key_is_batched_as_if_there_were_no_other(rule: Batch, events: list[Arrival]) -> None:
    together = batched(rule, events)
    for key in "ab":
        alone = batched(rule, [event for event in events if event.key == key])
        assert [each for each in together if each.members[0].key == key] == alone
