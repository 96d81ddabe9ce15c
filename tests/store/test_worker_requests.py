"""Calls of functions of connected apps: with whom they are placed, whose they are, and what waits for a worker."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from histories import failing
from runtimes import Harness, a_runtime, at_once
from sdkapps import eventually

from workflowkit.base.errors import AlreadyExists, StoreUnavailable
from workflowkit.engine.states import StepStatus
from workflowkit.inngest.connect.exchange import Exchange
from workflowkit.inngest.remote import install
from workflowkit.inngest.server import AppServer
from workflowkit.runtime.connecting import REMEMBERED_MS, SILENT_MS
from workflowkit.runtime.hints import StepHint
from workflowkit.runtime.workerrequests import ACK_SECONDS
from workflowkit.store import steps
from workflowkit.store.connections import ConnectedApp, ConnectionRow, ConnectionStatus
from workflowkit.store.gateways import GatewayRow
from workflowkit.store.workerrequests import WorkerRequest

REQUEST = WorkerRequest("id", "default", "shop", "shop", "shop-go", "run", "go", 1, "step", "job", '{"data":1}')
REPLY = {"status": 200, "headers": {"x-inngest-sdk": "test:v1"}, "body": '"done"'}
LEASE_SECONDS = 120
_numbers = itertools.count()


def a_request(**changes: Any) -> WorkerRequest:
    """Return a request with an id of its own."""
    return replace(REQUEST, id=f"id{next(_numbers)}", **changes)


class Desk:
    """Gateways and workers that are made up, over a harness."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self.connecting, self.requests = harness.runtime.connecting, harness.runtime.worker_requests
        self.gateway = self.connecting.open(url=None, port=1)

    def connect(
        self, connection_id: str, *functions: str, gateway: GatewayRow | None = None, max_requests: int = 10,
        is_synced: bool = True,
    ) -> None:  # fmt: skip
        """Connect a worker that has these functions of the app ``shop``, or ``go``, and is ready."""
        at = (gateway or self.gateway).id
        row = ConnectionRow(
            connection_id, "", at, connection_id, ConnectionStatus.CONNECTED, "test:1", {}, max_requests
        )
        names = functions or ("shop-go",)
        self.connecting.connect(row, [ConnectedApp("shop", None, ",".join(names), names, is_synced)])
        self.connecting.set_status(connection_id, ConnectionStatus.READY)

    def place(self, **changes: Any) -> str | None:
        """Place a request; return with which connection."""
        placed = self.requests.place(a_request(**changes))
        return None if placed is None else placed.connection_id

    def count(self, table: str) -> int:
        return int(self.harness.rows(f"SELECT count(*) AS n FROM {table}")[0]["n"])


@pytest.fixture
def harness(database_url: str) -> Iterator[Harness]:
    with a_runtime(database_url, dev_apps=True) as harness:
        runtime = harness.runtime
        exchange = Exchange(runtime.worker_requests, runtime.notices, runtime.settings.limits)
        install(harness.registry, lambda: runtime.database, runtime.settings, lambda: exchange)
        yield harness


@pytest.fixture
def desk(harness: Harness) -> Desk:
    return Desk(harness)


# --- with whom a request is placed


def test_the_least_busy_of_those_with_the_current_code_is_asked(desk: Desk) -> None:
    desk.connect("old", "shop-go")
    desk.harness.clock.advance(seconds=1)
    desk.connect("new1", "shop-go", "shop-other")
    desk.connect("new2", "shop-go", "shop-other", is_synced=False)
    assert [desk.place(run_id=f"run{number}") for number in range(4)] == ["new1", "new2", "new1", "new2"]


def test_an_older_worker_is_asked_where_those_with_the_current_code_have_no_room(desk: Desk) -> None:
    desk.connect("old", "shop-go", max_requests=1)
    desk.harness.clock.advance(seconds=1)
    desk.connect("new", "shop-go", "shop-other", max_requests=1)
    assert [desk.place(run_id=f"run{number}") for number in range(3)] == ["new", "old", None]
    assert desk.place(run_id="other", slug="shop-other") is None


def test_nobody_is_asked_for_a_function_that_is_not_in_their_code(desk: Desk) -> None:
    desk.connect("a", "shop-other")
    assert desk.place() is None
    assert desk.count("worker_waits") == 1


@pytest.mark.parametrize(
    "status", [ConnectionStatus.CONNECTED, ConnectionStatus.DRAINING, ConnectionStatus.DISCONNECTED]
)
def test_only_those_are_asked_that_are_ready(desk: Desk, status: ConnectionStatus) -> None:
    desk.connect("a")
    desk.connecting.set_status("a", status)
    assert desk.place() is None


