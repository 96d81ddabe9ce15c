from __future__ import annotations

import base64
from typing import Any

import pytest
from scripted_server import ScriptedServer, reply

from workflowkit.base.errors import (
    ActionError,
    DestinationForbidden,
    InvalidInput,
    NonRetriableError,
    RetryAfterError,
)
from workflowkit.base.netguard import NetworkPolicy
from workflowkit.engine.context import ActionConfig, RunInfo, StepContext, StepInfo
from workflowkit.engine.executor import execute
from workflowkit.engine.outcome import Failed, Succeeded
from workflowkit.registry import ActionSpec, Registry, load_builtin_actions

JSON = "application/json"


def the_action() -> ActionSpec:
    registry = Registry()
    load_builtin_actions(registry)
    spec = registry.get("http_request")
    assert spec is not None
    return spec


def a_context(policy: NetworkPolicy) -> StepContext:
    return StepContext(
        event={"name": "test", "data": {}},
        run=RunInfo("r1", "w1", "v1", "default", "default"),
        step=StepInfo("a1", "a1", "http_request", "call"),
        attempt=0,
        idempotency_key="key-1",
        state={},
        workflow={},
        config=ActionConfig(network=policy),
    )


def call(server: ScriptedServer, path: str = "/", **inputs: Any) -> Any:
    policy = NetworkPolicy(allowed_hosts=frozenset({server.host}))
    return the_action().handler(a_context(policy), url=server.url + path, **inputs)


def answering(status: int = 200, body: bytes = b"", **headers: str) -> ScriptedServer:
    return ScriptedServer(lambda _: reply(status, body, **headers))


def test_the_answer_has_status_headers_and_body() -> None:
    with answering(201, b'{"id": [1, 2.5]}', content_type="application/json; charset=utf-8", x_a="1") as server:
        output = call(server, method="POST", body={"a": 1})
    headers = {"content-length": "16", "content-type": "application/json; charset=utf-8", "x-a": "1"}
    assert output == {"status": 201, "headers": headers, "body": {"id": [1, 2.5]}, "body_format": "json"}


@pytest.mark.parametrize(
    ("body", "headers", "sent", "content_type"),
    [
        ({"a": [1, "ü"]}, {}, '{"a":[1,"ü"]}', JSON),
        ([], {}, "[]", JSON),
        (False, {}, "false", JSON),
        (0, {}, "0", JSON),
        ("text ü", {}, "text ü", "text/plain; charset=utf-8"),
        ("", {}, "", "text/plain; charset=utf-8"),
        ('{"raw":1}', {"content-type": JSON}, '{"raw":1}', JSON),
        ({"a": 1}, {"Content-Type": "application/vnd.x+json"}, '{"a":1}', "application/vnd.x+json"),
        (
            {"a": "x y&", "b": [1, True, "ü"], "c": None, "d": 1.5},
            {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
            "a=x+y%26&b=1&b=true&b=%C3%BC&d=1.5",
            "application/x-www-form-urlencoded; charset=utf-8",
        ),
    ],
)
def test_a_body_is_sent_in_the_form_its_type_asks_for(
    body: Any, headers: dict[str, str], sent: str, content_type: str
) -> None:
    with answering() as server:
        call(server, method="POST", body=body, headers=headers)
    (received,) = server.received
    assert (received.body.decode(), received.headers["content-type"]) == (sent, content_type)


def test_no_body_has_no_content_type() -> None:
    with answering() as server:
        call(server, method="POST")
    assert "content-type" not in server.received[0].headers


@pytest.mark.parametrize(
    ("path", "query", "target"),
    [
        ("/p", {"q": "a b&c", "n": 1, "l": ["x", 2], "none": None, "yes": True}, "/p?q=a+b%26c&n=1&l=x&l=2&yes=true"),
        ("/p?a=1", {"b": "ü"}, "/p?a=1&b=%C3%BC"),
        ("/p?a=1#top", {"b": 2}, "/p?a=1&b=2"),
        ("/p#top", {}, "/p"),
    ],
)
def test_a_query_is_added_to_the_url(path: str, query: dict[str, Any], target: str) -> None:
    with answering() as server:
        call(server, path, query=query)
    assert server.received[0].target == target


def test_a_query_is_flat() -> None:
    with answering() as server, pytest.raises(InvalidInput) as caught:
        call(server, query={"a": {"b": 1}})
    assert [(problem.pointer, problem.code) for problem in caught.value.problems] == [("/inputs/query", "not-flat")]


@pytest.mark.parametrize(
    ("method", "headers", "key"),
    [
        ("GET", {}, None),
        ("HEAD", {}, None),
        ("OPTIONS", {}, None),
        ("POST", {}, "key-1"),
        ("PUT", {}, "key-1"),
        ("PATCH", {}, "key-1"),
        ("DELETE", {}, "key-1"),
        ("POST", {"idempotency-KEY": "mine"}, "mine"),
    ],
)
def test_requests_that_change_something_carry_the_key_of_the_step(
    method: str, headers: dict[str, str], key: str | None
) -> None:
    with answering() as server:
        call(server, method=method, headers=headers)
    assert server.received[0].method == method
    assert server.received[0].headers.get("idempotency-key") == key


@pytest.mark.parametrize(
    ("content_type", "raw", "body", "body_format"),
    [
        (JSON, b"[1]", [1], "json"),
        ("application/problem+json", b"{}", {}, "json"),
        ("APPLICATION/JSON", b"null", None, "json"),
        (JSON, b'{"a":1,"a":2}', '{"a":1,"a":2}', "text"),
        (JSON, b"NaN", "NaN", "text"),
        (JSON, b"{", "{", "text"),
        (JSON, b"", "", "text"),
        (JSON, b"[" * 64 + b"]" * 64, "[" * 64 + "]" * 64, "text"),
        (JSON, b"[" * 5000, "[" * 5000, "text"),
        ("text/plain", b"[1]", "[1]", "text"),
        ("", "ü".encode(), "ü", "text"),
        ("text/html; charset=ISO-8859-1", b"\xfc", "ü", "text"),
        ('text/html; a=b; Charset="windows-1252"', b"\x80", "€", "text"),
        ("text/plain; charset=utf-7", b"+AGE-", "+AGE-", "text"),
        ("text/plain; charset=rot13", b"abc", "abc", "text"),
        ("image/png", b"\x89PNG\xff", base64.b64encode(b"\x89PNG\xff").decode(), "base64"),
        ("text/plain", b"a\0b", base64.b64encode(b"a\0b").decode(), "base64"),
    ],
)
def test_a_body_becomes_json_text_or_base64(content_type: str, raw: bytes, body: Any, body_format: str) -> None:
    with answering(200, raw, content_type=content_type) as server:
        output = call(server)
    assert (output["body"], output["body_format"]) == (body, body_format)


def test_every_output_is_valid_json_for_the_engine() -> None:
    with answering(200, b"[" * 63 + b"]" * 63, content_type=JSON, x_latin="\u00fc") as server:
        policy = NetworkPolicy(allowed_hosts=frozenset({server.host}))
        outcome = execute(the_action(), a_context(policy), {"url": server.url}, deadline_seconds=10)
    assert isinstance(outcome, Succeeded)
    assert outcome.output["body_format"] == "json"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, NonRetriableError),
        (401, NonRetriableError),
        (404, NonRetriableError),
        (422, NonRetriableError),
        (304, NonRetriableError),
        (408, ActionError),
        (409, ActionError),
        (425, ActionError),
        (429, ActionError),
        (500, ActionError),
        (502, ActionError),
        (503, ActionError),
        (599, ActionError),
    ],
)
def test_the_status_decides_whether_to_try_again(status: int, error: type[Exception]) -> None:
    with answering(status) as server, pytest.raises(ActionError) as caught:
        call(server)
    assert type(caught.value) is error
    assert caught.value.message == f"GET {server.host} answered {status}"


