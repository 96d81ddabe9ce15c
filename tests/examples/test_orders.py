"""The order desk of the examples: its own tests, and its actions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from examples.orders.app import wk
from workflowkit.cli.root import cli
from workflowkit.testing import Real, RunResult, run

HERE = Path(__file__).resolve().parents[2] / "examples/orders"
ORDER = json.loads((HERE / "order.json").read_text())
DESK = dict.fromkeys(("check_stock", "reserve_items", "create_invoice"), Real)


def order_of(*items: tuple[str, int]) -> RunResult:
    event = ORDER | {"data": ORDER["data"] | {"items": [{"article": name, "quantity": n} for name, n in items]}}
    return run(HERE / "workflow.json", event, actions=wk, stubs={**DESK, "send_email": {}})


def test_the_tests_beside_the_workflow_pass() -> None:
    result = CliRunner().invoke(cli, ["test", str(HERE / "workflow.json"), "--actions", f"{HERE / 'app.py'}:wk"])

    assert result.exit_code == 0, result.output
    assert "4 of 4 tests passed" in result.output


@pytest.mark.parametrize(("teapots", "carrier"), [(1, "courier"), (0, "post")])
def test_the_total_decides_about_the_carrier_and_everything_after_it_runs_once(teapots: int, carrier: str) -> None:
    result = order_of(("teapot", teapots), ("tea", 2))

    assert result.path == ("check", "large", carrier, "reserve", "invoice", "email")
    pieces, invoice = result.step("reserve").output["pieces"], result.step("invoice").output
    (mail,) = result.calls("send_email")
    assert mail.inputs["body"] == (
        f"Thank you, Ada! {pieces} pieces are on their way. Invoice {invoice['number']}: {invoice['total']} EUR."
    )


def test_an_order_of_more_than_there_is_fails_at_the_stock_and_nobody_gets_mail() -> None:
    result = order_of(("teapot", 99))

    assert (result.status, result.path, result.calls("send_email")) == ("failed", ("check",), ())
    assert result.error is not None
    assert result.error.message == "there are not 99 of 'teapot'"
