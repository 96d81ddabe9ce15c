"""Triggers on a webhook: they start from exactly its events."""

from __future__ import annotations

from dataclasses import replace

from runtimes import a_runtime
from webapi import OTHER_TENANT, Client, Web, a_document, problems_of
from webhooking import KEY, created, deliver, opened

from workflowkit.api.services import services_of
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.runtime.deliveries import Source
from workflowkit.webhooks import unverified


def test_a_trigger_on_a_webhook_starts_from_exactly_its_events(database_url: str) -> None:
    with opened(database_url) as web:
        web.harness.deploy(a_document(triggers=[{"webhook": "hook"}]), "listens")
        client = web.client()
        path, other = created(web, "hook"), created(web, "other")
        for body in ({"type": "any/name"}, {"type": "an/other"}, {}):
            assert deliver(web, path, body, headers={}).status_code == 202
        deliver(web, other, {"type": "any/name"}, headers={})
        client.post("/api/events", {"name": "any/name", "data": {}, "webhook": "hook", "extra": {"webhook": "hook"}})
        web.harness.drain()
        runs = web.harness.rows("SELECT event_id FROM runs")
        through = {row["id"] for row in web.harness.rows("SELECT id FROM events WHERE extra LIKE '%\"hook\"%'")}
        assert len(runs) == len(through) == 3
        assert {run["event_id"] for run in runs} == through


def test_a_condition_of_a_trigger_on_a_webhook_sees_the_event(database_url: str) -> None:
    with opened(database_url) as web:
        condition = "event.data.total > 10 && event.webhook == 'hook'"
        web.harness.deploy(a_document(triggers=[{"webhook": "hook", "if": condition}, {"event": "shop/*"}]), "w")
        path = created(web, "hook")
        for total in (5, 15):
            deliver(web, path, {"type": "any", "total": total}, headers={})
        deliver(web, path, {"type": "shop/paid", "total": 15}, headers={})  # by both triggers: once
        web.harness.drain()
        assert web.count("runs") == 2
        web.services.authoring.set_enabled(DEFAULT_SCOPE, "w", False)
        deliver(web, path, {"type": "any", "total": 15}, headers={})
        web.harness.drain()
        assert web.count("runs") == 2


def test_no_sender_makes_an_event_that_looks_as_if_it_came_through_a_webhook(database_url: str) -> None:
    with opened(database_url) as web:
        web.harness.deploy(a_document(triggers=[{"webhook": "hook"}]), "listens")
        client = web.client()
        refused = client.post("/api/events", {"name": "$webhook/hook", "data": {}})
        assert (refused.status_code, problems_of(refused)) == (400, [("/name", "reserved-name")])
        for key in ("meta", "user"):
            assert client.post("/api/events", {"name": "a/b", "data": {}, key: {"webhook": "hook"}}).status_code == 200
        # Even stored, by an older version for example, such a name means nothing.
        incoming = web.services.intake.parse({"name": "a/b", "data": {}})
        web.services.intake.accept(web.services.default_scope, [replace(incoming, name="$webhook/hook")])
        web.harness.drain()
        assert web.count("runs") == 0


def test_a_webhook_of_another_tenant_with_the_same_name_starts_nothing_here(database_url: str) -> None:
    with opened(database_url) as web:
        web.harness.deploy(a_document(triggers=[{"webhook": "hook"}]), "listens")
        theirs = created(web, "hook", client=web.client(scope=OTHER_TENANT))
        assert deliver(web, theirs, headers={}).status_code == 202
        web.harness.drain()
        assert web.count("runs") == 0
        assert web.client().get("/api/events").get_json()["items"] == []


def test_a_trigger_names_a_webhook_that_the_tenant_does_not_have(database_url: str) -> None:
    source = Source("shared", unverified(), lambda delivery: None, scope_of=lambda delivery: None)
    mine = Source("mine", unverified(), lambda delivery: None, DEFAULT_SCOPE)
    with a_runtime(database_url, secret_key=KEY) as harness:
        harness.runtime.own_webhooks = {"shared": source, "mine": mine}
        web = Web(harness, services_of(harness.runtime))
        created(web, "carrier")

        def problems(client: Client, *names: str) -> list[tuple[str, str, str]]:
            document = a_document(triggers=[{"webhook": name} for name in names])
            told = client.post("/api/validate", {"document": document}).get_json()
            assert told["is_valid"]
            return [(each["pointer"], each["code"], each["severity"]) for each in told["problems"]]

        names = ("carrier", "carier", "shared", "mine")
        assert problems(web.client(), *names) == [("/triggers/1/webhook", "unknown-webhook", "warning")]
        theirs = web.client(scope=OTHER_TENANT)
        assert [pointer for pointer, _, _ in problems(theirs, *names)] == [
            f"/triggers/{index}/webhook" for index in (0, 1, 3)
        ]
        document = a_document(triggers=[{"webhook": "carier"}])
        assert web.client().post("/api/workflows", {"id": "w", "document": document}).status_code == 201
        published = web.client().post("/api/workflows/w/publish")
        assert published.status_code == 201
        assert [each["code"] for each in published.get_json()["warnings"]] == ["unknown-webhook"]
        assert web.client().get("/api/triggers").get_json()["webhooks"] == ["carrier", "mine", "shared"]
        assert theirs.get("/api/triggers").get_json()["webhooks"] == ["shared"]
