"""What a completed run gives: as its document writes it, and as its document promises it."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow, an_event, doubling_schema
from runtimes import a_registry

from workflowkit.base.limits import DEFAULT_LIMITS
from workflowkit.definition import build
from workflowkit.engine.local import LocalResult, run

TOTAL = {"type": "object", "required": ["total"], "properties": {"total": {"type": "integer"}}}


def _run(document: dict[str, Any], data: Any = None, **more: Any) -> LocalResult:
    return run(build(document | more), an_event(data), a_registry())


def _noop(value: Any) -> dict[str, Any]:
    return a_workflow().action("a", inputs={"value": value}).path("$source", "a").document()


def test_the_output_is_what_the_document_writes() -> None:
    output = {"total": "!ref($.state.a.n)", "who": "for !ref($.event.data.who)", "none": "!ref($.state.a.none)"}

    result = _run(_noop({"n": 7}), {"who": "Ada"}, output=output)

    assert result.output == {"total": 7, "who": "for Ada", "none": None}


def test_what_was_skipped_is_null_in_the_output() -> None:
    document = a_workflow().actions("a", "b").path("$source", "a").edge_if("a", "b").document()

    assert _run(document, output=["!ref($.state.b)", 1]).output == [None, 1]


def test_an_output_that_keeps_its_promise_completes_the_run() -> None:
    result = _run(_noop(7), output={"total": "!ref($.state.a)"}, outputs=TOTAL)

    assert (result.status, result.output) == ("completed", {"total": 7})


@pytest.mark.parametrize("output", [{"total": "!ref($.state.a)"}, {}, 5])
def test_an_output_that_breaks_its_promise_fails_the_run_by_name(output: Any) -> None:
    result = _run(_noop("seven"), output=output, outputs=TOTAL)

    assert result.status == "failed"
    assert result.error is not None
    assert (result.error.name, result.error.code) == ("OutputMismatch", "output-mismatch")
    assert result.output is None


def test_a_promise_that_asks_for_too_much_fails_the_run_though_it_was_published_once() -> None:
    result = _run(_noop("seven"), output={"total": 7}, outputs=doubling_schema(30))

    assert result.status == "failed"
    assert result.error is not None
    assert "schema_weight" in result.error.message


def test_the_error_names_the_place() -> None:
    result = _run(_noop("seven"), output={"total": "!ref($.state.a)"}, outputs=TOTAL)

    assert result.error is not None
    assert "/total" in result.error.message


def test_the_outputs_of_the_last_steps_are_held_to_the_promise_too() -> None:
    assert _run(_noop(1), outputs=TOTAL).status == "failed"
    assert _run(_noop(1), outputs={"type": "object", "required": ["a"]}).output == {"a": 1}


def test_what_a_stop_gives_is_held_to_the_promise_and_not_rewritten() -> None:
    document = a_workflow().action("s", "stop", {"output": {"total": "!ref($.event.data.n)"}}).path("$source", "s")

    assert _run(document.document(), {"n": 3}, output="something else", outputs=TOTAL).output == {"total": 3}
    assert _run(document.document(), {"n": "3"}, outputs=TOTAL).status == "failed"


def test_an_output_that_cannot_be_stored_fails_the_run_with_the_limits_name() -> None:
    large = "x" * (DEFAULT_LIMITS.output_bytes // 2 + 1)

    result = _run(_noop(large), output=["!ref($.state.a)", "!ref($.state.a)"])

    assert result.status == "failed"
    assert result.error is not None
    assert (result.error.code, "output_bytes" in result.error.message) == ("limit-exceeded", True)
