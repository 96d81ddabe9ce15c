"""Conditions on the ends of runs, said with our names."""

from __future__ import annotations

import pytest

from workflowkit.base.errors import InvalidInput
from workflowkit.inngest.ends import condition_here, event_here


@pytest.mark.parametrize(
    ("there", "here"),
    [
        ("event.data.function_id == 'shop-pay'", 'event.data.workflow_id == "shop/pay"'),
        ("event.data.function_id==\"shop-pay\"", 'event.data.workflow_id == "shop/pay"'),
        ("'shop-pay' == event.data.function_id", 'event.data.workflow_id == "shop/pay"'),
        ("event.data.function_id != 'shop-pay'", 'event.data.workflow_id != "shop/pay"'),
        (
            "event.data.function_id in ['shop-a', \"shop-b\"] && event.data.error.name == 'X'",
            'event.data.workflow_id in ["shop/a", "shop/b"] && event.data.error.name == \'X\'',
        ),
        ("event.data.function_id != 'other-fn'", '!(event.data.workflow_id in ["other/fn", "other-fn"])'),
        (
            "async.data.function_id == 'other-fn' || async.data.run_id == event.data.id",
            'async.data.workflow_id in ["other/fn", "other-fn"] || async.data.run_id == event.data.id',
        ),
        ("event.data.result.n > 1 && event.data.error.error == 'E'",
         "event.data.output.n > 1 && event.data.error.name == 'E'"),
        ("event.data.event.data.text == 'event.data.function_id == 1'",
         "event.data.event.data.text == 'event.data.function_id == 1'"),
    ],
)  # fmt: skip
def test_fields_and_functions_have_our_names(there: str, here: str) -> None:
    assert condition_here(there, "shop", "/if") == here


@pytest.mark.parametrize(
    "there",
    [
        "event.data.function_id == event.data.other",
        "event.data.function_id.startsWith('shop')",
        "event.data.function_id",
    ],
)
def test_what_is_asked_otherwise_of_the_function_is_refused(there: str) -> None:
    with pytest.raises(InvalidInput, match="compared with texts only"):
        condition_here(there, "shop", "/if")


def test_other_events_are_left_alone() -> None:
    assert event_here("shop/paid", "event.data.function_id", "shop", "/if") == ("shop/paid", "event.data.function_id")
    assert event_here("inngest/function.failed", None, "shop", "/if") == ("workflow/run.failed", None)
