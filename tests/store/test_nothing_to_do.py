"""Runs without a step to run, requests without an event to store."""

from __future__ import annotations

import pytest
from builders import a_workflow
from runtimes import a_runtime

from workflowkit.base import failpoints
from workflowkit.base.errors import LimitExceeded
from workflowkit.base.limits import Limits
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.definition.model import SOURCE


def test_a_run_in_which_no_branch_is_taken_ends_at_once(database_url: str) -> None:
    document = a_workflow().action("a").edge_if(SOURCE, "a", "!ref($.event.data.wanted)").trigger("test/happened")
    with a_runtime(database_url) as harness:
        harness.deploy(document.document())
        harness.send("test/happened", {"wanted": False})
        harness.drain()
        run = harness.run()
        assert (run["status"], run["finished_at_ms"]) == ("completed", harness.clock.now_ms())
        assert harness.journal() == [("completed", SOURCE), ("skipped", "a")]
        assert harness.steps() == {}


def test_no_event_is_no_transaction_and_too_many_are_refused_whole(sqlite_url: str) -> None:
    event = {"name": "test/happened", "data": {}}
    with a_runtime(sqlite_url, limits=Limits(events_per_request=2)) as harness:
        intake = harness.runtime.intake
        reached: list[str] = []
        stop = failpoints.listen(reached.append)
        assert intake.send(DEFAULT_SCOPE, []) == []
        with pytest.raises(LimitExceeded, match="events_per_request"):
            intake.send(DEFAULT_SCOPE, [event] * 3)
        with harness.runtime.database.engine.begin() as connection, pytest.raises(LimitExceeded):
            intake.send_within(connection, DEFAULT_SCOPE, [event] * 3)
        stop()
        assert reached == []
        assert harness.rows("SELECT * FROM events") == []
