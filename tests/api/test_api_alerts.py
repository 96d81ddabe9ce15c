"""Alert rules over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from webapi import a_document, a_web, problems_of

RULE: dict[str, Any] = {"name": "Too many", "condition": {"kind": "failure_count", "failures": 10}}


def test_a_rule_is_made_listed_changed_and_deleted(database_url: str) -> None:
    with a_web(database_url) as web:
        web.services.authoring.deploy(web.services.default_scope, "orders", a_document())
        client = web.client()
        made = client.post("/api/alerts", RULE)
        assert made.status_code == 201
        rule = made.get_json()
        shown = {name: rule[name] for name in ("workflow_id", "window_seconds", "quiet_seconds", "enabled", "state")}
        assert shown == {
            "workflow_id": None, "window_seconds": 60, "quiet_seconds": 300, "enabled": True, "state": "ok",
        }  # fmt: skip
        web.harness.clock.advance(seconds=1)
        second = client.post("/api/alerts", RULE | {"name": "Second"}).get_json()
        first_page = client.get("/api/alerts?limit=1").get_json()
        assert first_page["items"] == [rule]
        rest = client.get(f"/api/alerts?cursor={first_page['next_cursor']}").get_json()
        assert (rest["items"], rest["next_cursor"]) == ([second], None)
        changed = client.put(
            f"/api/alerts/{rule['id']}",
            {
                "name": "In a row",
                "workflow_id": "orders",
                "condition": {"kind": "consecutive_failures", "failures": 3},
                "window_seconds": 600,
                "enabled": False,
            },
        ).get_json()
        assert changed["condition"] == {"kind": "consecutive_failures", "failures": 3}
        assert (changed["workflow_id"], changed["window_seconds"], changed["enabled"]) == ("orders", 600, False)
        assert client.get(f"/api/alerts/{rule['id']}").get_json() == changed
        assert client.delete(f"/api/alerts/{rule['id']}").get_json() == changed
        assert client.get(f"/api/alerts/{rule['id']}").status_code == 404


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"condition": {"kind": "moon"}}, ("/condition/kind", "invalid-value")),
        ({"condition": {"kind": "failure_rate", "rate": 2, "min_runs": 1}}, ("/condition/rate", "out-of-range")),
        ({"condition": {"kind": "failure_count"}}, ("/condition/failures", "required")),
        ({"workflow_id": "nothing"}, ("/workflow_id", "invalid-value")),
        ({"window_seconds": 1}, ("/window_seconds", "out-of-range")),
        ({"name": ""}, ("/name", "invalid-value")),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(sqlite_url: str, change: Any, problem: tuple[str, str]) -> None:
    with a_web(sqlite_url) as web:
        refused = web.client().post("/api/alerts", RULE | change)
        assert refused.status_code == 400
        assert problems_of(refused) == [problem]
        assert web.count("alert_rules") == 0
