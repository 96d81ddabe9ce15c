"""The API inside somebody else's Flask application, each leaving the other alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient
from runtimes import a_runtime
from werkzeug.exceptions import HTTPException

from workflowkit.api import create_blueprint
from workflowkit.api.services import services_of

EVENT = {"name": "shop/opened", "data": {}}


@contextmanager
def a_host(database_url: str, prefix: str | None = "/workflows", **options: Any) -> Iterator[tuple[FlaskClient, str]]:
    """A plain Flask application with settings and handlers of its own."""
    with a_runtime(database_url) as harness:
        host = flask.Flask("shop")
        host.config["MAX_CONTENT_LENGTH"] = 10

        @host.get("/")
        def front_page() -> str:
            return "the shop"

        @host.errorhandler(404)
        def not_found(_: HTTPException) -> tuple[str, int]:
            return "the shop has no such page", 404

        services = services_of(harness.runtime)
        host.register_blueprint(create_blueprint(services, **options), url_prefix=prefix)
        _, key = services.keys.create(services.default_scope, "shop", ["events:send", "runs:read"])
        yield host.test_client(), key


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize("prefix", ["/workflows", "/deep/er", "/wörk flow", None])
def test_it_serves_below_any_prefix(sqlite_url: str, prefix: str | None) -> None:
    with a_host(sqlite_url, prefix) as (http, key):
        mount = prefix or ""
        assert http.post(f"{mount}/api/events", json=EVENT, headers=_bearer(key)).status_code == 200
        assert http.post(f"{mount}/e/{key}", json=EVENT).get_json()["status"] == 200
        (event, _) = http.get(f"{mount}/api/events?limit=5", headers=_bearer(key)).get_json()["items"]
        found = http.get(f"{mount}/api/events/{event['id']}", headers=_bearer(key))
        assert found.get_json()["name"] == "shop/opened"
        assert http.get(f"{mount}/api/openapi.json").get_json()["servers"] == [{"url": mount or "/"}]


def test_links_of_its_pages_stay_below_the_prefix(sqlite_url: str) -> None:
    with a_host(sqlite_url) as (http, _):
        assert 'href="/workflows/api/docs.css"' in http.get("/workflows/api/docs").get_data(as_text=True)


def test_a_prefix_of_its_own_is_enough(sqlite_url: str) -> None:
    with a_host(sqlite_url, prefix=None, url_prefix="/wk") as (http, _):
        assert http.get("/wk/api/health").get_json() == {"status": "ok"}


def test_errors_limits_and_headers_of_the_two_do_not_mix(sqlite_url: str) -> None:
    with a_host(sqlite_url) as (http, key):
        ours = http.get("/workflows/api/nowhere")
        assert (ours.status_code, ours.get_json()["code"]) == (404, "not-found")
        assert http.post("/workflows/api/events", json=EVENT).status_code == 401
        assert http.put("/workflows/api/events").get_json()["code"] == "method-not-allowed"
        theirs = http.get("/nowhere")
        assert (theirs.status_code, theirs.text) == (404, "the shop has no such page")
        assert http.get("/").text == "the shop"
        assert "Content-Security-Policy" not in http.get("/").headers
        assert "default-src 'none'" in ours.headers["Content-Security-Policy"]
        large = EVENT | {"data": {"text": "x" * 1_000}}  # more than the host allows itself
        assert http.post("/workflows/api/events", json=large, headers=_bearer(key)).status_code == 200


def test_two_installations_live_in_one_application(sqlite_url: str, tmp_path: Path) -> None:
    with a_runtime(sqlite_url) as harness:
        host = flask.Flask("shop")
        services = services_of(harness.runtime)
        for name in ("first", "second"):
            host.register_blueprint(create_blueprint(services, name=name), url_prefix=f"/{name}")
        for name in ("first", "second"):
            assert host.test_client().get(f"/{name}/api/health").status_code == 200
