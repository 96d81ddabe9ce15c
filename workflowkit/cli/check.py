"""``workflowkit check``: does the code at hand fit what is published, and the runs there are?"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from workflowkit.cli.loading import app_argument, load_app
from workflowkit.cli.output import FAILED, Invalid, emit_json, plain, status
from workflowkit.cli.target import opened

if TYPE_CHECKING:
    from workflowkit.runtime.deploychecks import Checked, GoneFunction


@click.command("check", short_help="Check that code fits what is published, before it is deployed.")
@app_argument
@click.option("--environment", envvar="WORKFLOWKIT_ENVIRONMENT", help="Which one; the application's own if not given.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True,
              help="After how many versions that do not fit to stop.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.pass_context
def command(ctx: click.Context, app: str | None, environment: str | None, limit: int, as_json: bool) -> None:
    """Check that the code of APP fits the workflows that are published, and the runs there are, before it is deployed.

    Validates with the actions of APP the published version of each workflow of all tenants that is not archived, and
    other versions that runs are on which have not ended. Names functions that APP does not have, though runs of them
    have not ended. Changes nothing. Exit code 1: something does not fit.

    \b
    workflowkit check shop.app:wk
    """
    if app is None:
        raise Invalid("name the application whose code to check: module:wk, or path/to/file.py:wk")
    with opened(load_app(app)) as wk:
        from workflowkit.runtime.deploychecks import DeployChecks

        checks = DeployChecks(wk.runtime.database, wk.runtime.authoring)
        where = environment or wk.settings.environment
        gone = checks.gone_functions(where, wk.declared)
        count = 0

        def looked_at() -> Any:
            nonlocal count
            for checked in checks.versions(where):
                count += 1
                if checked.problems:
                    yield checked

        misfits = list(islice(looked_at(), limit))
    is_fit, is_cut = not misfits and not gone, len(misfits) == limit
    if as_json:
        emit_json(
            {
                "fits": is_fit,
                "checked": count,
                "is_cut": is_cut,
                "workflows": [_workflow(each) for each in misfits],
                "functions": [{"id": each.id, "open_runs": each.open_runs} for each in gone],
            }
        )
    else:
        _tell(misfits, gone, count, is_cut=is_cut)
    ctx.exit(0 if is_fit else FAILED)


def _workflow(checked: Checked) -> dict[str, Any]:
    version = checked.version
    return {
        "tenant": version.scope.tenant,
        "workflow": version.workflow_id,
        "version": version.version,
        "is_published": not version.open_runs,
        "open_runs": version.open_runs or None,
        "problems": [problem.as_dict() for problem in checked.problems],
    }


def _tell(misfits: list[Checked], gone: list[GoneFunction], count: int, *, is_cut: bool) -> None:
    for checked in misfits:
        version = checked.version
        use = f"{_runs(version.open_runs)} on it" if version.open_runs else "published"
        name = f"{version.scope.tenant}  {version.workflow_id}  version {version.version} ({use})"
        click.echo(f"{status('failed', text='does not fit')}  {plain(name)}")
        for problem in checked.problems:
            click.echo(f"    {plain(problem.pointer or '/')}: {plain(problem.message)} [{problem.code}]")
    for each in gone:
        click.echo(f"{status('failed', text='gone')}  {plain(each.id)}: {_runs(each.open_runs)} of it, and no code")
    if is_cut:
        click.echo(f"and perhaps more: stopped after {len(misfits)} (--limit)")
    elif not misfits and not gone:
        click.echo(f"{status('completed', text='fits')}  {count} version{'s' * (count != 1)} in use")


def _runs(count: int) -> str:
    return f"{count} open run{'s' * (count != 1)}"
