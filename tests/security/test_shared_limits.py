"""Limits that several tenants share: no tenant's people put one where others have to wait."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow
from runtimes import a_runtime
from webapi import OTHER_TENANT, Client, Web, a_document, problems_of

from workflowkit.api.services import services_of
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.runtime.embedding import RIGHTS, Embed
from workflowkit.runtime.keys import ORDINARY_PERMISSIONS
from workflowkit.runtime.roles import ROLES, permissions_of

MAIL: dict[str, Any] = {"limit": 1, "key": "'mail'", "mode": "runs"}
SAYING: dict[str, Any] = {"actions": [{"id": "note", "kind": "log", "inputs": {"message": "x"}}],
          "edges": [{"from": "$source", "to": "note"}], "triggers": [{"event": "test/happened"}]}  # fmt: skip
INSTALLATION = [MAIL | {"scope": "installation"}]


def _document(concurrency: Any) -> dict[str, Any]:
    return a_document(**(SAYING | {"settings": {"concurrency": concurrency}}))


def _publish(client: Client, concurrency: Any) -> Any:
    created = client.post("/api/workflows", {"document": _document(concurrency)})
    assert created.status_code == 201  # a draft may say anything
    return client.post(f"/api/workflows/{created.get_json()['id']}/publish")


def test_a_run_of_one_tenant_that_waits_holds_up_no_other_tenant(database_url: str) -> None:
    waits = a_workflow().action("w", "builtin:wait", {"duration": "300d"}).path("$source", "w").trigger("test/happened")
    with a_runtime(database_url) as harness:
        web, document = Web(harness, services_of(harness.runtime)), waits.document()
        ada = web.client(permissions_of(["admin"]))
        ada.post("/api/workflows", {"id": "w", "document": document | {"settings": {"concurrency": INSTALLATION}}})
        refused = ada.post("/api/workflows/w/publish")
        assert (refused.status_code, problems_of(refused)) == (
            422, [("/settings/concurrency/0/scope", "scope-not-allowed")],
        )  # fmt: skip
        harness.send("test/happened")  # as whoever has not read the answer would
        harness.deploy(_document(INSTALLATION), scope=OTHER_TENANT)
        harness.send("test/happened", scope=OTHER_TENANT)
        harness.drain()
        assert harness.run()["status"] == "completed"


@pytest.mark.parametrize("scope", ["environment", "installation"])
@pytest.mark.parametrize(
    ("shape", "pointer"),
    [
        (lambda limit: limit, "/settings/concurrency/scope"),
        (lambda limit: [limit], "/settings/concurrency/0/scope"),
        (lambda limit: [{"limit": 2}, limit], "/settings/concurrency/1/scope"),
    ],
    ids=["alone", "list", "second"],
)
def test_nobody_but_owners_and_keys_that_were_given_it_share_a_limit(
    sqlite_url: str, scope: str, shape: Any, pointer: str
) -> None:
    concurrency = shape(MAIL | {"scope": scope})
    with a_runtime(sqlite_url) as harness:
        web = Web(harness, services_of(harness.runtime))
        may_publish = [role for role in ROLES if "workflows:publish" in permissions_of([role])]
        for role in may_publish:
            client = web.client(permissions_of([role]))
            answered = _publish(client, concurrency)
            validated = client.post("/api/validate", {"document": _document(concurrency)}).get_json()
            if role == "owner":
                assert (answered.status_code, validated["is_valid"]) == (201, True)
                continue
            assert (answered.status_code, problems_of(answered)) == (422, [(pointer, "scope-not-allowed")])
            assert (pointer, "scope-not-allowed") in [(p["pointer"], p["code"]) for p in validated["problems"]]
        assert _publish(web.client(ORDINARY_PERMISSIONS), concurrency).status_code == 422
        assert _publish(web.client([*ORDINARY_PERMISSIONS, "limits:share"]), concurrency).status_code == 201


@pytest.mark.parametrize("scope", ["workflow", "tenant"])
def test_a_tenant_s_own_limits_need_nothing(sqlite_url: str, scope: str) -> None:
    with a_runtime(sqlite_url) as harness:
        web = Web(harness, services_of(harness.runtime))
        assert _publish(web.client(permissions_of(["publisher"])), [MAIL | {"scope": scope}]).status_code == 201


def test_pages_of_a_host_never_share_a_limit_and_nobody_grants_it_who_has_it_not(sqlite_url: str) -> None:
    assert not any("limits:share" in permissions for permissions in RIGHTS.values())
    with a_runtime(sqlite_url) as harness:
        web = Web(harness, services_of(harness.runtime))
        web.services.authoring.create(DEFAULT_SCOPE, _document(INSTALLATION), workflow_id="w")
        token = web.services.embed_tokens.mint(Embed(DEFAULT_SCOPE, None, tuple(RIGHTS), "ann")).token
        assert Client(web, token).post("/api/workflows/w/publish").status_code == 422
        admin = web.client(permissions_of(["admin"]))
        key = admin.post("/api/keys", {"name": "more", "permissions": ["workflows:publish", "limits:share"]})
        assert key.status_code == 403


def test_what_the_application_publishes_and_what_is_published_goes_on(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        web = Web(harness, services_of(harness.runtime))
        deployed = web.services.authoring.deploy(DEFAULT_SCOPE, "w", _document(INSTALLATION))
        assert deployed.created
        assert deployed.warnings == ()
        publisher = web.client(permissions_of(["publisher"]))
        for change in ("disable", "enable", "archive", "restore"):
            assert publisher.post(f"/api/workflows/w/{change}").status_code == 200
        harness.send("test/happened")
        harness.drain()
        assert harness.run()["status"] == "completed"


SHAPES: list[Any] = [None, [], {"settings": 1}, {"settings": {"concurrency": [1, "x", None, []]}},
          {"settings": {"concurrency": {"scope": ["installation"]}}}]  # fmt: skip


@pytest.mark.parametrize("document", SHAPES, ids=repr)
def test_documents_of_any_shape_are_looked_through(document: Any) -> None:
    from workflowkit.definition.limitrules import check_shared_limits

    assert check_shared_limits(document) == []
