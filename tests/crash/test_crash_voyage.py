"""Runs that use everything at once are killed at commits of every kind: they end as the ones without faults do.

A real worker process dies at a failpoint, a second one goes on, and the test plays the people: it approves the first
voyage, calls its URL, and calls the second one off.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import services
import voyage
from stack import DEADLINE_SECONDS, Stack, a_stack

from workflowkit import Settings, WorkflowKit
from workflowkit.base.errors import Conflict, Gone

pytestmark = [pytest.mark.crash, pytest.mark.timeout(240)]

#: Failpoints, and hits at which a worker is killed there, spread over what a run without faults passes.
CELLS = [
    *((f"record.{side}", hit) for side in ("before_commit", "after_commit") for hit in (5, 17, 30)),
    ("claim.before_commit", 6),
    ("claim.after_commit", 15),
    ("step.before_commit", 3),
    ("step.after_commit", 6),
    ("suspend.before_commit", 3),
    ("suspend.after_commit", 6),
    ("timer.before_commit", 1),
    ("timer.after_commit", 2),
    ("match.before_commit", 5),
    ("match.after_commit", 6),
]
ENDED = ("completed", "failed", "cancelled")
FINAL = "('completed','failed','skipped','cancelled')"


def _all(kind: str, steps: str) -> dict[str, str]:
    return dict.fromkeys(steps.split(), kind)


def _expected(voyage_id: str) -> dict[tuple[str, ...], tuple[Any, ...]]:
    """Return what becomes of one voyage; see ``_came_of_it``."""
    fails = voyage_id == voyage.FAILS
    trip = _all("completed", "$source book each/$items each insure/run insure load")
    if fails:
        trip |= _all("completed", "ask/approval ask link/callback link arrive/callback arrive") | {"sink": "failed"}
    else:
        trip |= _all("cancelled", "ask link arrive sink")
    after, step = ("$on_failure", "mourn") if fails else ("$on_cancel", "unpack")
    watched = "$source watch watch/seen watch/nap watch/tell watch/noted"
    items = {
        ("voyage", "each", name): ("failed", {"$source": "completed", "pack": "failed"})
        if name == "broken"
        else ("completed", _all("completed", "$source pack"))
        for name in voyage.PARCELS
    }
    runs = items | {
        ("voyage", "", ""): ("failed" if fails else "cancelled", trip),
        ("voyage", "$compensate", ""): ("completed", _all("completed", "$source load book")),
        ("voyage", after, ""): ("completed", _all("completed", f"$source {step}")),
        ("insurance", "", ""): ("completed", _all("completed", "$source insured")),
        ("voyage/watch", "", ""): ("completed", _all("completed", watched)),
    }
    return {(voyage_id, *key): end for key, end in runs.items()}


EXPECTED = _expected(voyage.FAILS) | _expected(voyage.CALLED_OFF)
EVENTS = {
    voyage.BEGUN: 2,
    voyage.LOGGED: 2,
    voyage.CALL_OFF: 1,
    "workflow/run.invoked": 2,
    "workflow/approval.requested": 2,
    "workflow/approval.decided": 1,
    "workflow/run.failed": 1,
    "workflow/run.cancelled": 1,
}
_OF_BOTH = ["seen", "noted", "book", "load", "insured", "undo-load", "undo-book"] + [
    f"pack-{name}" for name in voyage.PARCELS
]
#: What is in the ledger in the end.
EFFECTS = {
    *(f"{voyage_id}:{name}" for voyage_id in (voyage.FAILS, voyage.CALLED_OFF) for name in _OF_BOTH),
    f"{voyage.FAILS}:sink",
    f"{voyage.FAILS}:mourn",
    f"{voyage.CALLED_OFF}:unpack",
}


class People:
    """Whoever is asked in the course of the voyages, and does what there is to do. ``look`` tells whether all ended."""

    def __init__(self, stack: Stack, wk: WorkflowKit, victim: BaseProcess | None = None) -> None:
        self._stack, self._wk, self._victim = stack, wk, victim
        self._has_called = self._is_called_off = False

    def look(self) -> bool:
        """Do what can be done now."""
        if self._victim is not None and self._victim.exitcode is not None:
            self._stack.wait_for_death(self._victim)
            self._victim = None
            self._stack.work()
        for asked in self._wk.approvals.list():
            self._decide(asked.record.id, asked.record.run_id)
        if not self._has_called:
            self._call()
        if self._victim is not None or self._stack.rows("SELECT id FROM pending_events"):
            return False  # what a dead worker was told of, another one is told of a little later
        runs = self._stack.rows("SELECT status FROM runs")
        return len(runs) == len(EXPECTED) and all(run["status"] in ENDED for run in runs)

    def _decide(self, approval_id: str, run_id: str) -> None:
        (row,) = self._stack.rows(
            f"SELECT e.data FROM runs r JOIN events e ON e.id = r.event_id WHERE r.id = '{run_id}'"
        )
        if json.loads(row["data"])["id"] == voyage.FAILS:
            try:
                self._wk.approvals.decide(approval_id, "approved", actor=voyage.CAPTAIN)
            except (Conflict, Gone):  # decided by the look before
                return
        elif not self._is_called_off:
            self._is_called_off = True
            self._wk.send({"name": voyage.CALL_OFF, "data": {"id": voyage.CALLED_OFF}})

    def _call(self) -> None:
        made = self._stack.rows("SELECT data FROM journal WHERE step_key = 'link/callback' AND kind = 'completed'")
        if made:
            token = json.loads(made[0]["data"])["output"]["url"].rpartition("/")[2]
            self._wk.runtime.callbacks.receive(token, {"port": "Lisbon"})
            self._has_called = True


@pytest.fixture
def stack(postgres_url: str, redis_url: str, tmp_path: Path) -> Iterator[Stack]:
    with a_stack(postgres_url, redis_url, tmp_path / "stack", app=voyage) as opened:
        yield opened


@pytest.fixture
def wk(postgres_url: str, redis_url: str) -> Iterator[WorkflowKit]:
    made = voyage.make_app(Settings(database_url=postgres_url, broker_url=redis_url))
    voyage.deploy(made)
    yield made
    made.stop()


def _begin(wk: WorkflowKit) -> None:
    for name in (voyage.FAILS, voyage.CALLED_OFF):
        wk.send({"name": voyage.BEGUN, "data": {"id": name, "parcels": list(voyage.PARCELS)}, "id": name})


def _wait(stack: Stack, people: People) -> None:
    if not services.wait_until(people.look, timeout_seconds=2 * DEADLINE_SECONDS, poll_seconds=0.05):
        steps = stack.rows("SELECT * FROM steps WHERE status NOT IN ('completed', 'failed', 'skipped', 'cancelled')")
        raise AssertionError(f"runs did not end, or events stayed: {steps}\n{stack.logs()}")


def _came_of_it(stack: Stack) -> dict[tuple[str, ...], tuple[Any, ...]]:
    """Return what became of each run, by voyage, workflow, path and item: its status, and how its steps ended."""
    found: dict[tuple[str, ...], tuple[Any, ...]] = {}
    for run in stack.rows("SELECT r.*, e.data FROM runs r JOIN events e ON e.id = r.event_id"):
        facts = stack.rows(f"SELECT step_key, kind FROM journal WHERE run_id = '{run['id']}' AND kind IN {FINAL}")
        ends = {fact["step_key"]: fact["kind"] for fact in facts}
        # SAFETY: I2 — one result for each step, whoever died in between.
        assert len(ends) == len(facts), facts
        given = json.loads(run["input"]) if run["input"] else {}
        key = (json.loads(run["data"])["id"], run["workflow_id"], run["path"] or "", given.get("key") or "")
        assert key not in found, f"{key} is there twice"
        found[key] = (run["status"], ends)
    return found


def _assert_undone_once_and_backwards(stack: Stack) -> None:
    rows = stack.rows(
        "SELECT run_id, step_key FROM journal WHERE kind = 'completed' AND step_key <> '$source'"
        " AND run_id IN (SELECT id FROM runs WHERE path = '$compensate') ORDER BY run_id, revision, ordinal"
    )
    assert [row["step_key"] for row in rows] == ["load", "book"] * 2


def _assert_as_without_faults(stack: Stack) -> None:
    assert _came_of_it(stack) == EXPECTED
    _assert_undone_once_and_backwards(stack)
    ends = {
        row["workflow_id"]: row
        for row in stack.rows("SELECT * FROM runs WHERE parent_run_id IS NULL AND status <> 'cancelled'")
    }
    assert json.loads(ends["voyage"]["error"])["message"] == "sink: no luck"
    assert json.loads(ends["voyage/watch"]["output"]) == "noted"
    (loop, _) = stack.rows("SELECT data FROM journal WHERE step_key = 'each' AND kind = 'completed'")
    assert json.loads(loop["data"])["output"]["items"] == ["pack tea", None, "pack silk", "pack salt"]
    # SAFETY: I7 — what a step sends, and what tells of an end or of a question, exists once.
    events = Counter(row["name"] for row in stack.rows("SELECT name FROM events"))
    assert events == EVENTS
    started = stack.attempts()
    # What was not recorded when its worker died is executed again: as much as one worker does at a time.
    assert started.keys() == EFFECTS
    assert sum(started.values()) <= len(EFFECTS) + 2, started
    _assert_nothing_is_left(stack)


def _assert_nothing_is_left(stack: Stack) -> None:
    """I4: nothing more is to come, of whatever kind."""
    assert stack.rows("SELECT * FROM pending_events") == []
    assert stack.rows("SELECT * FROM waits WHERE state = 'open'") == []
    assert stack.rows("SELECT * FROM timers") == []
    assert stack.rows("SELECT * FROM steps WHERE wake_at_ms IS NOT NULL") == []
    asked = Counter(row["status"] for row in stack.rows("SELECT status FROM approvals"))
    assert asked == {"approved": 1, "cancelled": 1}


def test_the_voyages_without_faults(stack: Stack, wk: WorkflowKit) -> None:
    stack.work()
    _begin(wk)
    _wait(stack, People(stack, wk))
    _assert_as_without_faults(stack)


@pytest.mark.parametrize(("failpoint", "hit"), CELLS)
def test_a_worker_killed_in_the_middle_of_everything_loses_and_doubles_nothing(
    stack: Stack, wk: WorkflowKit, failpoint: str, hit: int
) -> None:
    victim = stack.work(failpoint=f"{failpoint}:kill:{hit}")
    _begin(wk)
    _wait(stack, People(stack, wk, victim))
    _assert_as_without_faults(stack)
