"""What may start a workflow, and how it is refused otherwise (D1)."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow
from kinds import KINDS

from workflowkit.base.errors import DefinitionError
from workflowkit.definition import build, parse_triggers, validate
from workflowkit.definition.settings.triggers import (
    CronTrigger,
    HttpTrigger,
    ManualTrigger,
    Overlap,
    Trigger,
    WebhookTrigger,
)


def refused(*triggers: Any) -> list[tuple[str, str]]:
    """Return (pointer, code) of what is wrong, the same for a function in Python and for a document."""
    with pytest.raises(DefinitionError) as caught:
        parse_triggers(list(triggers))
    document = a_workflow().chain("a").document() | {"triggers": list(triggers)}
    assert set(validate(document, KINDS)) == set(caught.value.problems)
    return [(problem.pointer, problem.code) for problem in caught.value.problems]


def test_each_kind_of_trigger_is_read() -> None:
    written = [
        {"event": "shop/*", "if": "event.data.total > 1"},
        {"cron": "0 9 * * MON", "timezone": "Europe/Paris", "jitter": "30s", "overlap": "queue", "catch_up": "last"},
        {"cron": "TZ=Asia/Tokyo 0 9 * * *", "catch_up": {"all": 7}},
        {"cron": "@hourly", "catch_up": "none"},
        {"webhook": "stripe-2_x", "if": "event.data.paid"},
        {"manual": True},
        {"http": {"wait": "1m"}},
    ]
    assert parse_triggers(written) == (
        Trigger("shop/*", "event.data.total > 1", "/triggers/0"),
        CronTrigger("0 9 * * MON", "Europe/Paris", "/triggers/1", 30_000, Overlap.QUEUE, 1),
        CronTrigger("TZ=Asia/Tokyo 0 9 * * *", None, "/triggers/2", catch_up=7),
        CronTrigger("@hourly", None, "/triggers/3"),
        WebhookTrigger("stripe-2_x", "event.data.paid", "/triggers/4"),
        ManualTrigger("/triggers/5"),
        HttpTrigger(60_000, "/triggers/6"),
    )


def test_a_workflow_has_its_triggers_by_kind() -> None:
    document = a_workflow().chain("a").trigger("x/y").document()
    document["triggers"] += [{"cron": "0 0 * * *"}, {"webhook": "w"}, {"manual": True}, {"http": {}}]
    document["trigger"] = {"event": "z"}

    workflow = build(document)

    assert [trigger.event for trigger in workflow.triggers] == ["z", "x/y"]
    assert [trigger.cron for trigger in workflow.schedules] == ["0 0 * * *"]
    assert [trigger.name for trigger in workflow.webhooks] == ["w"]
    assert workflow.is_manual
    assert workflow.http == HttpTrigger(30_000, "/triggers/4")
    assert build(a_workflow().chain("a").document()).http is None


@pytest.mark.parametrize(
    ("trigger", "pointer", "code"),
    [
        ({}, "", "missing-key"),
        ({"if": "event.data.x"}, "", "missing-key"),
        ({"event": "a", "cron": "0 0 * * *"}, "", "conflicting-keys"),
        ({"manual": True, "http": {}}, "", "conflicting-keys"),
        ({"event": ""}, "/event", "invalid-value"),
        ({"event": "app/user.upd*"}, "/event", "invalid-event-name"),
        ({"event": "a.*.b"}, "/event", "invalid-event-name"),
        ({"event": "a", "if": "event.data.total >"}, "/if", "invalid-expression"),
        ({"event": "a", "if": "async.data.id == 1"}, "/if", "unknown-variable"),
        ({"event": "a", "if": " || ".join(["event.data.x"] * 400)}, "/if", "invalid-expression"),
        ({"cron": "61 * * * *"}, "/cron", "invalid-cron"),
        ({"cron": "* * * *"}, "/cron", "invalid-cron"),
        ({"cron": "0 0 30 2 *"}, "/cron", "invalid-cron"),
        ({"cron": "*" * 256}, "/cron", "invalid-cron"),
        ({"cron": "TZ=Mars/Base 0 0 * * *"}, "/cron", "unknown-timezone"),
        ({"cron": "0 0 * * *", "timezone": "Mars/Base"}, "/timezone", "unknown-timezone"),
        ({"cron": "TZ=UTC 0 0 * * *", "timezone": "Asia/Tokyo"}, "/cron", "invalid-cron"),
        ({"cron": "0 0 * * *", "jitter": "500ms"}, "/jitter", "invalid-value"),
        ({"cron": "0 0 * * *", "jitter": 301}, "/jitter", "invalid-value"),
        ({"cron": "0 0 * * *", "overlap": "maybe"}, "/overlap", "invalid-value"),
        ({"cron": "0 0 * * *", "catch_up": "all"}, "/catch_up", "invalid-value"),
        ({"cron": "0 0 * * *", "catch_up": {"all": 0}}, "/catch_up/all", "invalid-value"),
        ({"cron": "0 0 * * *", "starts_on": "2026-02-30"}, "/starts_on", "invalid-date"),
        ({"cron": "0 0 * * *", "ends_on": "20261224"}, "/ends_on", "invalid-date"),
        ({"cron": "0 0 * * *", "ends_on": 5}, "/ends_on", "invalid-type"),
        ({"cron": "0 0 * * *", "starts_on": "2026-05-02", "ends_on": "2026-05-01"}, "/ends_on", "ends-before-start"),
        ({"cron": "0 0 * * *", "skip_dates": ["2026-12-25", "soon"]}, "/skip_dates/1", "invalid-date"),
        ({"cron": "0 0 * * *", "skip_dates": ["2026-12-25"] * 401}, "/skip_dates", "invalid-value"),
        ({"webhook": "Stripe"}, "/webhook", "invalid-value"),
        ({"webhook": "x" * 65}, "/webhook", "invalid-value"),
        ({"webhook": "w", "if": "1 +"}, "/if", "invalid-expression"),
        ({"manual": False}, "/manual", "invalid-value"),
        ({"http": True}, "/http", "invalid-type"),
        ({"http": {"wait": "301s"}}, "/http/wait", "invalid-value"),
        ({"http": {"wait": 301}}, "/http/wait", "invalid-value"),
    ],
)
def test_a_bad_trigger_is_refused_with_its_place(trigger: Any, pointer: str, code: str) -> None:
    assert (f"/triggers/0{pointer}", code) in refused(trigger)


def test_what_is_no_trigger_at_all_is_one_problem() -> None:
    assert refused(5) == [("/triggers/0", "invalid-type")]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"event": "a/b"}, {"event": "a/b"}),
        ({"event": "a/b", "if": "event.data.x"}, {"event": "a/b", "if": "event.data.x"}),
        ({"cron": "0 9 * * 1"}, {"cron": "0  9 * * MON", "jitter": "5s"}),
        ({"cron": "0 9 * * *", "timezone": "Asia/Tokyo"}, {"cron": "TZ=Asia/Tokyo 0 9 * * *"}),
        ({"cron": "@daily"}, {"cron": "0 0 * * *"}),
        ({"webhook": "w"}, {"webhook": "w"}),
        ({"manual": True}, {"manual": True}),
        ({"http": {}}, {"http": {"wait": 1}}),
    ],
)
def test_the_same_trigger_twice_is_refused(first: Any, second: Any) -> None:
    assert refused(first, second) == [("/triggers/1", "duplicate-trigger")]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"event": "a/b"}, {"event": "a/*"}),
        ({"event": "a/b"}, {"event": "a/b", "if": "event.data.x"}),
        ({"cron": "0 9 * * *"}, {"cron": "0 9 * * *", "timezone": "Asia/Tokyo"}),
        ({"webhook": "w"}, {"webhook": "w", "if": "event.data.x"}),
        ({"event": "manual"}, {"manual": True}),
    ],
)
def test_triggers_that_differ_stand_beside_each_other(first: Any, second: Any) -> None:
    assert len(parse_triggers([first, second])) == 2


def test_ten_triggers_are_allowed_and_eleven_are_not() -> None:
    triggers = [{"event": f"a/{index}"} for index in range(9)] + [{"cron": "0 0 * * *"}]

    assert len(parse_triggers(triggers)) == 10
    assert refused(*triggers, {"manual": True}) == [("/triggers", "limit-exceeded")]


def test_a_request_may_ask_for_no_waiting_at_all() -> None:
    for wait in (0, "0s"):
        assert parse_triggers([{"http": {"wait": wait}}]) == (HttpTrigger(0, "/triggers/0"),)
