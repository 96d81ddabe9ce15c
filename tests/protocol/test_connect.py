"""Apps whose workers connect: those of the real SDKs as they are, and some that say what no SDK says."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from connectapps import (
    Fleet,
    a_fleet,
    a_socket,
    a_worker,
    an_app,
    await_frame,
    closed_with,
    hello,
    let_connect,
    next_request,
    reply_to,
    say,
)
from sdkapps import a_server, eventually
from tsapps import new_key
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from workflowkit import WorkflowKit
from workflowkit.base.limits import Limits
from workflowkit.cli.root import cli
from workflowkit.inngest.connect import wire_pb2 as wire
from workflowkit.inngest.signing import key_hash

LEASE_SECONDS = 4
SIGNING_KEY = "signkey-test-" + "ab" * 32


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WorkflowKit, str]]:
    """Our dev server with a gateway, whose leases are short."""
    limits = Limits(connect_lease_seconds=LEASE_SECONDS, connect_hello_seconds=1)
    with a_server(tmp_path_factory.mktemp("connect"), limits=limits) as (wk, url):
        let_connect(wk)
        yield wk, url


@pytest.fixture
def wk(server: tuple[WorkflowKit, str]) -> WorkflowKit:
    return server[0]


@pytest.fixture
def fleet(server: tuple[WorkflowKit, str], tmp_path: Path) -> Iterator[Fleet]:
    with a_fleet(server[1], tmp_path) as fleet:
        yield fleet


def facts(wk: WorkflowKit, run: dict[str, Any], kind: str) -> list[str]:
    """Return the steps of a run about which the journal has facts of a kind."""
    statement = sa.text("SELECT step_key FROM journal WHERE run_id = :run_id AND kind = :kind")
    with wk.runtime.database.read() as tx:
        return list(tx.connection.execute(statement, {"run_id": run["run_id"], "kind": kind}).scalars())


def scalar(wk: WorkflowKit, sql: str) -> int:
    """Return the number that a query gives, 0 for none."""
    with wk.runtime.database.read() as tx:
        return int(tx.connection.execute(sa.text(sql)).scalar_one() or 0)


def waits(wk: WorkflowKit) -> int:
    """Return how many steps wait for a worker."""
    return scalar(wk, "SELECT count(*) FROM worker_waits")


def lease_end(wk: WorkflowKit) -> int:
    """Return when the lease of the only request ends."""
    return scalar(wk, "SELECT max(lease_ends_at_ms) FROM worker_requests")


# --- workers of the SDKs


def test_a_worker_of_the_python_sdk_executes_steps_once_each(fleet: Fleet) -> None:
    worker = fleet.python("shop")
    run = fleet.run_of(fleet.send("shop/three"))
    assert (run["status"], run["output"]) == ("Completed", ["a", "b", "c"])
    assert worker.told == [["active"], ["shop", "a"], ["shop", "b"], ["shop", "c"]]


def test_two_apps_on_one_connection_execute_each_their_own_functions(fleet: Fleet) -> None:
    worker = fleet.python("shop", "mail")
    events = [fleet.send("shop/three"), fleet.send("mail/three")]
    assert [fleet.run_of(event)["status"] for event in events] == ["Completed", "Completed"]
    assert sorted({each[0] for each in worker.told[1:]}) == ["mail", "shop"]
    (connection,) = fleet.connections()
    assert sorted(connection["all_worker_groups"]) == ["mail", "shop"]
    assert (connection["sdk_language"], connection["status"]) == ("py", 1)
    assert connection["attributes"]["os"] == "linux"


def test_a_function_that_fails_fails_its_run_with_its_error(fleet: Fleet) -> None:
    fleet.python("shop")
    run = fleet.run_of(fleet.send("shop/fail"))
    assert (run["status"], run["output"]["name"], run["output"]["message"]) == ("Failed", "ValueError", "it is broken")


@pytest.mark.parametrize("version", ["v4", "v3"])
def test_a_worker_of_the_sdk_of_typescript_executes_what_it_does_over_http(fleet: Fleet, version: str) -> None:
    worker, key = fleet.typescript("tsapp", version), new_key()
    runs = [
        fleet.send("ts/three-steps", key=key),
        fleet.send("ts/parallel", key="p"),
        fleet.send("ts/retry-after", key="r"),
    ]
    assert [fleet.run_of(event)["output"] for event in runs] == [["a", "b", "c"], ["a", "b", "after"], "done"]
    assert [each[1] for each in worker.told if each[0] == key] == ["a", "b", "c"]
    assert [each[1] for each in worker.told if each[0] == "r"] == [0, 1, 2]


def test_what_takes_longer_than_a_lease_keeps_it(wk: WorkflowKit, fleet: Fleet, tmp_path: Path) -> None:
    worker = fleet.python("shop")
    event_id = fleet.send("shop/slow", until=f"{tmp_path}/go")
    worker.wait_until_told("shop", "began")
    first = lease_end(wk)
    # The third lease begins when the first one would have been over.
    eventually(lambda: True if lease_end(wk) - first > LEASE_SECONDS * 1000 else None)
    (tmp_path / "go").touch()
    assert fleet.run_of(event_id)["status"] == "Completed"
    assert [each[1] for each in worker.told[1:]] == ["began", "after"]


def test_a_worker_that_is_killed_loses_its_step_to_another_without_an_attempt(
    wk: WorkflowKit, fleet: Fleet, tmp_path: Path
) -> None:
    first = fleet.python("shop")
    event_id = fleet.send("shop/slow", until=f"{tmp_path}/go")
    first.wait_until_told("shop", "began")
    second = fleet.python("shop")
    first.end(signal.SIGKILL)
    second.wait_until_told("shop", "began")
    (tmp_path / "go").touch()
    run = fleet.run_of(event_id)
    assert (run["status"], run["output"]) == ("Completed", ["", "after", 0])
    assert facts(wk, run, "retry") == []


def test_a_worker_that_is_told_to_end_finishes_its_step_and_gets_no_other(fleet: Fleet, tmp_path: Path) -> None:
    first = fleet.python("shop@1")
    event_id = fleet.send("shop/slow", until=f"{tmp_path}/go")
    first.wait_until_told("shop", "began")
    first.process.send_signal(signal.SIGTERM)
    eventually(lambda: True if [each["status"] for each in fleet.connections()] == [2] else None)
    second = fleet.python("shop@2")
    (tmp_path / "go").touch()
    run = fleet.run_of(event_id)
    assert first.process.wait(timeout=60) == 0
    assert (run["status"], run["output"]) == ("Completed", ["1", "after", 0])
    assert ["shop", "after"] in second.told
    assert ["shop", "after"] not in first.told


def test_a_step_waits_for_a_worker_and_uses_no_attempt_up(wk: WorkflowKit, fleet: Fleet) -> None:
    fleet.python("shop").end()
    eventually(lambda: True if not fleet.connections() else None)
    event_id = fleet.send("shop/three")
    eventually(lambda: True if waits(wk) == 1 else None)
    assert fleet.run_of(event_id, ended=False)["status"] == "Running"
    fleet.python("shop")
    run = fleet.run_of(event_id)
    assert (run["status"], run["output"]) == ("Completed", ["a", "b", "c"])
    assert (facts(wk, run, "retry"), waits(wk)) == ([], 0)


@pytest.mark.parametrize("language", ["python", "typescript"])
def test_a_gateway_that_ends_sends_its_workers_to_another_and_no_step_fails(
    wk: WorkflowKit, fleet: Fleet, tmp_path: Path, language: str
) -> None:
    leaving = WorkflowKit(settings=wk.settings)
    let_connect(leaving)
    with a_worker(fleet) as busy:  # at the gateway that stays: the other one has fewer workers then
        eventually(lambda: True if fleet.start().gateway_group != fleet.connections()[0]["gateway_id"] else None)
        worker = getattr(fleet, language)("shop")
        event_id = fleet.send("shop/slow", until=f"{tmp_path}/go")
        worker.wait_until_told("shop", "began")
        assert len({each["gateway_id"] for each in fleet.connections()}) == 2
        leaving.stop()
        eventually(lambda: True if [each["status"] for each in fleet.connections()] == [1, 1] else None)
        assert len({each["gateway_id"] for each in fleet.connections()}) == 1
        (tmp_path / "go").touch()
        run = fleet.run_of(event_id)
        say(busy, wire.WORKER_PAUSE)
    assert (run["status"], run["output"]) == ("Completed", ["", "after", 0])
    assert [each[1] for each in worker.told if each[0] == "shop"] == ["began", "after"]
    assert facts(wk, run, "failed") == facts(wk, run, "retry") == []


def test_a_new_version_registers_and_an_old_worker_is_not_asked_for_what_it_does_not_have(fleet: Fleet) -> None:
    old = fleet.python("rolled@1")
    new = fleet.python("rolled@2")
    assert fleet.run_of(fleet.send("rolled/new"))["output"] == "2"
    assert fleet.run_of(fleet.send("rolled/three"))["status"] == "Completed"
    assert (old.told, len(new.told)) == ([["active"]], 4)


def test_a_rolling_deploy_under_load_fails_no_step(wk: WorkflowKit, fleet: Fleet) -> None:
    events: list[str] = []
    is_over = threading.Event()

    def load() -> None:
        while not is_over.is_set():
            events.extend(fleet.send("deployed/three") for _ in range(3))
            fleet.run_of(events[-1])

    workers = [fleet.python("deployed@1")]
    loading = threading.Thread(target=load)
    loading.start()
    try:
        for version in (2, 3):
            workers.append(fleet.python(f"deployed@{version}"))
            workers[-2].end()
            workers[-1].wait_until_told("deployed")
    finally:
        is_over.set()
        loading.join()
    runs = [fleet.run_of(event) for event in events]
    assert {run["status"] for run in runs} == {"Completed"}
    assert [facts(wk, run, "retry") for run in runs] == [[]] * len(runs)
    assert all(len(worker.told) > 1 for worker in workers)


def test_an_old_worker_that_only_comes_back_does_not_bring_its_version_back(fleet: Fleet) -> None:
    def version() -> str:
        return str(httpx.get(f"{fleet.server}/api/apps/versioned").json()["version"])

    old, new = an_app("versioned", version="1"), an_app("versioned", version="2")
    with a_worker(fleet, new, instance_id="new") as other:
        with a_worker(fleet, old, instance_id="old"):
            assert version() == "1"  # whoever starts a worker of another version wants that
        with a_worker(fleet, new, instance_id="newer"):
            assert version() == "2"
            with a_worker(fleet, old, instance_id="old"):
                assert version() == "2"
        say(other, wire.WORKER_PAUSE)
    with a_worker(fleet, old, instance_id="old"):
        assert version() == "1"


def test_a_worker_gets_no_more_than_it_takes(wk: WorkflowKit, fleet: Fleet, tmp_path: Path) -> None:
    worker = fleet.python("shop", MAX_REQUESTS="1")
    events = [fleet.send("shop/slow", until=f"{tmp_path}/go") for _ in range(3)]
    eventually(lambda: True if waits(wk) == 2 else None)
    assert sum(each[1] == "began" for each in worker.told[1:]) == 1
    (tmp_path / "go").touch()
    runs = [fleet.run_of(event) for event in events]
    assert [run["output"] for run in runs] == [["", "after", 0]] * 3
    assert [facts(wk, run, "retry") for run in runs] == [[], [], []]


def test_parallel_steps_wait_for_each_other_at_a_worker_that_takes_one_at_a_time(wk: WorkflowKit, fleet: Fleet) -> None:
    worker = fleet.python("shop", MAX_REQUESTS="1")
    events = [fleet.send("shop/parallel") for _ in range(3)]
    runs = [fleet.run_of(event) for event in events]
    assert [run["output"] for run in runs] == [[0, 1, 2, 3]] * 3
    assert sorted(each[1] for each in worker.told[1:]) == sorted([0, 1, 2, 3] * 3)
    assert [facts(wk, run, "retry") for run in runs] == [[], [], []]


def test_the_page_of_apps_tells_of_the_connections(fleet: Fleet) -> None:
    fleet.python("shop", "mail")
    found = {app["id"]: app for app in httpx.get(f"{fleet.server}/api/apps").json()["items"]}
    assert [(found[each]["method"], found[each]["connection_count"]) for each in ("mail", "shop")] == [
        ("connect", 1)
    ] * 2


# --- workers that are made up


def test_a_wrong_token_is_refused(fleet: Fleet) -> None:
    started, other = fleet.start(), fleet.start()
    for told in (
        hello(started, auth_data=wire.Credentials(session_token="no.token")),
        hello(started, auth_data=wire.Credentials(session_token=other.session_token)),
    ):
        with a_socket(started.gateway_endpoint) as socket_:
            say(socket_, wire.WORKER_CONNECT, told)
            assert closed_with(socket_) == (1008, "connect_authentication_failed")


def test_a_token_is_good_for_one_connection(fleet: Fleet) -> None:
    started = fleet.start()
    with a_socket(started.gateway_endpoint) as first, a_socket(started.gateway_endpoint) as second:
        say(first, wire.WORKER_CONNECT, hello(started))
        await_frame(first, wire.GATEWAY_CONNECTION_READY)
        say(second, wire.WORKER_CONNECT, hello(started))
        assert closed_with(second) == (1008, "connect_authentication_failed")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (wire.Frame(kind=wire.WORKER_HEARTBEAT).SerializeToString(), "connect_worker_hello_invalid_msg"),
        (b"\xff\xff\xff", "connect_worker_hello_invalid_msg"),
        ("text", "connect_worker_hello_invalid_msg"),
        (b"\x08\x01\x12\x01\xff", "connect_worker_hello_invalid_payload"),
        (None, "connect_worker_hello_timeout"),
    ],
)  # fmt: skip
def test_a_first_frame_that_is_none_is_refused(fleet: Fleet, data: str | bytes | None, reason: str) -> None:
    with a_socket(fleet.start().gateway_endpoint) as socket_:
        if data is not None:
            socket_.send(data)
        assert closed_with(socket_) == (1008, reason)


@pytest.mark.parametrize(
    ("apps", "reason"),
    [
        ([an_app(f"app{number}") for number in range(11)], "connect_too_many_apps_per_connection"),
        ([wire.App(app_name="shop", functions=b"{")], "connect_invalid_function_config"),
        ([wire.App(app_name="shop", functions=b'[{"id": "x"}]')], "connect_invalid_function_config"),
    ],
)  # fmt: skip
def test_apps_that_cannot_be_registered_are_refused(fleet: Fleet, apps: list[wire.App], reason: str) -> None:
    started = fleet.start()
    with a_socket(started.gateway_endpoint) as socket_:
        say(socket_, wire.WORKER_CONNECT, hello(started, *apps))
        assert closed_with(socket_) == (1008, reason)
    assert fleet.connections() == []


def test_nothing_else_is_served_on_the_port_of_a_gateway(fleet: Fleet) -> None:
    endpoint = fleet.start().gateway_endpoint.replace("/v0/connect", "/other")
    with pytest.raises(InvalidStatus, match="404"), connect(endpoint):
        pass


def test_a_frame_that_is_too_large_ends_the_connection_and_no_other(fleet: Fleet) -> None:
    with a_worker(fleet, an_app("one")) as large, a_worker(fleet, an_app("two")) as other:
        large.send(b"\0" * (8 * 1024 * 1024 + 1))
        assert closed_with(large)[0] == 1009
        say(other, wire.WORKER_HEARTBEAT)
        assert await_frame(other, wire.GATEWAY_HEARTBEAT) == b""


def test_a_frame_that_is_none_ends_the_connection(fleet: Fleet) -> None:
    with a_worker(fleet) as worker:
        worker.send(b"\xff\xff\xff")
        assert closed_with(worker) == (1008, "connect_run_invalid_message")


def test_a_request_says_what_is_called_and_its_reply_is_acknowledged(fleet: Fleet) -> None:
    with a_worker(fleet) as worker:
        event_id = fleet.send("made-up/go", number=7)
        request = next_request(worker)
        assert (request.app_name, request.function_slug, request.step_id) == ("made-up", "made-up-go", "step")
        payload = json.loads(request.request_payload)
        assert payload["event"]["data"] == {"number": 7}
        assert payload["ctx"]["run_id"] == request.run_id
        say(worker, wire.WORKER_REPLY, reply_to(request, "hello"))
        acknowledged = wire.ReplyAck.FromString(await_frame(worker, wire.WORKER_REPLY_ACK))
        assert acknowledged.request_id == request.request_id
        assert fleet.run_of(event_id)["output"] == "hello"


def test_a_worker_that_is_ready_by_itself_is_asked_only_then(wk: WorkflowKit, fleet: Fleet) -> None:
    with a_worker(fleet, worker_manual_readiness_ack=True) as worker:
        event_id = fleet.send("made-up/go")
        eventually(lambda: True if waits(wk) == 1 else None)
        say(worker, wire.WORKER_READY)
        say(worker, wire.WORKER_REPLY, reply_to(next_request(worker), 1))
        assert fleet.run_of(event_id)["output"] == 1


def test_a_request_that_is_not_acknowledged_goes_to_another(fleet: Fleet) -> None:
    with a_worker(fleet) as silent:
        event_id = fleet.send("made-up/go")
        request = next_request(silent, acknowledge=False)
        with a_worker(fleet) as other:
            silent.close()
            again = next_request(other)
            assert (again.run_id, again.lease_id != request.lease_id) == (request.run_id, True)
            say(other, wire.WORKER_REPLY, reply_to(again, "other"))
            assert fleet.run_of(event_id)["output"] == "other"


def test_a_lease_is_extended_only_by_who_has_it(fleet: Fleet) -> None:
    with a_worker(fleet) as worker:
        event_id = fleet.send("made-up/go")
        request = next_request(worker)
        new_lease_id = _extend(worker, request.request_id, request.lease_id)
        assert new_lease_id not in ("", request.lease_id)
        assert _extend(worker, request.request_id, request.lease_id) == ""
        say(worker, wire.WORKER_REPLY, reply_to(request, 1))
        assert fleet.run_of(event_id)["output"] == 1
        assert _extend(worker, request.request_id, new_lease_id) == ""


def _extend(socket_: Any, request_id: str, lease_id: str) -> str:
    say(socket_, wire.WORKER_REQUEST_EXTEND_LEASE, wire.ExtendLease(request_id=request_id, lease_id=lease_id))
    return wire.ExtendLeaseAck.FromString(await_frame(socket_, wire.WORKER_REQUEST_EXTEND_LEASE_ACK)).new_lease_id


def test_a_reply_may_come_over_the_next_connection(fleet: Fleet) -> None:
    with a_worker(fleet) as before:
        event_id = fleet.send("made-up/go")
        request = next_request(before)
    with a_worker(fleet) as after:
        say(after, wire.WORKER_REPLY, reply_to(request, "later"))
        assert fleet.run_of(event_id)["output"] == "later"


def test_a_reply_may_come_by_http_and_only_the_first_one_counts(fleet: Fleet) -> None:
    with a_worker(fleet) as worker:
        event_id = fleet.send("made-up/go")
        request = next_request(worker)
    url = f"{fleet.server}/v0/connect/flush"
    for value in ("first", "second"):
        answer = httpx.post(url, content=reply_to(request, value).SerializeToString())
        assert (answer.status_code, wire.FlushResponse.FromString(answer.content).request_id) == (
            200,
            request.request_id,
        )
    assert fleet.run_of(event_id)["output"] == "first"
    assert httpx.post(url, content=b"\xff").status_code == 400


def test_workers_that_fall_silent_one_after_the_other_fail_the_attempt_in_the_end(tmp_path: Path) -> None:
    limits = Limits(connect_lease_seconds=1, lost_attempts=1)
    with a_server(tmp_path, limits=limits) as (wk, url):
        let_connect(wk)
        with a_fleet(url, tmp_path) as fleet, a_worker(fleet) as first, a_worker(fleet) as second:
            event_id = fleet.send("made-up/go")
            asked = [_asked_of(first, second), _asked_of(first, second)]
            assert asked[0] == asked[1]
            run = fleet.run_of(event_id)
    assert (run["status"], run["output"]["name"]) == ("Failed", "WorkerLost")


def _asked_of(*sockets: Any) -> str:
    """Let the first of the workers that is asked something acknowledge it; return the request's id."""

    def find() -> str | None:
        for socket_ in sockets:
            try:
                data = socket_.recv(timeout=0.05)
            except TimeoutError:
                continue
            message = wire.Frame.FromString(data)
            if message.kind == wire.GATEWAY_EXECUTOR_REQUEST:
                request_id = wire.ExecutorRequest.FromString(message.payload).request_id
                say(socket_, wire.WORKER_REQUEST_ACK, wire.RequestAck(request_id=request_id))
                return request_id
        return None

    return eventually(find)


