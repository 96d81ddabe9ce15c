"""The trial of the examples, on both databases, with the days skipped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from functions import output_of
from runtimes import Harness, a_runtime

from examples.trial import app

DAY = 86_400
USER = {"user": "u-1", "email": "ada@example.com"}


@contextmanager
def _trial(database_url: str) -> Iterator[Harness]:
    app.mails.clear()
    app.accounts.clear()
    with a_runtime(database_url, app.wk.registry) as harness:
        harness.runtime.functions.sync("default", app.wk.declared)
        harness.send("trial/started", USER)
        harness.drain()
        yield harness


def _card(harness: Harness, card: str) -> None:
    harness.send("billing/card.added", {"user": "u-1", "card": card})
    harness.drain()


def _texts() -> list[str]:
    return [text.partition(" ")[0] for _, text in app.mails]


def test_a_customer_who_adds_a_card_is_charged_in_a_run_of_its_own_and_stays(database_url: str) -> None:
    with _trial(database_url) as harness:
        harness.skip(3 * DAY)
        harness.skip(4 * DAY)
        _card(harness, "4242")
        assert output_of(harness, "trial/trial") == "paid"
        assert output_of(harness, "trial/charge")["cents"] == app.MONTHLY_CENTS
        assert _texts() == ["Welcome!", "Eleven", "Receipt", "Thank"]


def test_a_card_that_came_during_the_first_days_counts(database_url: str) -> None:
    with _trial(database_url) as harness:
        harness.skip(DAY)
        _card(harness, "4242")
        harness.skip(2 * DAY)
        assert output_of(harness, "trial/trial") == "paid"


def test_without_a_card_the_trial_ends_after_two_weeks(database_url: str) -> None:
    with _trial(database_url) as harness:
        harness.skip(3 * DAY)
        harness.skip(11 * DAY - 1)
        assert app.accounts == {"u-1": "trial"}
        harness.skip(1)
        assert output_of(harness, "trial/trial") == "closed"
        assert _texts() == ["Welcome!", "Eleven", "Your"]


def test_a_refused_card_fails_the_trial_and_support_hears_of_it(database_url: str) -> None:
    with _trial(database_url) as harness:
        harness.skip(3 * DAY)
        _card(harness, "0000")
        assert output_of(harness, "trial/trial-failure") is None
        assert app.accounts == {"u-1": "trial"}
        (to, text) = app.mails[-1]
        assert to == "support@example.com"
        assert text.endswith("the bank refuses this card")


def test_in_memory_the_two_weeks_take_no_time() -> None:
    app.mails.clear()
    result = app.wk.engine.run(app.trial, {"name": "trial/started", "data": USER})
    assert (result.status, result.output) == ("completed", "closed")


def test_the_handlers_of_its_end_are_functions_too() -> None:
    assert sorted(app.wk.registry.functions) == [
        "trial/charge", "trial/trial", "trial/trial-cancel", "trial/trial-failure"
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["trial", "charge"])
def test_the_functions_are_described_by_their_docstrings(name: str) -> None:
    assert app.wk.registry.functions[f"trial/{name}"].document["description"].endswith(("plan.", "it."))
