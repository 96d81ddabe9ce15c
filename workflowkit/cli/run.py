"""``workflowkit run``: one workflow, one event, in this process, now."""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import TYPE_CHECKING, Any

import click

from workflowkit.base import jsonvalue
from workflowkit.base.clock import monotonic_seconds
from workflowkit.base.errors import DefinitionError
from workflowkit.base.limits import Limits
from workflowkit.cli import documents
from workflowkit.cli.loading import actions_option, load_app
from workflowkit.cli.output import FAILED, INVALID, Invalid, dim, emit_json, mark, plain, pretty, short, status

if TYPE_CHECKING:
    from workflowkit.app import WorkflowKit
    from workflowkit.definition.model import Workflow
    from workflowkit.engine.local import LocalResult, StepRecord

#: What programs may rely on, for each step of ``--json``.
_STEP_KEYS = ("id", "kind", "status", "inputs", "output", "error", "attempts")


@click.command("run", short_help="Run a workflow for an event, here and now, in memory.")
@click.argument("workflow", metavar="WORKFLOW.json|FUNCTION")
@click.option("--event", "event_path", metavar="EVENT.json", help="The event, as a file; - reads standard input.")
@click.option("--data", metavar="JSON", help="The event's data, instead of --event.")
@click.option("--name", metavar="NAME", help="The event's name, with --data. Default: the first trigger's.")
@click.option("--secrets", "secrets_path", metavar="FILE.json", help="A JSON object with the secrets it uses, by name.")
@actions_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.pass_context
def command(
    ctx: click.Context,
    workflow: str,
    event_path: str | None,
    data: str | None,
    name: str | None,
    secrets_path: str | None,
    actions: str | None,
    as_json: bool,
) -> None:
    """Run a workflow, or a function of the application by its id, for an event, here and now, in memory.

    Needs no server and no database, and stores nothing. The engine is the one of production, except that steps run one
    at a time and waiting is skipped. Actions really do what they do: e-mail goes where WORKFLOWKIT_EMAIL_URL says.

    \b
    workflowkit run workflow.json --event event.json --actions shop/app.py:wk
    workflowkit run shop/welcome --data '{"id": 7}' --actions shop/app.py:wk
    workflowkit run workflow.json --name user/created --data '{"id": 7}' --json

    Exit code 0: the run completed; 1: it failed; 2: the workflow or the event is invalid.
    """
    wk = load_app(actions)
    limits = wk.settings.limits
    try:
        parsed = _read_workflow(workflow, wk, limits)
        event = _read_event(event_path, data, name, parsed, limits)
        secrets = _read_secrets(secrets_path, limits)
    except documents.InvalidDocument as error:
        if as_json:
            emit_json({"problems": [problem.as_dict() for problem in error.problems]})
        else:
            documents.echo_problems(error.source, error.problems)
        ctx.exit(INVALID)
    perform = _run_for_programs if as_json else _run_for_people
    result = perform(wk, parsed, event, secrets)
    ctx.exit(0 if result.status.value == "completed" else FAILED)


def _read_workflow(path: str, wk: WorkflowKit, limits: Limits) -> Workflow:
    from workflowkit.definition import build, load_json, parse

    if (function := wk.registry.functions.get(path)) is not None:
        return build(function.document)
    source = documents.read(path)
    document = documents.checked(source, lambda text: load_json(text, limits))
    try:
        return parse(document, wk.registry, limits)
    except DefinitionError as error:
        raise documents.InvalidDocument(source, error.problems) from error


def _read_event(
    path: str | None, data: str | None, name: str | None, workflow: Workflow, limits: Limits
) -> dict[str, Any]:
    if (path is None) == (data is None):
        raise Invalid("say what happened: --event FILE, or --data JSON")
    if path is not None:
        source = documents.read(path)
        return _checked_event(source, documents.checked(source, lambda text: _loads(text, limits)), limits)
    source = documents.Source("--data", (data or "").encode(errors="surrogateescape"))
    value = documents.checked(source, lambda text: _loads(text, limits))
    event = {"name": name or next((trigger.event for trigger in workflow.triggers), "manual/run"), "data": value}
    # Pointers into the event are wrong for the text of --data, which is a part of it.
    return _checked_event(documents.Source("--name, --data", b""), event, limits)


