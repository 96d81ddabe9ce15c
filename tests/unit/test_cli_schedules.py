"""``workflowkit schedules``: what fires when."""

from __future__ import annotations

import json

import pytest
from builders import a_workflow
from click.testing import CliRunner, Result
from runtimes import Harness

from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.cli.root import cli


def _cli(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["schedules", *arguments])


def test_schedules_are_listed_with_their_next_firing(installation: Harness) -> None:
    assert _cli("list").stdout == "no schedules\n"
    triggers = [{"cron": "0 9 * * 1", "timezone": "Europe/Berlin"}, {"cron": "@yearly"}]
    installation.deploy(a_workflow().chain("a").document() | {"triggers": triggers}, "report")
    _, first, second = _cli("list").stdout.splitlines()
    assert first.split() == ["•", "report", "0", "9", "*", "*", "1", "Europe/Berlin", "2025-06-16T07:00:00.000Z"]
    assert second.split() == ["•", "report", "@yearly", "UTC", "2026-01-01T00:00:00.000Z"]
    assert [item["cron"] for item in json.loads(_cli("list", "--json").stdout)["items"]] == ["0 9 * * 1", "@yearly"]
    assert _cli("list", "--tenant", "other").stdout == "no schedules\n"
    installation.runtime.authoring.set_enabled(DEFAULT_SCOPE, "report", False)
    assert [line.split()[-1] for line in _cli("list").stdout.splitlines()[1:]] == ["paused", "paused"]


def test_the_next_firings_of_an_expression_are_shown_on_the_clock_of_its_zone() -> None:
    shown = _cli("next", "30 2 * * *", "--timezone", "Europe/Berlin", "--count", "3", "--after", "2026-03-28")
    assert shown.stdout.splitlines() == [
        "Sat 2026-03-28 02:30 +0100  2026-03-28T01:30:00.000Z",
        "Sun 2026-03-29 03:00 +0200  2026-03-29T01:00:00.000Z",
        "Mon 2026-03-30 02:30 +0200  2026-03-30T00:30:00.000Z",
    ]
    told = _cli("next", "TZ=Asia/Tokyo @daily", "--count", "2", "--after", "2026-01-01T00:00:00", "--json").stdout
    assert json.loads(told) == {
        "timezone": "Asia/Tokyo", "slots": ["2026-01-01T15:00:00.000Z", "2026-01-02T15:00:00.000Z"],
    }  # fmt: skip
    assert len(_cli("next", "* * * * *").stdout.splitlines()) == 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["* * 32 * *"], "error: day of month: expected *, 1 to 31, a range a-b, and /n after * or a range; got '32' "),
        (["@daily", "--timezone", "Mars/Base"], "error: there is no time zone 'Mars/Base'"),
    ],
)
def test_a_bad_expression_is_refused_with_its_place(arguments: list[str], message: str) -> None:
    result = _cli("next", *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(message)
