"""Singleton and idempotency: what one run of a key means for the next."""

from __future__ import annotations

import pytest

from workflowkit.definition.settings.flow import Idempotency, SingletonMode
from workflowkit.flow.idempotency import Claim, claim
from workflowkit.flow.singleton import Entry, Lock, enter, leave

SKIP, CANCEL, QUEUE_LATEST = SingletonMode.SKIP, SingletonMode.CANCEL, SingletonMode.QUEUE_LATEST
HELD, AWAITED = Lock("a"), Lock("a", "b")


@pytest.mark.parametrize(
    ("mode", "lock", "expected"),
    [
        (SKIP, None, Entry(Lock("c"))),
        (SKIP, HELD, Entry(HELD)),
        (SKIP, AWAITED, Entry(AWAITED)),
        (CANCEL, None, Entry(Lock("c"))),
        (CANCEL, HELD, Entry(Lock("c"), cancelled="a")),
        # The mode was queue_latest when "b" came.
        (CANCEL, AWAITED, Entry(Lock("c"), cancelled="a", superseded="b")),
        (QUEUE_LATEST, None, Entry(Lock("c"))),
        (QUEUE_LATEST, HELD, Entry(Lock("a", "c"))),
        (QUEUE_LATEST, AWAITED, Entry(Lock("a", "c"), superseded="b")),
    ],
)
def test_a_new_run_is_skipped_or_cancels_the_old_one_or_waits(
    mode: SingletonMode, lock: Lock | None, expected: Entry
) -> None:
    assert enter(mode, lock, "c") == expected


@pytest.mark.parametrize("mode", SingletonMode)
@pytest.mark.parametrize("run_id", ["a", "b"])
def test_entering_twice_changes_nothing(mode: SingletonMode, run_id: str) -> None:
    assert enter(mode, AWAITED, run_id) == Entry(AWAITED)


@pytest.mark.parametrize(
    ("lock", "run_id", "expected"),
    [
        (None, "a", None),
        (HELD, "a", None),
        (HELD, "x", HELD),
        (AWAITED, "a", Lock("b")),
        (AWAITED, "b", HELD),
        (AWAITED, "x", AWAITED),
    ],
)
def test_the_next_run_follows_when_the_holder_leaves(lock: Lock | None, run_id: str, expected: Lock | None) -> None:
    assert leave(lock, run_id) == expected


@pytest.mark.parametrize(
    ("held", "now_ms", "expected"),
    [
        (None, 100, Claim("new", 150)),
        (Claim("old", 101), 100, Claim("old", 101)),
        (Claim("old", 100), 100, Claim("new", 150)),
        (Claim("new", 120), 100, Claim("new", 120)),
    ],
)
def test_a_claim_lasts_for_its_period_and_is_repeated_by_its_own_event(
    held: Claim | None, now_ms: int, expected: Claim
) -> None:
    assert claim(Idempotency("event.id", 50), held, event_id="new", now_ms=now_ms) == expected
