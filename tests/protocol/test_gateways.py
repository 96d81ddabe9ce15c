"""Requests that functions want sent for them: to models, as their makers want them, and through the guard."""

from __future__ import annotations

import json
from typing import Any

import inngest
import pytest
from inngest.experimental import ai
from remoteapps import operations, register
from runtimes import Harness, a_runtime
from scripted_server import Received, ScriptedServer, reply
from sdkapps import SdkApp

from workflowkit.base.limits import Limits
from workflowkit.inngest.remote import install

DONE = {"op": "RunComplete", "id": "x", "data": 1}
ASK = "c" * 40


def test_the_sdk_of_python_asks_a_model(sdk: SdkApp) -> None:
    with ScriptedServer(lambda _: reply(200, b'{"content": "hello"}')) as model:

        @sdk.client.create_function(fn_id="asks", trigger=inngest.TriggerEvent(event="go"))
        def asks(ctx: inngest.ContextSync) -> dict[str, object]:
            adapter = ai.anthropic.Adapter(auth_key="secret", base_url=model.url, model="small")
            return ctx.step.ai.infer("ask", adapter=adapter, body={"messages": []})

        with sdk.serve([asks]):
            assert sdk.run_of(sdk.send("go"))["output"] == {"content": "hello"}
        (received,) = model.received
    assert (received.target, received.headers["x-api-key"]) == ("/messages", "secret")
    assert received.headers["anthropic-version"] == "2023-06-01"
    assert json.loads(received.body) == {"messages": [], "model": "small"}


def outcome(harness: Harness, code: str, options: dict[str, Any], *, retries: int = 0) -> list[Any]:
    """Return what the step of a request came to, as the app is told."""
    states: list[Any] = []

    def answer(received: Received) -> bytes:
        states.append(json.loads(received.body)["steps"])
        return operations(DONE if states[-1] else {"op": code, "id": ASK, "opts": options})

    with ScriptedServer(answer) as app:
        register(harness, f"{app.url}/api/inngest", retries=retries)
        harness.send("go")
        harness.drain()
        harness.skip(3_600)
    assert harness.run()["status"] == "completed"
    return [state[ASK] for state in states if state]


@pytest.mark.parametrize(
    ("where", "published"),
    [
        ({"channel": "room", "topic": "answers"}, [("room", "answers", [1])]),
        ({"channel": "room", "topic": "no topic"}, []),
        ({"channel": 7, "topic": "answers"}, []),
        ("room", []),
    ],
)
def test_an_answer_is_published_where_the_app_wants_it(
    remote_harness: Harness, where: object, published: list[tuple[str, str, object]]
) -> None:
    def answer(received: Received) -> bytes:
        options = {"url": model.url, "body": {}, "publish": where}
        known = json.loads(received.body)["steps"]
        return operations(DONE if known else {"op": "AIGateway", "id": ASK, "opts": options})

    with ScriptedServer(lambda _: reply(200, b"[1]")) as model, ScriptedServer(answer) as app:
        register(remote_harness, f"{app.url}/api/inngest")
        remote_harness.send("go")
        remote_harness.drain()
    run = remote_harness.run()
    assert run["status"] == "completed", run
    rows = remote_harness.rows("SELECT channel, topic, data FROM messages")
    assert [(row["channel"], row["topic"], json.loads(row["data"])) for row in rows] == published


@pytest.mark.parametrize(
    ("kind", "header", "target"),
    [
        ("anthropic", ("x-api-key", "key"), "/ask"),
        ("gemini", ("x-api-key", None), "/ask?alt=json&key=key"),
        ("bedrock", ("authorization", "key"), "/ask"),
        ("openai-chat", ("authorization", "Bearer key"), "/ask"),
    ],
)
def test_a_key_stands_where_the_maker_of_a_model_wants_it(
    remote_harness: Harness, kind: str, header: tuple[str, str | None], target: str
) -> None:
    with ScriptedServer(lambda _: reply(200, b"[1]")) as model:
        path = "/ask?alt=json&key=old" if kind == "gemini" else "/ask"
        options = {"url": f"{model.url}{path}", "auth_key": "key", "format": kind, "body": {"a": 1}}
        assert outcome(remote_harness, "AIGateway", options) == [{"data": [1]}]
        (received,) = model.received
    assert (received.method, received.target, received.headers.get(header[0])) == ("POST", target, header[1])


def test_a_model_that_is_busy_is_asked_again(remote_harness: Harness) -> None:
    answers = iter([reply(529, b"busy"), reply(200, b'"fine"')])
    with ScriptedServer(lambda _: next(answers)) as model:
        options = {"url": f"{model.url}/ask", "body": {}}
        assert outcome(remote_harness, "AIGateway", options, retries=1) == [{"data": "fine"}]
        assert len(model.received) == 2


def test_the_status_of_a_service_is_a_part_of_its_answer(remote_harness: Harness) -> None:
    with ScriptedServer(lambda _: reply(404, b"no\0pe", x_kind="odd")) as service:
        (known,) = outcome(remote_harness, "Gateway", {"url": f"{service.url}/x", "method": "GET"})
    data = known["data"]
    assert (data["status_code"], data["body"], data["headers"]["x-kind"]) == (404, "no\ufffdpe", "odd")


@pytest.mark.parametrize(
    ("code", "options"),
    [
        ("Gateway", {}),
        ("Gateway", {"url": 7}),
        ("Gateway", {"url": "file:///etc/passwd"}),
        ("Gateway", {"url": "http://169.254.169.254/latest/meta-data"}),
        ("Gateway", {"url": "http://127.0.0.1:1/", "method": "BREW"}),
        ("Gateway", {"url": "http://127.0.0.1:1/", "headers": {"Host": "other"}}),
        ("Gateway", {"url": "http://127.0.0.1:1/"}),
        ("AIGateway", {"body": {}}),
        ("AIGateway", {"url": "http://169.254.169.254/", "auth_key": "secret"}),
    ],
)
def test_a_request_that_cannot_be_sent_fails_the_step_under_its_name(
    remote_harness: Harness, code: str, options: dict[str, Any]
) -> None:
    (known,) = outcome(remote_harness, code, options)
    assert known["error"]["name"] == ("AIGatewayError" if code == "AIGateway" else "GatewayError")
    assert "secret" not in json.dumps(known)


def test_outside_of_development_apps_at_private_addresses_are_out_of_reach(sqlite_url: str) -> None:
    with (
        ScriptedServer(lambda _: operations(DONE)) as app,
        a_runtime(sqlite_url, signing_key="signkey-test-12345678", limits=Limits(remote_call_seconds=2)) as harness,
    ):
        install(harness.registry, lambda: harness.runtime.database, harness.runtime.settings)
        register(harness, f"{app.url}/api/inngest")
        harness.send("go")
        harness.drain()
        assert json.loads(harness.run()["error"])["code"] == "destination-forbidden"
        assert app.connections == 0
