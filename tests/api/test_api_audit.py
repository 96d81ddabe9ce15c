"""The audit log: what is entered, who reads it, and that it cannot be changed unnoticed."""

from __future__ import annotations

from typing import Any

import pytest
from functions import Code
from people import PASSWORD, Browser, a_user
from webapi import OTHER_TENANT, Client, Web, a_document, a_web

from workflowkit import StepContext
from workflowkit.api.services import services_of
from workflowkit.base import failpoints
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.runtime.auditing import PROGRAM, Act, Audit, note
from workflowkit.runtime.roles import ROLES
from workflowkit.runtime.users import OWNER, NewUser
from workflowkit.store import audit
from workflowkit.store.audit import AuditFilter
from workflowkit.store.statements import Sql


def entries(client: Client, **query: Any) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = client.get("/api/audit", query_string=query).get_json()["items"]
    return listed


def said(client: Client, **query: Any) -> list[tuple[str, str, str]]:
    """Return who did what to whom, oldest first."""
    return [(each["actor"], each["action"], each["subject"]) for each in reversed(entries(client, **query))]


def test_logins_are_entered_and_failed_ones_too(database_url: str) -> None:
    with a_web(database_url) as web:
        ann = a_user(web, "ann@example.org", "admin")
        reader = web.client(["audit:read"])
        before = len(entries(reader))
        browser = Browser(web)
        browser.log_in("ann@example.org", "wrong password")
        browser.log_in("nobody@example.org")
        browser.log_in("ann@example.org")
        assert said(reader)[before:] == [
            ("nobody", "login.failed", f"user:{ann.id}"),
            ("nobody", "login.failed", ""),
            (f"user:{ann.id}", "login.succeeded", f"user:{ann.id}"),
        ]
        assert all(each["address"] == "203.0.113.5" for each in entries(reader)[:3])
        # What somebody typed as their name may have been their password.
        assert "nobody@example.org" not in str(entries(reader))


def test_what_administrators_do_is_entered_under_their_name(database_url: str) -> None:
    with a_web(database_url) as web:
        admin = a_user(web, "ann@example.org", "owner")
        browser = Browser(web)
        browser.log_in("ann@example.org")
        me = f"user:{admin.id}"
        body = {"name": "bob", "password": PASSWORD, "roles": ["viewer"]}
        bob = browser.send("POST", "/api/users", body).get_json()["id"]
        browser.send("PUT", f"/api/users/{bob}/roles", {"roles": ["editor"]})
        browser.send("PUT", f"/api/users/{bob}/roles", {"roles": ["editor"]})  # changes nothing
        browser.send("POST", f"/api/users/{bob}/disable")
        browser.send("POST", f"/api/users/{bob}/enable")
        key = browser.send("POST", "/api/keys", {"name": "k", "permissions": ["runs:read"]}).get_json()["id"]
        browser.send("DELETE", f"/api/keys/{key}")
        browser.send("DELETE", f"/api/keys/{key}")  # was revoked before
        browser.send("POST", "/api/workflows", {"id": "w", "document": a_document()})
        browser.send("POST", "/api/workflows/w/publish")
        browser.send("POST", "/api/workflows/w/publish")  # makes no version
        browser.send("POST", "/api/workflows/w/disable")
        browser.send("POST", "/api/workflows/w/pause", {"reason": "wrong prices"})
        browser.send("POST", "/api/workflows/w/resume")
        reader = web.client(["audit:read"])
        told = [each for each in said(reader, actor=me) if each[1] != "login.succeeded"]
        assert [(action, subject) for _, action, subject in told] == [
            ("user.created", f"user:{bob}"), ("user.roles_changed", f"user:{bob}"), ("user.disabled", f"user:{bob}"),
            ("user.enabled", f"user:{bob}"), ("key.created", f"key:{key}"), ("key.revoked", f"key:{key}"),
            ("workflow.published", "workflow:w"), ("workflow.disabled", "workflow:w"),
            ("workflow.paused", "workflow:w"), ("workflow.resumed", "workflow:w"),
        ]  # fmt: skip
        (changed,) = entries(reader, action="user.roles_changed")
        assert changed["detail"] == {"before": ["viewer"], "after": ["editor"]}
        (paused,) = entries(reader, action="workflow.paused")
        assert paused["detail"] == {"running": "freeze", "reason": "wrong prices"}
        assert PASSWORD not in str(entries(reader))