def test_a_call_that_takes_too_long_fails_its_attempt_and_nobody_holds_on_to_it(tmp_path: Path) -> None:
    limits = Limits(remote_call_seconds=2)
    with a_server(tmp_path, limits=limits) as (wk, url):
        let_connect(wk)
        with a_fleet(url, tmp_path) as fleet, a_worker(fleet) as worker:
            event_id = fleet.send("made-up/go")
            request = next_request(worker)
            run = fleet.run_of(event_id)
            assert scalar(wk, "SELECT count(*) FROM worker_requests") == 0
            assert _extend(worker, request.request_id, request.lease_id) == ""
            say(worker, wire.WORKER_REPLY, reply_to(request, "too late"))
            await_frame(worker, wire.WORKER_REPLY_ACK)
            assert fleet.run_of(event_id) == run
    assert (run["status"], run["output"]["name"]) == ("Failed", "ActionTimeout")


def test_a_server_that_ends_waits_for_the_reply_of_a_worker_that_is_busy(tmp_path: Path) -> None:
    with a_server(tmp_path) as (wk, url):
        let_connect(wk)
        fleet = Fleet(url, tmp_path)
        eventually(fleet.has_gateway)
        with a_worker(fleet) as worker:
            fleet.send("made-up/go")
            request = next_request(worker)
            draining = wk.runtime.worker._draining
            stopping = threading.Thread(target=wk.stop)
            stopping.start()
            assert draining.wait(timeout=60)
            say(worker, wire.WORKER_REPLY, reply_to(request, "in time"))
            await_frame(worker, wire.GATEWAY_CLOSING)
        stopping.join()
        assert scalar(wk, "SELECT count(*) FROM runs WHERE status = 'completed'") == 1


