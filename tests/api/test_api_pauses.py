"""Pauses and drains over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow
from webapi import OTHER_TENANT, Web, a_web, problems_of

from workflowkit.runtime.roles import ROLES

DOCUMENT = (
    a_workflow("Nap").action("a", kind="boom", retries=9).path("$source", "a").trigger("test/happened").document()
)


def _state(web: Web, path: str, body: Any = None) -> tuple[bool, bool, int]:
    client = web.client()
    response = client.post(path) if body is None else client.post(path, body)
    assert response.status_code == 200, response.get_data(as_text=True)
    shown = response.get_json()
    return shown["is_paused"], shown["is_drained"], shown["open_runs"]


def _with_a_run(web: Web) -> None:
    web.harness.deploy(DOCUMENT)
    web.harness.send("test/happened")
    web.harness.drain()


def test_a_workflow_is_paused_resumed_drained_and_undrained(database_url: str) -> None:
    with a_web(database_url) as web:
        _with_a_run(web)
        assert _state(web, "/api/workflows/test/pause", {"running": "freeze", "reason": "why"}) == (True, False, 1)
        assert _state(web, "/api/workflows/test/drain", {}) == (True, True, 1)
        assert _state(web, "/api/workflows/test/resume") == (False, True, 1)
        assert _state(web, "/api/workflows/test/undrain") == (False, False, 1)
        assert web.client().get("/api/workflows/test/pause").get_json() == {
            "is_paused": False, "is_drained": False, "open_runs": 1,
        }  # fmt: skip


def test_everything_of_a_tenant_is_paused_and_nothing_of_others(database_url: str) -> None:
    with a_web(database_url) as web:
        _with_a_run(web)
        assert _state(web, "/api/pause", {"running": "cancel"}) == (True, False, 1)
        web.harness.skip(0)
        web.harness.skip(1)
        (run,) = web.client().get("/api/runs").get_json()["items"]
        assert (run["status"], run["reason"]) == ("cancelled", "cancelled-by-pause")
        assert run["cause"]["actor"].startswith("key:")
        assert _state(web, "/api/drain", {}) == (True, True, 0)
        assert web.client(scope=OTHER_TENANT).get("/api/pauses").get_json()["items"] == []
        assert _state(web, "/api/resume") == (False, True, 0)
        assert _state(web, "/api/undrain") == (False, False, 0)


def test_pauses_are_listed_page_by_page(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        client = web.client()
        for name in ("a", "b"):
            web.harness.deploy(DOCUMENT, name)
            client.post(f"/api/workflows/{name}/pause", {"reason": name})
        client.post("/api/drain", {})
        first = client.get("/api/pauses?limit=2").get_json()
        second = client.get(f"/api/pauses?limit=2&cursor={first['next_cursor']}").get_json()
        listed = [*first["items"], *second["items"]]
        assert [(row["workflow_id"], row["hold"], row["reason"]) for row in listed] == [
            (None, "drain", None), ("a", "pause", "a"), ("b", "pause", "b"),
        ]  # fmt: skip
        assert second["next_cursor"] is None


@pytest.mark.parametrize("body", [{"running": "stop"}, {"why": "x"}, {"reason": 1}])
def test_a_pause_that_means_nothing_is_refused(sqlite_url: str, body: dict[str, Any]) -> None:
    with a_web(sqlite_url) as web:
        web.harness.deploy(DOCUMENT)
        response = web.client().post("/api/workflows/test/pause", body)
        assert response.status_code == 400
        assert [pointer for pointer, _ in problems_of(response)] == [f"/{next(iter(body))}"]


@pytest.mark.parametrize(
    ("role", "expected"), [("viewer", 403), ("editor", 403), ("operator", 200), ("publisher", 200)]
)
def test_operators_pause_and_resume_workflows_without_publishing_any(sqlite_url: str, role: str, expected: int) -> None:
    with a_web(sqlite_url) as web:
        web.harness.deploy(DOCUMENT)
        client = web.client(sorted(ROLES[role]))
        for verb in ("pause", "resume", "drain", "undrain"):
            for path in (f"/api/workflows/test/{verb}", f"/api/{verb}"):
                body: dict[str, Any] = {"json": {}} if verb in ("pause", "drain") else {}
                assert client.call("POST", path, **body).status_code == expected, path
        assert (client.post("/api/workflows/test/publish").status_code == 403) == (role != "publisher")


@pytest.mark.parametrize(
    ("reason", "hold", "lift"), [("drained", "drain", "undrain"), ("disabled", "disable", "enable")]
)
def test_what_was_skipped_is_replayed_by_a_job(database_url: str, reason: str, hold: str, lift: str) -> None:
    with a_web(database_url) as web:
        client = web.client()
        web.harness.deploy(DOCUMENT)
        client.post(f"/api/workflows/test/{hold}", {} if hold == "drain" else None)
        event_id = web.harness.send("test/happened")
        web.harness.drain()
        client.post(f"/api/workflows/test/{lift}")
        wanted = {"kind": "replay", "workflow_id": "test", "skipped": [reason]}
        assert client.post("/api/jobs/count", wanted).get_json() == {"matched_count": 1}
        created = client.post("/api/jobs", wanted)
        assert (created.status_code, created.get_json()["skipped"]) == (201, [reason])
        for _ in range(4):
            web.harness.skip(1)
        assert client.get(f"/api/jobs/{created.get_json()['id']}").get_json()["done_count"] == 1
        (run,) = client.get("/api/runs").get_json()["items"]
        (decision,) = client.get(f"/api/events/{event_id}").get_json()["decisions"]
        assert (decision["reason"], decision["run_id"]) == (reason, run["id"])
        replayed = client.get(f"/api/events/{run['event_id']}").get_json()
        assert replayed["duplicate_of"] == event_id
        assert client.post("/api/jobs", {**wanted, "skipped": ["rate-limited"]}).status_code == 400
        assert ("/skipped", "conflicting-keys") in problems_of(client.post("/api/jobs", {**wanted, "kind": "cancel"}))
