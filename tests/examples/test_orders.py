"""The order desk of the examples, run in memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from examples.orders.app import wk
from workflowkit.engine.local import LocalResult

HERE = Path(__file__).resolve().parents[2] / "examples/orders"


def _run(items: list[dict[str, Any]] | None = None) -> LocalResult:
    event = json.loads((HERE / "order.json").read_text())
    if items is not None:
        event["data"]["items"] = items
    return wk.engine.run(json.loads((HERE / "workflow.json").read_text()), event)


@pytest.mark.parametrize(("quantity", "by", "not_by"), [(1, "courier", "post"), (0, "post", "courier")])
def test_the_total_decides_about_the_carrier_and_everything_after_it_runs_once(
    quantity: int, by: str, not_by: str
) -> None:
    result = _run([{"article": "teapot", "quantity": quantity}, {"article": "tea", "quantity": 2}])
    assert result.status == "completed"
    assert {step.id for step in result.steps if step.status == "skipped"} == {not_by}
    assert result.order.index(by) < min(result.order.index("reserve"), result.order.index("invoice"))
    assert result.order[-1] == "email"
    assert len(result.order) == 6


def test_an_order_of_more_than_there_is_fails_at_the_stock_and_nobody_gets_mail() -> None:
    result = _run([{"article": "teapot", "quantity": 99}])
    assert result.status == "failed"
    assert result.error is not None
    assert result.error.message == "there are not 99 of 'teapot'"
    assert result.order == ("check",)