def _checked_event(source: documents.Source, event: Any, limits: Limits) -> dict[str, Any]:
    from workflowkit.runtime.incoming import parse_event

    def check(_text: bytes) -> dict[str, Any]:
        parse_event(event, limits, internal=True)
        return {**event, "data": event.get("data") or {}}

    checked: dict[str, Any] = documents.checked(source, check)
    return checked


def _loads(text: bytes, limits: Limits) -> Any:
    return jsonvalue.loads_strict(text, max_bytes=limits.event_bytes, max_depth=limits.json_depth, limit="event_bytes")


def _read_secrets(path: str | None, limits: Limits) -> dict[str, str]:
    if path is None:
        return {}
    from workflowkit.definition import load_json

    found: Any = documents.checked(documents.read(path), lambda text: load_json(text, limits))
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise Invalid("--secrets: a JSON object of texts, by name")
    return found


def _run_for_programs(
    wk: WorkflowKit, workflow: Workflow, event: dict[str, Any], secrets: dict[str, str]
) -> LocalResult:
    with contextlib.redirect_stdout(sys.stderr):  # an action that prints must not get in between
        result = wk.engine.run_parsed(workflow, event, secrets=secrets)
    shown = result.as_dict()
    emit_json(
        {
            "status": shown["status"],
            "output": shown["output"],
            "error": shown["error"],
            "steps": [{key: step[key] for key in _STEP_KEYS} for step in shown["steps"]],
            "order": shown["order"],
            **({"events": shown["events"]} if shown["events"] else {}),
            **({"compensated": list(result.compensated)} if result.compensations is not None else {}),
            **({"handler": result.handler.status.value} if result.handler is not None else {}),
        }
    )
    return result


def _run_for_people(wk: WorkflowKit, workflow: Workflow, event: dict[str, Any], secrets: dict[str, str]) -> LocalResult:
    logging.basicConfig(level=logging.INFO, format="    %(message)s", stream=sys.stderr)
    width = max((len(plain(node_id)) for node_id in workflow.nodes), default=0)
    click.echo(f"{click.style(plain(workflow.name) or 'workflow', bold=True)}  {dim(plain(event['name']))}\n")
    started = monotonic_seconds()
    result = wk.engine.run_parsed(
        workflow, event, on_step=lambda step: click.echo(step_line(step, width)), secrets=secrets
    )
    seconds = monotonic_seconds() - started
    click.echo(f"\n{status(result.status.value)} {dim(f'in {seconds * 1000:.0f} ms')}")
    if result.error is not None:
        click.echo(f"  {plain(result.error.name)}: {plain(result.error.message)}")
    if result.compensations is not None:
        click.echo(f"  {dim('undone')} {plain(', '.join(result.compensated) or 'nothing')}")
        if (error := result.compensations.error) is not None:
            click.echo(f"    {plain(error.name)}: {plain(error.message)}")
    if result.handler is not None:
        click.echo(f"  {dim('followed by its handler:')} {status(result.handler.status.value)}")
    elif result.told is not None:
        click.echo(f"  {dim('not run here:')} {plain(result.told.workflow_id)}")
    if result.output is not None:
        click.echo(pretty(result.output))
    for sent in result.events:
        click.echo(f"  {dim('sent')} {plain(sent['name'])} {short(sent['data'])}")
    return result


def step_line(step: StepRecord, width: int) -> str:
    """Return one line about a settled step."""
    parts = [f"{mark(step.status.value)} {plain(step.id):{width}}  {dim(plain(step.kind))}"]
    if step.attempts > 1:
        parts.append(click.style(f"{step.attempts} attempts", fg="yellow"))
    if step.error is not None:
        parts.append(f"{plain(step.error.name)}: {plain(step.error.message)}")
    elif step.status.value == "completed":
        parts.append(short(step.output))
    else:
        parts.append(dim(step.status.value))
    return "  ".join(parts)
