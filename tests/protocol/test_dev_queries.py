"""What the SDKs' own test suites ask a dev server: GraphQL, and commands of the REST API."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import inngest
import pytest
from sdkapps import SdkApp, eventually

from workflowkit.runtime.keys import Keys

GO = inngest.TriggerEvent(event="go")
HOUR = 3_600_000


@pytest.fixture
def sdk(shared_sdk: SdkApp) -> SdkApp:
    return shared_sdk


def ask(sdk: SdkApp, query: str, **variables: Any) -> Any:
    answer = httpx.post(f"{sdk.server}/v0/gql", json={"query": query, "variables": variables}).json()
    assert "errors" not in answer, answer
    return answer["data"]


def a_function(sdk: SdkApp, *, fails: bool = False) -> inngest.Function[Any]:
    @sdk.client.create_function(fn_id="f", trigger=GO, retries=0)
    def f(ctx: inngest.ContextSync) -> dict[str, int]:
        def step() -> int:
            if fails:
                raise ValueError("broken")
            return 7

        for _ in range(2):
            ctx.step.run("same", step)
        ctx.step.sleep("nap", 10)
        return {"n": ctx.step.run("other", step)}

    return f


def a_sleeper(sdk: SdkApp) -> inngest.Function[Any]:
    @sdk.client.create_function(fn_id="sleeper", trigger=GO)
    def sleeper(ctx: inngest.ContextSync) -> None:
        ctx.step.sleep("nap", HOUR)

    return sleeper


def test_a_run_is_told_with_its_output_and_events(sdk: SdkApp) -> None:
    with sdk.serve([a_function(sdk)]):
        event_id = sdk.send("go", {"a": 1})
        run_id = sdk.run_of(event_id)["run_id"]
        query = """
            query GetRun($run_id: String!) {
                run(runID: $run_id) { output status }
                runTrigger(runID: $run_id) { payloads }
            }"""
        found = ask(sdk, query, run_id=run_id)
        runs = ask(sdk, "query ($id: ID!) { event(query: {eventId: $id}) { functionRuns { id } } }", id=event_id)
        event = ask(sdk, "query E($id: ULID!) { eventV2(id: $id) { idempotencyKey name raw } }", id=event_id)
    assert (found["run"]["status"], json.loads(found["run"]["output"])) == ("COMPLETED", {"n": 7})
    assert [json.loads(payload)["data"] for payload in found["runTrigger"]["payloads"]] == [{"a": 1}]
    assert runs == {"event": {"functionRuns": [{"id": run_id}]}}
    assert (event["eventV2"]["name"], json.loads(event["eventV2"]["raw"])["data"]) == ("go", {"a": 1})


def test_steps_are_told_as_spans_with_outputs(sdk: SdkApp) -> None:
    with sdk.serve([a_function(sdk)]):
        run_id = sdk.run_of(sdk.send("go"))["run_id"]
    query = (
        "query ($id: String!) { run(runID: $id) { trace { status childrenSpans { name status stepOp outputID } } } }"
    )
    trace = ask(sdk, query, id=run_id)["run"]["trace"]
    spans = trace["childrenSpans"]
    assert [span["name"] for span in spans] == ["same", "same", "nap", "other"]
    assert [span["stepOp"] for span in spans] == ["RUN", "RUN", "SLEEP", "RUN"]
    assert {trace["status"], *(span["status"] for span in spans)} == {"COMPLETED"}
    output = "query ($id: String!) { runTraceSpanOutputByID(outputID: $id) { data error { message name stack } } }"
    found = ask(sdk, output, id=spans[0]["outputID"])["runTraceSpanOutputByID"]
    assert (json.loads(found["data"]), found["error"]) == (7, None)


def test_a_step_that_failed_tells_its_error(sdk: SdkApp) -> None:
    with sdk.serve([a_function(sdk, fails=True)]):
        run_id = sdk.run_of(sdk.send("go"))["run_id"]
    query = "query ($id: String!) { run(runID: $id) { status output trace { childrenSpans { status outputID } } } }"
    run = ask(sdk, query, id=run_id)["run"]
    (span,) = run["trace"]["childrenSpans"]
    assert (run["status"], span["status"], json.loads(run["output"])["message"]) == ("FAILED", "FAILED", "broken")
    output = "query ($id: String!) { runTraceSpanOutputByID(outputID: $id) { data error { message name } } }"
    error = ask(sdk, output, id=span["outputID"])["runTraceSpanOutputByID"]["error"]
    assert error == {"message": "broken", "name": "ValueError"}


@pytest.mark.parametrize("output_id", ["x", "bm8=", "WyJhIiwiYiJd", "WzEsMl0="])
def test_what_does_not_exist_is_null(sdk: SdkApp, output_id: str) -> None:
    query = "query ($id: String!) { run(runID: $id) { status } runTraceSpanOutputByID(outputID: $id) { data } }"
    assert ask(sdk, query, id=output_id) == {"run": None, "runTraceSpanOutputByID": None}


@pytest.mark.parametrize("body", [{}, [], {"query": 1}, {"query": "{ run"}, {"query": "{ run }", "variables": 1}])
def test_what_is_no_query_is_refused(sdk: SdkApp, body: Any) -> None:
    assert httpx.post(f"{sdk.server}/v0/gql", json=body).status_code == 400


def test_a_function_is_invoked_cancelled_and_run_again(sdk: SdkApp) -> None:
    with sdk.serve([a_sleeper(sdk)]):
        started = httpx.post(f"{sdk.server}/invoke/shop-sleeper", json={"data": {"a": 1}}).json()
        run_id = sdk.run_of(started["id"], ended=False)["run_id"]
        assert ask(sdk, "mutation ($id: ULID!) { cancelRun(runID: $id) { status } }", id=run_id) == {
            "cancelRun": {"status": "CANCELLED"}
        }
        again = ask(sdk, "mutation ($id: ULID!) { rerun(runID: $id) }", id=run_id)["rerun"]
        assert httpx.delete(f"{sdk.server}/v0/runs/{again}").status_code == 204
        found = httpx.get(f"{sdk.server}/v1/runs/{again}").json()["data"]
        query = 'mutation { invokeFunction(functionSlug: "shop-sleeper", data: "{}") }'
        assert ask(sdk, query) == {"invokeFunction": True}
        assert ask(sdk, "{ functions { slug } }") == {"functions": [{"slug": "shop-sleeper"}]}
    assert (found["status"], found["original_run_id"]) == ("Cancelled", run_id)


def test_invoking_what_does_not_exist_is_not_found(sdk: SdkApp) -> None:
    assert httpx.post(f"{sdk.server}/invoke/shop-nothing", json={"data": {}}).status_code == 404


def test_all_runs_of_a_function_are_cancelled(sdk: SdkApp) -> None:
    with sdk.serve([a_sleeper(sdk)]):
        event_ids = [sdk.send("go", {"n": number}) for number in range(3)]
        for event_id in event_ids:
            sdk.run_of(event_id, ended=False)
        asked = {"app_id": "shop", "function_id": "sleeper", "if": "event.data.n > 0"}
        made = httpx.post(f"{sdk.server}/v1/cancellations", json=asked)
        assert made.status_code == 201, made.text
        assert [sdk.run_of(event_id)["status"] for event_id in event_ids[1:]] == ["Cancelled"] * 2
        job = made.json()["data"]
        assert job["function_id"] == "shop-sleeper"

        def is_done() -> bool | None:
            listed = httpx.get(f"{sdk.server}/v1/cancellations").json()["data"]
            return True if [each["status"] for each in listed if each["id"] == job["id"]] == ["done"] else None

        eventually(is_done)
        assert sdk.run_of(event_ids[0], ended=False)["status"] == "Running"
        assert httpx.delete(f"{sdk.server}/v1/cancellations/{job['id']}").status_code == 204


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({}, 400),
        ({"function_id": "none"}, 404),
        ({"function_id": "shop-sleeper", "started_before": "soon"}, 400),
        ({"function_id": "shop-sleeper", "if": 7}, 400),
        ({"function_id": "shop-sleeper", "if": "(("}, 400),
    ],
)
def test_a_cancellation_that_is_none_is_refused(sdk: SdkApp, asked: Any, status: int) -> None:
    with sdk.serve([a_sleeper(sdk)]):
        assert httpx.post(f"{sdk.server}/v1/cancellations", json=asked).status_code == status
        assert httpx.delete(f"{sdk.server}/v1/cancellations/none").status_code == 404


@pytest.mark.parametrize("prefix", ["/v2", "/api/v2"])
def test_the_second_version_of_rest_tells_of_runs_apps_and_functions(sdk: SdkApp, prefix: str) -> None:
    def get(path: str) -> Any:
        return httpx.get(f"{sdk.server}{prefix}{path}").json()

    with sdk.serve([a_sleeper(sdk)]):
        invoked = httpx.post(f"{sdk.server}{prefix}/apps/shop/functions/sleeper/invoke", json={"data": {"a": 1}}).json()
        run_id = invoked["data"]["runId"]
        run = eventually(lambda: get(f"/runs/{run_id}").get("data"))
        assert (run["app"], run["function"]) == ({"id": "shop"}, {"id": "shop-sleeper", "name": "sleeper"})
        (event_id,) = run["trigger"]["eventIds"]
        assert [each["id"] for each in get(f"/events/{event_id}/runs")["data"]] == [run_id]
        cancelled = httpx.post(f"{sdk.server}{prefix}/runs/{run_id}/cancel").json()["data"]
        again = httpx.post(f"{sdk.server}{prefix}/runs/{run_id}/rerun").json()["data"]["runId"]
        assert get("/apps")["data"] == [{"id": "shop", "name": "shop", "functionCount": 1}]
        assert get("/apps/shop")["data"]["functionCount"] == 1
        (function,) = get("/apps/shop/functions")["data"]
        assert get("/apps/shop/functions/sleeper")["data"] == function
        first = get("/apps/shop/functions/sleeper/runs?limit=1")
        assert (first["page"]["hasMore"], [each["id"] for each in first["data"]]) == (True, [again])
        second = get(f"/apps/shop/functions/sleeper/runs?limit=1&cursor={first['page']['cursor']}")
        assert [each["id"] for each in second["data"]] == [run_id]
        assert run_id in [each["id"] for each in get("/runs?status=CANCELLED")["data"]]
        assert get(f"/runs/{run_id}/trace")["data"]["rootSpan"]["status"] == "CANCELLED"
        httpx.post(f"{sdk.server}{prefix}/runs/{again}/cancel")
    assert (cancelled["id"], cancelled["status"]) == (run_id, "CANCELLED")
    assert get("/health")["data"] == {"status": "ok"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/runs/none", 404), ("/runs/none/trace", 404), ("/events/none/runs", 404), ("/apps/none", 404),
        ("/apps/none/functions", 404), ("/apps/none/functions/f", 404), ("/apps/shop/functions/none/runs", 404),
        ("/runs?status=ODD", 400), ("/runs?limit=0", 400),
    ],
)  # fmt: skip
def test_the_second_version_of_rest_refuses_in_its_own_form(sdk: SdkApp, path: str, status: int) -> None:
    answer = httpx.get(f"{sdk.server}/v2{path}")
    assert answer.status_code == status
    assert answer.json()["errors"][0]["code"] in ("not-found", "invalid-input")


@pytest.mark.parametrize("prefix", ["/v2", "/api/v2"])
def test_the_second_version_of_rest_sends_events(sdk: SdkApp, prefix: str) -> None:
    with sdk.serve([a_function(sdk)]):
        event = {"name": "go", "data": {"n": 1}}
        for body, count in ((event, 1), ([event, event], 2)):
            sent = httpx.post(f"{sdk.server}{prefix}/events", json=body)
            assert sent.status_code == 201
            assert len(sent.json()["data"]["ids"]) == count
        assert sdk.run_of(sent.json()["data"]["ids"][0])["output"] == {"n": 7}
    refused = httpx.post(f"{sdk.server}{prefix}/events", json=[event, {"name": "inngest/mine", "data": {}}])
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "invalid-input")


def test_the_second_version_of_rest_syncs_an_app_and_tells_how_it_went(sdk: SdkApp) -> None:
    syncs = f"{sdk.server}/v2/apps/shop/syncs"
    with sdk.serve([a_function(sdk)]):
        where = {"url": sdk.app_url}
        again = httpx.post(syncs, json=where, timeout=30).json()["data"]
        without = httpx.post(syncs, timeout=30).json()["data"]
        assert (again["status"], again["app"], again["functionCount"]) == ("SYNCED", {"id": "shop"}, 1)
        assert without["url"] == sdk.app_url
        first = httpx.get(f"{syncs}?limit=1").json()
        assert (first["data"][0]["status"], first["data"][0]["error"]) == ("SYNCED", None)
    gone = httpx.post(syncs, json=where, timeout=30).json()["data"]
    assert gone["status"] == "FAILED"
    assert gone["error"]
    assert httpx.get(f"{syncs}?limit=1").json()["data"][0]["status"] == "FAILED"
    assert httpx.post(f"{sdk.server}/v2/apps/none/syncs").status_code == 404
    assert httpx.post(syncs, json={"url": 7}).status_code == 400


def await_next_millisecond() -> None:
    """What is made after this is newer, also by when it was made."""
    began = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 == began:
        pass


def test_the_second_version_of_rest_shows_keys_by_what_stands_for_them(sdk: SdkApp) -> None:
    keys, made = Keys(sdk.wk.runtime.database), []
    for name, right in (("key 0", "events:send"), ("key 1", "events:send"), ("reads", "runs:read")):
        made.append(keys.create(sdk.wk.settings.scope, name, {right}))
        await_next_millisecond()
    listed = httpx.get(f"{sdk.server}/v2/keys/events")
    assert [each["name"] for each in listed.json()["data"]] == ["key 1", "key 0"]
    assert not any(key in listed.text for _, key in made)
    first = httpx.get(f"{sdk.server}/v2/keys/events?limit=2").json()["page"]
    assert first["hasMore"] is True
    rest = httpx.get(f"{sdk.server}/v2/keys/events?limit=2&cursor={first['cursor']}").json()
    assert [each["name"] for each in rest["data"]] == ["key 0"]
    assert httpx.get(f"{sdk.server}/v2/keys/signing").json()["data"] == []
    assert httpx.get(f"{sdk.server}/v2/account").json()["data"]["name"] == "default"
    (environment,) = httpx.get(f"{sdk.server}/v2/envs").json()["data"]
    assert (environment["name"], environment["type"]) == ("default", "TEST")