def test_a_connection_that_has_ended_stays_so(desk: Desk) -> None:
    desk.connect("a")
    desk.connecting.set_status("a", ConnectionStatus.DISCONNECTED)
    desk.connecting.set_status("a", ConnectionStatus.READY)
    assert (desk.place(), desk.connecting.find()) == (None, [])


def test_the_workers_of_a_gateway_that_is_silent_or_leaves_are_not_asked(desk: Desk) -> None:
    leaving = desk.connecting.open(url=None, port=2)
    desk.connect("a")
    desk.connect("b", gateway=leaving)
    desk.connecting.drain(leaving)
    assert [desk.place(run_id="1"), desk.place(run_id="2")] == ["a", "a"]
    desk.harness.clock.advance(seconds=SILENT_MS / 1000 + 1)
    assert desk.place(run_id="3") is None
    desk.connecting.report(desk.gateway, ["a"])
    assert desk.place(run_id="3") == "a"


def test_a_worker_that_was_gone_when_its_gateway_could_not_say_so_is_not_asked(desk: Desk) -> None:
    desk.connect("gone")
    desk.connect("there")
    desk.harness.clock.advance(seconds=SILENT_MS / 1000 + 1)
    desk.connecting.report(desk.gateway, ["there"])
    assert [desk.place(run_id=f"run{number}") for number in range(2)] == ["there", "there"]


def test_of_requests_that_come_at_once_a_worker_gets_as_many_as_it_takes(desk: Desk) -> None:
    desk.connect("a", max_requests=3)
    found = at_once(*(lambda number=number: desk.place(run_id=f"run{number}") for number in range(8)))
    assert sorted(map(str, found)) == ["None"] * 5 + ["a"] * 3
    assert (desk.count("worker_requests"), desk.count("worker_waits")) == (3, 5)


def test_a_request_that_is_placed_twice_since_nobody_knew_whether_it_was_is_placed_once(desk: Desk) -> None:
    desk.connect("a")
    request = a_request()
    assert desk.requests.place(request) == desk.requests.place(request)
    assert desk.count("worker_requests") == 1


# --- whose it is


def test_a_request_is_sent_by_its_gateway_until_it_is_acknowledged(desk: Desk) -> None:
    desk.connect("a")
    placed = desk.requests.place(a_request())
    assert placed is not None
    assert desk.requests.placed("another") == []
    assert desk.requests.placed(desk.gateway.id) == [placed]
    assert desk.requests.placed(desk.gateway.id, [placed.lease_id]) == []
    assert not desk.requests.acknowledge(placed.id, "b")
    assert desk.requests.acknowledge(placed.id, "a")
    assert desk.requests.placed(desk.gateway.id) == []


def test_whoever_acknowledges_too_late_does_not_have_the_request(desk: Desk) -> None:
    desk.connect("late")
    assert desk.place(run_id="run") == "late"
    (request,) = desk.requests.placed(desk.gateway.id)
    desk.harness.clock.advance(seconds=ACK_SECONDS)
    assert not desk.requests.acknowledge(request.id, "late")
    assert desk.requests.look(request.id)[1], "another one may be asked"


def test_a_lease_is_extended_by_who_knows_it_and_over_any_connection(desk: Desk) -> None:
    desk.connect("a")
    placed = desk.requests.place(a_request())
    assert placed is not None
    desk.requests.acknowledge(placed.id, "a")
    over = {"connection_id": "b", "gateway_id": "other"}
    assert desk.requests.extend(placed.id, "wrong", **over) is None
    second = desk.requests.extend(placed.id, placed.lease_id, **over)
    assert second is not None
    assert desk.requests.extend(placed.id, placed.lease_id, **over) is None
    desk.harness.clock.advance(seconds=LEASE_SECONDS - 1)
    assert desk.requests.look(placed.id)[1] is False
    third = desk.requests.extend(placed.id, second, **over)
    desk.harness.clock.advance(seconds=LEASE_SECONDS + 1)
    assert desk.requests.look(placed.id)[1] is True
    assert third is not None
    assert desk.requests.extend(placed.id, third, **over) is None


