"""``workflowkit test``: the tests that stand in workflow documents or beside them."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workflowkit.base.errors import DefinitionError
from workflowkit.cli import documents
from workflowkit.cli.loading import actions_option, load_app
from workflowkit.cli.output import FAILED, INVALID, Invalid, emit_json, mark, plain, status

if TYPE_CHECKING:
    from workflowkit.app import WorkflowKit
    from workflowkit.testing.fixtures import Fixture, FixtureResult

#: What stands in place of ``.json`` in the name of a file of tests.
_SUFFIX = ".tests.json"


@click.command("test", short_help="Run the tests of workflow documents, in memory.")
@click.argument("files", nargs=-1, required=True, metavar="WORKFLOW.json...")
@click.option("--tests", "tests_path", metavar="FILE", help="More tests, as a file. Default: WORKFLOW.tests.json.")
@actions_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.pass_context
def command(
    ctx: click.Context, files: tuple[str, ...], tests_path: str | None, actions: str | None, as_json: bool
) -> None:
    """Run the tests of workflow documents: those under the key "tests", and those in a file beside each.

    Nothing that is outside of the run really happens: actions that are external need stubs, and waiting is skipped.

    \b
    workflowkit test workflow.json --actions shop/app.py:wk
    workflowkit test workflows/*.json --json

    Exit code 0: all tests passed; 1: one failed; 2: there are none, or a document is invalid.
    """
    if tests_path is not None and len(files) > 1:
        raise Invalid("--tests is for one workflow at a time")
    wk = load_app(actions)
    try:
        found = [(file, _results(file, tests_path, wk)) for file in files]
    except documents.InvalidDocument as error:
        if as_json:
            emit_json({"problems": [problem.as_dict() for problem in error.problems]})
        else:
            documents.echo_problems(error.source, error.problems)
        ctx.exit(INVALID)
    has_passed = all(result.is_passed for _, results in found for result in results)
    if as_json:
        shown = [{"workflow": file, "tests": [result.as_dict() for result in results]} for file, results in found]
        emit_json({"passed": has_passed, "workflows": shown})
    else:
        _show(found)
    if not any(results for _, results in found):
        raise Invalid("there are no tests")
    ctx.exit(0 if has_passed else FAILED)


def _results(file: str, tests_path: str | None, wk: WorkflowKit) -> list[FixtureResult]:
    from workflowkit.definition import load_json
    from workflowkit.testing.fixtures import run_fixtures

    limits = wk.settings.limits
    source = documents.read(file)
    document: Any = documents.checked(source, lambda text: load_json(text, limits))
    beside = Path(tests_path) if tests_path is not None else Path(file).with_suffix(_SUFFIX)
    with contextlib.redirect_stdout(sys.stderr):  # an action that prints must not get in between
        try:
            fixtures = _fixtures(source, document, wk)
            if tests_path is not None or (file != documents.STDIN and beside.is_file()):
                more = documents.read(str(beside))
                fixtures += _fixtures(more, documents.checked(more, lambda text: load_json(text, limits)), wk)
            return run_fixtures(document, fixtures, wk)
        except DefinitionError as error:
            raise documents.InvalidDocument(source, error.problems) from error


def _fixtures(source: documents.Source, document: Any, wk: WorkflowKit) -> tuple[Fixture, ...]:
    from workflowkit.testing.fixtures import fixtures_of

    try:
        return fixtures_of(document, wk.settings.limits)
    except DefinitionError as error:
        raise documents.InvalidDocument(source, error.problems) from error


def _show(found: list[tuple[str, list[FixtureResult]]]) -> None:
    for file, results in found:
        click.echo(click.style(plain(file), bold=True))
        for result in results:
            click.echo(f"  {mark('completed' if result.is_passed else 'failed')} {plain(result.name)}")
            for failure in result.failures:
                lines = "\n".join(f"      {plain(line)}" for line in failure.splitlines())
                click.echo(lines)
    results = [result for _, results in found for result in results]
    failed = sum(not result.is_passed for result in results)
    told = f"{len(results) - failed} of {len(results)} tests passed"
    click.echo("\n" + status("failed" if failed else "completed", text=told))
