"""Approvals over HTTP: the inbox, and decisions by those who have a key."""

from __future__ import annotations

from typing import Any

import pytest
from asking import ADA, BOB, FORM, ask, decide, output
from builders import a_workflow
from people import Browser, a_user
from webapi import OTHER_TENANT, Client, a_web, problems_of

from workflowkit import WorkflowKit
from workflowkit.base.secrets import Keyring
from workflowkit.runtime.keys import PERMISSIONS
from workflowkit.runtime.roles import ROLES

APPROVED = {"decision": "approved"}


def test_an_approval_is_listed_shown_and_decided(database_url: str) -> None:
    with a_web(database_url) as web:
        approval_id = ask(web.harness, assignees=[ADA], form=FORM, description="It broke.")
        client = web.client(["approvals:read", "approvals:decide", "approvals:override"])
        (listed,) = client.get(f"/api/approvals?status=open&assignee={ADA}").get_json()["items"]
        shown = client.get(f"/api/approvals/{approval_id}").get_json()
        assert listed == shown
        assert shown["workflow_name"] == "Refunds"
        assert (shown["title"], shown["form"], shown["status"], shown["decisions"]) == ("Refund?", FORM, "open", [])
        decided = client.post(f"/api/approvals/{approval_id}/decision", APPROVED | {"data": {"amount": 7}})
        assert decided.status_code == 200
        assert decided.get_json() == client.get(f"/api/approvals/{approval_id}").get_json() | {"closed_at": None}
        assert client.get("/api/approvals?status=open").get_json()["items"] == []
        result = output(web.harness)
        assert (result["status"], result["data"]) == ("approved", {"amount": 7})
        assert result["decisions"][0]["actor"].startswith("key:")


def test_pages_of_the_inbox_follow_each_other(database_url: str) -> None:
    with a_web(database_url) as web:
        first = ask(web.harness, title="first")
        web.harness.clock.advance(seconds=1)
        second = ask(web.harness, title="second")
        page = web.client().get("/api/approvals?limit=1").get_json()
        assert [item["id"] for item in page["items"]] == [second]
        rest = web.client().get(f"/api/approvals?limit=1&cursor={page['next_cursor']}").get_json()
        assert ([item["id"] for item in rest["items"]], rest["next_cursor"]) == ([first], None)


def test_an_actor_is_named_by_those_who_are_trusted_to_and_must_be_asked(database_url: str) -> None:
    with a_web(database_url) as web:
        path = f"/api/approvals/{ask(web.harness, assignees=[ADA, BOB], needed=2)}/decision"
        trusted, plain = web.client(), web.client([each for each in PERMISSIONS if each != "approvals:impersonate"])
        assert plain.post(path, APPROVED | {"actor": ADA}).status_code == 403
        assert trusted.post(path, APPROVED | {"actor": "eve"}).status_code == 403
        assert trusted.post(path, APPROVED | {"actor": ADA}).get_json()["decisions"][0]["actor"] == ADA
        assert trusted.post(path, APPROVED | {"actor": ADA}).status_code == 409
        assert trusted.post(path, APPROVED | {"actor": BOB}).get_json()["status"] == "approved"


def test_what_others_are_asked_is_decided_by_them_or_by_those_who_may_override(database_url: str) -> None:
    with a_web(database_url) as web:
        ordinary = web.client(["approvals:read", "approvals:decide"])
        overriding = web.client(["approvals:read", "approvals:decide", "approvals:override"])
        of_ada = f"/api/approvals/{ask(web.harness, assignees=[ADA])}/decision"
        refused = ordinary.post(of_ada, APPROVED)
        assert (refused.status_code, refused.get_json()["code"]) == (403, "forbidden")
        assert overriding.post(of_ada, APPROVED).get_json()["status"] == "approved"
        web.harness.clock.advance(seconds=1)
        assert ordinary.post(f"/api/approvals/{ask(web.harness)}/decision", APPROVED).status_code == 200
        assert "approvals:override" not in ROLES["operator"]
        assert "approvals:override" in ROLES["admin"]


