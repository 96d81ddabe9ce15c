"""Tests beside a workflow: read strictly, run, and told by ``workflowkit test``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from builders import a_workflow
from click.testing import CliRunner, Result

from workflowkit.base.errors import DefinitionError
from workflowkit.cli.root import cli
from workflowkit.definition import execution_hash, validate
from workflowkit.definition.model import SOURCE
from workflowkit.registry import Registry, load_builtin_actions
from workflowkit.testing.fixtures import fixtures_of, run_fixtures

ACTIONS = """
from workflowkit import WorkflowKit

wk = WorkflowKit("test")

@wk.action("charge", retries=2)
def charge(amount: int) -> dict[str, str]:
    raise RuntimeError("this was really called")
"""


def an_order(*tests: dict[str, Any]) -> dict[str, Any]:
    flow = a_workflow("order").trigger("shop/ordered")
    flow.action("pay", "charge", {"amount": "!ref($.event.data.amount)"})
    flow.action("confirmed", "builtin:wait_for_event", {"event": "shop/confirmed", "timeout": "2d"})
    flow.action("note", "set", {"by": "!ref($.state.confirmed.event.data.by)", "paid": "!ref($.state.pay)"})
    flow.path(SOURCE, "pay", "confirmed").edge_if("confirmed", "note", "!ref($.output.received)")
    return {**flow.document(), "tests": list(tests)}


def actions() -> Registry:
    registry = Registry()
    load_builtin_actions(registry)

    @registry.action("charge", retries=2)
    def charge(amount: int) -> dict[str, str]:
        raise RuntimeError("this was really called")

    return registry


PAID = {"charge": {"output": {"id": "c-1"}}}
CONFIRMED = {"name": "shop/confirmed", "data": {"by": "Ada"}, "after": "1h"}
GOOD: dict[str, Any] = {
    "name": "a confirmed order is noted",
    "event": {"data": {"amount": 40}},
    "stubs": {"charge": [{"error": {"message": "busy", "name": "BusyError"}}, {"output": {"id": "c-1"}}]},
    "events": [CONFIRMED],
    "expect": {
        "status": "completed",
        "path": ["pay", "confirmed", "note"],
        "skipped": [],
        "output": {"note": {"by": "Ada"}},
        "outputs": {"confirmed": {"received": True}, "pay": {"id": "c-1"}},
        "inputs": {"pay": {"amount": 40}},
        "calls": {"charge": 2, "node:pay": [{"amount": 40}, {"amount": 40}]},
        "slept_seconds": 3600,
    },
}


def failures_of(**changes: Any) -> tuple[str, ...]:
    document = an_order(GOOD | changes)
    (result,) = run_fixtures(document, fixtures_of(document), actions())
    return result.failures


def test_a_test_passes_if_the_run_is_as_expected() -> None:
    assert failures_of() == ()


@pytest.mark.parametrize(
    ("expect", "failure"),
    [
        ({"status": "failed"}, 'status: expected "failed", got "completed"'),
        ({"path": ["pay", "note"]}, 'path: expected ["pay","note"], got ["pay","confirmed","note"]'),
        ({"skipped": ["note"]}, 'skipped: expected ["note"], got []'),
        ({"output": {"note": {"by": "Bob"}}}, 'output.note.by: expected "Bob", got "Ada"'),
        ({"output": None}, 'output: expected null, got {"note":{"by":"Ada","paid":{"id":"c-1"}}}'),
        ({"outputs": {"nope": 1}}, "outputs.nope: there is no such action"),
        ({"outputs": {"pay": {"ID": "c-1"}}}, 'outputs.pay.ID: expected "c-1", and there is nothing'),
        ({"outputs": {"confirmed": {"received": 1}}}, "outputs.confirmed.received: expected 1, got true"),
        ({"inputs": {"pay": {"amount": 41}}}, "inputs.pay.amount: expected 41, got 40"),
        ({"calls": {"charge": 1}}, "calls.charge: expected 1, got 2"),
        ({"calls": {"node:pay": [{"amount": 40}]}}, 'calls.node:pay: expected [{"amount":40}], got'),
        ({"error": {"name": "BusyError"}}, 'error: expected {"name":"BusyError"}, got null'),
        ({"slept_seconds": 60}, "slept_seconds: expected 60, got 3600.0"),
    ],
)
def test_a_test_tells_in_what_the_run_was_not_as_expected(expect: dict[str, Any], failure: str) -> None:
    (told,) = failures_of(expect=expect)

    assert told.startswith(failure)


def test_a_failed_run_can_be_expected_and_one_that_is_not_says_why() -> None:
    declined = {"charge": {"error": {"message": "declined", "name": "CardError", "retryable": False}}}

    assert failures_of(stubs=declined, expect={"status": "failed", "error": {"name": "CardError"}}) == ()
    (told,) = failures_of(stubs=declined, expect={"status": "completed"})
    assert told == 'status: expected "completed", got "failed" (CardError: declined)'


def test_what_a_run_came_to_without_a_stub_fails_the_test() -> None:
    (told,) = failures_of(events=[])
    assert "waits for event 'shop/confirmed'" in told
    (told,) = failures_of(stubs={})
    assert "action 'pay' (charge) is external" in told
    (told,) = failures_of(stubs={"node:nope": {"output": 1}})
    assert "there is no such action" in told


@pytest.mark.parametrize(
    "stubs",
    [
        PAID | {"step:confirmed/event": {"event": {"name": "shop/confirmed", "data": {"by": "Ada"}}, "after": "2h"}},
        PAID | {"node:confirmed": {"output": {"received": True, "event": {"data": {"by": "Ada"}}}}},
    ],
)
def test_waits_can_be_stubbed_as_json(stubs: dict[str, Any]) -> None:
    expect = {"status": "completed", "outputs": {"note": {"by": "Ada"}}}

    assert failures_of(stubs=stubs, events=[], expect=expect) == ()


def test_a_wait_can_be_told_to_time_out() -> None:
    stubs = PAID | {"node:confirmed": {"timeout": True}}

    assert failures_of(stubs=stubs, events=[], expect={"skipped": ["note"], "slept_seconds": 2 * 86_400}) == ()


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"name": ""}, ["/tests/0/name"]),
        ({"expect": {}}, ["/tests/0/expect"]),
        ({"expects": {}, "expect": {"paths": []}}, ["/tests/0/expects", "/tests/0/expect/paths"]),
        ({"expect": {"status": "done"}}, ["/tests/0/expect/status"]),
        ({"stubs": {"charge": {"id": "c-1"}}}, ["/tests/0/stubs/charge"]),
        ({"stubs": {"charge": []}}, ["/tests/0/stubs/charge"]),
        ({"stubs": {"a/b": {"output": 1, "timeout": True}}}, ["/tests/0/stubs/a~1b"]),
        ({"stubs": {"charge": [{"output": 1}, {"error": "no"}]}}, ["/tests/0/stubs/charge/1/error"]),
        ({"stubs": {"charge": {"error": {"message": "x", "retry": 1}}}}, ["/tests/0/stubs/charge/error"]),
        ({"signals": {"ok": {"output": 1, "after": "soon"}}}, ["/tests/0/signals/ok/after"]),
        ({"invokes": {"x": {"timeout": False}}}, ["/tests/0/invokes/x/timeout"]),
        ({"invokes": {"x": {"event": {"data": {}}}}}, ["/tests/0/invokes/x/event"]),
        ({"events": [{"name": "a/b", "at": "1h"}]}, ["/tests/0/events/0"]),
    ],
)
def test_a_test_that_would_not_test_what_it_says_is_refused(changes: dict[str, Any], pointers: list[str]) -> None:
    with pytest.raises(DefinitionError) as caught:
        fixtures_of(an_order(GOOD | changes))

    assert [problem.pointer for problem in caught.value.problems] == pointers


def test_tests_are_part_of_a_valid_document_and_not_of_its_version() -> None:
    assert validate(an_order(GOOD), actions()) == []
    assert execution_hash(an_order(GOOD)) == execution_hash(an_order())
    assert [p.pointer for p in validate(an_order({"name": "x"}), actions())] == ["/tests/0"]


# --- the command


def command(directory: Path, document: Any, *arguments: str, beside: Any = None) -> Result:
    (directory / "app.py").write_text(ACTIONS)
    (directory / "order.json").write_text(json.dumps(document))
    if beside is not None:
        (directory / "order.tests.json").write_text(json.dumps(beside))
    options = ["--actions", f"{directory / 'app.py'}:wk", *arguments]
    return CliRunner().invoke(cli, ["test", str(directory / "order.json"), *options])


def test_the_command_runs_the_tests_of_a_document_and_those_beside_it(tmp_path: Path) -> None:
    declined = {
        "name": "a declined card ends it",
        "event": {"data": {"amount": 1}},
        "stubs": {"charge": {"error": {"retryable": False}}},
        "expect": {"status": "failed", "path": ["pay"]},
    }
    beside = {"tests": [declined]}

    result = command(tmp_path, an_order(GOOD), beside=beside)

    assert result.exit_code == 0, result.output
    assert "✓ a confirmed order is noted" in result.output
    assert "✓ a declined card ends it" in result.output
    assert "2 of 2 tests passed" in result.output


def test_a_test_that_fails_ends_the_command_with_1(tmp_path: Path) -> None:
    bad = GOOD | {"name": "wrong", "expect": {"path": []}}

    result = command(tmp_path, an_order(GOOD, bad))
    as_json = command(tmp_path, an_order(GOOD, bad), "--json")

    assert (result.exit_code, as_json.exit_code) == (1, 1)
    assert "✗ wrong\n      path: expected [], got" in result.output
    shown = json.loads(as_json.stdout)
    assert shown["passed"] is False
    assert [test["passed"] for test in shown["workflows"][0]["tests"]] == [True, False]
    assert shown["workflows"][0]["tests"][1]["path"] == ["pay", "confirmed", "note"]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (an_order(), "there are no tests"),
        (an_order({"name": "x", "expect": {"paths": []}}), "unknown key 'paths'"),
        ({**an_order(GOOD), "actions": []}, "unknown"),
        ([], ""),
    ],
)
def test_what_cannot_be_tested_ends_the_command_with_2(tmp_path: Path, document: Any, message: str) -> None:
    result = command(tmp_path, document)

    assert result.exit_code == 2
    assert message in result.output


def test_a_file_of_tests_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "more.json").write_text(json.dumps({"tests": [GOOD | {"expect": {"status": "failed"}}]}))

    result = command(tmp_path, an_order(), "--tests", str(tmp_path / "more.json"))
    broken = command(tmp_path, an_order(), "--tests", str(tmp_path / "nope.json"))

    assert (result.exit_code, broken.exit_code) == (1, 2)