def test_an_error_shows_the_start_of_the_answer_on_one_line() -> None:
    with (
        answering(404, b"no such\r\norder\x1b[31m " + b"x" * 500) as server,
        pytest.raises(NonRetriableError) as caught,
    ):
        call(server, "/orders?token=secret")
    assert caught.value.message.startswith(f"GET {server.host} answered 404: no such  order [31m xxx")
    assert len(caught.value.message) < 260
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("status", "expected", "succeeds"),
    [(404, [200, 404], True), (200, [200, 404], True), (201, [200], False), (200, [], True), (500, [500], True)],
)
def test_the_author_may_say_which_statuses_are_expected(status: int, expected: list[int], succeeds: bool) -> None:
    with answering(status) as server:
        if succeeds:
            assert call(server, expected_status=expected)["status"] == status
        else:
            with pytest.raises(NonRetriableError):
                call(server, expected_status=expected)


@pytest.mark.parametrize(
    ("retry_after", "date", "delay"),
    [
        ("120", "", 120),
        ("0", "", 0),
        ("99999999999999999999", "", 999_999_999),
        ("Wed, 21 Oct 2015 07:30:00 GMT", "Wed, 21 Oct 2015 07:28:00 GMT", 120),
        ("Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:30:00 GMT", 0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", "", 0),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_service_may_say_when_to_come_back(status: int, retry_after: str, date: str, delay: float) -> None:
    headers = {"retry_after": retry_after} | ({"date": date} if date else {})
    with answering(status, b"", **headers) as server, pytest.raises(RetryAfterError) as caught:
        call(server)
    assert caught.value.delay_seconds == delay


@pytest.mark.parametrize("retry_after", ["soon", "-5", "1.5", "\xb2", "", "Wed, 99 Oct 2015 07:28:00 GMT"])
def test_a_delay_that_makes_no_sense_is_ignored(retry_after: str) -> None:
    with answering(429, b"", retry_after=retry_after) as server, pytest.raises(ActionError) as caught:
        call(server)
    assert type(caught.value) is ActionError


def test_a_delay_counts_only_where_waiting_helps() -> None:
    with answering(404, b"", retry_after="5") as server, pytest.raises(NonRetriableError):
        call(server)


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://169.254.169.254/latest/", "file:///etc/passwd", "//x"])
def test_the_network_policy_of_the_installation_holds(url: str) -> None:
    with pytest.raises(DestinationForbidden):
        the_action().handler(a_context(NetworkPolicy()), url=url)
    outcome = execute(the_action(), a_context(NetworkPolicy()), {"url": url}, deadline_seconds=10)
    assert isinstance(outcome, Failed)
    assert (outcome.error.code, outcome.error.retryable) == ("destination-forbidden", False)


def test_an_author_cannot_set_headers_of_the_connection() -> None:
    with answering() as server, pytest.raises(NonRetriableError, match="may not be set"):
        call(server, headers={"Host": "internal.example"})


def test_the_public_half_describes_every_input() -> None:
    inputs = the_action().public()["inputs"]
    assert inputs["required"] == ["url"]
    assert [name for name, schema in inputs["properties"].items() if not schema.get("description")] == []