def test_refusals_have_their_statuses(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client()
        path = f"/api/approvals/{ask(web.harness, form=FORM, timeout=60)}/decision"
        assert client.post("/api/approvals/nope/decision", APPROVED).status_code == 404
        refused = client.post(path, APPROVED | {"data": {"amount": 0, "kind": "gift"}})
        assert refused.status_code == 422
        assert refused.get_json()["code"] == "invalid-form"
        assert problems_of(refused) == [("/data/amount", "invalid-value"), ("/data/kind", "invalid-value")]
        assert problems_of(client.post(path, APPROVED | {"data": {}})) == [("/data", "missing-key")]
        assert client.post(path, {"decision": "rejected", "data": {"amount": 1}}).status_code == 422
        bad: list[Any] = [{}, {"decision": "maybe"}, APPROVED | {"comment": 7}, APPROVED | {"more": 1}]
        for body in bad:
            assert client.post(path, body).status_code == 400, body
        assert client.post(path, APPROVED | {"data": {"amount": 1, "reason": "x" * 70_000}}).status_code == 413
        web.harness.clock.advance(seconds=60)
        assert client.post(path, APPROVED | {"data": {"amount": 1}}).status_code == 410
        assert client.get("/api/approvals?status=expired").get_json()["items"]
        assert client.get("/api/approvals?status=odd").status_code == 400


def test_the_events_of_approvals_of_another_tenant_are_not_there(database_url: str) -> None:
    with a_web(database_url) as web:
        ask(web.harness, OTHER_TENANT, assignees=[ADA])
        assert web.client().get("/api/approvals").get_json()["items"] == []
        assert len(web.client(scope=OTHER_TENANT).get("/api/approvals").get_json()["items"]) == 1


def test_on_a_dev_server_the_developer_decides(sqlite_url: str) -> None:
    with a_web(sqlite_url, dev_mode=True) as web:
        approval_id = ask(web.harness, assignees=[ADA])
        decided = web.anonymous().post(f"/api/approvals/{approval_id}/decision", APPROVED).get_json()
        assert decided["decisions"][0]["actor"] == "developer"


def test_the_host_decides_in_python(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        approval_id = ask(web.harness, assignees=[ADA], form=FORM)
        wk = WorkflowKit(database_url=sqlite_url, clock=web.harness.clock)
        assert [each.record.id for each in wk.approvals.list(assignee=ADA)] == [approval_id]
        assert wk.approvals.get(approval_id).status.value == "open"
        decided = wk.approvals.decide(approval_id, "approved", actor=ADA, data={"amount": 2}, comment="ok")
        assert decided.status.value == "approved"
        assert wk.approvals.list() == []
        assert len(wk.approvals.list(status=None)) == 1
        with pytest.raises(ValueError, match="odd"):
            wk.approvals.list(status="odd")
        wk.stop()
        web.harness.skip(5)
        assert output(web.harness)["data"] == {"amount": 2}


def test_an_approval_that_is_decided_by_link_and_by_key_is_decided_once(database_url: str) -> None:
    with a_web(database_url) as web:
        approval_id = ask(web.harness, assignees=[ADA])
        decide(web.harness, approval_id, "rejected")
        assert web.client().post(f"/api/approvals/{approval_id}/decision", APPROVED).status_code == 409
        assert output(web.harness)["status"] == "rejected"


def test_who_made_a_key_and_who_decides_by_it_are_one_person(database_url: str) -> None:
    ask = a_workflow().action("ask", "builtin:approval", {"title": "Pay?", "needed": 2}).path("$source", "ask")
    with a_web(database_url, secret_key=Keyring.generate().render()) as web:
        web.harness.deploy(ask.trigger("go").document())
        web.harness.send("go")
        web.harness.drain()
        a_user(web, "eve@example.org", "admin")
        eve = Browser(web)
        eve.log_in("eve@example.org")
        (asked,) = eve.get("/api/approvals").get_json()["items"]
        path, approved = f"/api/approvals/{asked['id']}/decision", {"decision": "approved"}
        assert eve.send("POST", path, approved).get_json()["status"] == "open"
        wanted = {"name": "k", "permissions": ["approvals:decide", "approvals:read", "keys:admin"]}
        made = eve.send("POST", "/api/keys", wanted).get_json()
        assert made["created_by"].startswith("user:")
        by_key = Client(web, made["key"])
        # By a key of her own, and by one that this key has made.
        further = by_key.post("/api/keys", wanted).get_json()
        assert further["created_by"] == f"key:{made['id']}"
        for own in (by_key, Client(web, further["key"])):
            assert own.post(path, approved).status_code == 409
        assert eve.get(f"/api/approvals/{asked['id']}").get_json()["status"] == "open"
        # A key of the application is nobody's.
        second = web.client(["approvals:decide"]).post(path, approved).get_json()
        assert second["status"] == "approved"
        first, other = (each["actor"] for each in second["decisions"])
        assert (first, other[:4]) == ("eve@example.org", "key:")


def test_whoever_is_asked_decides_by_a_key_of_theirs_too(sqlite_url: str) -> None:
    inputs = {"title": "Pay?", "assignees": ["eve@example.org"]}
    ask = a_workflow().action("ask", "builtin:approval", inputs).path("$source", "ask")
    with a_web(sqlite_url, secret_key=Keyring.generate().render()) as web:
        web.harness.deploy(ask.trigger("go").document())
        web.harness.send("go")
        web.harness.drain()
        keys = {}
        for name in ("bob@example.org", "eve@example.org"):
            a_user(web, name, "admin")
            browser = Browser(web)
            browser.log_in(name)
            wanted = {"name": "k", "permissions": ["approvals:decide", "approvals:read"]}
            keys[name] = Client(web, browser.send("POST", "/api/keys", wanted).get_json()["key"])
        (asked,) = keys["bob@example.org"].get("/api/approvals").get_json()["items"]
        path = f"/api/approvals/{asked['id']}/decision"
        assert keys["bob@example.org"].post(path, {"decision": "approved"}).status_code == 403
        decided = keys["eve@example.org"].post(path, {"decision": "approved"}).get_json()
        assert [each["actor"] for each in decided["decisions"]] == ["eve@example.org"]
