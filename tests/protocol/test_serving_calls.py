"""Single calls of an app of ours, against what the protocol says of requests and answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from scripted_server import Received, ScriptedServer, reply
from sdkapps import a_server, serving
from servedapps import PATH, Caller, an_app, registered, served, sync

from workflowkit import Failure, Middleware, NonRetriableError, RetryAfterError, StepError, WorkflowKit
from workflowkit.base.clock import SystemClock
from workflowkit.base.errors import DefinitionError, InvalidInput
from workflowkit.base.ids import new_id
from workflowkit.base.limits import Limits
from workflowkit.definition.cel import compile_expression
from workflowkit.inngest.canonical import canonical_json
from workflowkit.inngest.naming import hash_of
from workflowkit.inngest.signing import SIGNATURE_HEADER, SigningKeys, key_hash, sign

KEY, OTHER = "signkey-test-12345678", "signkey-test-87654321"
#: Hashes of the protocol's own captured requests.
HASH_OF_A = "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"


def _shop(handler: Any, **options: Any) -> WorkflowKit:
    wk = an_app()
    wk.function("fn", **({"trigger": {"event": "go"}} | options))(handler)
    return wk


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INNGEST_DEV", "INNGEST_SIGNING_KEY", "INNGEST_EVENT_KEY"):
        monkeypatch.delenv(name, raising=False)


# --- what a call is answered with


def test_a_step_is_executed_at_once_and_told_with_its_hash() -> None:
    wk = _shop(lambda ctx: ctx.step.run("a", lambda: {"x": 1}))
    with served(wk, is_dev=True) as url:
        answer = Caller(url).call()
    assert answer.status_code == 206
    assert answer.headers["x-inngest-sdk"].startswith("workflowkit:v")
    assert (answer.headers["x-inngest-req-version"], "x-inngest-no-retry" in answer.headers) == ("2", False)
    assert answer.json() == [
        {"op": "StepRun", "id": HASH_OF_A, "name": "a", "displayName": "a", "userland": {"id": "a", "index": None},
         "opts": None, "data": {"x": 1}}
    ]  # fmt: skip


def test_what_the_server_remembers_is_not_executed_and_the_result_is_told() -> None:
    wk = _shop(lambda ctx: [ctx.step.run("a", pytest.fail), ctx.step.sleep("nap", "1h"), ctx.attempt])
    with served(wk, is_dev=True) as url:
        answer = Caller(url).call({"a": {"data": {"x": 1}}, "nap": None}, attempt=2)
    assert (answer.status_code, answer.json()) == (200, [{"x": 1}, None, 2])


def test_repeats_of_an_id_are_numbered_as_the_protocol_numbers_them() -> None:
    wk = _shop(lambda ctx: [ctx.step.run("a", int, n) for n in range(3)])
    with served(wk, is_dev=True) as url:
        (third,) = Caller(url).operations({"a": {"data": 0}, "a:1": {"data": 1}})
    assert (third["id"], third["data"]) == (hash_of("a:2"), 2)


def test_a_number_that_is_the_id_of_another_step_is_passed_over_as_the_sdk_of_typescript_does() -> None:
    wk = _shop(lambda ctx: [ctx.step.run(step_id, str, step_id) for step_id in ("a", "a:1", "a")])
    with served(wk, is_dev=True) as url:
        (third,) = Caller(url).operations({"a": {"data": "a"}, "a:1": {"data": "a:1"}})
    assert (third["id"], third["data"]) == (hash_of("a:2"), "a")


def test_waits_are_told_in_the_forms_that_servers_read() -> None:
    def fn(ctx: Any) -> Any:
        ctx.step.sleep_until("nap", "2027-01-01T00:00:00Z")

    def waits(ctx: Any) -> Any:
        return ctx.step.wait_for_event("wait", "cap/go", if_="async.data.id == event.data.id", timeout="30s")

    def invokes(ctx: Any) -> Any:
        return ctx.step.invoke("inv", "shop/child", {"q": 2}, timeout="10s")

    def signals(ctx: Any) -> Any:
        return ctx.step.wait_for_signal("sig", "sig-1", timeout="20s")

    found = []
    for handler in (fn, waits, invokes, signals):
        with served(_shop(handler), is_dev=True) as url:
            found += Caller(url).operations()
    shown = [(each["op"], each["name"], each["opts"]) for each in found]
    assert shown == [
        ("Sleep", "2027-01-01T00:00:00.000Z", None),
        ("WaitForEvent", "cap/go", {"timeout": "30000ms", "if": "async.data.id == event.data.id"}),
        ("InvokeFunction", "inv",
         {"function_id": "shop-child", "payload": {"data": {"q": 2}}, "timeout": "10000ms"}),
        ("WaitForSignal", "sig-1", {"signal": "sig-1", "timeout": "20000ms", "conflict": "fail"}),
    ]  # fmt: skip


def test_functions_of_this_app_and_of_others_are_invoked_by_the_names_that_servers_have() -> None:
    wk = an_app()
    child = wk.function("child")(lambda ctx: 1)
    wk.function("fn", trigger={"event": "go"})(lambda ctx: ctx.step.invoke("invoked", ctx.event["data"]["id"]))
    found = []
    with served(wk, is_dev=True, app_id="other-name") as url:
        for invoked in (child.id, "billing/refund"):
            found += Caller(url, slug="other-name-fn").operations(event={"data": {"id": invoked}})
    assert [each["opts"]["function_id"] for each in found] == ["other-name-child", "billing-refund"]


def test_results_of_waits_are_read_in_the_forms_that_servers_remember() -> None:
    def fn(ctx: Any) -> Any:
        event = ctx.step.wait_for_event("got", "cap/go", timeout="1h")
        late = ctx.step.wait_for_event("late", "cap/go", timeout="1h")
        signal = ctx.step.wait_for_signal("sig", "s", timeout="1h")
        unsent = ctx.step.wait_for_signal("unsent", "u", timeout="1h")
        try:
            ctx.step.invoke("inv", "shop/child")
        except StepError as error:
            invoked = [error.name, error.cause_code, str(error)]
        return [event["data"], late, signal, unsent, invoked]

    remembered = {
        "got": {"data": {"i": 1}, "id": "e2", "name": "cap/go", "ts": 1, "user": {}}, "late": None,
        "sig": {"data": {"signal": "s", "data": {"hi": 1}}}, "unsent": None,
        "inv": {"error": {"name": "InngestInvokeTimeoutError", "message": "Timed out"}},
    }  # fmt: skip
    with served(_shop(fn), is_dev=True) as url:
        answer = Caller(url).call(remembered)
    assert answer.json() == [{"i": 1}, None, {"hi": 1}, None, ["InvokeTimeout", "invoke-timeout", "Timed out"]]


def test_an_error_that_the_server_remembers_keeps_its_code() -> None:
    def fn(ctx: Any) -> Any:
        try:
            ctx.step.run("a", pytest.fail)
        except StepError as error:
            return [error.name, error.cause_code]

    with served(_shop(fn), is_dev=True) as url:
        answer = Caller(url).call({"a": {"error": {"name": "X", "message": "m", "data": {"code": "action-timeout"}}}})
    assert answer.json() == ["X", "action-timeout"]


def test_steps_side_by_side_are_planned_and_only_the_one_that_is_asked_for_is_executed() -> None:
    calls: list[str] = []

    def fn(ctx: Any) -> Any:
        return ctx.group.parallel(
            [lambda: ctx.step.run("a", lambda: calls.append("a")), lambda: ctx.step.run("b", lambda: calls.append("b"))]
        )

    with served(_shop(fn), is_dev=True) as url:
        caller = Caller(url)
        planned = caller.operations()
        assert {each["op"] for each in planned} == {"StepPlanned"}
        assert sorted(each["displayName"] for each in planned) == ["a", "b"]
        assert calls == []
        (executed,) = caller.operations(target=hash_of("b"), plans_only=True)
        assert (executed["op"], executed["displayName"], calls) == ("StepRun", "b", ["b"])
        (last,) = caller.operations({"b": {"data": None}})
        assert (last["op"], last["displayName"], calls) == ("StepRun", "a", ["b", "a"])
        assert caller.call({"a": {"data": 1}, "b": {"data": 2}}).json() == [1, 2]


def test_nothing_is_executed_where_the_server_only_asks_what_is_next() -> None:
    for is_async in (False, True):
        wk = an_app()
        calls: list[int] = []

        async def waits(ctx: Any, calls: Any = calls) -> Any:
            return await ctx.step.run("a", calls.append, 1)

        handler = waits if is_async else (lambda ctx, calls=calls: ctx.step.run("a", calls.append, 1))
        wk.function("fn", trigger={"event": "go"})(handler)
        with served(wk, is_dev=True) as url:
            (planned,) = Caller(url).operations(plans_only=True)
        assert (planned["op"], planned["id"], calls) == ("StepPlanned", HASH_OF_A, [])


def test_a_step_that_is_gone_lets_the_server_ask_again() -> None:
    with served(_shop(lambda ctx: "done"), is_dev=True) as url:
        answer = Caller(url).call(target=hash_of("gone"))
    assert (answer.status_code, answer.json()) == (206, [])


def test_one_that_is_the_only_next_of_an_async_function_needs_no_second_call() -> None:
    async def fn(ctx: Any) -> Any:
        async def one() -> int:
            return 1

        return await asyncio.gather(ctx.step.run("a", one), ctx.step.run("b", one))

    with served(_shop(fn), is_dev=True) as url:
        (only,) = Caller(url).operations({"b": {"data": 2}})
    assert (only["op"], only["data"]) == ("StepRun", 1)


# --- errors


@pytest.mark.parametrize(
    ("error", "attempt", "op", "no_retry", "after"),
    [
        (ValueError("flaky"), 0, "StepError", "false", None),
        (ValueError("flaky"), 4, "StepFailed", "true", None),
        (NonRetriableError("no"), 0, "StepFailed", "true", None),
        (RetryAfterError("later", delay_seconds=90), 0, "StepError", "false", "90"),
    ],
)
def test_a_step_that_fails_says_whether_it_is_tried_again(
    error: Exception, attempt: int, op: str, no_retry: str, after: str | None
) -> None:
    def fail() -> None:
        raise error

    with served(_shop(lambda ctx: ctx.step.run("a", fail)), is_dev=True) as url:
        answer = Caller(url).call(attempt=attempt)
    (item,) = answer.json()
    assert (answer.status_code, item["op"], item["error"]["name"]) == (206, op, type(error).__name__)
    assert (answer.headers["x-inngest-no-retry"], answer.headers.get("retry-after")) == (no_retry, after)
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("error", "no_retry", "after"),
    [
        (ValueError("flaky"), "false", None),
        (NonRetriableError("nope"), "true", None),
        (RetryAfterError("later", delay_seconds=36), "false", "36"),
    ],
)
def test_a_function_that_fails_answers_500_and_says_whether_it_is_tried_again(
    error: Exception, no_retry: str, after: str | None
) -> None:
    def fn(ctx: Any) -> Any:
        raise error

    with served(_shop(fn), is_dev=True) as url:
        answer = Caller(url).call()
    assert (answer.status_code, answer.json()["name"]) == (500, type(error).__name__)
    assert (answer.headers["x-inngest-no-retry"], answer.headers.get("retry-after")) == (no_retry, after)


def test_a_step_of_another_kind_than_remembered_fails_for_good() -> None:
    with served(_shop(lambda ctx: ctx.step.run("a", lambda: 1)), is_dev=True) as url:
        answer = Caller(url).call({"a": None})
    assert (answer.status_code, answer.headers["x-inngest-no-retry"]) == (500, "true")
    assert "non-deterministic" in answer.json()["message"]


def test_a_step_that_only_our_server_has_is_refused_by_name() -> None:
    with served(_shop(lambda ctx: ctx.step.approval("ok", "Sure?", timeout="1d")), is_dev=True) as url:
        answer = Caller(url).call()
    assert (answer.status_code, answer.headers["x-inngest-no-retry"]) == (500, "true")
    assert "approval" in answer.json()["message"]


def test_there_are_no_secrets_of_ours_where_another_server_runs_functions() -> None:
    with served(_shop(lambda ctx: ctx.secret("stripe")), is_dev=True) as url:
        answer = Caller(url).call()
    assert (answer.status_code, answer.headers["x-inngest-no-retry"]) == (500, "true")
    assert "secret 'stripe': there are none where another server runs the function" in answer.json()["message"]


def test_an_unknown_function_is_an_error_that_is_tried_again() -> None:
    with served(_shop(lambda ctx: 1), is_dev=True) as url:
        answer = Caller(url, slug="shop-missing").call()
    assert (answer.status_code, answer.json()["code"]) == (404, "function_not_found")
    assert "x-inngest-no-retry" not in answer.headers


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"ctx":[]}', b'{"ctx":{},"event":{}}', b'{"ctx":{"run_id":"r","attempt":-1}}', b"\xff"]
)
def test_a_body_that_is_no_call_is_refused_for_good(body: bytes) -> None:
    with served(_shop(lambda ctx: 1), is_dev=True) as url:
        answer = httpx.post(url, params={"fnId": "shop-fn", "stepId": "step"}, content=body)
    assert (answer.status_code, answer.headers["x-inngest-no-retry"]) == (400, "true")
    assert answer.json()["code"] == "body_invalid"


def test_a_body_that_is_too_large_is_refused() -> None:
    wk = an_app(limits=Limits(serve_request_bytes=1_000))
    wk.function("fn", trigger={"event": "go"})(lambda ctx: 1)
    with served(wk, is_dev=True) as url:
        answer = Caller(url).call(event={"data": {"text": "x" * 2_000}})
    assert (answer.status_code, answer.headers["x-inngest-no-retry"]) == (413, "true")


def test_other_methods_are_not_there() -> None:
    with served(_shop(lambda ctx: 1), is_dev=True) as url:
        assert httpx.delete(url).status_code == 405


# --- who may call


@pytest.fixture
def production() -> Iterator[str]:
    wk = _shop(lambda ctx: ctx.step.run("a", lambda: 1))
    with served(wk, signing_key=KEY, signing_key_fallback=OTHER, event_key="e", base_url="http://127.0.0.1:9") as url:
        yield url


def test_a_signed_call_is_answered_and_the_answer_signed(production: str) -> None:
    for key in (KEY, OTHER):
        answer = Caller(production, key).call()
        assert answer.status_code == 206
        now = SystemClock().now_ms() // 1000
        SigningKeys(key).check_signature(answer.headers[SIGNATURE_HEADER], answer.content, now)


def test_a_call_without_a_signature_is_refused_whatever_its_headers_say(production: str) -> None:
    attempts: list[dict[str, Any]] = [
        {}, {"X-Inngest-Server-Kind": "dev"}, {SIGNATURE_HEADER: ""}, {SIGNATURE_HEADER: "t=1"},
    ]  # fmt: skip
    for headers in attempts:
        answer = Caller(production).call(**headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "sig_verification_failed")


def _signed(url: str, body: bytes, signature: str) -> httpx.Response:
    query = {"fnId": "shop-fn", "stepId": "step"}
    return httpx.post(url, params=query, content=body, headers={SIGNATURE_HEADER: signature})


def test_a_bit_that_is_flipped_an_old_signature_and_another_key_are_refused(production: str) -> None:
    body, now = canonical_json(Caller(production).payload({})), SystemClock().now_ms() // 1000
    good = sign(KEY, body, now)
    assert _signed(production, body, good).status_code == 206
    assert _signed(production, body.replace(b'"n":4', b'"n":5'), good).status_code == 401
    assert _signed(production, body, sign(KEY, body, now - 361)).status_code == 401
    assert _signed(production, body, sign(KEY, body, now + 361)).status_code == 401
    assert _signed(production, body, sign("signkey-test-00112233", body, now)).status_code == 401


def test_a_call_that_somebody_recorded_counts_once(production: str) -> None:
    payload = Caller(production).payload({})
    payload["ctx"]["request_id"] = "01M80Y7G9H"
    body = canonical_json(payload)
    signature = sign(KEY, body, SystemClock().now_ms() // 1000)
    assert _signed(production, body, signature).status_code == 206
    again = _signed(production, body, signature)
    assert (again.status_code, "before" in again.json()["message"]) == (401, True)


@pytest.mark.parametrize(
    "spelled",
    [
        lambda t, s: f"s={s}&t={t}",
        lambda t, s: f"t={t}&s={s}&x=1",
        lambda t, s: f"t=0&t={t}&s={s}",
        lambda t, s: f"t=%3{t[0]}{t[1:]}&s={s}",
    ],
    ids=["order", "more", "twice", "percent"],
)
def test_a_recorded_call_counts_once_however_its_signature_is_spelled(
    production: str, spelled: Callable[[str, str], str]
) -> None:
    payload = Caller(production).payload({})
    payload["ctx"]["request_id"] = new_id(SystemClock().now_ms())
    body = canonical_json(payload)
    signature = sign(KEY, body, SystemClock().now_ms() // 1000)
    assert _signed(production, body, signature).status_code == 206
    signed_at, mac = (part.partition("=")[2] for part in signature.split("&"))
    assert _signed(production, body, spelled(signed_at, mac)).status_code == 401
    for query in ({"fnId": "shop-fn"}, {"fnId": "shop-fn", "stepId": ""}):
        answer = httpx.post(production, params=query, content=body, headers={SIGNATURE_HEADER: signature})
        assert answer.status_code in (400, 401)


def test_a_key_with_a_newline_behind_it_is_that_key() -> None:
    with served(_shop(lambda ctx: 1), signing_key=KEY + "\n") as url:
        assert Caller(url, KEY).call().status_code == 200


def test_without_a_key_nothing_is_served_outside_of_development() -> None:
    with pytest.raises(InvalidInput, match="signing key"):
        _shop(lambda ctx: 1).serve()


def test_development_is_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INNGEST_DEV", "http://127.0.0.1:9999")
    with served(_shop(lambda ctx: 1)) as url:
        assert httpx.get(url).json()["mode"] == "dev"
        assert Caller(url).call().status_code == 200


# --- introspection, probe


def test_who_is_not_trusted_sees_counts_and_whether_there_are_keys(production: str) -> None:
    assert httpx.get(production).json() == {
        "schema_version": "2024-05-24", "function_count": 1, "has_event_key": True, "has_signing_key": True,
        "has_signing_key_fallback": True, "mode": "cloud",
    }  # fmt: skip
    signed = {SIGNATURE_HEADER: sign(KEY, b"", SystemClock().now_ms() // 1000)}
    trusted = httpx.get(production, headers=signed).json()
    assert (trusted["app_id"], trusted["authentication_succeeded"]) == ("shop", True)
    assert (trusted["signing_key_hash"], trusted["signing_key_fallback_hash"]) == (key_hash(KEY), key_hash(OTHER))
    wrong = {SIGNATURE_HEADER: sign("signkey-test-00112233", b"", SystemClock().now_ms() // 1000)}
    assert httpx.get(production, headers=wrong).status_code == 401


def test_a_probe_shows_that_both_sides_have_the_key(production: str) -> None:
    signed = {SIGNATURE_HEADER: sign(KEY, b"", SystemClock().now_ms() // 1000)}
    answer = httpx.post(production, params={"probe": "trust"}, headers=signed)
    assert (answer.status_code, SIGNATURE_HEADER in answer.headers) == (200, True)
    assert httpx.post(production, params={"probe": "other"}, headers=signed).status_code == 400
    assert httpx.post(production, params={"probe": "trust"}).status_code == 401


# --- registration


def test_registering_says_where_the_app_is_reached(tmp_path: Path) -> None:
    wk = _shop(lambda ctx: 1)
    with served(wk, is_dev=True, serve_origin="https://shop.example.com", serve_path="/x/inngest") as url:
        told = httpx.put(url, headers={"x-inngest-sync-kind": "in_band"}, json={"url": url}).json()
    assert told["url"] == "https://shop.example.com/x/inngest"
    (config,) = told["functions"]
    step = config["steps"]["step"]["runtime"]["url"]
    assert step == "https://shop.example.com/x/inngest?fnId=shop-fn&stepId=step"


def test_in_band_registration_needs_a_signature(production: str) -> None:
    body = canonical_json({"url": production})
    unsigned = httpx.put(production, content=body, headers={"x-inngest-sync-kind": "in_band"})
    assert unsigned.status_code == 401
    headers = {
        "x-inngest-sync-kind": "in_band", "x-inngest-server-kind": "cloud",
        SIGNATURE_HEADER: sign(KEY, body, SystemClock().now_ms() // 1000),
    }  # fmt: skip
    signed = httpx.put(production, content=body, headers=headers)
    assert (signed.status_code, signed.headers["x-inngest-sync-kind"]) == (200, "in_band")
    assert [each["id"] for each in signed.json()["functions"]] == ["shop-fn"]


@contextmanager
def _registering(**options: Any) -> Iterator[tuple[str, list[str]]]:
    """Serve an app that is not in development; give its address, and the addresses that it has registered."""
    registered: list[str] = []

    def answer(request: Received) -> bytes:
        payload = json.loads(request.body)
        registered.append(payload["url"])
        (config,) = payload["functions"]
        assert config["steps"]["step"]["runtime"]["url"] == f"{payload['url']}?fnId=shop-fn&stepId=step"
        return reply(200, b'{"ok":true,"modified":true}')

    with (
        ScriptedServer(answer) as server,
        served(_shop(lambda ctx: 1), signing_key=KEY, base_url=server.url, **options) as url,
    ):
        yield url, registered


#: What the sender of a request says of the host, where somebody believes it.
EVIL: dict[str, str] = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}


def test_nobody_who_does_not_sign_says_where_the_app_is(caplog: pytest.LogCaptureFixture) -> None:
    with _registering() as (url, registered):
        (warning,) = (each.message for each in caplog.records if each.levelname == "WARNING")
        for headers in ({}, EVIL, {**EVIL, "x-inngest-server-kind": "dev"}, {**EVIL, "x-inngest-sync-kind": "other"}):
            answer = httpx.put(url, headers=headers, json={"url": "http://evil.example/api/inngest"})
            assert (answer.status_code, "serve_origin" in answer.json()["message"]) == (401, True)
        forged = sync(url, "signkey-test-00112233", **EVIL)
    assert (forged.status_code, registered) == (401, [])
    assert "serve_origin (INNGEST_SERVE_ORIGIN) is not set" in warning


def test_with_its_origin_anybody_may_let_the_app_register_there_and_nowhere_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with _registering(serve_origin="https://shop.example.com") as (url, registered):
        assert not [each for each in caplog.records if each.levelname == "WARNING"]
        for headers in ({}, EVIL):
            answer = httpx.put(url, headers=headers, json={"url": "http://evil.example/elsewhere"})
            assert answer.json() == {"ok": True, "modified": True}
    assert registered == ["https://shop.example.com/api/inngest"] * 2


def test_a_server_that_signs_is_believed_where_it_has_called_and_else_where_it_came_to() -> None:
    with _registering() as (url, registered):
        assert sync(url, KEY, "https://shop.example.com/api/inngest", **EVIL).status_code == 200
        now = SystemClock().now_ms() // 1000
        assert httpx.put(url, headers={SIGNATURE_HEADER: sign(KEY, b"", now)}).status_code == 200
    assert registered == ["https://shop.example.com/api/inngest", url]


def test_a_server_of_the_other_kind_registers_nothing(production: str) -> None:
    answer = sync(production, KEY, **{"x-inngest-server-kind": "dev"})
    assert (answer.status_code, answer.json()["code"]) == (400, "server_kind_mismatch")


def test_a_server_that_is_not_there_is_told_without_its_address_of_keys(production: str) -> None:
    answer = sync(production, KEY)
    assert (answer.status_code, answer.json()["code"]) == (500, "registration_failed")
    assert KEY not in answer.text


def test_keys_are_changed_on_one_side_after_the_other(tmp_path: Path) -> None:
    """The app has the new key and the old one; the server has the old one only."""
    wk = an_app()
    wk.function("fn", trigger={"event": "go"})(lambda ctx: ctx.step.run("a", lambda: "done"))
    with (
        a_server(tmp_path, dev_mode=False, signing_key=OTHER, allow_private_networks=True) as (server, address),
        served(wk, signing_key=KEY, signing_key_fallback=OTHER, base_url=address) as url,
    ):
        synced = sync(url, OTHER)
        assert (synced.status_code, synced.json()["modified"]) == (200, True)
        (accepted,) = server.send({"name": "go", "data": {}})
        from sdkapps import SdkApp

        sdk = SdkApp(server, address, None)  # type: ignore[arg-type]  # only to look at runs
        run = sdk.run_of(accepted.id, headers={"Authorization": f"Bearer {key_hash(OTHER)}"})
    assert (run["status"], run["output"]) == ("Completed", "done")


def test_every_setting_that_the_protocol_has_is_registered() -> None:
    wk = an_app()
    wk.function(
        "fn",
        name="Steps fn",
        triggers=[
            {"event": "cap/steps", "if": "event.data.ok == true"},
            {"cron": "0 9 * * *", "timezone": "Europe/Paris"},
        ],
        retries=2,
        concurrency=[{"limit": 2, "key": "event.data.u"}, {"limit": 5, "scope": "environment", "key": "'all'"}],
        throttle={"limit": 5, "period": "10s", "burst": 2, "key": "event.data.u"},
        rate_limit={"limit": 1, "period": "1m"},
        priority="event.data.p",
        timeouts={"start": "5m", "finish": "10m"},
        singleton={"mode": "skip", "key": "event.data.k"},
        cancel_on=[{"event": "cap/cancel", "match": "data.id", "timeout": "1h"}],
    )(lambda ctx: 1)
    batched = {"max_size": 2, "timeout": "2s", "key": "event.data.k"}
    wk.function("batch", trigger={"event": "b"}, batch=batched)(lambda ctx: 1)
    still_for = {"period": 1.5, "timeout": "5s"}
    wk.function("still", trigger={"event": "s"}, debounce=still_for, idempotency="event.data.id")(lambda ctx: 1)
    wk.function("once", trigger={"event": "o"}, idempotency={"key": "event.data.id", "period": "1h"})(lambda ctx: 1)
    with served(wk, is_dev=True) as url:
        told = httpx.put(url, headers={"x-inngest-sync-kind": "in_band"}, json={"url": url}).json()["functions"]
    fn, batch, still, once = told
    del fn["steps"]["step"]["runtime"]
    assert fn == {
        "id": "shop-fn", "name": "Steps fn",
        "triggers": [
            {"event": "cap/steps", "expression": "event.data.ok == true"}, {"cron": "TZ=Europe/Paris 0 9 * * *"},
        ],
        "steps": {"step": {"id": "step", "name": "step", "retries": {"attempts": 2}}},
        "concurrency": [
            {"limit": 2, "key": "event.data.u", "scope": "fn"}, {"limit": 5, "key": "'all'", "scope": "env"},
        ],
        "throttle": {"limit": 5, "period": "10s", "burst": 2, "key": "event.data.u"},
        "rateLimit": {"limit": 1, "period": "60s"}, "priority": {"run": "event.data.p"},
        "timeouts": {"start": "300s", "finish": "600s"}, "singleton": {"mode": "skip", "key": "event.data.k"},
        "cancel": [
            {
                "event": "cap/cancel",
                "if": "async.data.id == event.data.id && event.data.id != null",
                "timeout": "3600s",
            }
        ],
    }  # fmt: skip
    assert batch["batchEvents"] == {"maxSize": 2, "timeout": "2s", "key": "event.data.k"}
    assert (still["debounce"], still["idempotency"]) == ({"period": "1500ms", "timeout": "5s"}, "event.data.id")
    assert once["rateLimit"] == {"limit": 1, "period": "3600s", "key": "event.data.id"}


def test_runs_of_schedules_that_may_not_overlap_are_a_singleton_that_other_runs_have_no_part_in() -> None:
    wk = an_app()
    triggers = [{"cron": "0 9 * * *", "overlap": "skip"}, {"event": "now"}]
    wk.function("fn", triggers=triggers)(lambda ctx: 1)
    with served(wk, is_dev=True) as url:
        (fn,) = httpx.put(url, headers={"x-inngest-sync-kind": "in_band"}, json={"url": url}).json()["functions"]
    key = compile_expression(fn["singleton"]["key"])
    names = ("inngest/scheduled.timer", "now")
    assert [key.evaluate({"event": {"name": name}}) for name in names] == [True, False]
    wk.function("other", triggers=[{"cron": "0 9 * * *", "overlap": "skip"}], singleton={"mode": "cancel"})(
        lambda ctx: 1
    )
    with pytest.raises(DefinitionError, match="without a singleton"):
        wk.serve(is_dev=True)


def test_what_the_protocol_has_no_words_for_is_refused_at_the_start() -> None:
    wk = an_app()
    wk.function(
        "fn",
        triggers=[{"cron": "0 9 * * *", "overlap": "queue"}],
        concurrency={"limit": 1, "scope": "tenant", "key": "'all'"},
        singleton={"mode": "queue_latest"},
    )(lambda ctx: 1)
    with pytest.raises(DefinitionError) as refused:
        wk.serve(is_dev=True)
    assert sorted(problem.pointer for problem in refused.value.problems) == [
        "/functions/shop/fn/settings/concurrency",
        "/functions/shop/fn/settings/singleton/mode",
        "/functions/shop/fn/triggers/0",
    ]


# --- other frameworks, streaming


def test_a_wsgi_application_serves_its_path_and_hands_over_the_rest() -> None:
    import flask

    behind = flask.Flask("behind")
    behind.add_url_rule("/hello", view_func=lambda: "hi")
    wk = _shop(lambda ctx: ctx.event["data"]["n"])
    behind.wsgi_app = wk.serve(is_dev=True).wsgi(behind.wsgi_app)  # type: ignore[method-assign]
    with serving(behind) as url:
        assert httpx.get(f"{url}/hello").text == "hi"
        answer = Caller(url + PATH).call()
    assert (answer.status_code, answer.json(), answer.headers["x-inngest-framework"]) == (200, 4, "wsgi")


def test_an_asgi_application_serves_its_path() -> None:
    wk = _shop(lambda ctx: ctx.step.run("a", lambda: ctx.event["data"]["n"]))
    app = wk.serve(is_dev=True).asgi()

    async def calls() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://app") as client:
            body = canonical_json(Caller("").payload({}))
            query = {"fnId": "shop-fn", "stepId": "step"}
            return [
                await client.post(PATH, params=query, content=body),
                await client.put(PATH, headers={"x-inngest-sync-kind": "in_band"}, json={"url": "http://x.example/p"}),
                await client.get("/elsewhere"),
            ]

    called, synced, elsewhere = asyncio.run(calls())
    assert (called.status_code, called.json()[0]["data"], called.headers["x-inngest-framework"]) == (206, 4, "asgi")
    assert synced.json()["url"] == "http://x.example/p"
    assert elsewhere.status_code == 404


def test_an_asgi_application_hands_over_what_is_not_for_its_path() -> None:
    seen: list[str] = []

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    async def nothing() -> Any:
        return {"type": "lifespan.shutdown"}

    sent: list[str] = []

    async def note(message: Any) -> None:
        sent.append(message["type"])

    served_app = _shop(lambda ctx: 1).serve(is_dev=True)
    asyncio.run(served_app.asgi(behind)({"type": "websocket", "path": PATH}, nothing, note))
    asyncio.run(served_app.asgi()({"type": "lifespan"}, nothing, note))
    assert (seen, sent) == (["websocket"], ["lifespan.shutdown.complete"])


def test_a_wsgi_application_below_a_prefix_registers_with_it() -> None:
    import flask
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    outer = flask.Flask("outer")
    inner = _shop(lambda ctx: 1).serve(is_dev=True).wsgi()
    outer.wsgi_app = DispatcherMiddleware(outer.wsgi_app, {"/flows": inner})  # type: ignore[method-assign]
    with serving(outer) as url:
        address = f"{url}/flows{PATH}"
        assert Caller(address).call().json() == 1
        told = httpx.put(address, headers={"x-inngest-sync-kind": "in_band"}, json={}).json()
    assert told["url"] == address


@pytest.mark.parametrize("framework", ["flask", "asgi"])
def test_an_answer_may_begin_before_it_is_known(framework: str) -> None:
    wk = _shop(lambda ctx: ctx.step.run("a", lambda: 1))
    if framework == "flask":
        with served(wk, is_dev=True, streaming=True) as url:
            answer = Caller(url).call()
    else:
        app = wk.serve(is_dev=True, streaming=True).asgi()

        async def call() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://app") as client:
                body = canonical_json(Caller("").payload({}))
                return await client.post(PATH, params={"fnId": "shop-fn", "stepId": "step"}, content=body)

        answer = asyncio.run(call())
    assert (answer.status_code, answer.text[0]) == (201, " ")
    inner = answer.json()
    assert (inner["status"], inner["body"][0]["data"]) == (206, 1)
    assert inner["headers"]["x-inngest-sdk"].startswith("workflowkit")


def test_a_streamed_function_runs_on_our_server(sdk: Any) -> None:
    wk = an_app()
    wk.function("fn", trigger={"event": "go"})(lambda ctx: ctx.step.run("a", lambda: "streamed"))
    with registered(wk, sdk, streaming=True):
        run = sdk.run_of(sdk.send("go"))
    assert run["output"] == "streamed"


# --- middleware and dependencies


def test_middleware_and_dependencies_surround_what_is_executed() -> None:
    wk = an_app()
    seen: list[str] = []

    class Noting(Middleware):
        def after_memoization(self) -> None:
            seen.append("new")

        def before_step(self, step_id: str) -> None:
            seen.append(f"before {step_id}")

        def after_step(self, step_id: str, failure: Failure | None = None) -> None:
            seen.append(f"after {step_id}")

    wk.use(Noting)
    wk.provide(number=lambda: 7)
    wk.function("fn", trigger={"event": "go"})(
        lambda ctx: [ctx.step.run("a", lambda: ctx.deps.number), ctx.step.run("b", int, 2)]
    )
    with served(wk, is_dev=True) as url:
        (first,) = Caller(url).operations()
        assert (first["data"], seen) == (7, ["new", "before a", "after a"])
        seen.clear()
        assert Caller(url).operations({"a": {"data": 7}})[0]["displayName"] == "b"
    assert seen == ["new", "before b", "after b"]
