"""Applications over HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from functions import ENVIRONMENT, Code
from webapi import Web, a_web

from workflowkit.base.scope import Scope
from workflowkit.engine.context import StepContext
from workflowkit.runtime.keys import ORDINARY_PERMISSIONS
from workflowkit.store.appsyncs import SyncRow


def _with_an_app(web: Web, app_id: str = "shop") -> None:
    code = Code("1.2", app_id=app_id, registry=web.harness.registry)

    @code.function()
    def fn(ctx: StepContext) -> Any:
        return None

    code.sync(web.harness)


def test_applications_are_listed_shown_archived_and_brought_back(database_url: str) -> None:
    with a_web(database_url) as web:
        _with_an_app(web)
        _with_an_app(web, "till")
        client = web.client()
        page = client.get("/api/apps?limit=1").get_json()
        (shop,) = page["items"]
        assert (shop["id"], shop["version"], shop["function_count"], shop["url"]) == ("shop", "1.2", 1, None)
        rest = client.get(f"/api/apps?cursor={page['next_cursor']}").get_json()
        assert [each["id"] for each in rest["items"]] == ["till"]
        archived = client.post("/api/apps/shop/archive").get_json()
        assert (archived["is_archived"], archived["archived_at"] is None) == (True, False)
        assert client.get("/api/apps/shop").get_json() == archived
        (function,) = client.get("/api/functions?app_id=shop").get_json()["items"]
        assert function["enabled"] is False
        assert client.post("/api/apps/shop/unarchive").get_json() == shop
        assert client.get("/api/apps/nothing").status_code == 404


def test_syncs_are_listed_by_application_and_those_of_none(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        _with_an_app(web)
        web.harness.clock.advance(seconds=1)
        web.services.apps.note_failure(ENVIRONMENT, "no idea", url="http://x.example/api", app_id="")
        client = web.client()
        latest, first = client.get("/api/app-syncs").get_json()["items"]
        assert (latest["status"], latest["app_id"], latest["error"]) == ("failed", None, "no idea")
        assert (first["status"], first["published"]) == ("synced", ["shop/fn"])
        assert client.get("/api/app-syncs?unattached=true").get_json()["items"] == [latest]
        assert client.get("/api/app-syncs?app_id=shop").get_json()["items"] == [first]


def test_an_app_is_synced_in_the_environment_of_the_installation_only(sqlite_url: str) -> None:
    asked: list[tuple[str, str]] = []

    def sync(environment: str, url: str) -> SyncRow:
        asked.append((environment, url))
        return SyncRow("", "shop", 1, url=url)

    with a_web(sqlite_url) as web:
        services = replace(web.services, sync_app=sync)
        synced = Web(web.harness, services)
        told = synced.client().post("/api/apps/sync", {"url": "http://a.example/x"}).get_json()
        assert (told["status"], told["app_id"]) == ("unchanged", "shop")
        elsewhere = synced.client(scope=Scope("staging", "default"))
        assert elsewhere.post("/api/apps/sync", {"url": "http://a.example/x"}).status_code == 404
        assert web.client().post("/api/apps/sync", {"url": "http://a.example/x"}).status_code == 404
    assert asked == [(ENVIRONMENT, "http://a.example/x")]


def test_a_key_has_to_be_given_the_permission_to_change_apps(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        _with_an_app(web)
        assert "apps:write" not in ORDINARY_PERMISSIONS
        assert web.client(ORDINARY_PERMISSIONS).post("/api/apps/shop/archive").status_code == 403
