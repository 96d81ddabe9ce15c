"""Combined controls that are changed, paused, cancelled and run again, by workers that are killed at random.

``MEDLEY_EVENTS=1000 MEDLEY_KILLS=20 ./wk test tests/crash/test_crash_medley.py -rP`` is the long one.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import audit
import holdings
import medley
import pytest
import services
from stack import Crew, Stack, a_stack

from workflowkit import Settings, WorkflowKit
from workflowkit.base.errors import Conflict

EVENTS = int(os.environ.get("MEDLEY_EVENTS", "24"))
KILLS = int(os.environ.get("MEDLEY_KILLS", "2"))
SEED = int(os.environ.get("MEDLEY_SEED", "1"))
WORKERS = 2
BURST = 6
#: Up to how many unfinished runs more events are sent.
BACKLOG = 200
DEADLINE_SECONDS = 180 + EVENTS

pytestmark = [pytest.mark.crash, pytest.mark.timeout(DEADLINE_SECONDS + 60)]


class Medley:
    """Sends events, kills workers, and changes what they are under, until all are sent; then waits for the end."""

    def __init__(self, stack: Stack, wk: WorkflowKit) -> None:
        self._stack, self._wk = stack, wk
        self._dice = Random(SEED)
        self._sent = 0
        self._paused: dict[str, str] = {}
        self._looks = 0
        self.crew = Crew(stack, WORKERS, lease_seconds=3)
        #: What was done, and how high limits were from when on: the moments before and after it was published.
        self.done: Counter[str] = Counter()
        self.published: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
        for name in medley.documents(1):
            self._publish(name)
        self._kills = sorted(self._dice.sample(range(EVENTS // 10, EVENTS), KILLS))

    def look(self) -> bool:
        (found,) = self._stack.rows(
            "SELECT count(*) AS n, count(finished_at_ms) AS finished, (SELECT count(*) FROM pending_events) AS pending"
            " FROM runs"
        )
        if self._kills and self._sent >= self._kills[0]:
            self._kills.pop(0)
            self.crew.kill(self._dice.randrange(WORKERS))
        if self._sent < EVENTS:
            self._meddle()
            if found["n"] - found["finished"] + found["pending"] < BACKLOG:
                self._wk.send([medley.an_event(self._dice, self._sent + number) for number in range(BURST)])
                self._sent += BURST
            return False
        for name in list(self._paused):
            self._lift(name)
        return not leftovers(self._stack)

    def _meddle(self) -> None:
        self._looks += 1
        names = sorted(medley.workflow_ids())
        name = self._dice.choice(names)
        act = self._dice.choice(
            ("publish", "publish", "pause", "drain", "lift", "cancel", "rerun", "rerun", None, None)
        )
        if act == "publish" and name != medley.FUNCTION:
            self._publish(name)
        elif act in ("pause", "drain") and len(self._paused) < 2 and name not in self._paused:
            if act == "pause":
                self._wk.pause(name, running=self._dice.choice(("freeze", "freeze", "cancel")))
            else:
                self._wk.drain(name)
            self._paused[name] = act
        elif act == "lift" and self._paused:
            self._lift(self._dice.choice(sorted(self._paused)))
        elif act == "cancel":
            for run_id in self._some("finished_at_ms IS NULL"):
                self._wk.cancel(run_id, scope=None)
        elif act == "rerun":
            for run_id in self._some("finished_at_ms IS NOT NULL AND parent_run_id IS NULL"):
                with suppress(Conflict):
                    self._wk.runtime.rerunning.rerun(self._wk.settings.scope, run_id)
        else:
            return
        self.done[act] += 1

    def _some(self, where: str) -> list[str]:
        rows = self._stack.rows(f"SELECT id FROM runs WHERE {where} ORDER BY id")
        return [row["id"] for row in self._dice.sample(rows, min(2, len(rows)))]

    def _publish(self, name: str) -> None:
        height = self._dice.choice(medley.HEIGHTS)
        before = time.time_ns()
        self._wk.publish(name, medley.documents(height)[name])
        self.published[name].append((before, time.time_ns(), height))

    def _lift(self, name: str) -> None:
        if self._paused.pop(name) == "pause":
            self._wk.resume(name)
        else:
            self._wk.undrain(name)


def leftovers(stack: Stack) -> dict[str, int]:
    """Return how much is left; a timer that would end a pause is there although the pause was lifted."""
    left = audit.leftovers(stack)
    lapsed = stack.rows("SELECT count(*) AS n FROM timers WHERE kind = 'pause.expire'")[0]["n"]
    return {what: n for what, n in left.items() if what != "timers" or n != lapsed}


@pytest.fixture
def stack(postgres_url: str, redis_url: str, tmp_path: Path) -> Iterator[Stack]:
    with a_stack(postgres_url, redis_url, tmp_path / "stack", app=medley) as opened, holdings.written_down(opened):
        yield opened


@pytest.fixture
def wk(postgres_url: str, redis_url: str) -> Iterator[WorkflowKit]:
    made = medley.make_app(Settings(database_url=postgres_url, broker_url=redis_url))
    made.sync()
    yield made
    made.stop()


def test_combined_controls_that_change_meanwhile_leave_everything_in_order(stack: Stack, wk: WorkflowKit) -> None:
    course, began = Medley(stack, wk), time.monotonic()
    if not services.wait_until(course.look, timeout_seconds=DEADLINE_SECONDS, poll_seconds=0.05):
        left = leftovers(stack)
        for what in left:
            print(what, *stack.rows(audit.EMPTY[what] + " LIMIT 12"), sep="\n   ")
        print(course.done, course._paused, stack.rows("SELECT * FROM pauses"), course.published)
        raise AssertionError(f"left over: {left}")
    ends = Counter((row["workflow_id"], row["status"]) for row in stack.rows("SELECT workflow_id, status FROM runs"))
    reasons = Counter((r["workflow_id"], r["reason"]) for r in stack.rows("SELECT workflow_id, reason FROM decisions"))
    print(f"{ends.total()} runs, {len(course.crew.killed_at)} kills, {time.monotonic() - began:.0f} s, seed {SEED}")
    print(dict(course.done), dict(ends), dict(reasons), sep="\n")
    assert not [key for key in ends if key[1] not in ("completed", "cancelled")], ends
    _assert_every_event_is_accounted_for(stack)
    _assert_limits(stack, course)


def _assert_every_event_is_accounted_for(stack: Stack) -> None:
    """I20: of each event and workflow exactly one run, place in a batch or window, or decision."""
    found: Counter[tuple[str, str]] = Counter()
    direct = (
        "SELECT event_id, workflow_id FROM runs WHERE parent_run_id IS NULL AND rerun_of IS NULL"
        " AND id NOT IN (SELECT run_id FROM collections WHERE run_id IS NOT NULL)"
    )
    for sql in (direct, *(f"SELECT event_id, workflow_id FROM {name}" for name in ("collected_events", "decisions"))):
        found.update((row["event_id"], row["workflow_id"]) for row in stack.rows(sql))
    events = stack.rows("SELECT id FROM events WHERE name = 'medley/came'")
    assert len(events) >= EVENTS
    expected = {(event["id"], name) for event in events for name in medley.workflow_ids()}
    assert found.keys() == expected, found.keys() ^ expected
    assert set(found.values()) == {1}, [key for key, count in found.items() if count > 1]


def _assert_limits(stack: Stack, course: Medley) -> None:
    """I18: whoever took a slot did so beside fewer than the limit was that was published then, or just before."""
    taken = stack.rows(
        "SELECT l.*, r.workflow_id FROM slot_log l JOIN runs r ON r.id = l.run_id WHERE change = 'INSERT'"
    )
    late = []
    for row in taken:
        group = json.loads(row["slot_group"])
        if group[0] == "kind":
            assert row["others"] < medley.OF_KIND, row
            continue
        name = row["workflow_id"]
        if name == medley.FUNCTION:
            assert row["others"] < (2 if group[-1] else 5), row
            continue
        factor = 2 if group[0] in ("steps", "runs") and group[-1] == "" else 1
        bound = factor * _height_at(course.published[name], row["at_ns"], slack_ns=0)
        if row["others"] >= bound:
            late.append((row, bound))
            assert row["others"] < factor * _height_at(course.published[name], row["at_ns"], slack_ns=10**9), row
    print(f"{len(taken)} slots, {len(late)} taken as a limit was lowered", *late[:5], sep="\n")


def _height_at(published: list[tuple[int, int, int]], at_ns: int, *, slack_ns: int) -> int:
    """Return the highest that a limit may have been then: one that is being published may be, or not be, in force."""
    current = [height for number, (began, _, height) in enumerate(published) if began <= at_ns and (
        number + 1 == len(published) or at_ns <= published[number + 1][1] + slack_ns
    )]  # fmt: skip
    return max(current)
