"""``workflowkit functions``: the code functions in the database, and bringing them to those of the code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workflowkit.base.scope import APP_TENANT, DEFAULT_SCOPE, Scope
from workflowkit.cli.loading import app_argument, load_app
from workflowkit.cli.output import FAILED, Invalid, dim, emit_json, mark, plain, status, table
from workflowkit.cli.target import opened

if TYPE_CHECKING:
    from workflowkit.runtime.functions import Synced
    from workflowkit.store.apps import FunctionRecord

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
environment_option = click.option(
    "--environment", envvar="WORKFLOWKIT_ENVIRONMENT", default=DEFAULT_SCOPE.environment, show_default=True,
    help="Whose functions.",
)  # fmt: skip


@click.group("functions", short_help="List code functions, and sync them with the code.")
def command() -> None:
    """List the code functions of an environment, and bring them to those of the code."""


@command.command("list")
@click.option("--app-id", metavar="ID", help="Functions of this application only.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many.")
@environment_option
@json_option
def list_functions(app_id: str | None, limit: int, environment: str, as_json: bool) -> None:
    """List functions by id: their version, and what starts them.

    \b
    workflowkit functions list
    """
    with opened() as wk:
        from workflowkit.store import apps

        with wk.runtime.database.read() as tx:
            found = apps.find_functions(tx, Scope(environment, APP_TENANT), limit=limit, app_id=app_id)
    if as_json:
        from workflowkit.api import views

        emit_json({"items": [views.function(record) for record in found]})
    elif found:
        click.echo(table(map(_row, found), headers=("", "function", "app version", "version", "started by")))
    else:
        click.echo("no functions")


@command.command("sync")
@app_argument
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 if the database differs from the code.")
@click.option("--force", is_flag=True, help="Let older code replace the functions of newer code.")
@environment_option
@json_option
def sync(app: str | None, check: bool, force: bool, environment: str, as_json: bool) -> None:
    """Bring the functions in the database to those of the code. Processes that serve APP do this when they start.

    Code whose app_version is older than what was synced changes nothing: in a fleet that is half rolled out the newest
    version is in force.

    \b
    workflowkit functions sync shop.app:wk
    workflowkit functions sync shop.app:wk --check
    """
    if app is None:
        raise Invalid("name the application whose functions to sync: module:wk, or path/to/file.py:wk")
    with opened(load_app(app)) as wk:
        functions = wk.runtime.functions
        synced = (functions.compare if check else functions.sync)(environment, wk.declared, force=force)
    if as_json:
        emit_json(_as_json(synced))
    else:
        _tell(synced, will="would be " if check else "")
    is_same = synced.status.value == "unchanged"
    click.get_current_context().exit(0 if is_same or (not check and synced.status.value == "synced") else FAILED)


def _row(record: FunctionRecord) -> tuple[str, ...]:
    from workflowkit.api import views

    shown = views.function(record)
    started_by = ", ".join(str(next(iter(trigger.values()))) for trigger in shown["triggers"])
    return (
        mark("completed" if record.enabled else "skipped"),
        plain(record.id),
        plain(shown["app_version"] or ""),
        str(record.version),
        plain(started_by) or dim("invoke") if record.enabled else status("cancelled", text="off"),
    )


def _as_json(synced: Synced) -> dict[str, object]:
    return {
        "status": synced.status.value,
        "version_in_force": synced.version_in_force,
        "published": list(synced.published),
        "retired": list(synced.retired),
        "warnings": [problem.as_dict() for problem in synced.warnings],
    }


def _tell(synced: Synced, *, will: str) -> None:
    for word, ids in (("published", synced.published), ("retired", synced.retired)):
        for function_id in ids:
            click.echo(f"{will}{word}  {plain(function_id)}")
    for problem in synced.warnings:
        click.echo(f"warning  {plain(problem.message)}")
    if synced.status.value == "superseded":
        click.echo(f"nothing is changed: version {plain(synced.version_in_force or '')} is newer (--force replaces it)")
    elif not synced.published and not synced.retired:
        click.echo("nothing has changed")
