"""``workflowkit runs``: look at runs, cancel them, run them again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from workflowkit.base.clock import rfc3339
from workflowkit.base.errors import Conflict, NotFound
from workflowkit.base.scope import Scope
from workflowkit.cli.loading import load_app
from workflowkit.cli.output import dim, emit_json, mark, plain, pretty, short, status
from workflowkit.cli.runlist import json_option, list_runs, took
from workflowkit.cli.target import of_tenant, opened, scope_of, scope_options
from workflowkit.engine.memo import step_id_of
from workflowkit.engine.states import RunStatus, StepStatus
from workflowkit.engine.waits import WaitKind

if TYPE_CHECKING:
    from workflowkit.app import WorkflowKit
    from workflowkit.engine.facts import ErrorInfo
    from workflowkit.runtime.history import Step
    from workflowkit.runtime.innersteps import InnerStep
    from workflowkit.runtime.tracing import Trace
    from workflowkit.runtime.waitsfor import WaitsFor
    from workflowkit.store.queries import ChildView, RunView

#: Who cancels a run from here, as it is kept with the run.
CLI_ACTOR = "cli"


@click.group("runs", short_help="List, show, cancel and repeat runs.")
def command() -> None:
    """List, show, cancel and repeat runs, directly in the database.

    That is WORKFLOWKIT_DATABASE_URL, or that of the dev server in this directory.
    """


command.add_command(list_runs)


@command.command("show")
@click.argument("run_id", metavar="RUN")
@scope_options
@click.option("--decrypt-with", "app", metavar="APP", help="Decrypt values with the keys of this application.")
@json_option
def show(run_id: str, environment: str, tenant: str, app: str | None, as_json: bool) -> None:
    """Show a run: its steps, what they returned, and what it came to.

    \b
    workflowkit runs show 01M817AXWA8Z4RDV7ZWESCAWYM
    """
    with opened(None if app is None else load_app(app)) as wk:
        found = _load(wk, scope_of(environment, tenant), run_id)
    run, event, steps, children = found.run, found.event.as_json(), found.history.steps, found.children
    if as_json:
        from workflowkit.api import views

        emit_json(
            {
                **views.run(run),
                "output": run.output,
                "event": event,
                "gathered": views.gathered(found.gathered),
                "steps": [views.step(step) for step in steps],
                "children": [views.child(child) for child in children],
            }
        )
        return
    click.echo(f"{plain(run.workflow_id)} {dim(f'version {run.version}')}  {status(run.status.value)} {dim(took(run))}")
    gathered = found.gathered
    with_others = "" if gathered is None else dim(f" one of {gathered.events} of a {gathered.kind}")
    click.echo(f"  {dim('event')} {plain(event['name'])} {short(event['data'], 80)}{with_others}\n")
    for step in steps:
        click.echo(f"  {_step_line(step)}")
        own = [child for child in children if child.run.parent_step == step.id]
        for inner in step.inner:
            if not (inner.type == WaitKind.RUN and own):  # the run itself says more
                click.echo(f"    {_inner_line(inner)}")
        for child in own:
            click.echo(f"    {_child_line(child)}")
    if run.error is not None:
        click.echo(f"\n  {_told_of(run.error)}")
    if run.reason is not None:
        click.echo(f"\n  {_why(run)}")
    if run.output is not None:
        click.echo("\n" + pretty(run.output))


@command.command("cancel")
@click.argument("run_id", metavar="RUN")
@click.option("--reason", metavar="TEXT", help="Why, for people; kept with the run.")
@scope_options
def cancel(run_id: str, reason: str | None, environment: str, tenant: str) -> None:
    """Cancel a run: no further step starts. An action that is running goes on to its end.

    \b
    workflowkit runs cancel 01M817AXWA8Z4RDV7ZWESCAWYM --reason "wrong customer"
    """
    with opened() as wk:
        scope = scope_of(environment, tenant)
        reached = wk.runtime.control.cancel(scope, run_id, reason=reason, actor=CLI_ACTOR)
    if reached is not RunStatus.CANCELLED:
        raise Conflict(f"the run has ended before: it is {reached.value}")
    click.echo(f"{status('cancelled')} {run_id}")


@command.command("skip-wait")
@click.argument("run_id", metavar="RUN")
@click.argument("step", metavar="STEP")
@scope_options
def skip_wait(run_id: str, step: str, environment: str, tenant: str) -> None:
    """End a wait now: a sleep is over, an event or a signal has not come. STEP is its key, or the action that waits.

    \b
    workflowkit runs skip-wait 01M817AXWA8Z4RDV7ZWESCAWYM rest
    """
    with opened() as wk:
        wk.runtime.skipping.skip(scope_of(environment, tenant), run_id, step, actor=CLI_ACTOR)
    click.echo(f"{status('skipped')} {step} of {run_id}")


@command.command("rerun")
@click.argument("run_id", metavar="RUN")
@click.option("--from", "from_step", metavar="STEP", help="Begin at this step: ID, ID/STEP of a function, ID[KEY].")
@click.option("--inputs", metavar="JSON", help="What that step is given instead.")
@click.option("--data", metavar="JSON", help="The event's data, instead of the original's.")
@click.option("--version", metavar="N|original|latest", default="original", show_default=True,
              help="The version of the workflow to run.")  # fmt: skip
@scope_options
def rerun(
    run_id: str,
    from_step: str | None,
    inputs: str | None,
    data: str | None,
    version: str,
    environment: str,
    tenant: str,
) -> None:
    """Repeat a run: a new one, from the same event. Prints its id.

    With --from, that step and everything that follows it are executed again, and all other results are kept.

    \b
    workflowkit runs rerun 01M817AXWA8Z4RDV7ZWESCAWYM
    workflowkit runs rerun 01M817AXWA8Z4RDV7ZWESCAWYM --from invoice --inputs '{"total": 12}'
    """
    from workflowkit.cli.send import json_argument
    from workflowkit.runtime.auditing import By
    from workflowkit.runtime.rerunning import Again

    again = Again(
        from_step=from_step,
        inputs=None if inputs is None else json_argument(inputs),
        data=None if data is None else json_argument(data),
        version=int(version) if version.isdigit() else version,
    )
    with opened(writes=True) as wk:
        click.echo(wk.runtime.rerunning.rerun(scope_of(environment, tenant), run_id, again, by=By("cli")))


@command.command("move")
@click.argument("run_id", metavar="RUN")
@click.option("--version", metavar="N|latest", default="latest", show_default=True, help="The version to move it to.")
@click.option("--dry-run", is_flag=True, help="Only say what stands against it.")
@scope_options
def move(run_id: str, version: str, dry_run: bool, environment: str, tenant: str) -> None:
    """Move a waiting run to another version of its workflow, if nothing stands against it.

    \b
    workflowkit runs move 01M817AXWA8Z4RDV7ZWESCAWYM --dry-run
    """
    from workflowkit.runtime.auditing import By

    wanted = int(version) if version.isdigit() else version
    with opened() as wk:
        moved = wk.runtime.moving.move(scope_of(environment, tenant), run_id, wanted, dry_run=dry_run, by=By("cli"))
    for found in moved.problems:
        click.echo(f"{mark('failed')} {plain(found.message)}")
    if moved.problems:
        raise Conflict("the run stays on its version")
    what = "can be moved" if dry_run else "moved" if moved.is_moved else "is on this version already"
    click.echo(f"{what}: version {moved.version}, {len(moved.added)} steps more, {len(moved.removed)} gone")


def _load(wk: WorkflowKit, scope: Scope, run_id: str) -> Trace:
    from workflowkit.runtime.tracing import trace
    from workflowkit.runtime.versions import Versions

    with wk.runtime.database.read() as tx:
        try:
            return trace(tx, scope, run_id, Versions(), wk.registry)
        except NotFound as error:
            raise NotFound(f"{error.message} {of_tenant(scope.environment, scope.tenant)}") from None


def _why(run: RunView) -> str:
    """Say why a run was cancelled, and by whom or what."""
    cause = run.cause or {}
    text, actor = cause.get("text"), cause.get("actor") or cause.get("event_id") or cause.get("run_id")
    return plain("".join((run.reason or "", f": {text}" if text else "", f" ({actor})" if actor else "")))


def _step_line(step: Step) -> str:
    attempts = f"{len(step.attempts)}x" if step.attempts else ""
    if step.error is not None:
        told = plain(step.error.message)
    elif not step.status.is_terminal and (again := _last_error(step)) is not None:
        told = dim(f"{_told_of(again)}; it is tried again")
    elif step.waits_for is not None:
        told = dim(_queued(step.waits_for))
    elif step.status.value == "completed":
        told = short(step.output, 70)
    else:
        told = dim(step.reason or "")
    line = f"{mark(step.status.value)} {plain(step.id):16} {status(step.status.value, text=f'{step.status.value:9}')}"
    return f"{line} {dim(f'{attempts:>3} {took(step):>8}')}  {told}"


def _inner_line(inner: InnerStep) -> str:
    """Return what a handler has done in one of its steps, or what it waits for there."""
    word = inner.status.value
    if inner.error is not None:
        told = _told_of(inner.error)
    elif inner.status.is_terminal:
        told = "" if inner.output is None else short(inner.output, 70)
    else:
        until = "" if inner.until_ms is None else f"until {rfc3339(inner.until_ms)}"
        told = dim(" ".join(filter(None, (inner.type, plain(inner.name), until))))
    return f"{mark(word)} {plain(step_id_of(inner.id)):16} {status(word, text=f'{word:9}')}  {told}"


def _queued(waits_for: WaitsFor) -> str:
    """Return what a step waits for that queues."""
    told = [f"waits for {waits_for.control}"]
    if waits_for.key is not None:
        told.append(f"key {plain(waits_for.key)}")
    if waits_for.held is not None:
        told.append(f"{waits_for.held} of {waits_for.limit} {waits_for.mode or 'steps'} under way")
    told.append(f"{waits_for.ahead} before it")
    if waits_for.until_ms is not None:
        told.append(f"until {rfc3339(waits_for.until_ms)} at least")
    return ", ".join(told)


def _last_error(step: Step) -> ErrorInfo | None:
    """Return the error of a step's last attempt, or else that of the last attempt of a step that its handler opened."""
    attempts = [attempt for attempt in step.attempts if attempt.outcome is not None]
    if attempts and attempts[-1].error is not None:
        return attempts[-1].error
    for inner in reversed(step.inner):
        if inner.status is StepStatus.READY and inner.error is not None:
            return replace(inner.error, step=step_id_of(inner.id))
    return None


def _told_of(error: ErrorInfo) -> str:
    where = "" if error.step is None else f"{error.step}: "
    return plain(f"{where}{error.name}: {error.message}")


def _child_line(child: ChildView) -> str:
    name = child.run.workflow_id if child.key is None else child.key
    told = "" if child.run.error is None else plain(child.run.error.message)
    shown = f"{mark(child.run.status.value)} {plain(name):16} {status(child.run.status.value)}"
    return f"{shown} {dim(child.run.id)}  {told}"
