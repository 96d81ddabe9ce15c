"""``workflowkit validate``: everything that is wrong with workflow documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from workflowkit.base.errors import Problem
from workflowkit.base.spelling import counted
from workflowkit.cli import documents
from workflowkit.cli.loading import actions_option, load_app
from workflowkit.cli.output import INVALID, emit_json, status

if TYPE_CHECKING:
    from workflowkit.app import WorkflowKit


@click.command("validate", short_help="List everything that is wrong with workflow documents.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@actions_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.pass_context
def command(ctx: click.Context, files: tuple[str, ...], actions: str | None, as_json: bool) -> None:
    """List everything that is wrong with workflow documents: all problems, each with its place.

    Nothing is stored and nothing in a document is executed.

    \b
    workflowkit validate workflows/*.json --actions shop/app.py:wk
    cat draft.json | workflowkit validate - --json

    Exit code 0: all can be published, though there may be warnings; 2: one of them has an error.
    """
    wk = load_app(actions)
    found = [(source, _problems(source, wk)) for source in map(documents.read, files)]
    is_valid = all(problem.severity != "error" for _, problems in found for problem in problems)
    if as_json:
        shown = [_as_json(source, problem) for source, problems in found for problem in problems]
        emit_json({"is_valid": is_valid, "problems": shown})
    else:
        _show(found)
    ctx.exit(0 if is_valid else INVALID)


def _problems(source: documents.Source, wk: WorkflowKit) -> list[Problem]:
    from workflowkit.definition import load_json, validate

    limits = wk.settings.limits
    try:
        document = documents.checked(source, lambda text: load_json(text, limits))
    except documents.InvalidDocument as error:
        return error.problems
    return validate(document, wk.registry, limits, wk.registry.events)


def _as_json(source: documents.Source, problem: Problem) -> dict[str, Any]:
    line, column = source.place(problem) or (None, None)
    return {**problem.as_dict(), "file": source.name, "line": line, "column": column}


def _show(found: list[tuple[documents.Source, list[Problem]]]) -> None:
    for source, problems in found:
        documents.echo_problems(source, problems, err=False)
        if not problems:
            click.echo(f"{source.name}: {status('completed', text='valid')}")
    errors = sum(problem.severity == "error" for _, problems in found for problem in problems)
    warnings = sum(problem.severity == "warning" for _, problems in found for problem in problems)
    if errors or warnings:
        click.echo(f"\n{counted(errors, 'error')}, {counted(warnings, 'warning')}")