def test_a_request_is_placed_again_only_once_its_lease_is_over_and_with_another_if_there_is_one(desk: Desk) -> None:
    desk.connect("a")
    placed = desk.requests.place(a_request())
    assert placed is not None
    desk.connect("b")
    assert desk.requests.place_again(placed, "a")
    assert desk.requests.placed(desk.gateway.id)[0].connection_id == "a"
    desk.harness.clock.advance(seconds=ACK_SECONDS + 1)
    assert desk.requests.place_again(placed, "a")
    (again,) = desk.requests.placed(desk.gateway.id)
    assert (again.connection_id, again.placed_count, again.lease_id != placed.lease_id) == ("b", 2, True)
    assert not desk.requests.acknowledge(placed.id, "a")
    desk.harness.clock.advance(seconds=ACK_SECONDS + 1)
    desk.connecting.set_status("a", ConnectionStatus.DRAINING)
    desk.connecting.report(desk.gateway, ["a", "b"])
    assert desk.requests.place_again(placed, "b")
    assert desk.requests.placed(desk.gateway.id)[0].connection_id == "b"
    desk.harness.clock.advance(seconds=SILENT_MS / 1000 + 1)
    assert not desk.requests.place_again(placed, "b")
    assert desk.count("worker_waits") == 1


def test_what_was_not_acknowledged_is_let_go_and_what_was_is_not(desk: Desk) -> None:
    desk.connect("a")
    begun, other = desk.requests.place(a_request()), desk.requests.place(a_request(run_id="other"))
    assert begun is not None
    assert other is not None
    desk.requests.acknowledge(begun.id, "a")
    desk.requests.let_go([begun.id, other.id], "a")
    assert [desk.requests.look(each.id)[1] for each in (begun, other)] == [False, True]


def test_the_first_reply_counts_whoever_brings_it(desk: Desk) -> None:
    desk.connect("a")
    placed = desk.requests.place(a_request())
    assert placed is not None
    assert [desk.requests.answer(placed.id, {**REPLY, "body": body}) for body in ("1", "2")] == [True, False]
    state, is_overdue = desk.requests.look(placed.id)
    assert state is not None
    assert state.reply is not None
    assert (state.reply["body"], is_overdue) == ("1", False)
    assert not desk.requests.answer("nothing", REPLY)


def test_the_next_attempt_takes_the_place_of_requests_that_were_left_behind(desk: Desk) -> None:
    desk.connect("a")
    first, beside = desk.requests.place(a_request()), desk.requests.place(a_request(part="other"))
    second = desk.requests.place(a_request(generation=2))
    assert first is not None
    assert beside is not None
    assert second is not None
    assert [desk.requests.look(each.id)[0] is None for each in (first, beside, second)] == [True, True, False]


def test_what_is_left_behind_for_good_is_forgotten(desk: Desk) -> None:
    desk.connect("a")
    desk.place()
    desk.harness.clock.advance(seconds=7_201)
    desk.connecting.report(desk.gateway, [])
    tables = ("worker_requests", "connections", "connected_apps", "gateways")
    assert [desk.count(each) for each in tables] == [0, 0, 0, 1]


# --- gateways and connections


def test_a_worker_goes_to_the_gateway_with_the_fewest_and_elsewhere_if_it_says_so(desk: Desk) -> None:
    other = desk.connecting.open(url="wss://other/v0/connect", port=2)
    desk.connect("a")
    found = desk.connecting.gateway_for()
    assert found is not None
    assert (found.id, found.url) == (other.id, "wss://other/v0/connect")
    excluded = desk.connecting.gateway_for([other.id])
    assert excluded is not None
    assert (excluded.id, excluded.connection_count) == (desk.gateway.id, 1)
    assert desk.connecting.gateway_for([other.id, desk.gateway.id]) is not None
    desk.connecting.close(desk.gateway)
    desk.connecting.drain(other)
    assert (desk.connecting.gateway_for(), desk.connecting.find()) == (None, [])


def test_a_connection_is_made_once(desk: Desk) -> None:
    desk.connect("a")
    with pytest.raises(AlreadyExists):
        desk.connect("a")


def test_a_worker_that_has_left_is_not_remembered_and_one_that_is_gone_for_a_while(desk: Desk) -> None:
    desk.connect("gone", "shop-go")
    desk.connect("left", "shop-go")
    desk.harness.clock.advance(seconds=1)
    desk.connect("new", "shop-go", "shop-other")
    desk.connecting.set_status("gone", ConnectionStatus.DISCONNECTED)
    desk.connecting.remove("left")
    apps = [ConnectedApp("shop", None, "shop-go", ("shop-go",))]
    assert [desk.connecting.known_apps(each, apps) for each in ("gone", "left")] == [{"shop"}, set()]
    desk.harness.clock.advance(seconds=REMEMBERED_MS / 1000)
    desk.connecting.report(desk.gateway, ["new"])
    assert desk.connecting.known_apps("gone", apps) == frozenset()


