"""Every option of an endpoint, said by its caller or by a variable."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from scripted_server import Received, ScriptedServer, reply
from servedapps import PATH, Caller, an_app, served, sync
from werkzeug.test import create_environ

from workflowkit import Failure, Middleware, NonRetriableError, WorkflowKit
from workflowkit.base.clock import SystemClock
from workflowkit.base.errors import InvalidInput
from workflowkit.inngest.canonical import canonical_json
from workflowkit.inngest.signing import SIGNATURE_HEADER, key_hash, sign

KEY, OTHER = "signkey-test-12345678", "signkey-test-87654321"
_VARIABLES = (
    "INNGEST_DEV", "INNGEST_SIGNING_KEY", "INNGEST_SIGNING_KEY_FALLBACK", "INNGEST_EVENT_KEY", "INNGEST_BASE_URL",
    "INNGEST_API_BASE_URL", "INNGEST_EVENT_API_BASE_URL", "INNGEST_ENV", "INNGEST_SERVE_ORIGIN",
    "INNGEST_SERVE_PATH", "INNGEST_STREAMING", "INNGEST_LOG_LEVEL", "INNGEST_THREAD_POOL_MAX_WORKERS",
)  # fmt: skip


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
    logger = logging.getLogger("workflowkit.serving")
    level = logger.level
    yield
    logger.setLevel(level)


def _two() -> tuple[WorkflowKit, Any]:
    wk = an_app()
    one = wk.function("one", trigger={"event": "one"}, on_failure=lambda ctx: None)(lambda ctx: 1)
    wk.function("two", trigger={"event": "two"})(lambda ctx: 2)
    return wk, one


def _told(url: str, key: str | None = None) -> dict[str, Any]:
    """Return what an app registers, asked for with a signature."""
    body = canonical_json({"url": url})
    headers = {"x-inngest-sync-kind": "in_band"}
    if key is not None:
        now = SystemClock().now_ms() // 1000
        headers |= {SIGNATURE_HEADER: sign(key, body, now), "x-inngest-server-kind": "cloud"}
    answer = httpx.put(url, content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = json.loads(answer.text)
    return found


# --- what is served, and where


def test_all_functions_are_served_or_those_that_are_named_with_their_followers() -> None:
    wk, one = _two()
    with served(wk, is_dev=True) as url:
        assert [each["id"] for each in _told(url)["functions"]] == ["shop-one", "shop-one-failure", "shop-two"]
    with served(wk, is_dev=True, functions=[one]) as url:
        assert [each["id"] for each in _told(url)["functions"]] == ["shop-one", "shop-one-failure"]
        assert Caller(url, slug="shop-two").call().status_code == 404


def test_the_handler_of_failures_is_registered_for_the_failures_of_its_function_alone() -> None:
    wk, _ = _two()
    with served(wk, is_dev=True, app_id="desk") as url:
        told = {each["id"]: each["triggers"] for each in _told(url)["functions"]}
    assert told["desk-one-failure"] == [
        {"event": "inngest/function.failed", "expression": 'event.data.function_id == "desk-one"'}
    ]


def test_every_variable_says_what_its_option_says(monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, Any] = {
        "signing_key": KEY, "signing_key_fallback": OTHER, "event_key": "evt", "api_base_url": "http://127.0.0.1:9/a",
        "event_base_url": "http://127.0.0.1:9/e", "environment": "branch", "serve_origin": "https://shop.example.com",
        "serve_path": "/x/inngest", "streaming": True, "log_level": "debug",
    }  # fmt: skip
    variables = {
        "INNGEST_SIGNING_KEY": KEY, "INNGEST_SIGNING_KEY_FALLBACK": OTHER, "INNGEST_EVENT_KEY": "evt",
        "INNGEST_API_BASE_URL": "http://127.0.0.1:9/a", "INNGEST_EVENT_API_BASE_URL": "http://127.0.0.1:9/e",
        "INNGEST_ENV": "branch", "INNGEST_SERVE_ORIGIN": "https://shop.example.com",
        "INNGEST_SERVE_PATH": "/x/inngest", "INNGEST_STREAMING": "force", "INNGEST_LOG_LEVEL": "debug",
    }  # fmt: skip
    found = []
    for given, environment in ((options, {}), ({}, variables)):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        logging.getLogger("workflowkit.serving").setLevel(logging.WARNING)
        wk, _ = _two()
        with served(wk, **given) as url:
            told = _told(url, KEY)
            called = Caller(url, KEY, slug="shop-one").call()
        del told["functions"][0]["steps"]["step"]["runtime"]["type"]
        assert (called.status_code, called.headers["x-inngest-env"]) == (201, "branch")
        found.append((told, logging.getLogger("workflowkit.serving").level))
    assert found[0] == found[1]
    told, level = found[0]
    shown = told["inspection"]
    assert (told["url"], told["env"], level) == ("https://shop.example.com/x/inngest", "branch", logging.DEBUG)
    assert (shown["api_origin"], shown["event_api_origin"]) == ("http://127.0.0.1:9/a", "http://127.0.0.1:9/e")
    assert (shown["signing_key_hash"], shown["signing_key_fallback_hash"]) == (key_hash(KEY), key_hash(OTHER))
    assert (shown["serve_origin"], shown["serve_path"]) == ("https://shop.example.com", "/x/inngest")
    assert (shown["mode"], shown["has_event_key"]) == ("cloud", True)


def test_one_address_serves_for_everything_that_has_none_of_its_own() -> None:
    received: list[Received] = []

    def answer(each: Received) -> bytes:
        received.append(each)
        return reply(200, b'{"ids":["e1"],"status":200}' if each.target.startswith("/e/") else b'{"ok":true}')

    wk = an_app()
    wk.function("fn", trigger={"event": "go"})(lambda ctx: ctx.step.send_event("tell", {"name": "told", "data": {}}))
    with (
        ScriptedServer(answer) as server,
        served(wk, signing_key=KEY, event_key="evt key", base_url=server.url, environment="branch") as url,
    ):
        assert sync(f"{url}?deployId=d1", KEY).status_code == 200
        (sent,) = Caller(url, KEY).operations()
    registered, event = received
    assert (registered.target, event.target) == ("/fn/register?deployId=d1", "/e/evt%20key")
    assert registered.headers["authorization"] == f"Bearer {key_hash(KEY)}"
    assert registered.headers["x-inngest-env"] == event.headers["x-inngest-env"] == "branch"
    assert "authorization" not in event.headers
    assert sent["data"] == ["e1"]


# --- signs of life


@contextmanager
def _slow() -> Iterator[tuple[WorkflowKit, threading.Event]]:
    """Give an application whose step takes as long as a test wants."""
    wk, may_end = an_app(), threading.Event()
    wk.function("fn", trigger={"event": "go"})(lambda ctx: ctx.step.run("a", may_end.wait, 60))
    try:
        yield wk, may_end
    finally:
        may_end.set()


_QUERY = "fnId=shop-fn&stepId=step"


def test_a_wsgi_answer_shows_signs_of_life_until_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflowkit.inngest.serving.wsgi.KEEP_ALIVE_SECONDS", 0.01)
    begun: list[str] = []

    def start(status: str, headers: Any, error: Any = None) -> Any:
        begun.append(status)
        return begun.append

    with _slow() as (wk, may_end):
        app = wk.serve(is_dev=True, streaming=True).wsgi()
        environ = create_environ(PATH, query_string=_QUERY, method="POST", data=canonical_json(Caller("").payload({})))
        answer = iter(app(environ, start))
        assert [next(answer) for _ in range(4)] == [b" "] * 4
        may_end.set()
        last = b"".join(answer).strip()
    assert begun == ["201 Created"]
    inner = json.loads(last)
    assert (inner["status"], inner["body"][0]["data"]) == (206, True)


def test_an_asgi_answer_shows_signs_of_life_until_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflowkit.inngest.serving.asgi.KEEP_ALIVE_SECONDS", 0.01)
    sent: list[Any] = []
    with _slow() as (wk, may_end):
        app = wk.serve(is_dev=True, streaming=True).asgi()

        async def receive() -> Any:
            return {"type": "http.request", "body": canonical_json(Caller("").payload({}))}

        async def send(message: Any) -> None:
            sent.append(message)
            if [each.get("body") for each in sent[1:]] == [b" "] * 4:
                may_end.set()

        scope = {"type": "http", "method": "POST", "path": PATH, "query_string": _QUERY.encode(), "headers": []}
        asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 201
    assert [each["body"] for each in sent[1:5]] == [b" "] * 4
    assert (json.loads(sent[-1]["body"])["status"], sent[-1].get("more_body")) == (206, None)


def test_an_asgi_application_performs_handlers_on_as_many_threads_as_it_may() -> None:
    wk, meeting = an_app(), threading.Barrier(2)

    def step(meets: bool) -> str:
        if meets:
            meeting.wait(60)
        return threading.current_thread().name

    wk.function("fn", trigger={"event": "go"})(lambda ctx: ctx.step.run("a", step, ctx.event["data"]["meets"]))

    async def threads(max_threads: int, *, meets: bool) -> set[str]:
        app = wk.serve(is_dev=True, max_threads=max_threads).asgi()
        body = canonical_json(Caller("").payload({}, event={"data": {"meets": meets}}))
        query = {"fnId": "shop-fn", "stepId": "step"}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://app") as client:
            answers = await asyncio.gather(*(client.post(PATH, params=query, content=body) for _ in range(4)))
        return {answer.json()[0]["data"] for answer in answers}

    assert asyncio.run(threads(1, meets=False)) == {"workflowkit-serve_0"}
    assert asyncio.run(threads(2, meets=True)) == {"workflowkit-serve_0", "workflowkit-serve_1"}


@pytest.mark.parametrize("given", [0, "many", True, 10_000])
def test_what_is_no_number_of_threads_is_refused(given: Any) -> None:
    with pytest.raises(InvalidInput, match="max_threads"):
        an_app().serve(is_dev=True, max_threads=given)


def test_only_calls_are_answered_before_the_answer_is_known() -> None:
    wk, _ = _two()
    with served(wk, is_dev=True, streaming=True) as url:
        assert httpx.get(url).status_code == 200
        assert httpx.post(f"{url}?probe=trust").status_code == 200
        assert Caller(url, slug="shop-one").call().status_code == 201


# --- middleware


class _Noting(Middleware):
    seen: list[str] = []  # noqa: RUF012 - of one test

    def transform_input(self, ctx: Any, inputs: dict[str, Any]) -> None:
        ctx.deps.seen = "set by middleware"

    def transform_step_output(self, step_id: str, output: Any) -> Any:
        return [output, "seen"]

    def transform_output(self, result: Any) -> Any:
        return {"result": result}

    def on_error(self, failure: Failure) -> None:
        self.seen.append(f"{failure.error.message} {failure.is_final}")


def test_middleware_changes_what_is_told_and_hears_of_errors_in_functions_documents_and_handlers_of_failures() -> None:
    wk, _Noting.seen = an_app(), []
    wk.use(_Noting)

    @wk.action("count", retries=1)
    def count(ctx: Any, n: int) -> int:
        if n < 0:
            raise ValueError("below zero")
        return n

    def failed(ctx: Any) -> str:
        raise NonRetriableError("no handler")

    @wk.function("fn", trigger={"event": "go"}, on_failure=failed)
    def fn(ctx: Any) -> Any:
        return [ctx.step.run("a", lambda: 1), ctx.deps.seen]

    document = {
        "name": "Counts", "triggers": [{"event": "go"}],
        "actions": [{"id": "c", "kind": "count", "inputs": {"n": "!ref($.event.data.n)"}}],
        "edges": [{"from": "$source", "to": "c"}],
    }  # fmt: skip
    with served(wk, is_dev=True, workflows={"counts": document}) as url:
        (step,) = Caller(url).operations()
        done = Caller(url).call({"a": {"data": step["data"]}})
        (node,) = Caller(url, slug="shop-counts").operations()
        for attempt in (0, 1):
            Caller(url, slug="shop-counts").call(event={"data": {"n": -1}}, attempt=attempt)
        Caller(url, slug="shop-fn-failure").call(event={"name": "inngest/function.failed"})
    assert step["data"] == [1, "seen"]
    assert done.json() == {"result": [[1, "seen"], "set by middleware"]}
    assert node["data"] == {"result": 4}
    assert _Noting.seen == ["below zero False", "below zero True", "no handler True"]


class _Sending(Middleware):
    seen: list[Any] = []  # noqa: RUF012 - of one test

    def before_send_events(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            event["data"]["by"] = "middleware"

    def after_send_events(self, ids: Any, error: BaseException | None = None) -> None:
        self.seen.append((list(ids), None if error is None else type(error).__name__))


@pytest.mark.parametrize("status", [200, 400])
def test_middleware_hears_what_became_of_events_that_are_sent_with_a_result(status: int) -> None:
    received: list[Received] = []

    def answer(each: Received) -> bytes:
        received.append(each)
        return reply(status, b'{"ids":["e1"],"status":200}')

    wk, _Sending.seen = an_app(), []
    wk.use(_Sending)
    wk.function("fn", trigger={"event": "go"})(lambda ctx: ctx.send_event("told", {"n": 1}))
    with ScriptedServer(answer) as server, served(wk, is_dev=True, base_url=server.url) as url:
        done = Caller(url).call()
    (sent,) = json.loads(received[0].body)
    assert (sent["name"], sent["data"]) == ("told", {"n": 1, "by": "middleware"})
    assert done.status_code == (200 if status == 200 else 500)
    assert _Sending.seen == [(["e1"], None) if status == 200 else ([], "ActionError")]
