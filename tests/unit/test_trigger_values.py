"""Triggers as Python values: the document's form, and the document's refusals."""

from __future__ import annotations

from typing import Any

import pytest

from workflowkit import Cron, DefinitionError, Event


def test_values_have_the_form_of_a_document_without_what_is_the_default() -> None:
    assert Event("shop/order.*").as_dict() == {"event": "shop/order.*"}
    assert Event("a/b", if_="event.data.total > 1").as_dict() == {"event": "a/b", "if": "event.data.total > 1"}
    assert Cron("@daily").as_dict() == {"cron": "@daily"}
    assert Cron("0 9 * * 1", timezone="Europe/Berlin", jitter="90s", overlap="skip", catch_up="last").as_dict() == {
        "cron": "0 9 * * 1", "timezone": "Europe/Berlin", "jitter": "90s", "overlap": "skip", "catch_up": "last",
    }  # fmt: skip
    assert Cron("@daily", jitter=2.5, catch_up=7).as_dict() == {
        "cron": "@daily", "jitter": 2.5, "catch_up": {"all": 7},
    }  # fmt: skip


def test_equal_values_are_equal_and_hashable() -> None:
    assert len({Cron("@daily"), Cron("@daily"), Event("a/b"), Event("a/b"), Event("a/b", "true")}) == 3


@pytest.mark.parametrize(
    ("make", "place", "code"),
    [
        (lambda: Event("a/upd*"), "event", "invalid-event-name"),
        (lambda: Event(""), "event", "invalid-value"),
        (lambda: Event("a/b", "event."), "if", "invalid-expression"),
        (lambda: Cron("* * * *"), "cron", "invalid-cron"),
        (lambda: Cron("0 0 31 6 *"), "cron", "invalid-cron"),
        (lambda: Cron("@daily", timezone="Europe/Atlantis"), "timezone", "unknown-timezone"),
        (lambda: Cron("@daily", jitter="10m"), "jitter", "invalid-value"),
        (lambda: Cron("@daily", jitter=0.5), "jitter", "invalid-value"),
        (lambda: Cron("@daily", jitter="soon"), "jitter", "invalid-value"),
        (lambda: Cron("@daily", overlap="drop"), "overlap", "invalid-value"),  # type: ignore[arg-type]
        (lambda: Cron("@daily", catch_up="some"), "catch_up", "invalid-value"),  # type: ignore[arg-type]
        (lambda: Cron("@daily", catch_up=0), "catch_up/all", "invalid-value"),
        (lambda: Cron("@daily", catch_up=1_001), "catch_up/all", "invalid-value"),
    ],
)
def test_a_value_that_a_document_may_not_have_cannot_be_made(make: Any, place: str, code: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        make()
    assert {(problem.pointer, problem.code) for problem in refused.value.problems} == {(f"/triggers/0/{place}", code)}
