"""Realtime of the SDKs: what they publish reaches their own subscribers, whatever serves us."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import inngest
import pytest
from devprocess import a_dev_process
from inngest.experimental.realtime import get_subscription_token_sync, publish_sync
from sdkapps import SdkApp, a_server, eventually
from tsapps import APP, installed_node
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from workflowkit import WorkflowKit
from workflowkit.base.limits import Limits

WAIT_SECONDS = 60
#: One for each address, as long as the tests of this module.
CLIENTS: dict[str, inngest.Inngest] = {}


@pytest.fixture(scope="module")
def dev_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with a_dev_process(tmp_path_factory.mktemp("dev")) as address:
        yield address


@pytest.fixture(params=["thread per request", "dev process"])
def address(request: pytest.FixtureRequest, server: tuple[WorkflowKit, str], dev_address: str) -> str:
    """The address of a server that holds a thread for each subscriber, or of one that holds none."""
    return server[1] if request.param == "thread per request" else dev_address


@pytest.fixture(scope="module", autouse=True)
def _clients_end() -> Iterator[None]:
    yield
    for client in CLIENTS.values():
        # Nothing public of the SDK does: the connection of a client that is given up stays open.
        client._http_client._http_client_sync.close()
    CLIENTS.clear()


def a_client(address: str) -> inngest.Inngest:
    if address not in CLIENTS:
        CLIENTS[address] = inngest.Inngest(
            app_id="shop", is_production=False, api_base_url=address, event_api_base_url=address
        )
    return CLIENTS[address]


def a_token(address: str, channel: str, *topics: str) -> str:
    found = get_subscription_token_sync(a_client(address), channel, list(topics))
    return str(found["key"])


@contextmanager
def a_subscriber(address: str, channel: str, *topics: str) -> Iterator[ClientConnection]:
    url = address.replace("http:", "ws:") + f"/v1/realtime/connect?token={a_token(address, channel, *topics)}"
    with connect(url, open_timeout=WAIT_SECONDS, close_timeout=WAIT_SECONDS, proxy=None) as connection:
        yield connection


def heard(connection: ClientConnection) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(connection.recv(timeout=WAIT_SECONDS))
    return found


def test_what_is_published_reaches_those_who_follow_the_topic(address: str) -> None:
    with a_subscriber(address, "room", "news") as one, a_subscriber(address, "room", "news", "gossip") as two:
        for topic, number in (("gossip", 1), ("news", 2), ("other", 3), ("news", 4)):
            publish_sync(a_client(address), "room", topic, {"number": number})
        first, second = heard(one), heard(one)
        assert [heard(two)["data"]["number"] for _ in range(3)] == [1, 2, 4]
    assert (first["kind"], first["channel"], first["topic"], first["data"]) == ("data", "room", "news", {"number": 2})
    assert second["data"] == {"number": 4}
    assert first["created_at"].endswith("Z")


def test_a_subscriber_of_another_channel_hears_nothing(address: str) -> None:
    with a_subscriber(address, "left", "news") as left, a_subscriber(address, "right", "news") as right:
        publish_sync(a_client(address), "left", "news", {"for": "left"})
        publish_sync(a_client(address), "right", "news", {"for": "right"})
        assert (heard(left)["data"], heard(right)["data"]) == ({"for": "left"}, {"for": "right"})


def test_a_client_is_answered_when_it_pings_and_when_it_leaves(address: str) -> None:
    with a_subscriber(address, "pings", "news") as connection:
        assert connection.ping().wait(WAIT_SECONDS)
        connection.send(json.dumps({"kind": "sub", "data": "x"}))
        connection.close()
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=WAIT_SECONDS)
    assert connection.close_code == 1000


def test_a_client_that_says_too_much_is_let_go(address: str) -> None:
    with a_subscriber(address, "much", "news") as connection:
        connection.send("x" * 100_000)
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=WAIT_SECONDS)
    assert connection.close_code == 1009


@pytest.mark.parametrize("token", ["", "nonsense", "e30.e30.e30"])
def test_without_a_token_nobody_is_let_in(address: str, token: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(address.replace("http:", "ws:") + f"/v1/realtime/connect?token={token}", proxy=None)
    assert refused.value.response.status_code == 401
    assert httpx.get(f"{address}/v1/realtime/sse?token={token}").status_code == 401


def test_a_request_that_is_no_websocket_is_refused(address: str) -> None:
    answer = httpx.get(f"{address}/v1/realtime/connect?token={a_token(address, 'room', 'news')}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-request")


@pytest.mark.parametrize(
    "topics",
    [[], {}, [{"channel": "a", "name": "x"}, {"channel": "b", "name": "x"}], [{"channel": "a b", "name": "x"}],
     [{"channel": "a", "name": ""}], [{"channel": "a", "name": f"t{n}"} for n in range(50)]],
)  # fmt: skip
def test_a_token_for_what_nobody_can_follow_is_refused(address: str, topics: Any) -> None:
    answer = httpx.post(f"{address}/v1/realtime/token", json=topics)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-input")


def streamed(address: str, channel: str, pieces: Iterable[bytes], **query: str) -> httpx.Response:
    return httpx.post(
        f"{address}/v1/realtime/publish", params={"channel": channel, "topic": "words", **query}, content=iter(pieces),
        headers={"Content-Type": "text/stream"}, timeout=WAIT_SECONDS,
    )  # fmt: skip


def test_a_stream_is_told_piece_by_piece(address: str) -> None:
    with a_subscriber(address, "stream", "words") as connection:
        text = ("so ", "far ", "sö ", "x" * 1_500)
        assert streamed(address, "stream", [piece.encode() for piece in text]).status_code == 200
        start = heard(connection)
        assert start["kind"] == "datastream-start"
        told = []
        while (message := heard(connection))["kind"] == "chunk":
            assert message["stream_id"] == start["data"]
            told.append(message["data"])
    assert ("".join(told), message["kind"], message["data"]) == ("".join(text), "datastream-end", start["data"])


def test_pieces_are_told_before_the_stream_has_ended(dev_address: str) -> None:
    with a_subscriber(dev_address, "live", "words") as connection:
        told: list[str] = []

        def pieces() -> Iterator[bytes]:
            for word in ("one", "two"):
                yield word.encode()
                while (message := heard(connection))["kind"] != "chunk":
                    pass
                told.append(message["data"])

        assert streamed(dev_address, "live", pieces()).status_code == 200
    assert told == ["one", "two"]


def test_a_stream_that_is_too_long_is_refused_and_ends(address: str) -> None:
    with a_subscriber(address, "long", "words") as connection:
        answer = streamed(address, "long", [b"x" * 1_024 * 1_001])
        assert (answer.status_code, answer.json()["code"]) == (413, "limit-exceeded")
        while heard(connection)["kind"] != "datastream-end":
            pass


def test_a_stream_of_a_client_that_falls_silent_ends(tmp_path: Path) -> None:
    with (
        a_server(tmp_path, limits=Limits(piece_seconds=1)) as (_, address),
        a_subscriber(address, "silent", "words") as connection,
    ):

        def pieces() -> Iterator[bytes]:
            yield b"word"
            while heard(connection)["kind"] != "datastream-end":
                pass

        streamed(address, "silent", pieces())  # what it is answered differs from server to server


def test_server_sent_events_tell_the_same(address: str) -> None:
    token = a_token(address, "events", "news")
    with httpx.stream("GET", f"{address}/v1/realtime/sse?token={token}", timeout=WAIT_SECONDS) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        publish_sync(a_client(address), "events", "news", {"number": 7})
        line = next(line for line in answer.iter_lines() if line.startswith("data:"))
    assert json.loads(line.removeprefix("data:"))["data"] == {"number": 7}


def test_what_an_app_passes_on_of_a_run_is_passed_on_to_those_who_follow_it(shared_sdk: SdkApp) -> None:
    @shared_sdk.client.create_function(fn_id="talks", trigger=inngest.TriggerEvent(event="talk"))
    def talks(ctx: inngest.ContextSync) -> str:
        ctx.step.wait_for_event("on", event="go-on", timeout=60_000)
        return "said"

    server = shared_sdk.server
    with shared_sdk.serve([talks]):
        event_id = shared_sdk.send("talk")
        run_id = shared_sdk.run_of(event_id, ended=False)["run_id"]
        own = b"event: inngest.stream\ndata: {}\n\n"
        passed = httpx.post(f"{server}/v1/realtime/publish/tee?channel={run_id}", content=own)
        assert passed.status_code == 200
        token = a_token(server, f"run:{run_id}", "tee")
        with httpx.stream("GET", f"{server}/v1/realtime/sse?token={token}", timeout=WAIT_SECONDS) as answer:
            lines = answer.iter_lines()
            assert next(line for line in lines if line.startswith("event:")) == "event: inngest.stream"
            eventually(lambda: True if _is_waiting(server, run_id) else None)
            shared_sdk.send("go-on")
            assert [line for line in lines if line.startswith("event:")] == []  # it ends with the run
    assert httpx.post(f"{server}/v1/realtime/publish/tee?channel=none", content=b"x").status_code == 404


def _is_waiting(server: str, run_id: str) -> bool:
    return bool(httpx.get(f"{server}/api/runs/{run_id}").json()["status"] == "waiting")


@contextmanager
def a_typescript_subscriber(server: str, channel: str, *topics: str) -> Iterator[Iterator[Any]]:
    node, environment = installed_node()
    command = [node, "--experimental-websocket", "subscriber.mjs", server, channel, *topics]
    with subprocess.Popen(command, cwd=APP, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield (json.loads(line) for line in process.stdout)
        process.stdin.close()


def test_the_subscriber_of_the_npm_package_hears_messages(address: str) -> None:
    # Messages only: at a stream the package (4.24) fails by itself, before its callers hear of it.
    with a_typescript_subscriber(address, "npm", "news", "words") as said:
        assert next(said) == "connected"
        for number in range(2):
            publish_sync(a_client(address), "npm", "news", {"number": number})
        assert [next(said) for _ in range(2)] == [["data", "news", {"number": number}, None] for number in range(2)]
