"""Processes and queues over HTTP."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from webapi import Web, a_web

from workflowkit import __version__
from workflowkit.cli.root import cli
from workflowkit.runtime.presence import Presence, Serving
from workflowkit.store.connections import ConnectedApp, ConnectionRow, ConnectionStatus
from workflowkit.store.workerrequests import WorkerRequest
from workflowkit.store.workers import Role


def _report(web: Web, name: str, *queues: str) -> None:
    Presence(web.harness.runtime.database, Serving(Role.WORKER, name, queues, 4), lambda: 1).tell()


def test_processes_are_listed_until_they_fall_silent(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client()
        assert client.get("/api/workers").get_json() == {"items": []}
        _report(web, "first", "default")
        (worker,) = client.get("/api/workers").get_json()["items"]
        shown = {key: worker[key] for key in ("name", "role", "version", "queues", "concurrency", "busy_count")}
        assert shown == {
            "name": "first", "role": "worker", "version": __version__, "queues": ["default"], "concurrency": 4,
            "busy_count": 1,
        }  # fmt: skip
        assert worker["is_silent"] is False
        web.harness.clock.advance(seconds=60)
        _report(web, "second", "default", "reports")
        items = client.get("/api/workers").get_json()["items"]
        assert [(item["name"], item["is_silent"]) for item in items] == [("first", True), ("second", False)]
        queues = client.get("/api/system").get_json()["queues"]
        assert [(queue["name"], queue["worker_count"]) for queue in queues] == [("default", 1), ("reports", 1)]


def test_the_state_of_the_installation_names_database_and_broker(database_url: str) -> None:
    with a_web(database_url) as web:
        state = web.client().get("/api/system").get_json()
        assert state["database"]["kind"] == database_url.partition("+")[0].partition(":")[0]
        assert state["database"]["is_current"] is True
        assert state["broker"] == {"kind": "in-process", "is_reachable": True, "trouble": None}
        assert (state["queues"], state["pending_event_count"], state["relay"]["lag_ms"]) == ([], 0, 0)


def test_a_broker_that_is_away_is_told(sqlite_url: str) -> None:
    with a_web(sqlite_url, broker_url="redis://127.0.0.1:1/0") as web:
        broker = web.client().get("/api/system").get_json()["broker"]
        assert (broker["kind"], broker["is_reachable"]) == ("redis", False)
        assert broker["trouble"]


def test_workers_of_apps_are_listed_with_their_load_while_they_are_connected(database_url: str) -> None:
    with a_web(database_url) as web:
        runtime, client = web.harness.runtime, web.client()
        gateway = runtime.connecting.open(url=None, port=1)
        row = ConnectionRow("c1", "", gateway.id, "host-1", ConnectionStatus.CONNECTED, "py:0.5", {}, 2)
        apps = [ConnectedApp("mail", None, "h", ("mail-go",)), ConnectedApp("shop", "7", "h", ("shop-go",))]
        runtime.connecting.connect(row, apps)
        runtime.connecting.set_status("c1", ConnectionStatus.READY)
        runtime.worker_requests.place(
            WorkerRequest("", "default", "shop", "shop", "shop-go", "run", "go", 1, "step", "job", "{}")
        )
        (shown,) = client.get("/api/connections").get_json()["items"]
        assert shown.pop("connected_at") == shown.pop("seen_at")
        assert shown == {
            "id": "c1", "environment": "default", "instance": "host-1", "status": "ready", "sdk": "py:0.5",
            "apps": [{"id": "mail", "version": None}, {"id": "shop", "version": "7"}], "max_requests": 2,
            "busy_count": 1,
        }  # fmt: skip
        environment = {"WORKFLOWKIT_DATABASE_URL": database_url}
        # The command looks with the database's own clock, to which the harness's times are long past.
        told = CliRunner().invoke(cli, ["workers", "connected"], env=environment)
        assert (told.exit_code, told.output) == (0, "no worker is connected\n")
        web.harness.clock.advance(seconds=60)
        assert client.get("/api/connections").get_json() == {"items": []}


@pytest.mark.parametrize("path", ["/api/workers", "/api/system", "/api/connections"])
def test_they_concern_all_tenants_and_are_to_be_asked_for(sqlite_url: str, path: str) -> None:
    with a_web(sqlite_url) as web:
        assert web.client(["runs:read", "workflows:read"]).get(path).status_code == 403
        assert web.client(["system:read"]).get(path).status_code == 200


def test_the_command_line_lists_processes(sqlite_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", sqlite_url)
    monkeypatch.chdir(tmp_path)
    with a_web(sqlite_url) as web:
        assert CliRunner().invoke(cli, ["workers", "list"]).stdout == "no process works\n"
        _report(web, "embedded", "default")
        shown = CliRunner().invoke(cli, ["workers", "list"]).stdout
        assert "embedded" in shown
        assert "1/4" in shown
        (item,) = json.loads(CliRunner().invoke(cli, ["workers", "list", "--json"]).stdout)["items"]
        assert item["name"] == "embedded"