def test_who_logs_out_is_entered_once_for_each_time(database_url: str) -> None:
    with a_web(database_url) as web:
        me = a_user(web, "ann@example.org", "owner").actor
        browsers = [Browser(web) for _ in range(4)]
        for browser in browsers:
            browser.log_in("ann@example.org")
        browsers[0].send("DELETE", "/api/session")
        assert browsers[0].send("DELETE", "/api/session").status_code == 401
        others = [each["id"] for each in browsers[1].get("/api/sessions").get_json()["items"] if not each["is_present"]]
        browsers[1].send("DELETE", f"/api/sessions/{others[0]}")
        assert browsers[1].send("DELETE", f"/api/sessions/{others[0]}").status_code == 404
        browsers[1].send("DELETE", "/api/sessions")
        ended = entries(web.client(["audit:read"]), action="session.ended")
        assert [(each["actor"], each["subject"], each["detail"]) for each in reversed(ended)] == [
            (me, me, {"sessions": 1}), (me, me, {"sessions": 1}), (me, me, {"sessions": 2}),
        ]  # fmt: skip


def test_what_is_done_to_alert_rules_is_entered(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client()
        rule = {"name": "Too many", "condition": {"kind": "failure_count", "failures": 10}}
        made = client.post("/api/alerts", rule).get_json()["id"]
        client.put(f"/api/alerts/{made}", rule)  # changes nothing
        client.put(f"/api/alerts/{made}", rule | {"enabled": False})
        assert client.post("/api/alerts", rule | {"name": ""}).status_code == 400
        client.delete(f"/api/alerts/{made}")
        assert client.delete(f"/api/alerts/{made}").status_code == 404
        told = [each for each in reversed(entries(client)) if each["subject"] == f"alert:{made}"]
        assert [(each["action"], each["detail"]) for each in told] == [
            ("alert.created", {"name": "Too many", "enabled": True}),
            ("alert.changed", {"name": "Too many", "enabled": False}),
            ("alert.deleted", {"name": "Too many", "enabled": False}),
        ]
        assert {each["actor"].partition(":")[0] for each in told} == {"key"}


def test_archiving_an_app_is_entered_with_whoever_did_it(database_url: str) -> None:
    code = Code()

    @code.function("fn")
    def nothing(ctx: StepContext) -> None:
        return None

    with code.running(database_url) as harness:
        web = Web(harness, services_of(harness.runtime))
        client = web.client(scope=OTHER_TENANT)
        for way in ("archive", "archive", "unarchive", "unarchive"):  # the second time changes nothing
            assert client.post(f"/api/apps/shop/{way}").status_code == 200
        assert [(action, subject) for _, action, subject in said(client) if subject.startswith("app:")] == [
            ("app.archived", "app:shop"), ("app.unarchived", "app:shop"),
        ]  # fmt: skip
        harness.runtime.apps.archive("default", "shop")
        assert said(web.client(["audit:read"]))[-2:-1] == [("program", "app.archived", "app:shop")]


def test_who_gives_embed_tokens_to_whom_is_entered(database_url: str) -> None:
    with a_web(database_url, secret_key="k:" + "A" * 43 + "=") as web:
        client = web.client()
        body = {"workflow_id": "orders", "rights": ["edit"], "user": "Ada", "ttl_seconds": 120}
        token = client.post("/api/embed-tokens", body).get_json()["token"]
        assert client.post("/api/embed-tokens", body | {"rights": ["root"]}).status_code == 400
        weak = web.client(["embed:issue", "workflows:read", "runs:read", "actions:read"])
        assert weak.post("/api/embed-tokens", body).status_code == 403
        (issued,) = entries(client, action="embed_token.issued")
        assert (issued["actor"].partition(":")[0], issued["subject"]) == ("key", "embed:Ada")
        assert issued["detail"] == {"rights": ["view", "edit"], "ttl_seconds": 120, "workflow_id": "orders"}
        assert token not in str(entries(client))


def test_pages_and_filters(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        client = web.client(["audit:read"])
        for number in range(5):
            with web.harness.runtime.database.transaction("key") as tx:
                note(tx, DEFAULT_SCOPE, PROGRAM, Act.WEBHOOK_CHANGED, f"webhook:{number}")
            web.harness.skip(1)
        first = client.get("/api/audit?limit=2&action=webhook.changed").get_json()
        second = client.get(f"/api/audit?limit=2&action=webhook.changed&cursor={first['next_cursor']}").get_json()
        shown = [each["subject"] for each in [*first["items"], *second["items"]]]
        assert shown == ["webhook:4", "webhook:3", "webhook:2", "webhook:1"]
        at = second["items"][0]["at"]
        assert [each["subject"] for each in entries(client, subject="webhook:3")] == ["webhook:3"]
        later = entries(client, action="webhook.changed", created_after=at)
        assert [each["subject"] for each in later] == ["webhook:4", "webhook:3", "webhook:2"]
        earlier = entries(client, action="webhook.changed", created_before=at)
        assert [each["subject"] for each in earlier] == ["webhook:1", "webhook:0"]
        assert client.get("/api/audit?action=nothing").status_code == 400
        assert client.get("/api/audit?cursor=eA").status_code == 400


def test_only_administrators_read_it_and_only_that_of_their_tenant(sqlite_url: str) -> None:
    assert {role for role, may in ROLES.items() if "audit:read" in may} == {"admin", "owner"}
    with a_web(sqlite_url) as web:
        a_user(web, "ann@example.org", "admin")
        for role in ("viewer", "editor", "publisher", "operator"):
            assert web.client(sorted(ROLES[role])).get("/api/audit").status_code == 403
        assert said(web.client(["audit:read"]))
        theirs = web.client(["audit:read"], scope=OTHER_TENANT)
        assert {action for _, action, _ in said(theirs)} == {"key.created"}


def test_nothing_is_entered_for_what_did_not_happen(database_url: str) -> None:
    with a_web(database_url) as web:
        reader = web.client(["audit:read"])
        before = len(entries(reader))
        remove = failpoints.listen(_fail_at("user.before_commit"))
        try:
            with pytest.raises(RuntimeError, match="on purpose"):
                web.services.users.create(DEFAULT_SCOPE, NewUser("bob", PASSWORD, ("viewer",)), OWNER)
        finally:
            remove()
        assert len(entries(reader)) == before


def _fail_at(name: str) -> Any:
    def fail(reached: str) -> None:
        if reached == name:
            raise RuntimeError("on purpose")

    return fail


def _filled(web: Web) -> Audit:
    for number in range(5):
        with web.harness.runtime.database.transaction("key") as tx:
            note(tx, DEFAULT_SCOPE, PROGRAM, Act.KEY_REVOKED, f"key:{number}", {"name": "n"})
        web.harness.skip(10)
    return web.services.audit


def _change(web: Web, statement: str) -> None:
    with web.harness.runtime.database.transaction("key") as tx:
        tx.run(Sql(statement))


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_log SET actor = 'somebody'", "DELETE FROM audit_log", "DELETE FROM audit_log WHERE seq = 1"],
)
def test_the_database_refuses_to_change_entries(database_url: str, statement: str) -> None:
    with a_web(database_url) as web:
        log = _filled(web)
        with pytest.raises(Exception, match="refused"):
            _change(web, statement)
        assert log.verify(DEFAULT_SCOPE).broken_at_seq is None


@pytest.mark.parametrize(
    ("statement", "broken_at"),
    [
        ("UPDATE audit_log SET actor = 'somebody' WHERE seq = 3", 3),
        ("UPDATE audit_log SET at_ms = at_ms + 1 WHERE seq = 2", 2),
        ("DELETE FROM audit_log WHERE seq = 4", 4),
        ("DELETE FROM audit_log WHERE seq = 1", 1),
        ("DELETE FROM audit_log WHERE seq = 5", 5),
        ("UPDATE audit_chains SET hash = 'x'", 5),
    ],
)
def test_who_gets_past_the_database_is_found_out(sqlite_url: str, statement: str, broken_at: int) -> None:
    with a_web(sqlite_url) as web:
        log = _filled(web)
        assert log.verify(DEFAULT_SCOPE).checked_count == 5
        for trigger in ("audit_log_are_facts", "audit_log_are_kept"):
            _change(web, f"DROP TRIGGER {trigger}")
        _change(web, statement)
        assert log.verify(DEFAULT_SCOPE).broken_at_seq == broken_at


def test_old_entries_go_from_the_beginning_and_what_is_left_is_whole(database_url: str) -> None:
    with a_web(database_url) as web:
        log = _filled(web)
        third = log.find(DEFAULT_SCOPE, AuditFilter(subject="key:2"), limit=1)[0]
        with web.harness.runtime.database.transaction("key") as tx:
            assert audit.find_old(tx, before_ms=third.at_ms, limit=10) == [DEFAULT_SCOPE]
            assert audit.prune(tx, DEFAULT_SCOPE, before_ms=third.at_ms, limit=1) == 1
            assert audit.prune(tx, DEFAULT_SCOPE, before_ms=third.at_ms, limit=10) == 1
            assert audit.prune(tx, DEFAULT_SCOPE, before_ms=third.at_ms, limit=10) == 0
            assert audit.prune(tx, OTHER_TENANT, before_ms=third.at_ms, limit=10) == 0
        found = log.verify(DEFAULT_SCOPE)
        assert (found.checked_count, found.broken_at_seq) == (3, None)


def test_entries_of_two_at_the_same_time_both_have_a_place(database_url: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with a_web(database_url) as web:

        def enter(number: int) -> None:
            with web.harness.runtime.database.transaction("key") as tx:
                note(tx, DEFAULT_SCOPE, PROGRAM, Act.KEY_CREATED, f"key:{number}")

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(enter, range(40)))
        found = web.services.audit.verify(DEFAULT_SCOPE)
        assert (found.checked_count, found.broken_at_seq) == (40, None)
