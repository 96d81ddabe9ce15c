"""Idle streams on one API process: what they cost, and what another request beside them feels.

    python -m bench.streams --streams 1000

Half of the streams follow a run each, which waits; the other half a channel each. PostgreSQL and Redis are private and
durable, the API is ``workflowkit api`` with one process and 16 threads. Prints one JSON object. Linux only.
"""

from __future__ import annotations

import argparse
import http.client
import json
import resource
import socket
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.measure import cpu_seconds_by_role
from bench.peers.base import controller_python
from bench.processes import Child, free_port, spawn
from bench.servers import Servers, running_servers
from workflowkit import WorkflowKit
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.base.secrets import Keyring
from workflowkit.base.settings import Settings
from workflowkit.runtime.keys import Keys

_DATABASE = "streams"
_REQUESTS = 400
_IDLE_SECONDS = 20.0
_TELLINGS = 20
_START_SECONDS = 30.0
_EVENTS_PER_REQUEST = 500
WAIT = {
    "name": "Wait",
    "triggers": [{"event": "bench/wait"}],
    "actions": [{"id": "wait", "kind": "builtin:wait", "inputs": {"duration": "1d"}}],
    "edges": [{"from": "$source", "to": "wait"}],
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.streams", description=__doc__)
    parser.add_argument("--streams", type=int, default=1_000)
    count = parser.parse_args(arguments).streams
    most_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    with running_servers() as servers:
        servers.fresh_database(_DATABASE)
        settings = Settings(
            database_url=servers.database_url(_DATABASE), broker_url=f"{servers.redis_address}/0",
            secret_key=Keyring.generate().render(),
        )  # fmt: skip
        wk = WorkflowKit("bench", settings=settings)
        wk.migrate()
        try:
            print(json.dumps(_measure(wk, servers, count), indent=2))
        finally:
            wk.stop()
    return 0


def _measure(wk: WorkflowKit, servers: Servers, count: int) -> dict[str, Any]:
    run_ids = _waiting_runs(wk, count // 2)
    key = _key(wk)
    api, port = _start_api(wk, servers)
    figures: dict[str, Any] = {"streams": count, "before": _state(api, port, key)}
    channels = [f"run:{run_id}" for run_id in run_ids] + [f"room:{n}" for n in range(count - len(run_ids))]
    started = time.perf_counter()
    streams = [_open(wk, port, channel) for channel in channels]
    figures["opened_in_seconds"] = round(time.perf_counter() - started, 2)
    time.sleep(2)
    roles = {"api": [api.pid], "postgresql": [servers.postgresql.pid], "redis": [servers.redis.pid]}
    before, since = cpu_seconds_by_role(roles), time.perf_counter()
    time.sleep(_IDLE_SECONDS)
    after, seconds = cpu_seconds_by_role(roles), time.perf_counter() - since
    figures["idle_cpu_percent"] = {role: round(100 * (after[role] - before[role]) / seconds, 2) for role in roles}
    figures["beside"] = _state(api, port, key)
    figures["told_ms"] = _tell(wk, streams[-1], channels[-1])
    figures["alive"] = sum(_is_alive(stream) for stream in streams)
    return figures


def _waiting_runs(wk: WorkflowKit, count: int) -> list[str]:
    """Return the ids of runs that wait, made by a worker that is gone then."""
    wk.publish("wait", WAIT)
    wk.start(concurrency=4)
    for start in range(0, count, _EVENTS_PER_REQUEST):
        wk.send([{"name": "bench/wait", "data": {}} for _ in range(min(_EVENTS_PER_REQUEST, count - start))])
    while True:
        with wk.runtime.database.read() as tx:
            rows = tx.connection.exec_driver_sql("SELECT id FROM runs WHERE status = 'waiting'").all()
        if len(rows) == count:
            wk.stop()
            return [row[0] for row in rows]
        time.sleep(0.2)


def _key(wk: WorkflowKit) -> str:
    return Keys(wk.runtime.database).create(DEFAULT_SCOPE, "bench", ["runs:read"])[1]


def _start_api(wk: WorkflowKit, servers: Servers) -> tuple[Child, int]:
    """Start the API; return its serving process."""
    port, settings = free_port(), wk.settings
    environment = {
        "WORKFLOWKIT_DATABASE_URL": settings.database_url,
        "WORKFLOWKIT_BROKER_URL": settings.broker_url,
        "WORKFLOWKIT_SECRET_KEY": settings.secret_key or "",
    }
    command: list[str | Path] = [
        controller_python(),
        "-m",
        "workflowkit",
        "api",
        "--bind",
        f"127.0.0.1:{port}",
        "--threads",
        "16",
    ]
    child = spawn("api", command, log_path=Path(servers.directory) / "api.log", environment=environment)
    ends_at = time.monotonic() + _START_SECONDS
    while time.monotonic() < ends_at:
        child.check_alive()
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/api/health/ready")
            if connection.getresponse().status == 200:
                return child, port
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(child.log_tail())


def _open(wk: WorkflowKit, port: int, channel: str) -> socket.socket:
    topics = ["$status", "news"] if channel.startswith("run:") else ["news"]
    token = wk.realtime.token(channel, topics, 3_600)
    sock = socket.create_connection(("127.0.0.1", port), timeout=10)
    sock.sendall(f"GET /api/realtime HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    return sock


def _state(api: Child, port: int, key: str) -> dict[str, Any]:
    """Return what the API's processes need, and how long a list of runs takes on a connection that stays open."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    samples = []
    for _ in range(_REQUESTS):
        started = time.perf_counter()
        connection.request("GET", "/api/runs?limit=20", headers={"Authorization": f"Bearer {key}"})
        response = connection.getresponse()
        response.read()
        samples.append(1000 * (time.perf_counter() - started))
        assert response.status == 200
    connection.close()
    samples.sort()
    return {
        "request_ms": {"p50": round(samples[_REQUESTS // 2], 2), "p95": round(samples[_REQUESTS * 95 // 100], 2)},
        **_serving(api),
    }


def _serving(api: Child) -> dict[str, Any]:
    """Return memory, threads and files of the process that serves, which is a child of gunicorn's parent."""
    children = Path(f"/proc/{api.pid}/task/{api.pid}/children").read_text().split()
    pid = children[0] if children else str(api.pid)
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {
        "memory_mib": round(int(status["VmRSS"].split()[0]) / 1024, 1),
        "threads": int(status["Threads"]),
        "files": len(list(Path(f"/proc/{pid}/fd").iterdir())),
    }


def _tell(wk: WorkflowKit, stream: socket.socket, channel: str) -> dict[str, float]:
    """Return how long a published message takes to one of the streams."""
    stream.settimeout(10)
    taken = []
    for number in range(_TELLINGS):
        started = time.perf_counter()
        wk.realtime.publish(channel, "news", number)
        seen = b""
        while f'"data":{number}'.encode() not in seen:
            seen += stream.recv(65_536)
        taken.append(1000 * (time.perf_counter() - started))
        threading.Event().wait(0.6)  # so that each is told of by a notice of its own
    taken.sort()
    return {"p50": round(taken[len(taken) // 2], 1), "max": round(taken[-1], 1)}


def _is_alive(stream: socket.socket) -> bool:
    """Tell whether a stream has begun and not ended."""
    stream.setblocking(False)
    try:
        data = stream.recv(65_536)
    except BlockingIOError:
        return True
    return bool(data) and b"0\r\n\r\n" not in data


if __name__ == "__main__":
    sys.exit(main())
