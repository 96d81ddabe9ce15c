"""The names of events: how many came when, and who listens to them."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from builders import a_workflow
from webapi import OTHER_TENANT, Web, a_web

from workflowkit.base.limits import Limits
from workflowkit.definition.model import SOURCE
from workflowkit.store import eventtypes

HOUR_SECONDS = 3_600


def listening(web: Web, workflow_id: str, pattern: str, condition: str | None = None) -> None:
    document = a_workflow(workflow_id).action("a").path(SOURCE, "a").trigger(pattern).document()
    if condition is not None:
        document["triggers"][0]["if"] = condition
    web.harness.deploy(document, workflow_id)


def types_of(web: Web, query: str = "") -> dict[str, Any]:
    page: dict[str, Any] = web.client(["runs:read"]).get(f"/api/event-types?{query}").get_json()
    return page


def test_names_are_listed_with_how_many_came_when_and_who_listens(database_url: str) -> None:
    with a_web(database_url) as web:
        listening(web, "exact", "order/paid")
        listening(web, "choosy", "order/paid", "event.data.n > 5")
        listening(web, "wide", "order/*")
        listening(web, "other", "user/created")
        web.harness.send("order/paid", {"n": 1})
        web.harness.clock.advance(seconds=5 * HOUR_SECONDS)
        for name in ("order/paid", "order/paid", "order/lost", "cart/left"):
            web.harness.send(name, {})
        web.harness.send("order/paid", {}, scope=OTHER_TENANT)
        page = types_of(web)
        cart, lost, paid = page["items"]
        assert [each["name"] for each in page["items"]] == ["cart/left", "order/lost", "order/paid"]
        assert (cart["count"], cart["workflow_ids"]) == (1, [])
        assert page["workflow_names"].keys() == {"choosy", "exact", "wide"}
        assert (lost["count"], lost["workflow_ids"]) == (1, ["wide"])
        assert (paid["count"], sorted(paid["workflow_ids"])) == (3, ["choosy", "exact", "wide"])
        assert (len(paid["counts"]), sum(paid["counts"]), paid["counts"][-1]) == (21, 3, 2)
        earlier = max(place for place, number in enumerate(paid["counts"][:-1]) if number)
        assert 20 - earlier in (4, 5)  # five hours, in parts of 70 minutes
        assert page["part_seconds"] == pytest.approx(70 * 60, rel=0.01)
        assert paid["last_at"] > page["starts_at"]


def test_what_came_before_the_span_is_named_and_not_counted(database_url: str) -> None:
    with a_web(database_url) as web:
        web.harness.send("order/paid", {})
        web.harness.clock.advance(seconds=3 * HOUR_SECONDS)
        (hour,) = types_of(web, "span=1h")["items"]
        (day,) = types_of(web, "span=24h")["items"]
        assert (hour["count"], day["count"], hour["last_at"]) == (0, 1, day["last_at"])
        (week,) = types_of(web, "span=7d&name=order/paid")["items"]
        assert week["count"] == 1
        (unknown,) = types_of(web, "name=order/gone")["items"]
        assert (unknown["count"], unknown["last_at"]) == (0, None)


def test_what_a_schedule_fires_is_for_the_workflows_with_one(database_url: str) -> None:
    with a_web(database_url) as web:
        listening(web, "audit", "workflow/*")
        for workflow_id, triggers in (("nightly", [{"cron": "@daily"}, {"cron": "@hourly"}]), ("plain", [])):
            document = a_workflow(workflow_id).action("a").path(SOURCE, "a").document() | {"triggers": triggers}
            web.harness.deploy(document, workflow_id)
        (fired,) = types_of(web, "name=workflow/schedule.fired")["items"]
        (other,) = types_of(web, "name=workflow/run.finished")["items"]
        assert (fired["workflow_ids"], other["workflow_ids"]) == (["audit", "nightly"], ["audit"])
        elsewhere = web.client(["runs:read"], scope=OTHER_TENANT).get("/api/event-types?name=workflow/schedule.fired")
        assert elsewhere.get_json()["items"][0]["workflow_ids"] == []


def test_names_are_paged_and_long_counts_are_capped(database_url: str) -> None:
    with a_web(database_url, limits=Limits(counted_events=3)) as web:
        for name in ("a", "b", "b", "b", "b", "c"):
            web.harness.send(name, {})
        first = types_of(web, "limit=2")
        assert [(each["name"], each["count"], each["is_capped"]) for each in first["items"]] == [
            ("a", 1, False), ("b", 3, True),
        ]  # fmt: skip
        rest = types_of(web, f"limit=2&cursor={first['next_cursor']}")
        assert ([each["name"] for each in rest["items"]], rest["next_cursor"]) == (["c"], None)


def test_no_event_is_read_to_count_them(postgres_url: str) -> None:
    with a_web(postgres_url) as web:
        for number in range(30):
            web.harness.send(f"order/{number % 3}", {})
        engine = web.harness.runtime.database.engine
        with engine.begin() as connection:
            connection.execute(sa.text("SET LOCAL enable_seqscan = off"))
            connection.execute(sa.text("SET LOCAL enable_bitmapscan = off"))
            for statement in (eventtypes._NAMES, eventtypes._NEWEST, eventtypes._COUNTS):
                values = {"environment": "default", "tenant": "default", "after": "", "limit": 9, "name": "order/1",
                          "since_id": "0", "chars": 6, "most": 100}  # fmt: skip
                plan = connection.exec_driver_sql("EXPLAIN " + statement.postgresql, values).scalars().all()
                scans = [line for line in plan if " using " in line]
                assert scans
                assert all("Index Only Scan" in line and "environment_tenant_name_id" in line for line in scans), plan
