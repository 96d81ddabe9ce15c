"""Secrets over HTTP: stored and listed, never answered with."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any

import pytest
from people import Browser, a_user
from runtimes import a_registry, a_runtime
from webapi import OTHER_TENANT, Client, Web, a_document, a_web, problems_of

from workflowkit.api.services import services_of
from workflowkit.base.jsonvalue import dumps
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.base.secrets import Keyring
from workflowkit.base.secretstore import SecretStore
from workflowkit.engine.context import StepContext
from workflowkit.registry import Field
from workflowkit.runtime.embedding import Embed
from workflowkit.runtime.keys import ORDINARY_PERMISSIONS
from workflowkit.runtime.roles import ROLES

KEY = Keyring.generate().render()
VALUE = "sk_live_C4n4ry"


@pytest.fixture
def web(database_url: str) -> Iterator[Web]:
    with a_web(database_url, secret_key=KEY) as opened:
        yield opened


def created(client: Client, name: str = "stripe", **body: Any) -> dict[str, Any]:
    response = client.post("/api/secrets", {"name": name, "value": VALUE} | body)
    assert response.status_code == 201, response.get_json()
    assert VALUE not in response.get_data(as_text=True)
    shown: dict[str, Any] = response.get_json()
    return shown


def listed(client: Client, **query: Any) -> list[dict[str, Any]]:
    response = client.get("/api/secrets", query_string=query)
    assert response.status_code == 200, response.get_json()
    assert VALUE not in response.get_data(as_text=True)
    items: list[dict[str, Any]] = response.get_json()["items"]
    return items


def a_charge(name: str = "stripe") -> dict[str, Any]:
    inputs = {"url": "https://example.com", "bearer": f"!secret({name})"}
    return a_document(actions=[{"id": "charge", "kind": "http_request", "inputs": inputs}],
                      edges=[{"from": "$source", "to": "charge"}])  # fmt: skip


def test_a_secret_is_stored_listed_replaced_and_deleted(web: Web) -> None:
    client = web.client()
    assert listed(client) == []
    made = created(client, description="live account")
    assert (made["name"], made["description"], made["used_by"]) == ("stripe", "live account", None)
    assert made["created_by"].startswith("key:")
    assert client.post("/api/secrets", {"name": "stripe", "value": "another value"}).status_code == 409
    web.harness.clock.advance(seconds=60)
    changed = client.put("/api/secrets/stripe", {"value": "another value"})
    assert changed.status_code == 200
    assert changed.get_json()["description"] == "live account"
    assert changed.get_json()["updated_at"] > made["updated_at"] == made["created_at"]
    assert web.services.secrets.values(DEFAULT_SCOPE, ["stripe"]) == {"stripe": "another value"}
    assert client.put("/api/secrets/stripe", {"description": ""}).get_json()["description"] == ""
    assert web.services.secrets.values(DEFAULT_SCOPE, ["stripe"]) == {"stripe": "another value"}
    assert client.put("/api/secrets/nothing", {"value": "another value"}).status_code == 404
    assert client.delete("/api/secrets/stripe").status_code == 200
    assert client.delete("/api/secrets/stripe").status_code == 404


def test_what_is_wrong_with_a_secret_is_said_without_its_value(web: Web) -> None:
    client = web.client()
    response = client.post("/api/secrets", {"name": "a b", "value": "  x  "})
    assert dict(problems_of(response)) == {"/name": "invalid-value", "/value": "invalid-value"}
    long = client.post("/api/secrets", {"name": "a", "value": VALUE * 10_000, "description": "x" * 501})
    assert set(dict(problems_of(long))) == {"/value", "/description"}
    for body in ({"name": "a", "value": [VALUE]}, {"name": "a", "value": VALUE, VALUE: 1}, {"value": VALUE}):
        refused = client.post("/api/secrets", body)
        assert refused.status_code == 400
    assert VALUE not in client.post("/api/secrets", {"name": "a", "value": [VALUE]}).get_data(as_text=True)
    assert listed(client) == []


def test_names_are_for_editors_and_values_for_administrators(web: Web) -> None:
    created(web.client())
    assert "secrets:write" not in ORDINARY_PERMISSIONS
    writers = {role for role, allowed in ROLES.items() if "secrets:write" in allowed}
    readers = {role for role, allowed in ROLES.items() if "secrets:read" in allowed}
    assert (writers, readers) == ({"admin", "owner"}, {"editor", "publisher", "admin", "owner"})
    for role, may_list, may_write in (("viewer", 403, 403), ("editor", 200, 403), ("admin", 200, 201)):
        a_user(web, role, role)
        browser = Browser(web)
        browser.log_in(role)
        body = {"name": f"by-{role}", "value": VALUE}
        assert browser.send("GET", "/api/secrets").status_code == may_list
        assert browser.send("POST", "/api/secrets", body).status_code == may_write
    weak = web.client(["secrets:read"])
    assert listed(weak)
    assert weak.get("/api/secrets?usage=true").status_code == 403


def test_a_tenant_sees_and_uses_its_own_secrets_only(web: Web) -> None:
    ours, theirs = web.client(), web.client(scope=OTHER_TENANT)
    created(theirs)
    assert listed(ours) == []
    assert ours.put("/api/secrets/stripe", {"value": "another value"}).status_code == 404
    checked = ours.post("/api/validate", {"document": a_charge()}).get_json()
    assert (checked["is_valid"], [each["code"] for each in checked["problems"]]) == (False, ["unknown-secret"])
    assert theirs.post("/api/validate", {"document": a_charge()}).get_json()["is_valid"]


def test_what_uses_a_secret_is_told_and_it_is_not_deleted_by_accident(web: Web) -> None:
    client = web.client()
    created(client)
    created(client, "unused")
    client.post("/api/workflows", {"id": "pay", "document": a_charge()})
    assert client.post("/api/workflows/pay/publish").status_code == 201
    assert [(each["name"], each["used_by"]) for each in listed(client, usage="true")] == [
        ("stripe", ["pay"]),
        ("unused", []),
    ]
    refused = client.delete("/api/secrets/stripe")
    assert (refused.status_code, refused.get_json()["code"]) == (409, "secret-in-use")
    assert client.delete("/api/secrets/stripe?force=true").status_code == 200
    draft = client.post("/api/workflows", {"id": "again", "document": a_charge()})
    assert draft.status_code == 201
    unpublished = client.post("/api/workflows/again/publish")
    assert unpublished.status_code == 422
    assert dict(problems_of(unpublished)) == {"/actions/0/inputs/bearer": "unknown-secret"}


def test_many_secrets_have_pages(web: Web) -> None:
    client = web.client()
    for number in range(5):
        created(client, f"s{number}")
    first = client.get("/api/secrets?limit=3").get_json()
    second = client.get("/api/secrets", query_string={"limit": 3, "cursor": first["next_cursor"]}).get_json()
    assert [each["name"] for each in first["items"] + second["items"]] == [f"s{number}" for number in range(5)]
    assert second["next_cursor"] is None


def test_an_embedded_editor_that_may_edit_sees_names_and_nothing_else(web: Web) -> None:
    created(web.client(), description="live account")

    def embedded(*rights: str) -> Client:
        return Client(web, web.services.embed_tokens.mint(Embed(DEFAULT_SCOPE, "mine", rights, "Ada")).token)

    assert [each["name"] for each in listed(embedded("edit"))] == ["stripe"]
    assert embedded("view").get("/api/secrets").status_code == 403
    assert embedded("edit").get("/api/secrets?usage=true").status_code == 403
    assert embedded("edit").post("/api/secrets", {"name": "a", "value": VALUE}).status_code == 403
    assert embedded("edit").delete("/api/secrets/stripe").status_code == 403


def test_who_stored_and_deleted_a_secret_is_entered(web: Web) -> None:
    client = web.client()
    created(client)
    client.put("/api/secrets/stripe", {"value": VALUE})
    client.delete("/api/secrets/stripe")
    entries = client.get("/api/audit").get_json()["items"]
    assert [(each["action"], each["subject"], each["detail"]) for each in reversed(entries[:3])] == [
        ("secret.set", "secret:stripe", {"created": True}),
        ("secret.set", "secret:stripe", {"created": False}),
        ("secret.deleted", "secret:stripe", None),
    ]
    assert VALUE not in dumps(entries)


def test_no_answer_about_a_run_has_the_value_of_a_secret(database_url: str) -> None:
    """The canary, through everything that the API says of a run, its events and its workflow."""
    registry = a_registry()

    @registry.action("use", retries=1)
    def use(ctx: StepContext, key: Annotated[str, Field(secret=True)]) -> Any:
        ctx.logger.warning("logged %s", key)
        inner = ctx.step.run("inner", lambda: {"echo": key})
        ctx.send_event("out/sent", {"key": key})
        ctx.publish("told", key)
        if ctx.attempt == 0:
            raise RuntimeError(f"refused {key}")
        return [key, inner]

    with a_runtime(database_url, registry, secret_key=KEY) as harness:
        web = Web(harness, services_of(harness.runtime))
        client = web.client()
        created(client)
        document = a_document(actions=[{"id": "u", "kind": "use", "inputs": {"key": "!secret(stripe)"}}],
                              edges=[{"from": "$source", "to": "u"}], triggers=[{"event": "go"}])  # fmt: skip
        client.post("/api/workflows", {"id": "w", "document": document})
        assert client.post("/api/workflows/w/publish").status_code == 201
        client.post("/api/events", {"name": "go", "data": {}})
        harness.drain()
        harness.skip(3600)
        harness.runtime.logs.flush()
        (run,) = client.get("/api/runs").get_json()["items"]
        assert run["status"] == "completed"
        (out,) = [each for each in client.get("/api/events").get_json()["items"] if each["name"] == "out/sent"]
        paths = [
            "/api/runs", f"/api/runs/{run['id']}", f"/api/runs/{run['id']}/logs", "/api/events",
            f"/api/events/{out['id']}", "/api/workflows/w/draft", "/api/workflows/w/versions/1", "/api/secrets",
            "/api/audit", "/api/workflows?last_runs=3",
        ]  # fmt: skip
        answers = {path: client.get(path) for path in paths}
        assert {path for path, answer in answers.items() if answer.status_code != 200} == set()
        assert {path for path, answer in answers.items() if VALUE in answer.get_data(as_text=True)} == set()
        (step,) = [each for each in answers[paths[1]].get_json()["steps"] if each["id"] == "u"]
        assert step["inputs"] == {"key": "!secret(stripe)"}
        assert step["output"] == ["•••(stripe)", {"echo": "•••(stripe)"}]
        assert "•••(stripe)" in answers[paths[2]].get_data(as_text=True)


class _Vault(SecretStore):
    def values(self, scope: Scope, names: Collection[str]) -> Mapping[str, str]:
        return dict.fromkeys(names, VALUE)

    def names(self, scope: Scope) -> Collection[str]:
        return {"b", "a", "c"} if scope == DEFAULT_SCOPE else ()


def test_secrets_that_the_application_keeps_are_named_and_not_changed(sqlite_url: str) -> None:
    with a_runtime(sqlite_url, secret_key=KEY) as harness:
        web = Web(harness, replace(services_of(harness.runtime), own_secrets=_Vault()))
        client = web.client()
        assert [each["name"] for each in listed(client)] == ["a", "b", "c"]
        first = client.get("/api/secrets?limit=2").get_json()
        rest = client.get("/api/secrets", query_string={"limit": 2, "cursor": first["next_cursor"]}).get_json()
        assert [each["name"] for each in rest["items"]] == ["c"]
        assert listed(web.client(scope=OTHER_TENANT)) == []
        for answer in (
            client.post("/api/secrets", {"name": "d", "value": VALUE}),
            client.put("/api/secrets/a", {"value": VALUE}),
            client.delete("/api/secrets/a"),
        ):
            assert (answer.status_code, answer.get_json()["code"]) == (409, "conflict")
