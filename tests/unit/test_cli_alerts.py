"""``workflowkit alerts``: made, listed, deleted."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner, Result

from workflowkit.cli.root import cli

pytestmark = pytest.mark.usefixtures("installation")


def _cli(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["alerts", *arguments])


def test_a_rule_is_made_listed_and_deleted() -> None:
    assert _cli("list").stdout == "no alert rules\n"
    made = _cli("create", "Too many", "--failures", "10")
    assert made.exit_code == 0
    alert_id = made.stdout.strip()
    assert re.search(r"Too many +all +failure_count failures=10 in 60s +ok", _cli("list").stdout)
    (item,) = json.loads(_cli("list", "--json").stdout)["items"]
    assert (item["id"], item["quiet_seconds"]) == (alert_id, 300)
    assert "Too many" in _cli("delete", alert_id).stdout
    assert _cli("list").stdout == "no alert rules\n"
    assert _cli("delete", alert_id).exit_code == 1


def test_a_rate_is_of_ten_runs_unless_something_else_is_said() -> None:
    made = json.loads(_cli("create", "Half", "--rate", "0.5", "--window", "300", "--json").stdout)
    assert made["condition"] == {"kind": "failure_rate", "rate": 0.5, "min_runs": 10}
    assert made["window_seconds"] == 300


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "one of --failures"),
        (("--failures", "1", "--rate", "0.5"), "one of --failures"),
        (("--in-a-row", "3"), "say which"),
        (("--failures", "3", "--min-runs", "3"), "has no min_runs"),
    ],
)
def test_what_cannot_be_is_refused(arguments: tuple[str, ...], message: str) -> None:
    refused = _cli("create", "Too many", *arguments)
    assert refused.exit_code == 2
    assert message in refused.output
