"""Connected workers that do not read, do not answer, or come in numbers: what they cost the others."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from connectapps import Fleet, a_fleet, a_socket, a_worker, an_app, await_frame, closed_with, hello, read, reply_to, say
from sdkapps import a_server, eventually
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from workflowkit import WorkflowKit
from workflowkit.base.clock import monotonic_seconds
from workflowkit.base.limits import Limits
from workflowkit.inngest.connect import gateway
from workflowkit.inngest.connect import wire_pb2 as wire
from workflowkit.inngest.connect.session import Session

#: Of both ends of a socket: more than fits into them is held up by who does not read.
BUFFER_BYTES = 8_192
LARGE = "x" * 400_000


@contextmanager
def a_narrow_fleet(tmp_path: Path, limits: Limits) -> Iterator[tuple[WorkflowKit, Fleet]]:
    """Give our server with a gateway that notices at once when a worker does not read."""
    with a_server(tmp_path, limits=limits) as (wk, url):
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        wk.start_gateway(listener)
        with a_fleet(url, tmp_path) as fleet:
            yield wk, fleet


@contextmanager
def a_worker_that_stops_reading(fleet: Fleet, app: wire.App) -> Iterator[ClientConnection]:
    """Connect a worker that reads no more than a frame from the time at which it is ready."""
    started = fleet.start()
    address = urlsplit(started.gateway_endpoint)
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    narrow.connect((address.hostname, address.port))
    protocols = [Subprotocol("v0.connect.inngest.com")]
    with connect(
        started.gateway_endpoint, sock=narrow, subprotocols=protocols, max_queue=1, close_timeout=0.1
    ) as worker:
        say(worker, wire.WORKER_CONNECT, hello(started, app))
        await_frame(worker, wire.GATEWAY_CONNECTION_READY)
        for _ in range(8):  # what fills its queue, so that it does not even read pings
            say(worker, wire.WORKER_HEARTBEAT)
        yield worker


def is_placed(wk: WorkflowKit, app_id: str) -> bool:
    """Tell whether there is a request for an app."""
    with wk.runtime.database.read() as tx:
        found = tx.connection.execute(sa.text("SELECT 1 FROM worker_requests WHERE app_id = :app"), {"app": app_id})
        return found.first() is not None


def test_a_worker_that_does_not_read_holds_up_no_other(tmp_path: Path) -> None:
    with (
        a_narrow_fleet(tmp_path, Limits()) as (wk, fleet),
        a_worker_that_stops_reading(fleet, an_app("stuck")),
        a_worker(fleet, an_app("fine")) as fine,
    ):
        fleet.send("stuck/go", text=LARGE)
        eventually(lambda: True if is_placed(wk, "stuck") else None)
        event_id = fleet.send("fine/go")
        # Before the gateway gives up the other one, which takes it 20 seconds.
        asked = read(fine, within_seconds=10)
        assert asked.kind == wire.GATEWAY_EXECUTOR_REQUEST
        say(fine, wire.WORKER_REPLY, reply_to(wire.ExecutorRequest.FromString(asked.payload), "fine"))
        assert fleet.run_of(event_id)["output"] == "fine"


def test_a_worker_is_not_taken_for_silent_before_it_could_speak(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[asyncio.Event] = []
    report, run = gateway.Gateway._report, Session.run

    async def report_and_tell(self: gateway.Gateway) -> None:
        await report(self)
        for each in reported:
            each.set()

    async def run_after_a_report(self: Session) -> None:
        reported.append(asyncio.Event())
        await reported[-1].wait()
        await run(self)

    monkeypatch.setattr(gateway, "REPORT_SECONDS", 0.2)
    monkeypatch.setattr(gateway.Gateway, "_report", report_and_tell)
    monkeypatch.setattr(Session, "run", run_after_a_report)
    with a_narrow_fleet(tmp_path, Limits()) as (_, fleet), a_worker(fleet, an_app("quick")) as quick:
        say(quick, wire.WORKER_HEARTBEAT)
        await_frame(quick, wire.GATEWAY_HEARTBEAT)
    assert reported


def test_a_gateway_reports_itself_while_silent_workers_do_not_let_it_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "SILENT_SECONDS", 1.0)
    monkeypatch.setattr(gateway, "REPORT_SECONDS", 0.2)
    with (
        a_narrow_fleet(tmp_path, Limits()) as (wk, fleet),
        a_worker_that_stops_reading(fleet, an_app("stuck")),
    ):
        fleet.send("stuck/go", text=LARGE)
        eventually(lambda: True if is_placed(wk, "stuck") else None)
        last = seen_at_ms(wk)
        # A socket takes 10 seconds to close whose other end does not answer.
        until = monotonic_seconds() + 6
        while monotonic_seconds() < until:
            before, last = last, eventually(partial(seen_after_ms, wk, last))
            assert last - before < 5_000


def seen_after_ms(wk: WorkflowKit, before_ms: int) -> int | None:
    """Return when the gateway was heard of again, if it was."""
    found_ms = seen_at_ms(wk)
    return found_ms if found_ms > before_ms else None


def seen_at_ms(wk: WorkflowKit) -> int:
    """Return when the gateway was heard of."""
    with wk.runtime.database.read() as tx:
        return int(tx.connection.execute(sa.text("SELECT max(seen_at_ms) FROM gateways")).scalar_one())


def test_a_gateway_holds_so_many_sockets_and_no_more(tmp_path: Path) -> None:
    with a_narrow_fleet(tmp_path, Limits(connections=2, connect_hello_seconds=60)) as (_, fleet):
        endpoint = fleet.start().gateway_endpoint
        # Neither has said who it is.
        with a_socket(endpoint), a_socket(endpoint), pytest.raises(InvalidStatus, match="503"), connect(endpoint):
            pass
        with a_worker(fleet) as worker:
            say(worker, wire.WORKER_HEARTBEAT)
            assert await_frame(worker, wire.GATEWAY_HEARTBEAT) == b""


@pytest.mark.parametrize(
    ("purpose", "changes", "seconds"),
    [("connect", {"environment": "other"}, 60), ("realtime", {}, 60), ("connect", {}, 0.001)],
    ids=["environment", "purpose", "time"],
)
def test_a_token_of_ours_that_is_for_something_else_lets_nobody_in(
    tmp_path: Path, purpose: str, changes: dict[str, str], seconds: float
) -> None:
    with a_narrow_fleet(tmp_path, Limits()) as (wk, fleet):
        started, tokens = fleet.start(), wk.runtime.session_tokens
        assert tokens is not None
        claims = {"connection_id": started.connection_id, "environment": wk.settings.environment, **changes}
        started.session_token = tokens.mint(purpose, claims, ttl_seconds=seconds)
        with a_socket(started.gateway_endpoint) as socket_:
            say(socket_, wire.WORKER_CONNECT, hello(started))
            assert closed_with(socket_) == (1008, "connect_authentication_failed")
