"""What events deliveries become: by a mapping that is data, and by default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from workflowkit.base import jsonvalue
from workflowkit.base.errors import ExpressionError, InvalidInput, LimitExceeded
from workflowkit.base.limits import DEFAULT_LIMITS
from workflowkit.runtime.incoming import parse_event
from workflowkit.webhooks.delivery import Delivery, UnreadableBody, read_query
from workflowkit.webhooks.settings import parse_verification
from workflowkit.webhooks.templates import TEMPLATES, WebhookTemplate
from workflowkit.webhooks.transform import CONDITION_FALSE, Mapped, Transform, check_transform

NOW_MS = 1_767_225_600_000
JSON = {"content-type": "application/json"}


def delivered(body: Any = None, *, query: str = "", headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    raw = b"" if body is None else jsonvalue.dumps(body).encode()
    delivery = Delivery(headers={**JSON, **(headers or {})}, query=read_query(query, DEFAULT_LIMITS), raw=raw)
    return delivery.as_roots()


def apply(transform: Any, roots: Mapping[str, Any]) -> Mapped:
    assert transform is None or check_transform(transform) == []
    return Transform("hook", transform).apply(roots, now_ms=NOW_MS)


def event_of(transform: Any, roots: Mapping[str, Any]) -> dict[str, Any]:
    event = apply(transform, roots).event
    assert event is not None
    return event


def test_references_reach_body_headers_query_and_raw() -> None:
    transform = {
        "name": "shop/!ref($.body.kind)",
        "data": {"id": "!ref($.body.id)", "agent": "!ref($.headers.user-agent)", "all": ["!ref($.query.a)"],
                 "first": "!ref($.query.a[0])", "raw": "!ref($.raw)", "constant": 1},
        "id": "!ref($.body.id)",
    }  # fmt: skip
    roots = delivered({"kind": "paid", "id": 7}, query="a=1&a=2&b", headers={"user-agent": "curl"})
    assert event_of(transform, roots) == {
        "name": "shop/paid",
        "data": {"id": 7, "agent": "curl", "all": [["1", "2"]], "first": "1", "raw": '{"kind":"paid","id":7}',
                 "constant": 1},
        "id": "hook:7",
    }  # fmt: skip


def test_what_a_delivery_brings_in_is_no_reference() -> None:
    evil = "!ref($.headers.authorization)"
    roots = delivered({"text": evil}, headers={"authorization": "secret"})
    event = event_of({"name": "a/b", "data": {"text": "!ref($.body.text)", "in": "x !ref($.body.text)"}}, roots)
    assert event["data"] == {"text": evil, "in": f"x {evil}"}


def test_a_reference_into_the_machinery_below_is_refused() -> None:
    for root in ("event", "state", "output", "event.body"):
        problems = check_transform({"name": "a/b", "data": {"x": f"!ref($.{root}.x)"}})
        assert [(problem.pointer, problem.code) for problem in problems] == [("/transform/data/x", "unknown-root")]


def test_missing_values_are_null_inside_and_left_out_at_the_top() -> None:
    transform = {"name": "a/b", "data": {"x": "!ref($.body.x)"}, "id": "!ref($.body.id)", "ts": "!ref($.body.ts)"}
    assert event_of(transform, delivered({})) == {"name": "a/b", "data": {"x": None}}
    with pytest.raises(InvalidInput, match="an event needs a name"):
        parse_event(event_of({"name": "!ref($.body.nothing)"}, delivered({})), DEFAULT_LIMITS)


@pytest.mark.parametrize(("value", "event_id"), [("e1", "hook:e1"), (7, "hook:7"), ("", None), (None, None)])
def test_an_id_names_its_webhook(value: Any, event_id: str | None) -> None:
    event = event_of({"id": "!ref($.body.id)"}, delivered({"id": value}))
    assert event.get("id") == event_id


@pytest.mark.parametrize("value", [True, {"a": 1}, [1], "x" * 300])
def test_what_is_no_id_is_refused(value: Any) -> None:
    event = event_of({"id": "!ref($.body.id)"}, delivered({"id": value}))
    with pytest.raises(InvalidInput, match="/id"):
        parse_event(event, DEFAULT_LIMITS)


def test_a_false_condition_makes_no_event() -> None:
    transform = {"name": "a/b", "if": "body.live && headers['x-a'] == '1' && query.q[0] == 'z' && size(raw) > 0"}
    roots = delivered({"live": True}, query="q=z", headers={"x-a": "1"})
    assert event_of(transform, roots)["name"] == "a/b"
    assert apply(transform, {**roots, "body": {"live": False}}) == Mapped(None, CONDITION_FALSE)
    assert apply({"if": "body.missing"}, roots).event is None


def test_a_condition_that_cannot_be_evaluated_is_an_error_and_not_false() -> None:
    with pytest.raises(ExpressionError):
        apply({"if": "int(body.x) > 1"}, delivered({"x": "no number"}))


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"type": "a.b", "name": "c"}, "a.b"),
        ({"name": "c"}, "c"),
        ({"event_type": "d"}, "d"),
        ({"event": "e"}, "e"),
        ({"event": {"type": "x"}}, "webhook/hook"),
        ({"type": "", "name": "c"}, "c"),
        ({"type": "two words"}, "webhook/hook"),
        ({"type": "workflow/run.finished"}, "webhook/hook"),
        ({"type": "inngest/function.failed"}, "webhook/hook"),
        ({"type": "a/*"}, "webhook/hook"),
        ({"type": "x" * 300}, "webhook/hook"),
        ([1], "webhook/hook"),
        (None, "webhook/hook"),
    ],
)
def test_the_default_name_is_what_the_body_calls_it(body: Any, name: str) -> None:
    event = event_of(None, delivered(body))
    assert event["name"] == name
    parse_event(event, DEFAULT_LIMITS)


@pytest.mark.parametrize(
    ("body", "data"),
    [
        ({"type": "a", "data": {"x": 1}}, {"x": 1}),
        ({"type": "a", "data": [1]}, {"type": "a", "data": [1]}),
        ({"x": 1}, {"x": 1}),
        ([1], {"body": [1], "query": {"q": ["1"]}}),
        (None, {"body": None, "query": {"q": ["1"]}}),
    ],
)
def test_the_default_data_is_the_body_s_data_or_the_body(body: Any, data: Any) -> None:
    assert event_of({"name": "a/b"}, delivered(body, query="q=1"))["data"] == data


@pytest.mark.parametrize(
    ("value", "ts"),
    [
        (1767225600, 1767225600000), (1767225600.5, 1767225600500), (1767225600000, 1767225600000),
        ("1767225600", 1767225600000), ("1767225600000", 1767225600000), ("2026-01-01T00:00:00Z", 1767225600000),
        ("2026-01-01T01:00:00.000+01:00", 1767225600000), (None, None),
    ],
)  # fmt: skip
def test_a_time_is_taken_in_seconds_milliseconds_and_rfc_3339(value: Any, ts: int | None) -> None:
    assert event_of({"ts": "!ref($.body.t)"}, delivered({"t": value})).get("ts") == ts


@pytest.mark.parametrize(
    "value", [0, -1, 1e11, 2**53, True, [], {}, "", "soon", "2026-01-01T00:00:00", "1" * 400, "٣", "1e9"]
)
def test_what_is_no_time_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInput, match="/ts"):
        apply({"ts": "!ref($.body.t)"}, delivered({"t": value}))


@pytest.mark.parametrize(
    ("transform", "problem"),
    [
        ("x", ("/transform", "invalid-type")),
        ({"nmae": "x"}, ("/transform/nmae", "unknown-key")),
        ({"name": 1}, ("/transform/name", "invalid-type")),
        ({"name": ""}, ("/transform/name", "invalid-type")),
        ({"data": [1]}, ("/transform/data", "invalid-type")),
        ({"name": "!ref($.body"}, ("/transform/name", "invalid-reference")),
        ({"id": "!ref(body.id)"}, ("/transform/id", "invalid-reference")),
        ({"if": "body."}, ("/transform/if", "invalid-expression")),
        ({"if": 1}, ("/transform/if", "invalid-expression")),
        ({"if": "event.data.x"}, ("/transform/if", "unknown-variable")),
        ({"if": "body.a."}, ("/transform/if", "invalid-expression")),
    ],
)
def test_a_transform_that_cannot_work_is_refused_at_its_place(transform: Any, problem: tuple[str, str]) -> None:
    assert [(found.pointer, found.code) for found in check_transform(transform)] == [problem]


def test_a_transform_has_a_largest_size() -> None:
    with pytest.raises(LimitExceeded, match="transform_bytes"):
        check_transform({"name": "x" * DEFAULT_LIMITS.transform_bytes})


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.id)
def test_every_template_makes_a_valid_event_of_its_example(template: WebhookTemplate) -> None:
    assert parse_verification(template.verification).needs_secret
    event = event_of(template.transform, delivered(template.example_body, headers=template.example_headers))
    assert event["name"].startswith(f"{template.id}/")
    assert event["id"].startswith("hook:")
    parse_event(event, DEFAULT_LIMITS)


# --- bodies


def test_a_body_is_read_by_the_one_parser_that_its_type_names() -> None:
    def body(content_type: str, raw: bytes) -> Any:
        return Delivery(headers={"content-type": content_type}, raw=raw).body

    assert body("application/json", b'{"a": 1}') == {"a": 1}
    assert body("application/vnd.api+json; charset=utf-8", b"[1]") == [1]
    assert body("application/x-www-form-urlencoded", b"a=1&b=2&b=3&c=&d=%C3%A9") == {
        "a": "1", "b": ["2", "3"], "c": "", "d": "é",
    }  # fmt: skip
    assert body("text/plain", b'{"a": 1}') == '{"a": 1}'
    assert body("", b"") is None
    for content_type in ("", "application/octet-stream", "multipart/form-data", "application/xml", "json"):
        with pytest.raises(UnreadableBody):
            body(content_type, b"{}")


@pytest.mark.parametrize(
    ("content_type", "raw"),
    [
        ("application/json", b'{"a": 1, "a": 2}'), ("application/json", b"NaN"), ("application/json", b"\xff"),
        ("application/json", b'"\\u0000"'), ("application/x-www-form-urlencoded", b"a=%00"),
        ("application/x-www-form-urlencoded", b"a=%ff"), ("text/plain", b"\xff"), ("text/plain", b"\0"),
    ],
)  # fmt: skip
def test_a_body_that_could_not_be_stored_is_refused(content_type: str, raw: bytes) -> None:
    with pytest.raises(InvalidInput):
        _ = Delivery(headers={"content-type": content_type}, raw=raw).body


def test_bodies_and_forms_have_largest_sizes() -> None:
    small = replace(DEFAULT_LIMITS, webhook_bytes=10, form_fields=2)
    with pytest.raises(LimitExceeded, match="webhook_bytes"):
        _ = Delivery(headers=JSON, raw=b'"' + b"x" * 10 + b'"', limits=small).body
    with pytest.raises(LimitExceeded, match="form_fields"):
        read_query("a&b&c", small)
