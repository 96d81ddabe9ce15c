"""Syncing an app by its address: in-band and out-of-band, what is refused, and what the history says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import flask
import inngest
import inngest.flask
import pytest
from sdkapps import SdkApp, a_server, serving

from workflowkit import WorkflowKit
from workflowkit.api.services import Services
from workflowkit.base.clock import SystemClock
from workflowkit.inngest.canonical import canonical_json
from workflowkit.inngest.signing import SIGNATURE_HEADER, sign

KEY = "signkey-test-12345678"


def _sync(wk: WorkflowKit, url: str) -> Any:
    services: Services = wk._services()
    assert services.sync_app is not None
    return services.sync_app("default", url)


@contextmanager
def _fake_app(answer: Any, *, signed: bool = True, **headers: str) -> Iterator[str]:
    """Serve what answers a sync with ``answer``."""
    app = flask.Flask("fake")

    @app.put("/api/inngest")
    def put() -> flask.Response:
        body = canonical_json(answer)
        all_headers = {"x-inngest-sdk": "inngest-py:v0.5.18", "x-inngest-sync-kind": "in_band", **headers}
        if signed:
            all_headers[SIGNATURE_HEADER] = sign(KEY, body, SystemClock().now_ms() // 1000)
        return flask.Response(body, 200, all_headers, content_type="application/json")

    with serving(app) as url:
        yield f"{url}/api/inngest"


@pytest.fixture
def production(tmp_path: Path) -> Iterator[tuple[WorkflowKit, str]]:
    with a_server(tmp_path, dev_mode=False, signing_key=KEY, allow_private_networks=True) as made:
        yield made


def test_an_app_in_production_tells_its_functions_in_its_signed_answer(
    production: tuple[WorkflowKit, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wk, _ = production
    # The SDK's app could not register: it knows no server that is there.
    client = inngest.Inngest(
        app_id="shop", app_version="7", is_production=True, signing_key=KEY, event_key="x",
        api_base_url="http://127.0.0.1:9", event_api_base_url="http://127.0.0.1:9",
    )  # fmt: skip

    @client.create_function(fn_id="greet", trigger=inngest.TriggerEvent(event="go"))
    def greet(ctx: inngest.ContextSync) -> None:
        pass

    web = flask.Flask("app")
    inngest.flask.serve(web, client, [greet])
    with serving(web) as url:
        row = _sync(wk, f"{url}/api/inngest")
        again = _sync(wk, f"{url}/api/inngest")
    assert (row.status, row.app_id, row.published, row.app_version) == ("synced", "shop", ("shop/greet",), "7")
    assert (again.id, again.app_id, again.function_count) == ("", "shop", 1)
    (app,) = wk.runtime.apps.find("default", limit=10)
    assert app.origin is not None
    assert app.origin.url == f"{url}/api/inngest"


def test_an_app_in_development_registers_by_itself(sdk: SdkApp) -> None:
    @sdk.client.create_function(fn_id="greet", trigger=inngest.TriggerEvent(event="go"))
    def greet(ctx: inngest.ContextSync) -> None:
        pass

    web = flask.Flask("app")
    inngest.flask.serve(web, sdk.client, [greet])
    with serving(web) as url:
        row = _sync(sdk.wk, f"{url}/api/inngest")
    assert (row.status, row.app_id, row.published) == ("synced", "shop", ("shop/greet",))


def test_a_function_that_cannot_be_is_kept_as_an_unattached_failure_with_its_place(sdk: SdkApp) -> None:
    @sdk.client.create_function(fn_id="bad", trigger=inngest.TriggerEvent(event="go", expression="((("))
    def bad(ctx: inngest.ContextSync) -> None:
        pass

    web = flask.Flask("app")
    inngest.flask.serve(web, sdk.client, [bad])
    with serving(web) as url:
        row = _sync(sdk.wk, f"{url}/api/inngest")
    assert (row.status, row.app_id) == ("failed", "")
    assert "/triggers/0/if" in row.error
    assert sdk.wk.runtime.apps.syncs("default", limit=10, app_id="") == [row]


def test_an_answer_that_is_not_signed_publishes_nothing(production: tuple[WorkflowKit, str]) -> None:
    wk, _ = production
    answer = {"app_id": "shop", "functions": [], "sdk_language": "py", "sdk_version": "1", "url": "http://a.example/x"}
    with _fake_app(answer, signed=False) as url:
        row = _sync(wk, url)
    assert (row.status, row.error) == ("failed", "the app's answer is not signed")
    assert wk.runtime.apps.find("default", limit=10) == []


def test_an_answer_that_was_tampered_with_publishes_nothing(production: tuple[WorkflowKit, str]) -> None:
    wk, _ = production
    with _fake_app({"app_id": "shop", "functions": []}, **{SIGNATURE_HEADER: "t=1&s=00"}, signed=False) as url:
        row = _sync(wk, url)
    assert row.status == "failed"
    assert "the app's reply: the signature" in row.error


def test_what_is_no_app_is_told_with_what_it_answered(production: tuple[WorkflowKit, str]) -> None:
    wk, server = production
    row = _sync(wk, f"{server}/api/health")
    assert row.status == "failed"
    assert "is no app of an SDK: 405" in row.error
    gone = _sync(wk, "http://127.0.0.1:9/api/inngest")
    assert gone.status == "failed"


def test_a_known_apps_failure_is_kept_with_the_app(production: tuple[WorkflowKit, str]) -> None:
    wk, _ = production
    function = {
        "id": "shop-greet", "triggers": [{"event": "go"}],
        "steps": {"step": {"id": "step", "name": "step", "runtime": {"type": "http", "url": "http://a.example/x"}}},
    }  # fmt: skip
    answer: dict[str, Any] = {"app_id": "shop", "functions": [function], "sdk_language": "py", "sdk_version": "1"}
    with _fake_app(answer) as url:
        assert _sync(wk, url).published == ("shop/greet",)
        answer["functions"] = [function, function]
        row = _sync(wk, url)
    assert (row.status, row.app_id) == ("failed", "shop")
    assert "each function has an id of its own" in row.error
    assert json.dumps(row.sdk) == '"py:v1"'
