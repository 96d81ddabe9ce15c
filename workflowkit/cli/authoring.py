"""``workflowkit workflows publish`` and others: what authors do in the editor, directly in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workflowkit.base.clock import rfc3339
from workflowkit.cli.output import INVALID, dim, emit_json, plain, table
from workflowkit.cli.runs import CLI_ACTOR
from workflowkit.cli.target import opened, scope_of, scope_options

if TYPE_CHECKING:
    from workflowkit.app import WorkflowKit
    from workflowkit.base.scope import Scope
    from workflowkit.runtime.auditing import By
    from workflowkit.runtime.inforce import Published
    from workflowkit.store.workflows import VersionRecord, WorkflowRecord


@click.command("publish")
@click.argument("workflow_id", metavar="WORKFLOW")
@click.option("--note", metavar="TEXT", help="What is new, for people.")
@scope_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON as the API does, for programs.")
@click.pass_context
def publish(
    ctx: click.Context, workflow_id: str, note: str | None, environment: str, tenant: str, as_json: bool
) -> None:
    """Make the draft of a workflow the version that new runs execute. Nothing happens if it is already.

    Actions of its own are those of the application that WORKFLOWKIT_APP names. Exit code 2: the draft has an error.

    \b
    workflowkit workflows publish orders --note "asks for the second address"
    """
    with opened() as wk:
        published = _publish(wk, scope_of(environment, tenant), workflow_id, note)
    if published is None:
        ctx.exit(INVALID)
    if as_json:
        from workflowkit.api import views

        emit_json(views.version_summary(published.version) | {"created": published.created})
    else:
        word = "published" if published.created else "published already"
        click.echo(f"{word}: {plain(workflow_id)} {dim(f'(version {published.version.version})')}")


@click.command("versions")
@click.argument("workflow_id", metavar="WORKFLOW")
@click.option("--limit", type=click.IntRange(1, 1_000), default=20, show_default=True, help="The most to list.")
@scope_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON as the API does, for programs.")
def versions(workflow_id: str, limit: int, environment: str, tenant: str, as_json: bool) -> None:
    """List the published versions of a workflow, newest first: when each was published, by whom, and their note.

    \b
    workflowkit workflows versions orders
    """
    with opened() as wk:
        found = wk.runtime.authoring.find_versions(scope_of(environment, tenant), workflow_id, limit=limit)
    if as_json:
        from workflowkit.api import views

        emit_json({"items": [views.version_summary(each) for each in found]})
    elif found:
        click.echo(table(map(_version_row, found), headers=("version", "when", "by", "note")))
    else:
        click.echo("nothing was published yet")


@click.command("duplicate")
@click.argument("workflow_id", metavar="WORKFLOW")
@click.option("--name", metavar="TEXT", help="The name of the new one. Default: the same.")
@click.option("--id", "new_id", metavar="ID", help="Its id. Default: a new one.")
@scope_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON as the API does, for programs.")
def duplicate(
    workflow_id: str, name: str | None, new_id: str | None, environment: str, tenant: str, as_json: bool
) -> None:
    """Make a workflow whose draft is that of another one. It is not published.

    \b
    workflowkit workflows duplicate orders --id orders-2 --name "Orders, second try"
    """
    with opened() as wk:
        made = wk.runtime.authoring.duplicate(scope_of(environment, tenant), workflow_id, name=name, new_id=new_id)
    if as_json:
        from workflowkit.api import views

        emit_json(views.workflow(made))
    else:
        click.echo(f"made: {plain(made.id)} {dim(plain(made.name))}")


@click.command("archive")
@click.argument("workflow_id", metavar="WORKFLOW")
@scope_options
def archive(workflow_id: str, environment: str, tenant: str) -> None:
    """Put a workflow away: it starts no runs, and nobody changes it. Runs that have started go on to their end.

    \b
    workflowkit workflows archive orders
    """
    with opened() as wk:
        wk.runtime.authoring.archive(scope_of(environment, tenant), workflow_id, by=_by())
    click.echo(f"archived: {plain(workflow_id)}")


@click.command("restore")
@click.argument("workflow_id", metavar="WORKFLOW")
@scope_options
def restore(workflow_id: str, environment: str, tenant: str) -> None:
    """Bring an archived workflow back as it was.

    \b
    workflowkit workflows restore orders
    """
    with opened() as wk:
        wk.runtime.authoring.restore(scope_of(environment, tenant), workflow_id, by=_by())
    click.echo(f"restored: {plain(workflow_id)}")


@click.command("list")
@click.option("--archived", "is_archived", is_flag=True, help="Those that are archived, and no others.")
@click.option("--limit", type=click.IntRange(1, 1_000), default=100, show_default=True, help="The most to list.")
@scope_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON as the API does, for programs.")
def list_workflows(is_archived: bool, limit: int, environment: str, tenant: str, as_json: bool) -> None:
    """List workflows by id, without those that are archived.

    \b
    workflowkit workflows list --archived
    """
    with opened() as wk:
        found = wk.runtime.authoring.find(scope_of(environment, tenant), limit=limit, archived=is_archived)
    if as_json:
        from workflowkit.api import views

        emit_json({"items": [views.workflow(each) for each in found]})
    elif found:
        click.echo(table(map(_workflow_row, found), headers=("workflow", "name", "version", "enabled", "changed")))
    else:
        click.echo("no workflow is archived" if is_archived else "there are no workflows")


COMMANDS = (list_workflows, publish, versions, duplicate, archive, restore)


def _publish(wk: WorkflowKit, scope: Scope, workflow_id: str, note: str | None) -> Published | None:
    """Publish a draft; print what is wrong with it, and return nothing then."""
    from workflowkit.base.errors import DefinitionError

    try:
        return wk.runtime.authoring.publish(scope, workflow_id, note=note, by=_by())
    except DefinitionError as error:
        for problem in error.problems:
            click.echo(f"{problem.severity}: {plain(problem.pointer)} {plain(problem.message)}", err=True)
        return None


def _version_row(record: VersionRecord) -> tuple[str, ...]:
    by, said = plain(record.published_by or ""), plain(" ".join((record.note or "").split()))
    return (str(record.version), dim(rfc3339(record.created_at_ms)), by, said)


def _workflow_row(record: WorkflowRecord) -> tuple[str, ...]:
    version = dim("draft") if record.published_version is None else f"v{record.published_version}"
    changed = dim(rfc3339(record.updated_at_ms))
    return (plain(record.id), plain(record.name), version, "yes" if record.enabled else dim("no"), changed)


def _by() -> By:
    from workflowkit.runtime.auditing import By

    return By(CLI_ACTOR)
