"""Batches under test: one run for several events, of a document and of a function."""

from __future__ import annotations

from typing import Any

import pytest

from workflowkit import Event, StepContext, WorkflowKit
from workflowkit.base.errors import InvalidInput, NonRetriableError
from workflowkit.testing import run

ALONE = {"name": "Alone", "actions": [{"id": "a", "kind": "set"}], "edges": [{"from": "$source", "to": "a"}]}


BATCHED = {
    "name": "Digest",
    "triggers": [{"event": "order/placed"}],
    "actions": [
        {"id": "all", "kind": "set", "inputs": {"ids": "!ref($.events[*].data.id)", "first": "!ref($.event.data.id)"}},
        {"id": "each", "kind": "builtin:for_each", "inputs": {"items": "!ref($.events)"}, "body": {
            "actions": [{"id": "one", "kind": "set", "inputs": {
                "id": "!ref($.item.data.id)", "of": "!ref($.events[-1].data.id)",
            }}],
            "edges": [{"from": "$source", "to": "one"}],
            "output": "!ref($.state.one)",
        }},
    ],
    "edges": [{"from": "$source", "to": "all"}, {"from": "all", "to": "each"}],
    "settings": {"batch": {"max_size": 2, "timeout": "1m"}},
}  # fmt: skip
TWO = [{"data": {"id": 1}}, {"data": {"id": 2}}]


def test_a_batch_starts_one_run_with_all_of_its_events() -> None:
    result = run(BATCHED, TWO)

    assert result.step("all").output == {"ids": [1, 2], "first": 1}
    assert result.step("each").output["items"] == [{"id": 1, "of": 2}, {"id": 2, "of": 2}]
    assert run(BATCHED, TWO[0]).step("all").output == {"ids": [1], "first": 1}


def test_a_function_is_given_the_events_of_a_batch_also_where_it_fails() -> None:
    wk = WorkflowKit("shop")
    undone: list[int] = []

    def told(ctx: StepContext) -> int:
        return len(ctx.events)

    @wk.function("sum", trigger=Event("order/placed"), batch={"max_size": 5, "timeout": "1m"}, on_failure=told)
    def total(ctx: StepContext) -> int:
        ids = [event["id"] for event in ctx.events]
        ctx.step.run("note", lambda: len(ctx.events), compensate=undone.append)
        if sum(event["data"]["id"] for event in ctx.events) > 3:
            raise NonRetriableError("too much")
        return len(set(ids))

    assert run(total, TWO, actions=wk).output == 2
    failed = run(total, [*TWO, TWO[0]], actions=wk)
    assert (failed.status, failed.compensated, undone) == ("failed", ("note",), [3])
    assert failed.handler is not None
    assert failed.handler.output == 1  # its event is the end of the run
    assert wk.engine.run(total, [{"name": "order/placed", "data": each["data"]} for each in TWO]).output == 2


@pytest.mark.parametrize(
    ("tested", "events", "message"),
    [
        (ALONE, TWO, "starts one run only of what has a batch"),
        (BATCHED, [], "a batch has 1 to 2 events"),
        (BATCHED, [*TWO, TWO[0]], "not 3"),
        (BATCHED, "order/placed", "an event must be a JSON object"),
    ],
)
def test_events_that_are_no_batch_are_refused(tested: Any, events: Any, message: str) -> None:

    with pytest.raises(InvalidInput, match=message):
        run(tested, events)
