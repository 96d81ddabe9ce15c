"""Workers that are given the same hint at the same moment."""

from __future__ import annotations

from functools import partial

from builders import a_workflow
from runtimes import a_runtime, at_once

from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.definition.model import SOURCE

THREADS, ROUNDS = 4, 12


def test_events_that_several_workers_match_at_once_start_each_workflow_once(database_url: str) -> None:
    """In different orders, with more and with fewer other events, some of which start nothing."""
    with a_runtime(database_url) as harness:
        fork = a_workflow().actions("a", "b").edge(SOURCE, "a").edge(SOURCE, "b")
        harness.deploy(fork.trigger("test/happened").document(), "one")
        harness.deploy(a_workflow().chain("a").trigger("test/*", "event.data.n > 3").document(), "two")
        processes = [harness.new_process() for _ in range(THREADS)]
        for _ in range(ROUNDS):
            events = [{"name": "test/happened", "data": {"n": n}} for n in range(8)]
            ids = [accepted.id for accepted in harness.runtime.intake.send(DEFAULT_SCOPE, events)]
            harness.dispatcher.waiting.clear()
            orders = [ids, ids[::-1], ids[2:], ids[:6]]
            outcomes = at_once(
                *(
                    partial(process.worker._matching.match, order)
                    for process, order in zip(processes, orders, strict=True)
                )
            )
            assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
        assert harness.rows("SELECT id FROM pending_events") == []
        assert harness.rows("SELECT count(*) AS n FROM runs") == [{"n": ROUNDS * (8 + 4)}]
        assert harness.rows("SELECT count(*) AS n FROM decisions") == [{"n": ROUNDS * 4}]


def test_a_step_that_several_workers_claim_at_once_is_executed_once(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        names = ["a", "b", "c", "d"]
        builder = a_workflow().action("join", join="all")
        for name in names:
            builder.action(name).path(SOURCE, name, "join")
        harness.deploy(builder.trigger("test/happened").document())
        processes = [harness.new_process() for _ in range(THREADS)]
        for _ in range(ROUNDS):
            event_id = harness.send("test/happened")
            harness.dispatcher.waiting.clear()
            matched = processes[0].worker._matching.match([event_id])
            hints = [opening.hint for opening in matched.openings]
            outcomes = at_once(
                partial(processes[0].worker._work_off, matched.openings, matched.claim),
                *(partial(process.worker.execute, hints) for process in processes[1:]),
            )
            assert outcomes == [None] * THREADS
            while harness.dispatcher.waiting:
                harness.deliver()
        assert harness.rows("SELECT DISTINCT status FROM runs") == [{"status": "completed"}]
        assert harness.rows("SELECT count(*) AS n FROM journal WHERE kind = 'attempt'") == [{"n": ROUNDS * 5}]
