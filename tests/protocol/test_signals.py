"""Two runs of an app that wait for one signal, on both databases."""

from __future__ import annotations

import json
from typing import Any

from remoteapps import operations, register
from runtimes import Harness
from scripted_server import Received, ScriptedServer, reply

from workflowkit.inngest.server import AppServer

WAIT = "d" * 40
SDK = {"x_inngest_sdk": "inngest-js:v4.24.0"}


def waiting(conflict: str) -> Any:
    """Return an app whose function waits a minute for a signal, and returns what the step came to."""
    options = {"signal": "paid", "timeout": "1m", "conflict": conflict}

    def answer(received: Received) -> bytes:
        steps = json.loads(received.body)["steps"]
        if WAIT in steps:
            return reply(200, json.dumps(steps[WAIT]).encode(), **SDK)
        return operations({"op": "WaitForSignal", "id": WAIT, "name": "paid", "opts": options}, **SDK)

    return answer


def two_runs(harness: Harness, url: str) -> None:
    register(harness, f"{url}/api/inngest")
    for number in range(2):
        harness.send("go", {"number": number})
        harness.skip(1)  # the ids of runs are in the order of their times


def outcomes(harness: Harness) -> list[Any]:
    rows = harness.rows("SELECT status, output FROM runs ORDER BY id")
    return [(row["status"], None if row["output"] is None else json.loads(row["output"])) for row in rows]


def test_the_run_that_takes_a_signal_over_gets_it_and_the_other_waits_in_vain(remote_harness: Harness) -> None:
    with ScriptedServer(waiting("replace")) as app:
        two_runs(remote_harness, app.url)
        assert outcomes(remote_harness) == [("waiting", None)] * 2
        run_id = AppServer(lambda: remote_harness.runtime).signal("paid", {"amount": 7})
        remote_harness.drain()
        taken = {"data": {"signal": "paid", "data": {"amount": 7}}}
        assert outcomes(remote_harness) == [("waiting", None), ("completed", taken)]
        remote_harness.skip(61)
    assert outcomes(remote_harness) == [("completed", None), ("completed", taken)]
    assert remote_harness.rows("SELECT id FROM runs ORDER BY id")[1]["id"] == run_id


def test_the_run_that_may_not_take_a_signal_over_hears_of_the_conflict(remote_harness: Harness) -> None:
    with ScriptedServer(waiting("fail")) as app:
        two_runs(remote_harness, app.url)
    message = "Signal conflict; signal wait already exists for another run"
    refused = {"error": {"name": "Error", "message": message}}
    assert outcomes(remote_harness) == [("waiting", None), ("completed", refused)]
