"""``workflowkit workflows``: start, pause, resume and drain them. ``workflowkit drain`` is one of these by itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from workflowkit.base.clock import rfc3339, sleep
from workflowkit.base.scope import APP_TENANT, Scope, owner_of
from workflowkit.cli import authoring
from workflowkit.cli.output import Invalid, dim, emit_json, plain, table
from workflowkit.cli.runs import CLI_ACTOR
from workflowkit.cli.starting import run
from workflowkit.cli.target import opened, scope_of, scope_options

if TYPE_CHECKING:
    from workflowkit.runtime.auditing import By
    from workflowkit.runtime.pausing import Pausing, Target
    from workflowkit.store.pauses import PauseRow

#: How often the end of the last run is looked for.
LOOK_SECONDS = 0.5

reason_option = click.option("--reason", metavar="TEXT", help="Why, for people.")


def targeted(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command take a workflow's id, ``--all`` or ``--everyone``, and pass it on as ``target``."""

    @wraps(function)
    def chosen(
        workflow_id: str | None, is_all: bool, is_everyone: bool, environment: str, tenant: str, **others: Any
    ) -> Any:
        if [workflow_id is not None, is_all, is_everyone].count(True) != 1:
            raise Invalid("name a workflow, or say --all or --everyone")
        scope = Scope(environment, APP_TENANT) if is_everyone else scope_of(environment, tenant)
        return function(target=_target(scope, workflow_id or ""), **others)

    chosen = click.option("--everyone", "is_everyone", is_flag=True, help="Everything of the environment.")(chosen)
    chosen = click.option("--all", "is_all", is_flag=True, help="Everything of the tenant.")(chosen)
    return scope_options(click.argument("workflow_id", metavar="[WORKFLOW]", required=False)(chosen))


@click.group("workflows", short_help="List, start, pause, publish and archive workflows.")
def command() -> None:
    """List, start, pause, publish and archive workflows, directly in the database.

    Functions are started and paused by the same commands. A function, whose id has a slash, is paused for all tenants.
    """


@command.command("pause")
@targeted
@click.option("--running", type=click.Choice(["freeze", "cancel"]), default="freeze", show_default=True,
              help="What becomes of the runs there are.")  # fmt: skip
@reason_option
def pause(target: Target, running: str, reason: str | None) -> None:
    """Let no run begin, and freeze those there are after the steps that are running, or cancel them.

    Frozen runs go on after `resume`; after 7 days they are cancelled.

    \b
    workflowkit workflows pause orders --reason "wrong prices"
    """
    with opened() as wk:
        from workflowkit.store.pauses import Running

        pausing = wk.runtime.pausing
        pausing.pause(target, running=Running(running), reason=reason, by=_by())
        _tell("paused", target, pausing)


@command.command("resume")
@targeted
def resume(target: Target) -> None:
    """Lift a pause: frozen runs go on with their next step.

    \b
    workflowkit workflows resume orders
    """
    with opened() as wk:
        wk.runtime.pausing.resume(target, by=_by())
        _tell("resumed", target, wk.runtime.pausing)


@command.command("undrain")
@targeted
def undrain(target: Target) -> None:
    """Lift a drain: runs begin again.

    \b
    workflowkit workflows undrain orders
    """
    with opened() as wk:
        wk.runtime.pausing.undrain(target, by=_by())
        _tell("not drained", target, wk.runtime.pausing)


@command.command("paused")
@scope_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON as the API does, for programs.")
def paused(environment: str, tenant: str, as_json: bool) -> None:
    """List what is paused or drained.

    \b
    workflowkit workflows paused
    """
    with opened() as wk:
        found = wk.runtime.pausing.find(scope_of(environment, tenant))
    if as_json:
        from workflowkit.api import views

        emit_json({"items": [views.pause(row) for row in found]})
    elif found:
        click.echo(table(map(_row, found), headers=("what", "workflow", "since", "by", "reason")))
    else:
        click.echo("nothing is paused or drained")


@click.command("drain", short_help="Let no run begin, and wait for those there are.")
@targeted
@click.option("--wait", "is_waited_for", is_flag=True, help="Return when the last run has ended.")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Wait no longer; then exit with 1.")
@reason_option
def drain(target: Target, is_waited_for: bool, timeout: float | None, reason: str | None) -> None:
    """Let no run begin any more; those there are run to their end. Lifted by `workflowkit workflows undrain`.

    \b
    workflowkit drain orders --wait
    workflowkit drain --everyone --wait --timeout 3600
    workflowkit workflows drain --all
    """
    with opened() as wk:
        pausing = wk.runtime.pausing
        pausing.drain(target, reason=reason, by=_by())
        _tell("drained", target, pausing)
        if is_waited_for:
            left = _wait(pausing, target, timeout)
            click.echo("all runs have ended" if not left else f"{left} runs have not ended", err=bool(left))
            click.get_current_context().exit(1 if left else 0)


command.add_command(drain)
for each in (run, *authoring.COMMANDS):
    command.add_command(each)


def _wait(pausing: Pausing, target: Target, timeout_seconds: float | None) -> int:
    """Return how many runs have not ended, once there is none or the time is over."""
    from workflowkit.base.clock import monotonic_seconds

    ends_at = None if timeout_seconds is None else monotonic_seconds() + timeout_seconds
    while left := pausing.count_open(target):
        if ends_at is not None and monotonic_seconds() >= ends_at:
            break
        sleep(LOOK_SECONDS)
    return left


def _target(scope: Scope, workflow_id: str) -> Target:
    from workflowkit.runtime.pausing import Target

    return Target(owner_of(scope, workflow_id) if workflow_id else scope, workflow_id)


def _tell(word: str, target: Target, pausing: Pausing) -> None:
    named = plain(target.workflow_id) or ("everything" if target.scope.tenant == APP_TENANT else "all workflows")
    click.echo(f"{word}: {named} {dim(f'({pausing.count_open(target)} runs have not ended)')}")


def _row(row: PauseRow) -> tuple[str, ...]:
    everyone = dim("everything" if row.scope.tenant == APP_TENANT else "all workflows")
    return (
        row.hold.value, plain(row.workflow_id) or everyone, dim(rfc3339(row.at_ms)), plain(row.actor or ""),
        plain(row.text or ""),
    )  # fmt: skip


def _by() -> By:
    from workflowkit.runtime.auditing import By

    return By(CLI_ACTOR)
