"""Workers that connect to an installation of several processes on PostgreSQL and Redis, which a test kills."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import services
import sqlalchemy as sa
from click.testing import CliRunner
from connectapps import Fleet, a_fleet
from devprocess import a_dev_process
from sdkapps import eventually

from workflowkit import WorkflowKit
from workflowkit.cli.root import cli
from workflowkit.inngest.signing import key_hash
from workflowkit.runtime.keys import Keys

START_SECONDS = 120
SIGNING_KEY = "signkey-test-" + "ab" * 32


@dataclass
class Installation:
    """The processes of an installation with a signing key, each started by its command."""

    environment: dict[str, str]
    directory: Path
    url: str
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def begin(self, name: str, *arguments: str) -> None:
        """Start ``workflowkit`` with these arguments."""
        with (self.directory / f"{name}.log").open("wb") as log:
            command = [sys.executable, "-m", "workflowkit", *arguments]
            self.processes[name] = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)

    def end(self, name: str, signal_number: signal.Signals) -> None:
        """End a process, and wait for that."""
        self.processes[name].send_signal(signal_number)
        self.processes[name].wait(timeout=60)

    def stop(self) -> None:
        """Kill all that is left."""
        for process in self.processes.values():
            process.kill()
            process.wait()


@pytest.fixture
def installation(postgres_url: str, redis_url: str, tmp_path: Path) -> Iterator[Installation]:
    """An API, two gateways and two workers."""
    port = services.free_port()
    environment = {
        **os.environ, "WORKFLOWKIT_DATABASE_URL": postgres_url, "WORKFLOWKIT_BROKER_URL": redis_url,
        "WORKFLOWKIT_SIGNING_KEY": SIGNING_KEY, "WORKFLOWKIT_LEASE_SECONDS": "2",
        "WORKFLOWKIT_SECRET_KEY": f"a:{base64.b64encode(bytes(32)).decode()}",
    }  # fmt: skip
    made = Installation(environment, tmp_path, f"http://127.0.0.1:{port}")
    made.begin("api", "api", "--bind", f"127.0.0.1:{port}")
    for number in (1, 2):
        made.begin(f"gateway-{number}", "gateway", "--bind", "127.0.0.1:0")
        made.begin(f"worker-{number}", "worker", "--concurrency", "2")
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def fleet(installation: Installation, postgres_url: str, tmp_path: Path) -> Iterator[Fleet]:
    wk = WorkflowKit(database_url=postgres_url)
    _, event_key = Keys(wk.runtime.database).create(wk.settings.scope, "test", ["events:send"])
    wk.stop()
    # Five processes begin at once, each of which imports for seconds.
    assert services.wait_until(lambda: _gateway_count(postgres_url) == 2, timeout_seconds=START_SECONDS)
    bearer = f"Bearer {key_hash(SIGNING_KEY)}"
    with a_fleet(installation.url, tmp_path, event_key=event_key, Authorization=bearer) as fleet:
        yield fleet


def _gateway_count(url: str) -> int:
    return len(_rows(url, "SELECT id FROM gateways"))


def _rows(url: str, sql: str) -> list[Any]:
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        found = list(connection.execute(sa.text(sql)))
    engine.dispose()
    return found


def _in_production(fleet: Fleet) -> dict[str, str]:
    return {"INNGEST_DEV": "0", "INNGEST_SIGNING_KEY": SIGNING_KEY, "INNGEST_BASE_URL": fleet.server}


@pytest.mark.crash
@pytest.mark.timeout(300)
def test_runs_survive_the_death_of_a_gateway_and_of_the_worker_that_waits(
    installation: Installation, fleet: Fleet, postgres_url: str, tmp_path: Path
) -> None:
    worker = fleet.python("shop", **_in_production(fleet))
    assert fleet.run_of(fleet.send("shop/three"))["output"] == ["a", "b", "c"]

    event_id = fleet.send("shop/slow", until=f"{tmp_path}/one")
    worker.wait_until_told("shop", "began")
    port_of = {row.id: row.port for row in _rows(postgres_url, "SELECT id, port FROM gateways")}
    (connection,) = fleet.connections()
    installation.end(_gateway_at(installation, port_of[connection["gateway_id"]]), signal.SIGKILL)
    eventually(lambda: True if _elsewhere(fleet, connection["gateway_id"]) else None)
    (tmp_path / "one").touch()
    assert fleet.run_of(event_id)["output"] == ["", "after", 0]
    assert [each[1] for each in worker.told if each[0] == "shop"].count("began") == 1

    event_id = fleet.send("shop/slow", until=f"{tmp_path}/two")
    eventually(lambda: True if _begun(worker.told) == 2 else None)
    os.kill(_holder(postgres_url, fleet.run_of(event_id, ended=False)["run_id"]), signal.SIGKILL)
    eventually(lambda: True if _begun(worker.told) == 3 else None)
    (tmp_path / "two").touch()
    assert fleet.run_of(event_id)["status"] == "Completed"


def _gateway_at(installation: Installation, port: int) -> str:
    """Return the name of the gateway that listens on a port."""
    told = f"gateway: port {port}\n"
    return next(
        name for name in ("gateway-1", "gateway-2") if told in (installation.directory / f"{name}.log").read_text()
    )


def _elsewhere(fleet: Fleet, gateway_id: str) -> bool:
    """Tell whether a worker is ready at another gateway than that."""
    return any(each["status"] == 1 and each["gateway_id"] != gateway_id for each in fleet.connections())


def _begun(told: list[list[Any]]) -> int:
    return sum(each[1:2] == ["began"] for each in told)


def _holder(url: str, run_id: str) -> int:
    """Return the process that executes the only step of a run."""
    sql = (
        f"SELECT data FROM journal WHERE run_id = '{run_id}' AND kind = 'attempt' ORDER BY revision DESC, ordinal DESC"
    )
    worker = json.loads(_rows(url, sql)[0].data)["worker"]
    return int(worker.rpartition(":")[2])


def test_a_dev_server_lets_workers_connect_beside_its_api(tmp_path: Path) -> None:
    with a_dev_process(tmp_path) as url, a_fleet(url, tmp_path) as fleet:
        assert fleet.start().gateway_endpoint.startswith("ws://127.0.0.1:")
        fleet.python("shop@7", instance="host-1")
        assert fleet.run_of(fleet.send("shop/three"))["output"] == ["a", "b", "c"]
        environment = {"WORKFLOWKIT_DATABASE_URL": f"sqlite:///{tmp_path}/.workflowkit/dev.db"}
        told = CliRunner().invoke(cli, ["workers", "connected"], env=environment)
        assert re.search(r"host-1 +shop 7 +0/1000 +py:", told.output)
        told = CliRunner().invoke(cli, ["apps", "list"], env=environment)
        assert re.search(r"shop +7 +4 +1 connected", told.output)
