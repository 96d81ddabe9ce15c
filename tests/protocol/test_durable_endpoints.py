"""Durable endpoints of the npm package: requests to an app that go on after their caller has been answered."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from devprocess import a_dev_process
from sdkapps import a_server, eventually
from tsapps import APP, installed_node, new_key

from workflowkit import WorkflowKit
from workflowkit.base.ids import new_id
from workflowkit.base.limits import Limits

WAIT_SECONDS = 60


@contextmanager
def serving_endpoints(log: Path, **environment: str) -> Iterator[str]:
    """Serve the endpoints of ``endpoints.mjs``; give the address."""
    node, variables = installed_node()
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [node, "endpoints.mjs"], cwd=APP, env={**variables, **environment}, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=errors,
        ) as process,
    ):  # fmt: skip
        assert process.stdout is not None
        assert process.stdin is not None
        port = process.stdout.readline().decode().strip()
        assert port, log.read_text()
        yield f"http://127.0.0.1:{port}"
        process.stdin.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WorkflowKit, str]]:
    with a_server(tmp_path_factory.mktemp("server"), limits=Limits(endpoint_silence_seconds=3)) as found:
        yield found


@pytest.fixture(scope="module")
def app(server: tuple[WorkflowKit, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving_endpoints(tmp_path_factory.mktemp("app") / "log", INNGEST_DEV=server[1]) as address:
        yield address


@pytest.fixture
def key() -> str:
    return new_key()


def call(app: str, path: str, key: str, method: str = "GET", **more: Any) -> httpx.Response:
    """Call an endpoint as its callers do; return the answer, wherever it comes from."""
    return httpx.request(
        method, f"{app}{path}?key={key}", follow_redirects=True, timeout=WAIT_SECONDS, **more
    )  # fmt: skip


def told(app: str, key: str) -> Any:
    return httpx.get(f"{app}/told/{key}").json()


def runs_of(server: str, name: str, status: str) -> list[dict[str, Any]]:
    """Return the runs of the endpoint of a name, which is the method and the path as an id of ours."""
    found: list[dict[str, Any]] = httpx.get(f"{server}/v2/runs?limit=100&status={status}").json()["data"]
    return [run for run in found if run["function"]["name"].startswith(name)]


def test_an_endpoint_that_needs_no_waiting_answers_by_itself_and_its_run_is_here(
    app: str, server: tuple[WorkflowKit, str], key: str
) -> None:
    answer = call(app, "/quick", key)
    assert (answer.json(), answer.history) == ({"a": "a", "b": "b"}, [])
    run = eventually(lambda: next(iter(runs_of(server[1], "get-quick", "COMPLETED")), None))
    trace = httpx.get(f"{server[1]}/v2/runs/{run['id']}/trace").json()["data"]["rootSpan"]
    assert [span["name"] for span in trace["childrenSpans"]] == ["a", "b"]
    assert told(app, key) == ["a", "b"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_endpoint_that_sleeps_answers_its_caller_when_it_has_slept(app: str, key: str, method: str) -> None:
    answer = call(app, "/sleep", key, method)
    assert (answer.status_code, answer.json()) == (200, {"before": "before", "after": "after", "method": method})
    assert told(app, key) == ["before", "after"]
    assert len(answer.history) == 1
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_an_endpoint_is_called_again_with_the_body_that_its_caller_sent(app: str, key: str) -> None:
    body = '{"name": "\u00e4", "n": [1, 2.50]}'
    call(app, "/sleep", key, "POST", content=body, headers={"Content-Type": "application/json"})
    bodies = told(app, f"{key}-bodies")
    assert (len(bodies) > 1, set(bodies)) == (True, {body})


def test_an_endpoint_waits_for_an_event(app: str, server: tuple[WorkflowKit, str], key: str) -> None:
    first = httpx.get(f"{app}/wait?key={key}")
    assert first.status_code == 302
    run_id = first.headers["Location"].split("/runs/")[1].partition("/")[0]
    eventually(lambda: True if _is_waiting(server[1], run_id) else None)
    httpx.post(f"{server[1]}/e/test", json={"name": "ep/reply", "data": {"answer": 42}})
    assert httpx.get(first.headers["Location"], timeout=WAIT_SECONDS).json() == {"found": {"answer": 42}}


def _is_waiting(server: str, run_id: str) -> bool:
    return bool(httpx.get(f"{server}/api/runs/{run_id}").json()["status"] == "waiting")


def test_parallel_steps_are_executed_once_each_and_joined(app: str, key: str) -> None:
    assert call(app, "/parallel", key).json() == {"both": ["a", "b"], "last": "last"}
    assert sorted(told(app, key)) == ["a", "b", "last"]


def test_a_step_that_fails_is_tried_again_after_its_caller_was_answered(
    app: str, server: tuple[WorkflowKit, str], key: str
) -> None:
    first = httpx.get(f"{app}/flaky?key={key}")
    assert first.status_code == 302
    run_id = first.headers["Location"].split("/runs/")[1].partition("/")[0]
    steps = eventually(lambda: httpx.get(f"{server[1]}/v1/runs/{run_id}/jobs").json()["data"] or None)
    assert [step["status"] for step in steps] == ["sleeping"]
    assert told(app, key) == ["tried"]


def test_an_endpoint_that_fails_for_good_says_so(app: str, key: str) -> None:
    answer = call(app, "/fails", key)
    assert (answer.status_code, answer.json()) == (500, {"name": "NonRetriableError", "message": "broken for good"})


def test_a_function_that_fails_between_steps_is_tried_again_later(
    app: str, server: tuple[WorkflowKit, str], key: str
) -> None:
    first = httpx.get(f"{app}/function-fails-once?key={key}")
    assert first.status_code == 302
    run_id = first.headers["Location"].split("/runs/")[1].partition("/")[0]
    (job,) = eventually(lambda: httpx.get(f"{server[1]}/v1/runs/{run_id}/jobs").json()["data"] or None)
    assert job["attempt"] >= 1
    assert told(app, key) == ["before", "function"]


def test_an_endpoint_whose_caller_has_gone_and_that_has_died_is_called_again(app: str, key: str) -> None:
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{app}/dies?key={key}", timeout=1)
    eventually(lambda: True if told(app, key) == ["before", "died", "after"] else None)


def test_what_an_endpoint_streams_reaches_its_caller_from_both_sides(tmp_path: Path, key: str) -> None:
    with (
        a_dev_process(tmp_path) as server,
        serving_endpoints(tmp_path / "log", INNGEST_DEV=server) as app,
        httpx.stream(
            "GET", f"{app}/streams?key={key}", headers={"Accept": "text/event-stream"}, timeout=WAIT_SECONDS
        ) as answer,
    ):  # fmt: skip
        text = "".join(answer.iter_text())
        assert "one" in text
        url = next(line for line in text.splitlines() if "/v1/realtime/sse" in line)
        with httpx.stream("GET", json.loads(url.removeprefix("data: "))["url"], timeout=WAIT_SECONDS) as others:
            rest = "".join(others.iter_text())
    assert "two" in rest
    assert "inngest.response" in rest


@pytest.mark.parametrize(
    "changes",
    [
        {"run_id": "short"}, {"run_id": None}, {"event": None}, {"event": {"data": []}}, {"domain": "ftp://x"},
        {"domain": "http://x/path"}, {"domain": "http://[x"}, {"method": "BREW"}, {"path": "no"}, {"steps": None},
        {"steps": [1]},
    ],
)  # fmt: skip
def test_a_run_that_nobody_can_begin_is_refused_and_leaves_nothing(
    server: tuple[WorkflowKit, str], changes: dict[str, Any]
) -> None:
    run_id = new_id(1_795_000_000_000)
    data = {"domain": "http://localhost:1", "method": "GET", "path": "/x"}
    data |= {name: each for name, each in changes.items() if name in data}
    payload = {"run_id": run_id, "event": {"name": "inngest/http.request", "data": data}, "steps": []}
    payload |= {name: each for name, each in changes.items() if name not in data}
    answer = httpx.post(f"{server[1]}/v1/checkpoint", json=payload)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-input")


def opened(server: str, *steps: Any, run_id: str, path: str = "/by-hand") -> httpx.Response:
    data = {"domain": "http://localhost:1", "method": "GET", "path": path, "query_params": "", "body": ""}
    event = {"name": "inngest/http.request", "data": data}
    return httpx.post(f"{server}/v1/checkpoint", json={"run_id": run_id, "event": event, "steps": list(steps)})


def test_a_run_is_opened_once_however_often_it_is_told(server: tuple[WorkflowKit, str]) -> None:
    run_id = new_id(server[0].runtime.database.now_ms())
    step = {"op": "StepRun", "id": "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8", "userland": {"id": "a"}, "data": 1}
    headers = {"content-type": "text/html", "set-cookie": "a=b", "x-own": "1"}
    done = {"op": "RunComplete", "id": "x", "data": {"status": 203, "headers": headers, "body": "fine"}}
    answers = [opened(server[1], step, run_id=run_id) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert httpx.get(f"{server[1]}/v0/runs/{run_id}/actions").json() == {step["id"]: {"data": 1}}
    steps = f"{server[1]}/v1/checkpoint/{run_id}/steps"
    assert httpx.post(steps, json={"steps": [done]}).status_code == 200
    assert httpx.post(steps, json={"steps": [done]}).status_code == 409
    assert opened(server[1], step, run_id=run_id).status_code == 200
    assert opened(server[1], step, run_id=run_id, path="/another").status_code == 409
    token = answers[0].json()["data"]["token"]
    output = f"{server[1]}/v1/http/runs/{run_id}/output"
    answer = httpx.get(f"{output}?token={token}", timeout=WAIT_SECONDS)
    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (203, "fine", "text/html")
    assert not {"x-own", "set-cookie"} & {*answer.headers}
    assert httpx.get(f"{output}?token=x").status_code == 401
    assert httpx.get(f"{output.replace(run_id, new_id(0))}?token={token}").status_code == 401


def test_only_requests_begin_runs_of_endpoints(server: tuple[WorkflowKit, str]) -> None:
    run_id = new_id(server[0].runtime.database.now_ms())
    function_id = opened(server[1], run_id=run_id, path="/only").json()["data"]["fn_id"]
    invoked = server[0].invoke(function_id, {"domain": "http://evil"})
    run = eventually(lambda: _ended(server[1], invoked))
    assert (run["status"], "begin with requests" in run["output"]["message"]) == ("Failed", True)


def _ended(server: str, run_id: str) -> dict[str, Any] | None:
    run: dict[str, Any] = httpx.get(f"{server}/v1/runs/{run_id}").json().get("data") or {}
    return run if run.get("status") == "Failed" else None


def test_an_endpoint_in_production_is_called_with_a_signature(tmp_path: Path, key: str) -> None:
    signing_key = "signkey-test-12345678"
    with a_server(tmp_path, dev_mode=False, signing_key=signing_key, allow_private_networks=True) as (_, url):
        environment = {"INNGEST_BASE_URL": url, "INNGEST_SIGNING_KEY": signing_key, "INNGEST_DEV": "0"}
        with serving_endpoints(tmp_path / "log", **environment) as app:
            answer = call(app, "/sleep", key, "POST", json={"n": 1.0, "b": "\u00e4"})
            assert answer.json()["after"] == "after"
            forged = {"X-Run-Id": "01M8D4KYFH6CBBPAE8NATMP8JX", "X-Inngest-Signature": "t=0&s="}
            assert httpx.get(f"{app}/sleep?key={key}", headers=forged).status_code == 401
        assert httpx.post(f"{url}/v1/checkpoint", json={}).status_code == 401
