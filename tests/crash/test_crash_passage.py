"""Runs with the control nodes and steps of ``passage`` are killed at commits of every kind, and end as without faults.

A real worker process dies at a failpoint, a second one goes on; the test sends the signal that a function waits for.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import passage
import pytest
import services
from stack import DEADLINE_SECONDS, Stack, a_stack

from workflowkit import Settings, WorkflowKit
from workflowkit.base.errors import Conflict, NotFound

pytestmark = [pytest.mark.crash, pytest.mark.timeout(240)]

CELLS = [
    *((f"step.{side}", hit) for side in ("before_commit", "after_commit") for hit in (2, 5, 8)),
    ("record.before_commit", 4),
    ("record.after_commit", 12),
    ("suspend.before_commit", 2),
    ("suspend.after_commit", 4),
    ("claim.after_commit", 7),
    ("match.before_commit", 2),
]
ENDED = ("completed", "failed", "cancelled")
FINAL = "('completed','failed','skipped','cancelled')"


def _completed(steps: str) -> dict[str, str]:
    return dict.fromkeys(steps.split(), "completed")


#: By workflow and path: how its run ends, and its steps.
EXPECTED: dict[tuple[str, str], tuple[str, dict[str, str]]] = {
    ("passage", ""): (
        "completed",
        _completed("$source choose gold sift caught patch tide tide/now rest rest/wait hear hear/event meet halt")
        | {"leak": "failed", "steel": "skipped", "never": "skipped"},
    ),
    ("hold", ""): ("failed", _completed("$source stow lash") | {"flood": "failed"}),
    ("hold", "$compensate"): ("completed", _completed("$source lash stow")),
    ("passage/helm", ""): (
        "failed",
        _completed("$source helm/flag helm/port helm/starboard helm/say helm/nap helm/order helm/deck")
        | {"helm": "failed"},
    ),
    ("passage/helm", "$compensate"): (
        "completed",
        _completed("$source helm helm/flag helm/port helm/starboard"),
    ),
    ("passage/helm-failure", ""): ("completed", _completed("$source helm-failure helm-failure/mourn")),
    ("passage/deck", ""): ("completed", _completed("$source deck deck/scrub")),
}
EFFECTS = {
    *("gold", "leak", "patch", "meet", "stow-tea", "stow-silk", "port", "starboard", "scrub", "mourn"),
    *("unload-silk-of-stow-silk", "unload-tea-of-stow-tea", "undo-port", "undo-starboard", "lower-flag"),
}
#: ``leak`` is in two documents.
EFFECT_COUNT = len(EFFECTS) + 1


class Captain:
    """Gives the order that a function waits for, and looks whether everything has ended."""

    def __init__(self, stack: Stack, wk: WorkflowKit, victim: BaseProcess | None = None) -> None:
        self._stack, self._wk, self._victim, self._has_ordered = stack, wk, victim, False

    def look(self) -> bool:
        """Do what can be done now; tell whether there is nothing more to come."""
        if self._victim is not None and self._victim.exitcode is not None:
            self._stack.wait_for_death(self._victim)
            self._victim = None
            self._stack.work()
        if not self._has_ordered:
            try:
                self._wk.signal(passage.ORDER, "ahead")
                self._has_ordered = True
            except (NotFound, Conflict):  # nobody waits for it yet
                return False
        if self._victim is not None or self._stack.rows("SELECT id FROM pending_events"):
            return False
        runs = self._stack.rows("SELECT status FROM runs")
        return len(runs) == len(EXPECTED) and all(run["status"] in ENDED for run in runs)


@pytest.fixture
def stack(postgres_url: str, redis_url: str, tmp_path: Path) -> Iterator[Stack]:
    with a_stack(postgres_url, redis_url, tmp_path / "stack", app=passage) as opened:
        yield opened


@pytest.fixture
def wk(postgres_url: str, redis_url: str) -> Iterator[WorkflowKit]:
    made = passage.make_app(Settings(database_url=postgres_url, broker_url=redis_url))
    passage.deploy(made)
    yield made
    made.stop()


def _sail(stack: Stack, wk: WorkflowKit, victim: BaseProcess | None = None) -> None:
    wk.send({"name": passage.BEGUN, "data": {"class": "gold", "crates": [1, 2, 3]}, "id": "passage"})
    captain = Captain(stack, wk, victim)
    if not services.wait_until(captain.look, timeout_seconds=2 * DEADLINE_SECONDS, poll_seconds=0.05):
        steps = stack.rows("SELECT * FROM steps WHERE status NOT IN ('completed', 'failed', 'skipped', 'cancelled')")
        raise AssertionError(f"runs did not end, or events stayed: {_came_of_it(stack)} {steps}\n{stack.logs()}")


def _came_of_it(stack: Stack) -> dict[tuple[str, str], tuple[str, dict[str, str]]]:
    found: dict[tuple[str, str], tuple[str, dict[str, str]]] = {}
    for run in stack.rows("SELECT * FROM runs"):
        facts = stack.rows(f"SELECT step_key, kind FROM journal WHERE run_id = '{run['id']}' AND kind IN {FINAL}")
        ends = {fact["step_key"]: fact["kind"] for fact in facts}
        # SAFETY: I2 — one result for each step, whoever died in between.
        assert len(ends) == len(facts), facts
        key = (run["workflow_id"], run["path"] or "")
        assert key not in found, f"{key} is there twice"
        found[key] = (run["status"], ends)
    return found


def _undone(stack: Stack, workflow_id: str) -> list[str]:
    rows = stack.rows(
        "SELECT j.step_key FROM journal j JOIN runs r ON r.id = j.run_id WHERE r.path = '$compensate'"
        f" AND r.workflow_id = '{workflow_id}' AND j.kind = 'completed' ORDER BY j.revision, j.ordinal"
    )
    return [row["step_key"] for row in rows]


def _assert_as_without_faults(stack: Stack) -> None:
    assert _came_of_it(stack) == EXPECTED
    ends: dict[str, Any] = {
        row["workflow_id"]: row for row in stack.rows("SELECT * FROM runs WHERE path IS NULL OR path = ''")
    }
    assert json.loads(ends["passage"]["output"]) == [2, 3]
    assert json.loads(ends["passage/helm"]["error"])["message"] == "ahead, scrub: aground"
    assert _undone(stack, "hold") == ["$source", "lash", "stow"]
    undone = _undone(stack, "passage/helm")
    assert (undone[0], undone[-2:]) == ("$source", ["helm/flag", "helm"])
    # SAFETY: I7 — what a step sends, and what tells of an end, exists once.
    events = Counter((row["name"], row["target"]) for row in stack.rows("SELECT name, target FROM events"))
    assert events == {
        (passage.BEGUN, None): 1, (passage.HEARD, None): 1, ("workflow/run.invoked", "passage/deck"): 1,
        ("workflow/run.failed", None): 2, ("workflow/run.failed", "passage/helm-failure"): 1,
    }  # fmt: skip
    started = stack.attempts()
    assert started.keys() == EFFECTS
    # What was not recorded when its worker died is executed again: as much as one worker does at a time.
    assert sum(started.values()) <= EFFECT_COUNT + 2, started
    for nothing in (
        "SELECT id FROM pending_events",
        "SELECT id FROM waits WHERE state = 'open'",
        "SELECT id FROM timers",
        "SELECT run_id FROM steps WHERE wake_at_ms IS NOT NULL",
    ):
        assert stack.rows(nothing) == [], nothing


def test_the_passage_without_faults(stack: Stack, wk: WorkflowKit) -> None:
    stack.work()
    _sail(stack, wk)
    _assert_as_without_faults(stack)


@pytest.mark.parametrize(("failpoint", "hit"), CELLS)
def test_a_worker_killed_on_the_passage_loses_and_doubles_nothing(
    stack: Stack, wk: WorkflowKit, failpoint: str, hit: int
) -> None:
    victim = stack.work(failpoint=f"{failpoint}:kill:{hit}")
    _sail(stack, wk, victim)
    _assert_as_without_faults(stack)
