"""Workers of the real SDKs that connect, in processes of their own, beside servers and gateways of ours."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from sdkapps import eventually
from tsapps import APP, installed_node
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from workflowkit import WorkflowKit
from workflowkit.inngest.connect import wire_pb2 as wire

WORKER = Path(__file__).parent / "protocol" / "connect" / "worker.py"
#: The app of workers that are made up, unless they say another one.
MADE_UP = "made-up"
_ENDED = ("Completed", "Failed", "Cancelled")


@dataclass
class Worker:
    """A worker's process, and what its functions have told so far."""

    process: subprocess.Popen[bytes]
    path: Path
    log: Path

    @property
    def told(self) -> list[list[Any]]:
        """What its functions have told, each value a list, and ``["active"]`` first."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return [json.loads(line) for line in lines]

    def wait_until_told(self, *value: Any) -> None:
        """Wait until a function has told something that begins with this."""

        def find() -> bool | None:
            assert self.process.poll() is None, self.log.read_text()
            return True if any(each[: len(value)] == [*value] for each in self.told) else None

        eventually(find)

    def end(self, signal_number: signal.Signals = signal.SIGTERM) -> None:
        """End it, and wait for that."""
        self.process.send_signal(signal_number)
        self.process.wait(timeout=60)


@dataclass
class Fleet:
    """A server of ours, and the workers that a test has connected to it."""

    server: str
    directory: Path
    headers: dict[str, str] = field(default_factory=dict)
    event_key: str = "test"
    workers: list[Worker] = field(default_factory=list)

    def python(self, *apps: str, instance: str | None = None, **environment: str) -> Worker:
        """Connect a worker of the Python SDK with apps, ``name`` or ``name@version``; return it once it is active."""
        number = len(self.workers)
        command = [sys.executable, str(WORKER), f"{self.directory}/told{number}", instance or f"i{number}", *apps]
        return self._begin(command, environment, Path.cwd())

    def typescript(self, name: str, version: str = "v4", **environment: str) -> Worker:
        """Connect a worker of the SDK of TypeScript; return it once it is active."""
        node, variables = installed_node()
        # Before its version 22, Node has WebSockets only if it is asked, and only in its main thread.
        variables |= {"INNGEST_CONNECT_ISOLATE_EXECUTION": "false"}
        told = f"{self.directory}/told{len(self.workers)}"
        command = [node, "--experimental-websocket", "connect.mjs", told, name, version]
        return self._begin(command, variables | environment, APP)

    def _begin(self, command: list[str], environment: dict[str, str], directory: Path) -> Worker:
        log = self.directory / f"worker{len(self.workers)}.log"
        variables = {**os.environ, "INNGEST_DEV": self.server, **environment}
        with log.open("wb") as output:
            process = subprocess.Popen(command, env=variables, cwd=directory, stdout=output, stderr=output)
        worker = Worker(process, self.directory / f"told{len(self.workers)}", log)
        self.workers.append(worker)
        worker.wait_until_told("active")
        return worker

    def send(self, name: str, **data: Any) -> str:
        """Send an event; return its id."""
        answer = httpx.post(
            f"{self.server}/e/{self.event_key}", json={"name": name, "data": data}, headers=self.headers
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["ids"][0])

    def run_of(self, event_id: str, *, ended: bool = True) -> dict[str, Any]:
        """Return the run that an event started, once it has ended."""

        def find() -> dict[str, Any] | None:
            answer = httpx.get(f"{self.server}/v1/events/{event_id}/runs", headers=self.headers)
            runs = answer.json().get("data") or []
            return next((run for run in runs if not ended or run["status"] in _ENDED), None)

        return eventually(find)

    def connections(self) -> list[dict[str, Any]]:
        """Return the connections that the server tells of."""
        answer = httpx.get(f"{self.server}/v0/connect/envs/dev/conns", headers=self.headers)
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    def has_gateway(self) -> bool | None:
        """Tell whether a worker could connect."""
        try:
            answer = httpx.post(f"{self.server}/v0/connect/start", headers=self.headers)
        except httpx.TransportError:
            return None
        return True if answer.status_code == 200 else None

    def start(self, **fields: Any) -> wire.StartResponse:
        """Ask for a gateway, as a worker does."""
        content = wire.StartRequest(**fields).SerializeToString()
        answer = httpx.post(f"{self.server}/v0/connect/start", content=content, headers=self.headers)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/octet-stream"
        return wire.StartResponse.FromString(answer.content)


@contextmanager
def a_fleet(server: str, directory: Path, *, event_key: str = "test", **headers: str) -> Iterator[Fleet]:
    """Give a fleet, once a gateway can be had; end its workers afterwards. Gateways must outlive it."""
    fleet = Fleet(server, directory, headers, event_key)
    eventually(fleet.has_gateway)
    try:
        yield fleet
    finally:
        for worker in fleet.workers:
            worker.process.kill()
            worker.process.wait()
        eventually(lambda: True if not fleet.connections() else None)


def let_connect(wk: WorkflowKit) -> None:
    """Start a gateway in this process, on a free port; it ends with the application."""
    wk.start_gateway(socket.create_server(("127.0.0.1", 0)))


# --- workers that are made up, to say what no SDK says


@contextmanager
def a_socket(endpoint: str) -> Iterator[ClientConnection]:
    """Connect to a gateway, and take its hello."""
    with connect(endpoint, subprotocols=[Subprotocol("v0.connect.inngest.com")], max_size=None) as socket_:
        assert read(socket_).kind == wire.GATEWAY_HELLO
        yield socket_


def read(socket_: ClientConnection, *, within_seconds: float = 30) -> wire.Frame:
    """Return the next frame."""
    data = socket_.recv(timeout=within_seconds)
    assert isinstance(data, bytes)
    return wire.Frame.FromString(data)


def await_frame(socket_: ClientConnection, kind: wire.Kind) -> bytes:
    """Return the payload of the next frame of a kind."""
    while (found := read(socket_)).kind != kind:
        pass
    return found.payload


def say(socket_: ClientConnection, kind: wire.Kind, payload: Any = None) -> None:
    """Send a frame."""
    data = b"" if payload is None else payload.SerializeToString()
    socket_.send(wire.Frame(kind=kind, payload=data).SerializeToString())


def hello(started: wire.StartResponse, *apps: wire.App, **fields: Any) -> wire.WorkerConnect:
    """Return what a worker says of itself."""
    told: dict[str, Any] = {
        "connection_id": started.connection_id, "instance_id": "made-up", "sdk_language": "test", "sdk_version": "1",
        "auth_data": wire.Credentials(session_token=started.session_token, sync_token=started.sync_token),
        "apps": apps or [an_app(MADE_UP)],
    }  # fmt: skip
    return wire.WorkerConnect(**told | fields)


def an_app(name: str, *, retries: int = 0, version: str | None = None) -> wire.App:
    """Return an app with one function, ``go``, which the event ``<name>/go`` starts."""
    function = {
        "id": f"{name}-go", "name": "go", "triggers": [{"event": f"{name}/go"}],
        "steps": {
            "step": {
                "id": "step", "name": "step", "retries": {"attempts": retries},
                "runtime": {"type": "ws", "url": f"wss://connect?fnId={name}-go&stepId=step"},
            }
        },
    }  # fmt: skip
    return wire.App(app_name=name, app_version=version, functions=json.dumps([function]).encode())


@contextmanager
def a_worker(fleet: Fleet, *apps: wire.App, **fields: Any) -> Iterator[ClientConnection]:
    """Connect a worker that is made up; give its socket, once it is ready."""
    started = fleet.start()
    with a_socket(started.gateway_endpoint) as socket_:
        say(socket_, wire.WORKER_CONNECT, hello(started, *apps, **fields))
        await_frame(socket_, wire.GATEWAY_CONNECTION_READY)
        yield socket_


def next_request(socket_: ClientConnection, *, acknowledge: bool = True) -> wire.ExecutorRequest:
    """Return what the worker is asked next, which it acknowledges."""
    request = wire.ExecutorRequest.FromString(await_frame(socket_, wire.GATEWAY_EXECUTOR_REQUEST))
    if acknowledge:
        say(socket_, wire.WORKER_REQUEST_ACK, wire.RequestAck(request_id=request.request_id))
    return request


def reply_to(request: wire.ExecutorRequest, value: Any, **fields: Any) -> wire.Reply:
    """Return the reply that a function has returned a value."""
    told: dict[str, Any] = {"status": wire.DONE, "body": json.dumps(value).encode(), "sdk_version": "test:v1"}
    return wire.Reply(request_id=request.request_id, **told | fields)


def closed_with(socket_: ClientConnection) -> tuple[int | None, str | None]:
    """Return the status and the reason with which a gateway closes a socket."""

    def find() -> bool | None:
        try:
            socket_.recv(timeout=30)
        except Exception:
            return True
        return None

    eventually(find)
    return socket_.close_code, socket_.close_reason
