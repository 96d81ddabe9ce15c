"""Code functions over HTTP: the same for every tenant, with runs that are each tenant's own."""

from __future__ import annotations

from functions import Code, happen
from webapi import OTHER_TENANT, Web, a_web

from workflowkit.base.scope import APP_TENANT, DEFAULT_SCOPE, Scope


def _synced(web: Web, *names: str, app_id: str = "shop", version: str | None = "1.2") -> Code:
    code = Code(version, app_id=app_id, registry=web.harness.registry)
    for name in names:
        code.function(name, retries=2)(lambda ctx: "done")
    code.sync(web.harness)
    return code


def test_a_function_is_listed_with_what_the_code_declares(database_url: str) -> None:
    with a_web(database_url) as web:
        _synced(web, "welcome")
        page = web.client(["workflows:read"]).get("/api/functions").get_json()
        (item,) = page["items"]
        assert item.pop("updated_at")
        assert page["next_cursor"] is None
        assert item == {
            "id": "shop/welcome", "app_id": "shop", "app_version": "1.2", "name": "Welcome", "description": None,
            "enabled": True, "version": 1, "triggers": [{"event": "test/happened"}], "settings": {"retries": 2},
        }  # fmt: skip


def test_functions_are_found_by_application_and_by_id(database_url: str) -> None:
    with a_web(database_url) as web:
        _synced(web, "a", "b")
        _synced(web, "a", app_id="mail")
        client = web.client()

        def ids(query: str) -> list[str]:
            return [item["id"] for item in client.get(f"/api/functions{query}").get_json()["items"]]

        assert ids("") == ["mail/a", "shop/a", "shop/b"]
        assert ids("?app_id=shop") == ["shop/a", "shop/b"]
        assert ids("?id=shop/b") == ["shop/b"]
        assert ids("?id=shop%2Fb") == ["shop/b"]
        assert ids("?id=shop/c") == ids("?app_id=sho") == []
        first = client.get("/api/functions?limit=2").get_json()
        assert ids(f"?limit=2&cursor={first['next_cursor']}") == ["shop/b"]


def test_other_settings_of_a_function_are_tried_on_the_tenants_events(database_url: str) -> None:
    with a_web(database_url) as web:
        _synced(web, "welcome")
        for scope in (DEFAULT_SCOPE, DEFAULT_SCOPE, OTHER_TENANT):
            happen(web.harness, scope=scope)
        body = {"settings": {"rate_limit": {"limit": 1, "period": "1h"}}, "since": "2020-01-01T00:00:00Z"}
        client = web.client(["workflows:read"])
        answer = client.post("/api/functions/shop/welcome/simulate", body).get_json()
        assert [item["fate"] for item in answer["items"]] == ["run", "skipped"]
        assert client.post("/api/functions/shop/other/simulate", body).status_code == 404


def test_a_function_that_is_gone_is_shown_as_disabled(database_url: str) -> None:
    with a_web(database_url) as web:
        _synced(web, "a", version="1")
        _synced(web, version="2")
        Code("2").sync(web.harness)
        assert [item["enabled"] for item in web.client().get("/api/functions").get_json()["items"]] == [False]


def test_every_tenant_sees_the_functions_and_its_own_runs_of_them(database_url: str) -> None:
    with a_web(database_url) as web:
        _synced(web, "welcome")
        for scope in (DEFAULT_SCOPE, OTHER_TENANT):
            happen(web.harness, scope=scope)
            client = web.client(scope=scope)
            assert len(client.get("/api/functions").get_json()["items"]) == 1
            (run,) = client.get("/api/runs?workflow_id=shop/welcome").get_json()["items"]
            shown = client.get(f"/api/runs/{run['id']}").get_json()
            assert (shown["workflow_id"], shown["output"]) == ("shop/welcome", "done")
            assert [step["kind"] for step in shown["steps"]] == ["function:shop/welcome"]
        other = web.client(scope=Scope("staging", "default"))
        assert other.get("/api/functions").get_json()["items"] == []
        assert web.client(scope=OTHER_TENANT).post(f"/api/runs/{_run_of(web, 'default')}/cancel").status_code == 404


def _run_of(web: Web, tenant: str) -> str:
    (row,) = web.harness.rows("SELECT id FROM runs WHERE tenant = :tenant", tenant=tenant)
    return str(row["id"])


def test_functions_are_no_actions_and_no_workflows_of_a_tenant(database_url: str) -> None:
    with a_web(database_url) as web:
        _synced(web, "welcome")
        client = web.client()
        kinds = [item["kind"] for item in client.get("/api/actions").get_json()["items"]]
        assert not [kind for kind in kinds if "function" in kind]
        assert client.get("/api/actions/function:shop/welcome").status_code == 404
        assert client.get("/api/workflows").get_json()["items"] == []
        assert client.get("/api/workflows/shop%2Fwelcome").status_code == 404
        document = {"name": "x", "actions": [], "edges": []}
        refused = client.post("/api/workflows", {"id": "shop/other", "document": document})
        assert refused.status_code == 400


def test_a_run_of_a_function_is_repeated_like_any_other(database_url: str) -> None:
    with a_web(database_url) as web:
        _synced(web, "welcome")
        happen(web.harness)
        first = _run_of(web, "default")
        again = web.client().post(f"/api/runs/{first}/rerun").get_json()["run_id"]
        web.harness.drain()
        assert web.client().get(f"/api/runs/{again}").get_json()["status"] == "completed"


def test_the_applications_own_tenant_is_no_tenant_of_the_events(database_url: str) -> None:
    with a_web(database_url) as web:
        _synced(web, "welcome")
        happen(web.harness, scope=Scope("default", APP_TENANT))
        assert len(web.harness.rows("SELECT id FROM runs")) == 1
