"""Apps that hang up, answer nonsense or do not stop: their runs fail or retry with a named error, on both databases."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import inngest
import pytest
from remoteapps import SDK, Answer, operations, register
from runtimes import Harness
from scripted_server import Received, ScriptedServer, reply
from sdkapps import SdkApp

from workflowkit.base.limits import Limits


def outcome(remote_harness: Harness, answer: Answer, *, retries: int = 0) -> dict[str, Any]:
    """Return the run of a function whose app answers so, once nothing more happens by itself."""
    with ScriptedServer(answer) as app:
        register(remote_harness, f"{app.url}/api/inngest", retries=retries)
        remote_harness.send("go")
        remote_harness.drain()
    row = remote_harness.run()
    error = row["error"]
    return {"status": row["status"], "error": json.loads(error) if isinstance(error, str) else error}


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lambda _: b"", "action-failed"),
        (lambda _: b"nonsense\r\n\r\n", "action-failed"),
        (lambda _: b"HTTP/1.1 206 Status\r\nx-inngest-sdk: x\r\ncontent-length: 99\r\n\r\n[", "action-failed"),
        (lambda _: b"HTTP/1.1 200 Status\r\nx-inngest-sdk: x\r\ntransfer-encoding: chunked\r\n\r\nzz", "action-failed"),
        (lambda _: b"HTTP/1.1 200 Status\r\n" + b"x-long: " + b"x" * 200_000, "action-failed"),
        (lambda _: operations({"op": "StepRun", "id": 7, "data": 1}), "bad-reply"),
        # A name that is none is an empty one, and that a short sleep: the app waits once more for what has ended.
        (lambda _: operations({"op": "Sleep", "id": "a" * 40, "opts": [], "name": {}}), "bad-reply"),
        (lambda _: operations({"op": "Sleep", "id": "a" * 40, "opts": {"duration": 7}}), "non-retriable"),
        (lambda _: reply(200, b'"fine"'), "not-sdk"),
        (lambda _: reply(502, b"bad gateway"), "not-sdk"),
        (lambda _: operations({"op": "StepRun", "id": "a\0b", "data": 1}), "bad-reply"),
        (lambda _: operations({"op": "Sleep", "id": "a\0b", "name": "1s"}), "bad-reply"),
        (lambda _: operations({"op": "WaitForEvent", "id": "a\0b", "opts": {"event": "x"}}), "bad-reply"),
        (lambda _: operations({"op": "StepRun", "id": "a" * 1_000, "data": 1}), "non-retriable"),
        (lambda _: operations("text"), "bad-reply"),
        (lambda _: operations({"op": 7}), "bad-reply"),
        (lambda _: operations({"op": "StepRun", "data": 1}), "bad-reply"),
        (lambda _: operations({"op": "Teleport", "id": "a" * 40}), "unsupported-operation"),
        (lambda _: operations({"op": "StepRun", "id": "a" * 40, "data": 2**60}), "no-progress"),
        (lambda _: reply(200, b"[" * 500 + b"]" * 500, **SDK), "invalid-output"),
        (lambda _: operations({"op": "Sleep", "id": "a" * 40, "name": "soon"}), "non-retriable"),
        (lambda _: operations({"op": "Sleep", "id": "a" * 40, "name": "9999d"}), "non-retriable"),
        (lambda _: operations({"op": "InvokeFunction", "id": "a" * 40}), "non-retriable"),
        (lambda _: operations({"op": "InvokeFunction", "id": "a" * 40, "opts": {"function_id": 7}}), "non-retriable"),
        (lambda _: operations({"op": "WaitForSignal", "id": "a" * 40, "opts": {"signal": {}}}), "non-retriable"),
        (lambda _: operations({"op": "WaitForEvent", "id": "a" * 40, "opts": {"event": 7}}), "invalid-input"),
        (
            lambda _: operations({"op": "WaitForEvent", "id": "a" * 40, "name": "x", "opts": {"if": "("}}),
            "non-retriable",
        ),
        (lambda _: operations({"op": "StepError", "id": "a" * 40, "error": {"name": 7, "message": []}}), "no-progress"),
        (lambda _: operations({"op": "StepPlanned", "id": "a" * 40}), "bad-reply"),
        (lambda _: operations([], None), "bad-reply"),
        (lambda _: operations(*[{"op": "None", "id": "x"}] * 2_001), "limit-exceeded"),
        (lambda _: reply(206, b"not json", **SDK), "bad-reply"),
        (lambda _: reply(201, b'{"status": "200"}', **SDK), "bad-reply"),
        (lambda _: reply(307, b"", location="http://127.0.0.1:1/"), "action-failed"),
        (lambda _: reply(200, b"\x1f\x8b\x08garbage", content_encoding="gzip", **SDK), "action-failed"),
        (lambda _: operations(), "no-progress"),
        (lambda _: operations({"op": "None", "id": ""}), "no-progress"),
        (lambda _: reply(201, b"[]", **SDK), "bad-reply"),
        (lambda _: reply(200, b'"' + b"x" * 70_000 + b'"', **SDK), "limit-exceeded"),
    ],
)
def test_a_reply_that_is_none_fails_the_run_with_a_named_error(
    remote_harness: Harness, answer: Answer, code: str
) -> None:
    found = outcome(remote_harness, answer)
    assert (found["status"], found["error"]["code"]) == ("failed", code)


#: The limit of a call is 2 seconds here; a machine that is busy may take a while to notice.
HELD_SECONDS = 20


def test_an_app_that_never_answers_is_given_up_at_the_limit(remote_harness: Harness) -> None:
    with ScriptedServer() as app:
        register(remote_harness, f"{app.url}/api/inngest")
        remote_harness.send("go")
        began = time.monotonic()
        remote_harness.drain()
        assert time.monotonic() - began < HELD_SECONDS
    assert remote_harness.run()["status"] == "failed"
    assert json.loads(remote_harness.run()["error"])["code"] == "action-timeout"


def test_an_app_that_answers_drop_by_drop_is_given_up_at_the_limit(remote_harness: Harness) -> None:
    drop = threading.Event()

    def trickle() -> Iterator[bytes]:
        yield b"HTTP/1.1 206 Status\r\nx-inngest-sdk: x\r\ncontent-length: 10000\r\n\r\n"
        while not drop.wait(0.1):
            yield b" "

    began = time.monotonic()
    try:
        found = outcome(remote_harness, lambda _: trickle())
    finally:
        drop.set()
    assert time.monotonic() - began < HELD_SECONDS
    assert (found["status"], found["error"]["code"]) == ("failed", "action-timeout")


def test_an_app_that_keeps_the_connection_busy_and_then_answers_is_heard(remote_harness: Harness) -> None:
    inside = json.dumps({"status": 206, "headers": {}, "body": [{"op": "RunComplete", "id": "x", "data": 7}]}).encode()
    head = f"HTTP/1.1 201 Status\r\nx-inngest-sdk: x\r\ncontent-length: {len(inside) + 30}\r\n\r\n".encode()
    assert outcome(remote_harness, lambda _: [head, *[b" "] * 30, inside])["status"] == "completed"
    assert json.loads(remote_harness.run()["output"]) == 7


def test_an_app_that_is_away_is_called_again_with_what_it_had(remote_harness: Harness) -> None:
    step = {"op": "StepRun", "id": "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8", "userland": {"id": "a"}, "data": 7}
    calls: list[Any] = []

    def answer(received: Received) -> bytes:
        calls.append(json.loads(received.body)["steps"])
        return [operations(step), reply(503), reply(200, b"1", **SDK)][len(calls) - 1]

    with ScriptedServer(answer) as app:
        register(remote_harness, f"{app.url}/api/inngest", retries=1)
        remote_harness.send("go")
        remote_harness.drain()
        assert remote_harness.run()["status"] == "running"
        remote_harness.skip(3_600)
    assert remote_harness.run()["status"] == "completed"
    known = {"86f7e437faa5a7fce15d1ddcb9eaeaea377667b8": {"data": 7}}
    assert calls == [{}, known, known]


def test_a_streamed_reply_counts_as_what_is_inside(remote_harness: Harness) -> None:
    inside = json.dumps({"status": 200, "headers": {}, "body": '"streamed"'}).encode()
    assert outcome(remote_harness, lambda _: reply(201, b"   " + inside, **SDK))["status"] == "completed"


def test_as_many_steps_side_by_side_as_a_run_may_have(remote_harness: Harness) -> None:
    most = Limits().parallel_branches
    ids = [hashlib.sha1(f"s{number}".encode()).hexdigest() for number in range(most + 50)]

    def answer(received: Received) -> bytes:
        known = json.loads(received.body)["steps"]
        if not known:
            return operations(*({"op": "StepRun", "id": id, "userland": {"id": id}, "data": 1} for id in ids))
        return reply(200, json.dumps(len(known)).encode(), **SDK)

    assert outcome(remote_harness, answer)["status"] == "completed"
    assert json.loads(remote_harness.run()["output"]) == len(ids)


def test_a_step_that_is_reported_twice_keeps_its_first_result(remote_harness: Harness) -> None:
    step = {"op": "StepRun", "id": "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8", "userland": {"id": "a"}}
    states: list[Any] = []

    def answer(received: Received) -> bytes:
        states.append(json.loads(received.body)["steps"])
        return operations({**step, "data": len(states)}) if len(states) < 3 else reply(200, b"null", **SDK)

    assert outcome(remote_harness, answer)["status"] == "completed"
    assert states[-1] == {"86f7e437faa5a7fce15d1ddcb9eaeaea377667b8": {"data": 1}}


def test_times_in_nanoseconds_do_not_keep_a_reply_from_being_read(remote_harness: Harness) -> None:
    step = {"op": "StepRun", "id": "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8", "userland": {"id": "a"}, "data": 1}
    timed = {**step, "timing": {"a": 1795720725230000000, "b": 0}}
    done = {"op": "RunComplete", "id": "0737c22d3bfae812339732d14d8c7dbd6dc4e09c", "data": "done"}

    def answer(received: Received) -> bytes:
        return operations(done if json.loads(received.body)["steps"] else timed)

    assert outcome(remote_harness, answer)["status"] == "completed"


def test_an_app_that_has_moved_is_called_where_it_is(remote_harness: Harness) -> None:
    sleep = {"op": "Sleep", "id": "a" * 40, "name": "1h", "opts": {}}
    with ScriptedServer(lambda _: operations(sleep)) as old:
        register(remote_harness, f"{old.url}/api/inngest")
        remote_harness.send("go")
        remote_harness.drain()
    with ScriptedServer(lambda _: reply(200, b"1", **SDK)) as new:
        register(remote_harness, f"{new.url}/api/inngest")
        remote_harness.skip(3_601)
        assert len(new.received) == 1
    assert remote_harness.run()["status"] == "completed"


@pytest.mark.parametrize(
    "options", [None, {}, {"fn_slug": "shop-f"}, {"fn_slug": 7, "input": {}}, {"fn_slug": "shop-f", "input": [1]},
                {"fn_slug": "shop-f", "input": {"n": 2**60}}],
)  # fmt: skip
def test_a_deferred_function_that_is_none_does_not_fail_its_parent(remote_harness: Harness, options: Any) -> None:
    done = {"op": "RunComplete", "id": "x", "data": 1}
    wanted = {"op": "DeferAdd", "id": "b" * 40, "opts": options}
    assert outcome(remote_harness, lambda _: operations(wanted, done))["status"] == "completed"


def test_a_deferred_function_that_there_is_not_starts_nothing(remote_harness: Harness) -> None:
    done = {"op": "RunComplete", "id": "x", "data": 1}
    wanted = {"op": "DeferAdd", "id": "b" * 40, "opts": {"fn_slug": "shop-gone", "input": {}}}
    assert outcome(remote_harness, lambda _: operations(wanted, done))["status"] == "completed"


def test_a_function_that_defers_itself_is_bounded_in_number(remote_harness: Harness) -> None:
    done = {"op": "RunComplete", "id": "x", "data": 1}

    def answer(received: Received) -> bytes:
        body = json.loads(received.body)
        if body["event"]["name"] != "go":
            return operations(done)
        slug = {"fn_slug": "shop-f", "input": {"n": 1}}
        return operations(*({"op": "DeferAdd", "id": f"{n:040d}", "opts": slug} for n in range(25)), done)

    with ScriptedServer(answer) as app:
        register(remote_harness, f"{app.url}/api/inngest")
        remote_harness.send("go")
        remote_harness.drain()
    statuses = remote_harness.column("SELECT status FROM runs")
    assert statuses == ["completed"] * 21


def test_a_function_that_the_app_does_not_have_any_more_fails_with_what_the_sdk_says(shared_sdk: SdkApp) -> None:
    sdk = shared_sdk

    @sdk.client.create_function(fn_id="kept", trigger=inngest.TriggerEvent(event="kept"))
    def kept(ctx: inngest.ContextSync) -> None:
        pass

    with sdk.serve([kept]):
        runtime = {"type": "http", "url": f"{sdk.app_url}?fnId=shop-gone&stepId=step"}
        step = {"id": "step", "name": "step", "runtime": runtime, "retries": {"attempts": 0}}
        gone = {"id": "shop-gone", "name": "Gone", "triggers": [{"event": "gone"}], "steps": {"step": step}}
        payload = {"appName": "shop", "url": sdk.app_url, "sdk": "py:v0.5.19", "functions": [gone]}
        assert httpx.post(f"{sdk.server}/fn/register", json=payload).status_code == 200
        run = sdk.run_of(sdk.send("gone"))
    assert run["status"] == "Failed"
    assert "shop-gone" in run["output"]["message"]


def test_a_registration_that_is_too_large_is_refused(shared_sdk: SdkApp) -> None:
    body = b'{"appName": "shop", "functions": [' + b" " * 11_000_000 + b"]}"
    answer = httpx.post(f"{shared_sdk.server}/fn/register", content=body)
    assert (answer.status_code, answer.json()["code"]) in [(413, "limit-exceeded"), (413, "request-entity-too-large")]
