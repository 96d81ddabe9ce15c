"""A whole installation on PostgreSQL and Redis, started and ended as an operator would."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import services
import sqlalchemy as sa

ORDERS = Path(__file__).resolve().parents[2] / "examples/orders"
DEADLINE_SECONDS = 120


def _environment(database_url: str, broker_url: str | None) -> dict[str, str]:
    chosen = {"WORKFLOWKIT_DATABASE_URL": database_url, "WORKFLOWKIT_APP": f"{ORDERS / 'app.py'}:wk"}
    return {**os.environ, **chosen, **({} if broker_url is None else {"WORKFLOWKIT_BROKER_URL": broker_url})}


def _workflowkit(*arguments: str, environment: dict[str, str]) -> str:
    command = [sys.executable, "-m", "workflowkit", *arguments]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=DEADLINE_SECONDS
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _publish(environment: dict[str, str]) -> None:
    program = (
        "import json, sys; from workflowkit.cli.loading import load_app; "
        "wk = load_app(sys.argv[1]); wk.publish('orders', json.load(open(sys.argv[2]))); wk.stop()"
    )
    command = [sys.executable, "-c", program, environment["WORKFLOWKIT_APP"], str(ORDERS / "workflow.json")]
    subprocess.run(command, env=environment, check=True, timeout=DEADLINE_SECONDS)


@pytest.mark.parametrize("has_broker", [True, False], ids=["processes", "one process"])
def test_start_serves_runs_events_and_ends_with_all_its_processes(
    request: pytest.FixtureRequest, tmp_path: Path, has_broker: bool
) -> None:
    database_url = request.getfixturevalue("postgres_url" if has_broker else "sqlite_url")
    environment = _environment(database_url, request.getfixturevalue("redis_url") if has_broker else None)
    _publish(environment)
    port = services.free_port()
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "workflowkit", "start", "--bind", f"127.0.0.1:{port}", "--workers", "2"],
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        data = json.dumps(json.loads((ORDERS / "order.json").read_text())["data"])
        key = _workflowkit("keys", "create", "test", "--allow", "events:send", environment=environment).strip()
        is_listening = services.wait_until(lambda: _is_listening(port), timeout_seconds=DEADLINE_SECONDS)
        assert is_listening, (tmp_path / "log").read_text()
        to_server = ("--url", f"http://127.0.0.1:{port}", "--key", key)
        _workflowkit("send", "shop/order.placed", "--data", data, *to_server, environment=environment)
        ended = services.wait_until(lambda: _statuses(database_url) == ["completed"], timeout_seconds=DEADLINE_SECONDS)
        assert ended, (tmp_path / "log").read_text()
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_SECONDS) == 0, (tmp_path / "log").read_text()
        assert len(family) >= (5 if has_broker else 1)
        assert psutil.wait_procs(family, timeout=DEADLINE_SECONDS)[1] == []
    finally:
        process.kill()
        process.wait()


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _statuses(database_url: str) -> list[str]:
    url = sa.make_url(database_url)
    engine = sa.create_engine(url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url)
    with engine.connect() as connection:
        statuses = [str(status) for status in connection.scalars(sa.text("SELECT status FROM runs"))]
    engine.dispose()
    return statuses
