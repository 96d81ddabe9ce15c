"""What may start the workflows of a tenant, and what the data of events looks like: the application decides both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from runtimes import a_registry, a_runtime
from webapi import OTHER_TENANT, Client, Web, a_document, problems_of

from workflowkit import Scope, WorkflowKit
from workflowkit.api.services import services_of
from workflowkit.base.errors import AlreadyExists, Conflict, DefinitionError, InvalidInput
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.engine.extensions import Extensions

ORDER = {"type": "object", "properties": {"total": {"type": "number"}, "items": {"type": "array"}}}
REFUND = {"type": "object", "properties": {"amount": {"type": "number"}}}


SAYING: dict[str, Any] = {"actions": [{"id": "note", "kind": "log", "inputs": {"message": "x"}}],
          "edges": [{"from": "$source", "to": "note"}]}  # fmt: skip


def rules(scope: Scope) -> list[str]:
    return ["manual", "event:shop/*", "webhook:payments"] if scope == DEFAULT_SCOPE else ["cron"]


@contextmanager
def a_web(database_url: str, policy: Any = rules) -> Iterator[Web]:
    registry = a_registry()
    registry.declare_event("shop/order.placed", ORDER)
    registry.declare_event("shop/order.refunded", REFUND)
    registry.declare_event("hr/hired", {})
    with a_runtime(database_url, registry, extensions=Extensions(trigger_policy=policy)) as harness:
        yield Web(harness, services_of(harness.runtime))


def found(client: Client, *triggers: dict[str, Any], **changes: Any) -> list[tuple[str, str]]:
    document = a_document(triggers=list(triggers), **(SAYING | changes))
    problems = client.post("/api/validate", {"document": document}).get_json()["problems"]
    return [(each["pointer"], each["code"]) for each in problems]  # warnings too


@pytest.mark.parametrize(
    ("trigger", "is_allowed"),
    [
        ({"manual": True}, True),
        ({"event": "shop/order.placed"}, True),
        ({"event": "shop/*"}, True),
        ({"event": "shop/order.*"}, True),
        ({"event": "hr/hired"}, False),
        ({"webhook": "payments"}, True),
        ({"webhook": "others"}, False),
        ({"cron": "0 9 * * *"}, False),
        ({"http": {}}, False),
    ],
)
def test_what_a_tenant_may_not_be_started_by_is_a_problem(
    sqlite_url: str, trigger: dict[str, Any], is_allowed: bool
) -> None:
    with a_web(sqlite_url) as web:
        unknown = [("/triggers/0/webhook", "unknown-webhook")] if "webhook" in trigger else []
        expected = [] if is_allowed else [("/triggers/0", "trigger-not-allowed")]
        assert found(web.client(), trigger) == expected + unknown
        theirs = [("/triggers/0", "trigger-not-allowed")] if "cron" not in trigger else []
        assert found(web.client(scope=OTHER_TENANT), trigger) == theirs + unknown


def test_it_is_not_published_and_what_the_application_publishes_is(database_url: str) -> None:
    with a_web(database_url) as web:
        client, document = web.client(), a_document(triggers=[{"cron": "0 9 * * *"}], **SAYING)
        assert client.post("/api/workflows", {"id": "w", "document": document}).status_code == 201
        refused = client.post("/api/workflows/w/publish")
        assert (refused.status_code, problems_of(refused)) == (422, [("/triggers/0", "trigger-not-allowed")])
        deployed = web.services.authoring.deploy(DEFAULT_SCOPE, "w", document)
        assert [(each.code, each.severity) for each in deployed.warnings] == [("trigger-not-allowed", "warning")]


def test_the_editor_is_told_what_there_is(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        shown = web.client(["workflows:read"]).get("/api/triggers").get_json()
        assert shown["kinds"] == ["event", "webhook", "manual"]
        assert shown["event_names"] == ["shop/*"]
        assert {each["name"]: each["data"] for each in shown["events"]} == {
            "shop/order.placed": ORDER, "shop/order.refunded": REFUND,
        }  # fmt: skip
        theirs = web.client(scope=OTHER_TENANT).get("/api/triggers").get_json()
        assert theirs == {"kinds": ["cron"], "event_names": [], "events": [], "webhooks": []}
    with a_web(sqlite_url, policy=None) as web:
        shown = web.client().get("/api/triggers").get_json()
        assert (shown["kinds"], shown["event_names"]) == (["event", "cron", "webhook", "manual", "http"], None)
        assert len(shown["events"]) == 3


def _reading(path: str) -> dict[str, Any]:
    return {"actions": [{"id": "note", "kind": "log", "inputs": {"message": f"!ref($.event.data.{path})"}}]}


@pytest.mark.parametrize(
    ("triggers", "path", "is_there"),
    [
        ([{"event": "shop/order.placed"}], "total", True),
        ([{"event": "shop/order.placed"}], "items[0].sku", True),
        ([{"event": "shop/order.refunded"}], "total", False),
        ([{"event": "shop/order.refunded"}, {"event": "shop/order.placed"}], "total", True),
        ([{"event": "shop/unknown"}], "total", True),
        ([{"event": "shop/*"}], "total", True),
        ([{"cron": "0 9 * * *"}], "slot", True),
        ([{"cron": "0 9 * * *"}], "total", False),
        ([{"http": {}}], "body.total", True),
        ([{"http": {}}], "total", False),
        ([], "total", True),
    ],
)
def test_references_to_what_no_event_has_are_told(
    sqlite_url: str, triggers: list[dict[str, Any]], path: str, is_there: bool
) -> None:
    with a_web(sqlite_url, policy=None) as web:
        told = [place for place in found(web.client(), *triggers, **_reading(path)) if place[1] == "unknown-path"]
        assert told == ([] if is_there else [("/actions/0/inputs/message", "unknown-path")])
        # What a workflow says itself of its data counts first.
        own = {"type": "object", "properties": {"other": {}}}
        said = found(web.client(), *triggers, **_reading("other"), inputs=own)
        assert [place for place in said if place[1] == "unknown-path"] == []


@dataclass
class Hired:
    name: str


def test_an_application_says_both_before_anything_else(tmp_path: Any) -> None:
    wk = WorkflowKit("shop", database_url=f"sqlite:///{tmp_path / 'shop.db'}")
    wk.declare_event("hr/hired", Hired)
    assert set(wk.registry.events["hr/hired"]["properties"]) == {"name"}
    with pytest.raises(AlreadyExists):
        wk.declare_event("hr/hired", {})
    with pytest.raises(InvalidInput):
        wk.declare_event("hr/*", {})
    with pytest.raises(DefinitionError):
        wk.declare_event("hr/fired", {"type": "nothing"})

    @wk.allow_triggers
    def allowed(scope: Scope) -> list[str]:
        return ["sometimes"]

    wk.migrate()
    try:
        with pytest.raises(InvalidInput, match="got 'sometimes'"):
            wk.runtime.authoring.tenants.rules_for(DEFAULT_SCOPE)
        with pytest.raises(Conflict):
            wk.allow_triggers(allowed)
    finally:
        wk.stop()
