"""Schedules over HTTP: what fires next, and why a document with a bad one is not published."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from webapi import OTHER_TENANT, Web, a_document, a_web, problems_of

from workflowkit.base.clock import SystemClock
from workflowkit.base.scope import DEFAULT_SCOPE, Scope


def _publish(web: Web, workflow_id: str, *triggers: dict[str, Any], scope: Scope = DEFAULT_SCOPE) -> None:
    web.services.authoring.deploy(scope, workflow_id, a_document(triggers=list(triggers)))


def _advance_to(web: Web, at: str) -> None:
    web.harness.clock.advance_to(int(datetime.fromisoformat(at).timestamp() * 1000))


def test_a_schedule_shows_when_it_fires_next_and_how_far_it_has_come(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client(["workflows:read"])
        _advance_to(web, "2026-01-01T00:10:00Z")
        trigger = {"cron": "0 */2 * * *", "timezone": "Europe/Berlin", "overlap": "queue", "catch_up": "last"}
        _publish(web, "report", trigger, {"cron": "@yearly", "jitter": "5m", "catch_up": {"all": 3}})
        _publish(web, "other", {"event": "shop/order.placed"})
        first = {
            "workflow_id": "report", "position": 0, "cron": "0 */2 * * *", "timezone": "Europe/Berlin", "jitter_ms": 0,
            "overlap": "queue", "catch_up": 1, "is_paused": False, "pause_reason": None,
            "next_at": "2026-01-01T01:00:00.000Z",
            "last_slot": None, "queued": 0, "starts_on": None, "ends_on": None, "skip_dates": [],
        }  # fmt: skip
        page = client.get("/api/schedules").get_json()
        assert page["items"][0] == first
        assert (page["items"][1]["position"], page["items"][1]["catch_up"], page["next_cursor"]) == (1, 3, None)
        assert "2027-01-01T00:00:01.000Z" <= page["items"][1]["next_at"] <= "2027-01-01T00:05:00.000Z"
        for hour in (1, 3):  # nobody matches the first event, so the second slot waits
            _advance_to(web, f"2026-01-01T0{hour}:00:00Z")
            web.harness.runtime.relay.tick()
        assert client.get("/api/schedules").get_json()["items"][0] == first | {
            "next_at": "2026-01-01T05:00:00.000Z", "last_slot": "2026-01-01T01:00:00.000Z", "queued": 1,
        }  # fmt: skip


@pytest.mark.parametrize(
    ("off", "on", "reason"), [("disable", "enable", "disabled"), ("archive", "restore", "archived")]
)
def test_a_schedule_of_a_workflow_that_is_off_is_paused_and_says_why(
    database_url: str, off: str, on: str, reason: str
) -> None:
    with a_web(database_url) as web:
        client = web.client()
        _publish(web, "report", {"cron": "@daily"})
        client.post(f"/api/workflows/report/{off}")
        (item,) = client.get("/api/schedules").get_json()["items"]
        assert (item["is_paused"], item["pause_reason"], item["next_at"]) == (True, reason, None)
        web.harness.clock.advance(seconds=3 * 86_400)
        web.harness.runtime.relay.tick()
        assert web.count("events") == 0
        client.post(f"/api/workflows/report/{on}")
        (item,) = client.get("/api/schedules").get_json()["items"]
        assert (item["is_paused"], item["pause_reason"], item["next_at"] is None) == (False, None, False)


def test_pages_go_on_in_the_middle_of_a_workflow(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client()
        for workflow_id in ("a", "b"):
            _publish(web, workflow_id, *({"cron": f"{minute} * * * *"} for minute in range(3)))
        _publish(web, "theirs", {"cron": "@daily"}, scope=OTHER_TENANT)
        seen, path = [], "/api/schedules?limit=2"
        while path:
            page = client.get(path).get_json()
            seen += [(item["workflow_id"], item["position"]) for item in page["items"]]
            path = f"/api/schedules?limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""
        assert seen == [("a", 0), ("a", 1), ("a", 2), ("b", 0), ("b", 1), ("b", 2)]


@pytest.mark.parametrize("cursor", ["eA", "wrdg", "MTIzNDU2Nzg5MDEyIHg"])
def test_a_cursor_of_something_else_is_refused(sqlite_url: str, cursor: str) -> None:
    with a_web(sqlite_url) as web:
        response = web.client().get(f"/api/schedules?cursor={cursor}")
        assert response.status_code == 400
        assert problems_of(response) == [("/query/cursor", "invalid-value")]


@pytest.mark.parametrize(
    ("triggers", "found"),
    [
        ([{"cron": "61 * * * *"}], [("/triggers/0/cron", "invalid-cron")]),
        ([{"cron": "0 0 30 2 *"}], [("/triggers/0/cron", "invalid-cron")]),
        ([{"cron": "TZ=Mars/Base * * * * *"}], [("/triggers/0/cron", "unknown-timezone")]),
        ([{"cron": "* * * * *", "timezone": "Mars/Base"}], [("/triggers/0/timezone", "unknown-timezone")]),
        ([{"cron": "* * * * *", "jitter": "6m"}], [("/triggers/0/jitter", "invalid-value")]),
        ([{"cron": "* * * * *", "overlap": "drop"}], [("/triggers/0/overlap", "invalid-value")]),
        ([{"cron": "@daily"}, {"cron": "0 0 * * *"}], [("/triggers/1", "duplicate-trigger")]),
        (
            [{"cron": "0 0 * * 1", "timezone": "Asia/Tokyo"}, {"cron": "TZ=Asia/Tokyo 0 0 * * MON"}],
            [("/triggers/1", "duplicate-trigger")],
        ),
        ([{"cron": f"{minute} * * * *"} for minute in range(11)], [("/triggers", "limit-exceeded")]),
    ],
)
def test_a_bad_schedule_is_refused_at_publish_with_place_and_reason(
    sqlite_url: str, triggers: list[dict[str, Any]], found: list[tuple[str, str]]
) -> None:
    with a_web(sqlite_url) as web:
        client = web.client()
        client.post("/api/workflows", {"id": "report", "document": a_document(triggers=triggers)})
        refused = client.post("/api/workflows/report/publish")
        assert refused.status_code == 422
        # That no slot has the data which the document refers to is a warning beside it.
        assert [each for each in problems_of(refused) if each[1] != "unknown-path"] == found
        assert client.get("/api/schedules").get_json()["items"] == []


def test_a_schedule_that_nobody_has_published_says_when_it_would_fire(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        client = web.client(["workflows:read"])
        asked = {"cron": "30 2 * * *", "timezone": "Europe/Berlin", "after": "2026-03-28T00:00:00Z", "count": 3}
        # What the clock skips on the 29th fires behind the gap.
        assert client.post("/api/schedules/next", json=asked).get_json() == {
            "timezone": "Europe/Berlin",
            "items": [
                {"at": "2026-03-28T01:30:00.000Z", "local": "2026-03-28T02:30:00+01:00"},
                {"at": "2026-03-29T01:00:00.000Z", "local": "2026-03-29T03:00:00+02:00"},
                {"at": "2026-03-30T00:30:00.000Z", "local": "2026-03-30T02:30:00+02:00"},
            ],
        }
        days = {"starts_on": "2026-03-30", "ends_on": "2026-04-01", "skip_dates": ["2026-03-31"]}
        times = client.post("/api/schedules/next", json=asked | days).get_json()["items"]
        assert [each["local"][:10] for each in times] == ["2026-03-30", "2026-04-01"]
        over = client.post("/api/schedules/next", json=asked | {"ends_on": "2026-01-01"}).get_json()
        assert over == {"timezone": "Europe/Berlin", "items": []}


def test_without_more_the_next_five_times_are_those_after_the_present(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        answer = web.client().post("/api/schedules/next", json={"cron": "TZ=Asia/Tokyo @hourly"}).get_json()
        times = [datetime.fromisoformat(each["at"]) for each in answer["items"]]
        assert (answer["timezone"], len(times)) == ("Asia/Tokyo", 5)
        now = datetime.fromtimestamp(SystemClock().now_ms() / 1000, UTC)
        assert timedelta(0) < times[0] - now <= timedelta(hours=1)
        assert {later - earlier for earlier, later in pairwise(times)} == {timedelta(hours=1)}


@pytest.mark.parametrize(
    ("asked", "status", "place"),
    [
        ({"cron": "0 9 * *"}, 422, ("/triggers/0/cron", "invalid-cron")),
        ({"cron": "0 9 30 2 *"}, 422, ("/triggers/0/cron", "invalid-cron")),
        ({"cron": ""}, 422, ("/triggers/0/cron", "invalid-value")),
        ({"cron": "@daily", "timezone": "Mars/Olympus"}, 422, ("/triggers/0/timezone", "unknown-timezone")),
        ({"cron": "@daily", "starts_on": "2026-02-30"}, 422, ("/triggers/0/starts_on", "invalid-date")),
        ({"cron": "@daily", "skip_dates": ["1", "2026-12-24"]}, 422, ("/triggers/0/skip_dates/0", "invalid-date")),
        ({}, 400, ("/cron", "missing-key")),
        ({"cron": "@daily", "count": 101}, 400, ("/count", "invalid-value")),
        ({"cron": "@daily", "after": "9999-12-31T23:59:59Z"}, 400, ("/after", "invalid-value")),
    ],
)
def test_what_is_no_schedule_is_said_at_its_place(
    sqlite_url: str, asked: dict[str, Any], status: int, place: tuple[str, str]
) -> None:
    with a_web(sqlite_url) as web:
        refused = web.client().post("/api/schedules/next", json=asked)
        assert (refused.status_code, refused.mimetype) == (status, "application/problem+json")
        assert place in problems_of(refused)
