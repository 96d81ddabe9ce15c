"""Functions of apps as actions of documents: in the catalogue, run by invoke, and what their failure does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import inngest
import pytest
from sdkapps import SdkApp, a_server
from servedapps import an_app, registered

from workflowkit.base.errors import DefinitionError
from workflowkit.runtime.keys import PERMISSIONS, Keys


def _document(kind: str, **settings: Any) -> dict[str, Any]:
    action = {"id": "greet", "kind": kind, "inputs": {"data": {"name": "!ref($.event.data.name)"}}}
    return {
        "name": "Welcome",
        "triggers": [{"event": "user/came"}],
        "actions": [action | ({"settings": settings} if settings else {})],
        "edges": [{"from": "$source", "to": "greet"}],
        "output": "!ref($.state.greet)",
    }


def _catalogue(sdk: SdkApp) -> dict[str, Any]:
    items = httpx.get(f"{sdk.server}/api/actions", timeout=30).json()["items"]
    return {each["kind"]: each for each in items if each["kind"].startswith("app:")}


def test_a_function_of_an_app_is_an_action_in_the_catalogue_and_runs_by_invoke(sdk: SdkApp) -> None:
    @sdk.client.create_function(fn_id="greet", name="Greet somebody", trigger=inngest.TriggerEvent(event="never"))
    def greet(ctx: inngest.ContextSync) -> str:
        return ctx.step.run("say", lambda: f"Hello {ctx.event.data['name']}")

    with sdk.serve([greet]):
        (shown,) = _catalogue(sdk).values()
        assert (shown["kind"], shown["name"], shown["category"]) == ("app:shop/greet", "Greet somebody", "shop")
        assert shown["inputs"]["properties"]["data"]["type"] == "object"
        assert httpx.get(f"{sdk.server}/api/actions/app:shop/greet", timeout=30).json() == shown
        sdk.wk.publish("welcome", _document("app:shop/greet"))
        run = sdk.run_of(sdk.send("user/came", {"name": "Ada"}))
    assert (run["status"], run["output"]) == ("Completed", "Hello Ada")


def test_the_failure_of_the_function_is_final_for_the_document(sdk: SdkApp) -> None:
    calls: list[int] = []

    @sdk.client.create_function(fn_id="greet", trigger=inngest.TriggerEvent(event="never"))
    def greet(ctx: inngest.ContextSync) -> str:
        calls.append(1)
        raise inngest.NonRetriableError("nobody there")

    with sdk.serve([greet]):
        sdk.wk.publish("welcome", _document("app:shop/greet", retries=3))
        run = sdk.run_of(sdk.send("user/came", {"name": "Ada"}))
    assert run["status"] == "Failed"
    assert "nobody there" in run["output"]["message"]
    assert len(calls) == 1


def test_the_failure_can_be_handled_by_the_document(sdk: SdkApp) -> None:
    @sdk.client.create_function(fn_id="greet", trigger=inngest.TriggerEvent(event="never"))
    def greet(ctx: inngest.ContextSync) -> str:
        raise inngest.NonRetriableError("nobody there")

    with sdk.serve([greet]):
        sdk.wk.publish("welcome", _document("app:shop/greet", on_error="continue"))
        run = sdk.run_of(sdk.send("user/came", {"name": "Ada"}))
    assert run["status"] == "Completed"
    assert "nobody there" in run["output"]["error"]["message"]


def test_what_an_app_says_of_its_inputs_is_checked_when_a_document_is_published(sdk: SdkApp) -> None:
    wk = an_app("desk")
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    greeting = {
        "name": "Greeting",
        "inputs": schema,
        "actions": [{"id": "text", "kind": "set", "inputs": {"text": "Hello !ref($.event.data.name)"}}],
        "edges": [{"from": "$source", "to": "text"}],
        "output": "!ref($.state.text.text)",
    }
    with registered(wk, sdk, workflows={"greeting": greeting}):
        shown = _catalogue(sdk)["app:desk/greeting"]
        assert shown["inputs"]["properties"]["data"]["required"] == ["name"]
        wrong = _document("app:desk/greeting")
        wrong["actions"][0]["inputs"] = {"data": {"name": 7}}
        with pytest.raises(DefinitionError):
            sdk.wk.publish("welcome", wrong)
        sdk.wk.publish("welcome", _document("app:desk/greeting"))
        run = sdk.run_of(sdk.send("user/came", {"name": "Ada"}))
    assert run["output"] == "Hello Ada"


def test_an_archived_apps_functions_are_not_for_new_documents_and_fail_where_they_are_used(sdk: SdkApp) -> None:
    @sdk.client.create_function(fn_id="greet", trigger=inngest.TriggerEvent(event="never"), retries=0)
    def greet(ctx: inngest.ContextSync) -> str:
        return "Hello"

    with sdk.serve([greet]):
        sdk.wk.publish("welcome", _document("app:shop/greet"))
        sdk.wk.runtime.apps.archive("default", "shop")
        assert _catalogue(sdk) == {}
        with pytest.raises(DefinitionError, match="unknown action kind"):
            sdk.wk.publish("other", _document("app:shop/greet"))
        run = sdk.run_of(sdk.send("user/came", {"name": "Ada"}))
    assert run["status"] == "Failed"


def test_what_follows_the_end_of_runs_is_no_action(sdk: SdkApp) -> None:
    def failed(ctx: inngest.ContextSync) -> None:
        pass

    @sdk.client.create_function(fn_id="greet", trigger=inngest.TriggerEvent(event="go"), on_failure=failed)
    def greet(ctx: inngest.ContextSync) -> str:
        return "Hello"

    with sdk.serve([greet]):
        assert [*_catalogue(sdk)] == ["app:shop/greet"]


@pytest.mark.parametrize(("offered", "kinds"), [((), []), (("shop/gr*",), ["app:shop/greet"]), (("till/*",), [])])
def test_in_production_the_installation_says_what_is_offered(
    tmp_path: Path, offered: tuple[str, ...], kinds: list[str]
) -> None:
    function = {
        "id": "shop-greet", "triggers": [{"event": "go"}],
        "steps": {"step": {"id": "step", "name": "step", "runtime": {"type": "http", "url": "http://a.example/x"}}},
    }  # fmt: skip
    payload = {"appName": "shop", "url": "http://a.example/x", "sdk": "py:v1", "functions": [function]}
    with a_server(tmp_path, dev_mode=False, signing_key="signkey-test-12345678", app_actions=offered) as (wk, url):
        from workflowkit.inngest.server import AppServer

        AppServer(lambda: wk.runtime).register(payload)
        _, key = Keys(wk.runtime.database).create(wk.settings.scope, "test", PERMISSIONS)
        items = httpx.get(f"{url}/api/actions", headers={"Authorization": f"Bearer {key}"}, timeout=30).json()["items"]
        assert [each["kind"] for each in items if each["kind"].startswith("app:")] == kinds
        assert (wk.registry.executable("app:shop/greet") is not None) is bool(kinds)
