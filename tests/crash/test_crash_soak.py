"""Mixed runs under every limit, by workers that are killed at random: nothing is lost, doubled or exceeded.

The suite has a short version. ``SOAK_RUNS=10000 SOAK_KILLS=50 ./wk test tests/crash/test_crash_soak.py -rP`` is the
long one, whose figures are in ``docs/reliability-report.md``; ``SOAK_SEED`` gives other events and other moments.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import audit
import holdings
import mixture
import pytest
import services
from stack import Crew, Stack, a_stack

from workflowkit import Settings, WorkflowKit

RUNS = int(os.environ.get("SOAK_RUNS", "160"))
KILLS = int(os.environ.get("SOAK_KILLS", "4"))
SEED = int(os.environ.get("SOAK_SEED", "1"))
WORKERS = 2
#: How many events are sent together, and up to how many unfinished runs the next ones are.
BURST, BACKLOG = 20, 120
DEADLINE_SECONDS = 100 + RUNS // 4

pytestmark = [pytest.mark.crash, pytest.mark.timeout(DEADLINE_SECONDS + 60)]


class Soak:
    """Sends events and kills workers until enough runs have ended."""

    def __init__(self, stack: Stack, wk: WorkflowKit) -> None:
        self._stack, self._wk = stack, wk
        self._dice = Random(SEED)
        self._sent = 0
        self.crew = Crew(stack, WORKERS, lease_seconds=3)
        #: After how many finished runs somebody dies.
        self._moments = sorted(self._dice.sample(range(RUNS // 20, RUNS * 9 // 10), KILLS))

    def look(self) -> bool:
        """Do what is due; tell whether everything is over."""
        (found,) = self._stack.rows(
            "SELECT count(*) AS n, count(finished_at_ms) AS finished, (SELECT count(*) FROM pending_events) AS pending"
            " FROM runs"
        )
        if self._moments and found["finished"] >= self._moments[0]:
            self._moments.pop(0)
            self.crew.kill(self._dice.randrange(WORKERS))
        if found["n"] < RUNS:
            if found["n"] - found["finished"] + found["pending"] < BACKLOG:
                self._send()
            return False
        return not self._moments and not audit.leftovers(self._stack)

    def _send(self) -> None:
        self._wk.send([mixture.an_event(self._dice, self._sent + number) for number in range(BURST)])
        self._sent += BURST


@pytest.fixture
def stack(postgres_url: str, redis_url: str, tmp_path: Path) -> Iterator[Stack]:
    with a_stack(postgres_url, redis_url, tmp_path / "stack", app=mixture) as opened, holdings.written_down(opened):
        yield opened


@pytest.fixture
def wk(postgres_url: str, redis_url: str) -> Iterator[WorkflowKit]:
    made = mixture.make_app(Settings(database_url=postgres_url, broker_url=redis_url))
    mixture.deploy(made)
    yield made
    made.stop()


def test_mixed_runs_with_workers_killed_at_random_leave_everything_in_order(stack: Stack, wk: WorkflowKit) -> None:
    soak, began = Soak(stack, wk), time.monotonic()
    if not services.wait_until(soak.look, timeout_seconds=DEADLINE_SECONDS, poll_seconds=0.05):
        left = audit.leftovers(stack)
        raise AssertionError(f"left over: {left}\n{stack.rows('SELECT * FROM steps WHERE wake_at_ms IS NOT NULL')}")
    audit.assert_all_in_order(stack, soak.crew.killed_at)
    ends = Counter((row["workflow_id"], row["status"]) for row in stack.rows("SELECT workflow_id, status FROM runs"))
    facts = Counter(row["kind"] for row in stack.rows("SELECT kind FROM journal"))
    reasons = Counter(row["reason"] for row in stack.rows("SELECT reason FROM decisions"))
    print(f"{ends.total()} runs, {len(soak.crew.killed_at)} kills, {time.monotonic() - began:.0f} s, seed {SEED}")
    print(dict(ends), dict(facts), dict(reasons), sep="\n")