# --- steps that wait for a worker


def _register(harness: Harness, retries: int = 0) -> None:
    url = "wss://connect?fnId=shop-go&stepId=step"
    step = {"id": "step", "name": "step", "retries": {"attempts": retries}, "runtime": {"type": "ws", "url": url}}
    function = {"id": "shop-go", "name": "go", "triggers": [{"event": "go"}], "steps": {"step": step}}
    payload = {"appName": "shop", "url": "wss://connect?app_name=shop", "functions": [function], "sdk": "test:v1"}
    AppServer(lambda: harness.runtime).register(payload, is_connected=True)


def _answered(desk: Desk) -> None:
    """Answer the next request that the gateway has to send, as often as it takes."""
    (request,) = eventually(lambda: desk.requests.placed(desk.gateway.id) or None)

    def answer() -> bool | None:
        try:
            desk.requests.answer(request.id, REPLY)
        except StoreUnavailable:
            return None
        return True

    eventually(answer)


def test_a_step_waits_for_a_worker_and_goes_on_when_one_is_there(desk: Desk) -> None:
    harness = desk.harness
    _register(harness)
    harness.send("go")
    harness.drain()
    assert harness.steps()["go"] == "ready"
    assert desk.count("worker_waits") == 1
    desk.requests.wake("default")
    assert not harness.deliver()
    desk.connect("a")
    desk.requests.wake("default")
    answering = threading.Thread(target=_answered, args=[desk])
    answering.start()
    harness.drain()
    answering.join()
    assert (harness.run()["status"], harness.run()["output"]) == ("completed", '"done"')
    assert harness.journal("retry") == harness.journal("failed") == []
    assert [desk.count(each) for each in ("worker_requests", "worker_waits")] == [0, 0]


@pytest.mark.parametrize("side", ["before_commit", "after_commit"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_call_outlasts_a_database_that_does_not_answer(desk: Desk, side: str, nth: int) -> None:
    harness = desk.harness
    _register(harness)
    desk.connect("a")
    harness.send("go")
    answering = threading.Thread(target=_answered, args=[desk])
    answering.start()
    with failing(f"request.{side}", StoreUnavailable("no answer"), nth=nth):
        harness.drain()
        answering.join()
    assert (harness.run()["status"], harness.run()["output"]) == ("completed", '"done"')
    assert harness.journal("retry") == []
    assert sum(kind == "attempt" for kind, _ in harness.journal()) == 1


def test_a_branch_that_waits_does_so_although_another_one_is_executed_and_until_the_next_attempt(desk: Desk) -> None:
    assert desk.place(part="one") is None
    desk.connect("a")
    assert desk.place(part="two") == "a"
    assert desk.count("worker_waits") == 1
    assert desk.place(part="one", generation=2) == "a"
    assert desk.count("worker_waits") == 0


def test_as_many_steps_are_woken_as_there_is_room_for(desk: Desk) -> None:
    harness = desk.harness
    _register(harness)
    for _ in range(3):
        harness.send("go")
    harness.drain()
    desk.connect("a", max_requests=2)
    desk.requests.wake("default")
    assert desk.count("worker_waits") == 1
    assert [len(each) for each in harness.dispatcher.waiting] == [1, 1]


def test_a_step_that_waits_no_longer_is_not_woken(desk: Desk) -> None:
    harness = desk.harness
    _register(harness)
    harness.send("go")
    harness.drain()
    harness.runtime.control.cancel(harness.runtime.settings.scope, harness.run()["id"])
    desk.connect("a")
    desk.requests.wake("default")
    assert desk.count("worker_waits") == 0
    assert [hint for each in harness.dispatcher.waiting for hint in each if isinstance(hint, StepHint)] == []


def test_a_step_of_a_run_that_is_frozen_is_hinted_by_nobody_until_it_goes_on(desk: Desk) -> None:
    harness = desk.harness
    _register(harness)
    harness.send("go")
    harness.drain()
    run_id = harness.run()["id"]
    with harness.runtime.database.transaction("pause") as tx:
        steps.put_off(tx, run_id, "go", StepStatus.READY, due_at_ms=tx.now_ms + 60_000, wake_at_ms=None)
    desk.connect("a")
    desk.requests.wake("default")
    (step,) = harness.rows("SELECT due_at_ms, wake_at_ms FROM steps WHERE step_key = 'go'")
    assert step == {"due_at_ms": 0, "wake_at_ms": None}