def test_what_is_sent_and_answered_is_stored_encrypted_where_values_are(tmp_path: Path) -> None:
    with a_server(tmp_path, encrypts=True) as (wk, url):
        let_connect(wk)
        with a_fleet(url, tmp_path) as fleet, a_worker(fleet) as worker:
            event_id = fleet.send("made-up/go", encrypted={"word": "sesame"})
            request = next_request(worker)
            assert json.loads(request.request_payload)["event"]["data"]["encrypted"] == {"word": "sesame"}
            assert scalar(wk, "SELECT count(*) FROM worker_requests WHERE payload LIKE '%sesame%'") == 0
            say(worker, wire.WORKER_REPLY, reply_to(request, "open"))
            assert fleet.run_of(event_id)["status"] == "Completed"


# --- who may connect


def test_outside_of_development_only_those_with_the_signing_key_connect(tmp_path: Path) -> None:
    with a_server(tmp_path, dev_mode=False, signing_key=SIGNING_KEY) as (wk, url):
        let_connect(wk)
        with a_fleet(url, tmp_path, Authorization=f"Bearer {key_hash(SIGNING_KEY)}") as fleet:
            assert httpx.post(f"{url}/v0/connect/start").status_code == 401
            assert httpx.post(f"{url}/v0/connect/flush").status_code == 401
            assert httpx.get(f"{url}/v0/connect/envs/dev/conns").status_code == 401
            started = fleet.start()
            with a_socket(started.gateway_endpoint) as socket_:
                told = hello(started)
                told.auth_data.sync_token = key_hash("signkey-test-" + "cd" * 32)
                say(socket_, wire.WORKER_CONNECT, told)
                assert closed_with(socket_) == (1008, "connect_authentication_failed")
            with a_worker(fleet):
                assert [each["status"] for each in fleet.connections()] == [1]


def test_without_a_signing_key_nobody_connects_outside_of_development(tmp_path: Path) -> None:
    with a_server(tmp_path, dev_mode=False) as (_, url):
        assert httpx.post(f"{url}/v0/connect/start").status_code == 401


def test_without_a_gateway_workers_are_told_to_come_later(tmp_path: Path) -> None:
    with a_server(tmp_path) as (_, url):
        answer = httpx.post(f"{url}/v0/connect/start")
    assert (answer.status_code, answer.json()["code"]) == (503, "connect_no_gateway")


@pytest.mark.parametrize("path", ["start", "flush"])
def test_without_its_packages_workers_are_told_what_is_missing(
    server: tuple[WorkflowKit, str], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr("workflowkit.inngest.connect.starting.is_installed", lambda: False)
    answer = httpx.post(f"{server[1]}/v0/connect/{path}")
    assert answer.status_code == 503
    assert "workflowkit[connect]" in answer.json()["error"]


def test_a_gateway_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflowkit.cli.gateway.is_installed", lambda: False)
    done = CliRunner().invoke(cli, ["gateway"])
    assert (done.exit_code, "workflowkit[connect]" in done.output) == (1, True)
