"""``workflowkit run``: what it prints, how it exits, and what it does without."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from builders import a_workflow
from click.testing import CliRunner, Result

from workflowkit.cli.root import cli
from workflowkit.definition.model import SOURCE

ACTIONS = """
from workflowkit import NonRetriableError, WorkflowKit

wk = WorkflowKit("test")

@wk.action("double")
def double(n: int) -> dict[str, int]:
    print("an action that prints")
    return {"n": 2 * n}

@wk.action("refuse")
def refuse() -> None:
    raise NonRetriableError("never")

@wk.action("announce")
def announce(ctx) -> None:
    ctx.send_event("test/announced", {"by": ctx.step.key})

def make():
    return wk
"""

DOUBLED = (
    a_workflow("Doubling")
    .action("first", "double", {"n": "!ref($.event.data.n)"})
    .action("second", "double", {"n": "!ref($.state.first.n)"})
    .path(SOURCE, "first", "second")
    .trigger("test/happened")
    .document()
)
REFUSED = a_workflow().action("first", "refuse").actions().path(SOURCE, "first").document()
EVENT = {"name": "test/happened", "data": {"n": 3}}


def _run(directory: Path, document: Any, *arguments: str, event: Any = EVENT, **options: Any) -> Result:
    """Run a document (or text) with the actions above; ``event=None`` leaves the event to ``arguments``."""
    (directory / "app.py").write_text(ACTIONS)
    (directory / "workflow.json").write_text(document if isinstance(document, str) else json.dumps(document))
    given = ["run", str(directory / "workflow.json"), "--actions", f"{directory / 'app.py'}:wk", *arguments]
    if event is not None:
        (directory / "event.json").write_text(event if isinstance(event, str) else json.dumps(event))
        given += ["--event", str(directory / "event.json")]
    return CliRunner().invoke(cli, given, **options)


def test_a_completed_run_is_one_json_object_with_exactly_the_agreed_keys(tmp_path: Path) -> None:
    result = _run(tmp_path, DOUBLED, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "status": "completed",
        "output": {"second": {"n": 12}},
        "error": None,
        "steps": [
            {
                "id": "first", "kind": "double", "status": "completed", "inputs": {"n": 3}, "output": {"n": 6},
                "error": None, "attempts": 1,
            },
            {
                "id": "second", "kind": "double", "status": "completed", "inputs": {"n": 6}, "output": {"n": 12},
                "error": None, "attempts": 1,
            },
        ],
        "order": ["first", "second"],
    }  # fmt: skip
    assert result.stderr == "an action that prints\n" * 2


def test_a_failed_run_says_why_and_exits_with_1(tmp_path: Path) -> None:
    result = _run(tmp_path, REFUSED, "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert (told["status"], told["error"]["message"], told["error"]["code"]) == ("failed", "never", "non-retriable")


def test_an_invalid_workflow_gives_its_problems_and_exits_with_2(tmp_path: Path) -> None:
    document = a_workflow().action("first", "nothing-like-it").path(SOURCE, "first").document()
    result = _run(tmp_path, document, "--json")
    assert result.exit_code == 2
    (problem,) = json.loads(result.stdout)["problems"]
    assert problem.keys() == {"pointer", "code", "message", "severity"}
    assert (problem["pointer"], problem["code"], problem["severity"]) == ("/actions/0/kind", "unknown-kind", "error")


@pytest.mark.parametrize(
    ("document", "event", "told"),
    [
        ('{"actions": [],\n "edges" []}', EVENT, "workflow.json:2:10: error: Expecting ':' delimiter"),
        ('{"actions": [], "edges": [], "x": NaN}', EVENT, "workflow.json:1:35: error: 'NaN' is not a finite number"),
        ('{"actions": [],\n "actions": []}', EVENT, "workflow.json:1:13: error: the key 'actions' stands twice"),
        (DOUBLED, '{"name": "test/happened", "data": {"n": 1},}', "event.json:1:44: error: Expecting"),
        (DOUBLED, '{"name": "a",\n "data": {"n": Infinity}}', "event.json:2:16: error: 'Infinity' is not a finite"),
        (DOUBLED, '{"name": "a", "data": {"n": 1, "n": 2}}', "event.json:1:29: error: the key 'n' stands twice"),
        (DOUBLED, '{"name": "a", "data": {"n": "\\u0000"}}', "event.json:1:29: error: text must not contain"),
        (DOUBLED, {"name": "a", "data": [1]}, "event.json:1:23: error: data must be a JSON object"),
        (DOUBLED, {"data": {}}, "event.json:1:1: error: "),
    ],
)
def test_bad_text_is_refused_with_file_line_and_column(tmp_path: Path, document: Any, event: Any, told: str) -> None:
    result = _run(tmp_path, document, event=event)
    assert result.exit_code == 2
    assert told in result.stderr
    assert result.stdout == ""


def test_an_input_of_the_wrong_type_fails_the_step_and_names_it(tmp_path: Path) -> None:
    result = _run(tmp_path, DOUBLED, event={"name": "test/happened", "data": {"n": "three"}})
    assert result.exit_code == 1
    assert "✗ first" in result.stdout
    assert "three" in result.stdout


@pytest.mark.parametrize(
    "arguments", [["--event", "-"], ["--data", '{"n": 3}'], ["--name", "a/b", "--data", '{"n":3}']]
)
def test_the_event_may_come_from_standard_input_or_the_command_line(tmp_path: Path, arguments: list[str]) -> None:
    result = _run(tmp_path, DOUBLED, "--json", *arguments, event=None, input=json.dumps(EVENT))
    assert (result.exit_code, json.loads(result.stdout)["output"]) == (0, {"second": {"n": 12}})


@pytest.mark.parametrize("arguments", [[], ["--event", "x.json", "--data", "{}"]])
def test_exactly_one_event_must_be_named(tmp_path: Path, arguments: list[str]) -> None:
    result = _run(tmp_path, DOUBLED, *arguments, event=None)
    assert (result.exit_code, result.stderr) == (2, "error: say what happened: --event FILE, or --data JSON\n")


@pytest.mark.parametrize(("document", "event"), [(DOUBLED, "nothing"), ("nothing", EVENT)])
def test_broken_json_is_told_as_a_problem_to_programs(tmp_path: Path, document: Any, event: Any) -> None:
    result = _run(tmp_path, document, "--json", event=event)
    assert result.exit_code == 2
    assert [problem["code"] for problem in json.loads(result.stdout)["problems"]] == ["invalid-json"]


def test_people_see_each_step_and_the_result(tmp_path: Path) -> None:
    result = _run(tmp_path, DOUBLED)
    assert '✓ first   double  {"n":6}' in result.stdout
    assert '✓ second  double  {"n":12}' in result.stdout
    assert "completed in " in result.stdout


def test_what_a_document_is_called_cannot_command_the_terminal(tmp_path: Path) -> None:
    result = _run(tmp_path, DOUBLED | {"name": "\x9b2J\x1b[2J"})
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout
    assert "\x9b" not in result.stdout


def test_events_that_actions_send_are_told(tmp_path: Path) -> None:
    document = a_workflow().action("first", "announce").path(SOURCE, "first").document()
    (sent,) = json.loads(_run(tmp_path, document, "--json").stdout)["events"]
    assert (sent["name"], sent["data"]) == ("test/announced", {"by": "first"})


def test_what_followed_a_failure_is_told(tmp_path: Path) -> None:
    undo = {"kind": "double", "inputs": {"n": "!ref($.state.first.n)"}}
    flow = a_workflow("Undone").action("first", "double", {"n": 1}, compensate=undo).action("last", "refuse")
    document = flow.path(SOURCE, "first", "last").settings(on_failure={"workflow": "tell-support"}).document()
    told = json.loads(_run(tmp_path, document, "--json").stdout)
    assert (told["status"], told["compensated"]) == ("failed", ["first"])
    assert "handler" not in told
    people = _run(tmp_path, document).stdout
    assert "undone first" in people
    assert "not run here: tell-support" in people


def test_run_loads_nothing_heavy_and_writes_no_file(tmp_path: Path) -> None:
    document = a_workflow().action("a", "set", {"x": 1}).path(SOURCE, "a").document()
    (tmp_path / "workflow.json").write_text(json.dumps(document))
    program = """
import sys
from workflowkit.cli.root import cli
cli.main(["run", "workflow.json", "--data", "{}", "--json"], standalone_mode=False)
heavy = {"sqlalchemy", "networkx", "flask", "celery", "asyncio", "httpx", "jsonschema", "alembic", "gunicorn"}
sys.stderr.write(" ".join(sorted(heavy & set(sys.modules))))
"""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["output"] == {"a": {"x": 1}}
    assert [path.name for path in tmp_path.iterdir()] == ["workflow.json"]


def test_a_function_of_the_application_is_run_by_its_id(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(FUNCTION)
    given = ["run", "shop/greet", "--actions", f"{tmp_path / 'app.py'}:wk", "--data", '{"name": "Ada"}', "--json"]
    result = CliRunner().invoke(cli, given)
    assert (result.exit_code, json.loads(result.stdout)["output"]) == (0, "Hello Ada")


FUNCTION = """
from workflowkit import Event, WorkflowKit

wk = WorkflowKit("shop")

@wk.function("greet", trigger=Event("user/created"))
def greet(ctx):
    ctx.step.sleep("nap", "30d")
    return ctx.step.run("greet", lambda: f"Hello {ctx.event['data']['name']}")
"""
