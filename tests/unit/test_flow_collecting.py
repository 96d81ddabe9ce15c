"""Debounce and batches: many events, one run."""

from __future__ import annotations

import pytest

from workflowkit.base.limits import MIB, Limits
from workflowkit.definition.settings.flow import Batch, Debounce, OlderEvents
from workflowkit.flow.batch import Appended, OpenBatch, append
from workflowkit.flow.debounce import Window, add

TEN_BYTES = Limits(batch_bytes=10)


def fired(rule: Debounce, arrivals_ms: list[int]) -> list[tuple[int, str, int]]:
    """Return when which event runs for how many, when events come at ``arrivals_ms``, each named by its time."""
    found: list[Window] = []
    window = None
    for at_ms in arrivals_ms:
        added = add(rule, window, event_id=str(at_ms), event_ts_ms=at_ms, now_ms=at_ms)
        found += [added.fired] if added.fired else []
        window = added.window
    found += [window] if window else []
    return [(each.fire_at_ms, each.event_id, each.events) for each in found]


@pytest.mark.parametrize(
    ("rule", "arrivals_ms", "runs"),
    [
        (Debounce(5), [0], [(5, "0", 1)]),
        (Debounce(5), [0, 1, 2], [(7, "2", 3)]),
        (Debounce(5), [0, 4, 8, 12], [(17, "12", 4)]),
        # An event at the instant of firing opens the next window.
        (Debounce(5), [0, 5], [(5, "0", 1), (10, "5", 1)]),
        (Debounce(5), [0, 9], [(5, "0", 1), (14, "9", 1)]),
        # Every second for 20 seconds, at most 10 seconds long.
        (Debounce(5, 10), list(range(21)), [(10, "9", 10), (20, "19", 10), (25, "20", 1)]),
        (Debounce(5, 10), [*range(11), 13], [(10, "9", 10), (18, "13", 2)]),
        (Debounce(5, 3), [0, 2, 3], [(3, "2", 2), (6, "3", 1)]),
    ],
)
def test_a_window_fires_when_it_is_quiet_or_at_its_timeout(
    rule: Debounce, arrivals_ms: list[int], runs: list[tuple[int, str, int]]
) -> None:
    assert fired(rule, arrivals_ms) == runs


@pytest.mark.parametrize(("ts_ms", "last"), [(99, "first"), (100, "second"), (101, "second")])
def test_the_last_event_is_the_one_with_the_latest_time_of_its_own(ts_ms: int, last: str) -> None:
    window = add(Debounce(5), None, event_id="first", event_ts_ms=100, now_ms=200).window
    window = add(Debounce(5), window, event_id="second", event_ts_ms=ts_ms, now_ms=203).window
    assert (window.event_id, window.events, window.fire_at_ms) == (last, 2, 208)


@pytest.mark.parametrize(("ts_ms", "fire_at_ms"), [(99, 205), (100, 208)])
def test_an_older_event_may_be_told_to_postpone_nothing(ts_ms: int, fire_at_ms: int) -> None:
    rule = Debounce(5, older=OlderEvents.IGNORE)
    window = add(rule, None, event_id="first", event_ts_ms=100, now_ms=200).window
    window = add(rule, window, event_id="second", event_ts_ms=ts_ms, now_ms=203).window
    assert (window.events, window.fire_at_ms) == (2, fire_at_ms)


def test_a_batch_starts_when_it_is_full() -> None:
    rule, batch, complete = Batch(100, 5_000), None, []
    for number in range(250):
        appended = append(rule, batch, size_bytes=10, now_ms=number)
        assert appended.closed is None
        if appended.is_complete:
            complete.append(appended.batch.events)
        batch = None if appended.is_complete else appended.batch
    assert complete == [100, 100]
    assert batch == OpenBatch(start_at_ms=5_200, events=50, size_bytes=500)


@pytest.mark.parametrize(
    ("batch", "now_ms", "size_bytes", "expected"),
    [
        (None, 0, 1, Appended(OpenBatch(100, 1, 1), False)),
        (OpenBatch(50, 2, 9), 49, 1, Appended(OpenBatch(50, 3, 10), True)),
        (OpenBatch(50, 1, 9), 49, 1, Appended(OpenBatch(50, 2, 10), True)),
        (OpenBatch(50, 1, 8), 49, 1, Appended(OpenBatch(50, 2, 9), False)),
        # It would become too large: it starts without this event.
        (OpenBatch(50, 1, 9), 49, 2, Appended(OpenBatch(149, 1, 2), False, OpenBatch(50, 1, 9))),
        # Its time is up, whether somebody has started it or not.
        (OpenBatch(50, 1, 1), 50, 1, Appended(OpenBatch(150, 1, 1), False, OpenBatch(50, 1, 1))),
        (None, 0, 11, Appended(OpenBatch(100, 1, 11), True)),
        (OpenBatch(50, 1, 1), 49, 11, Appended(OpenBatch(149, 1, 11), True, OpenBatch(50, 1, 1))),
        # The size was lowered since.
        (OpenBatch(50, 7, 7), 49, 1, Appended(OpenBatch(50, 8, 8), True)),
    ],
)
def test_an_event_goes_into_the_open_batch_or_the_next(
    batch: OpenBatch | None, now_ms: int, size_bytes: int, expected: Appended
) -> None:
    assert append(Batch(3, 100), batch, size_bytes=size_bytes, now_ms=now_ms, limits=TEN_BYTES) == expected


def test_a_batch_has_at_most_ten_mebibytes() -> None:
    rule = Batch(1_000, 1_000)
    batch = append(rule, None, size_bytes=10 * MIB - 1, now_ms=0).batch
    assert append(rule, batch, size_bytes=2, now_ms=1).closed == batch
