"""``workflowkit alerts``: rules that tell when runs fail too often."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workflowkit.base.clock import rfc3339
from workflowkit.cli.output import dim, emit_json, plain, status, table
from workflowkit.cli.runs import CLI_ACTOR
from workflowkit.cli.target import opened, scope_of, scope_options

if TYPE_CHECKING:
    from workflowkit.store.alerts import AlertRow

_LIMIT = 1_000
_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@click.group("alerts", short_help="Make, list and delete alert rules.")
def command() -> None:
    """Make, list and delete the rules that tell when runs fail too often, directly in the database."""


@command.command("create")
@click.argument("name")
@click.option("--workflow", "workflow_id", metavar="ID", default="", help="The only workflow that it is about.")
@click.option("--failures", type=int, metavar="N", help="Fire at so many failed runs.")
@click.option("--in-a-row", type=int, metavar="N", help="Fire at so many failed runs one after the other.")
@click.option("--rate", type=float, metavar="PART", help="Fire if this part of the runs failed, such as 0.5.")
@click.option("--min-runs", type=int, metavar="N", help="With --rate: of at least so many.  [default: 10]")
@click.option("--window", "window_seconds", type=int, default=60, show_default=True, help="Seconds looked back.")
@click.option("--quiet", "quiet_seconds", type=int, default=300, show_default=True, help="Seconds until it recovers.")
@scope_options
@_AS_JSON
def create(
    name: str,
    workflow_id: str,
    failures: int | None,
    in_a_row: int | None,
    rate: float | None,
    min_runs: int | None,
    window_seconds: int,
    quiet_seconds: int,
    environment: str,
    tenant: str,
    as_json: bool,
) -> None:
    """Make an alert rule and print its id.

    \b
    workflowkit alerts create "Orders fail" --workflow orders --failures 10
    workflowkit alerts create "Half fails" --rate 0.5 --min-runs 20 --window 300
    """
    from workflowkit.engine.alerts import AlertSettings, parse_condition
    from workflowkit.runtime.auditing import By

    given = {
        "failure_count": failures is not None, "consecutive_failures": in_a_row is not None,
        "failure_rate": rate is not None,
    }  # fmt: skip
    chosen = [kind for kind, is_given in given.items() if is_given]
    if len(chosen) != 1:
        raise click.UsageError("say when it fires: one of --failures, --in-a-row and --rate")
    if rate is not None and min_runs is None:
        min_runs = 10
    count = in_a_row if failures is None else failures
    condition = parse_condition({"kind": chosen[0], "failures": count, "rate": rate, "min_runs": min_runs})
    settings = AlertSettings(name, condition, workflow_id, window_seconds, quiet_seconds)
    with opened() as wk:
        rule = wk.runtime.alerts.create(scope_of(environment, tenant), settings, by=By(CLI_ACTOR))
    if as_json:
        from workflowkit.api import views

        emit_json(views.alert(rule))
    else:
        click.echo(rule.id)


@command.command("list")
@scope_options
@_AS_JSON
def list_alerts(environment: str, tenant: str, as_json: bool) -> None:
    """List alert rules, and how each stands.

    \b
    workflowkit alerts list
    """
    with opened() as wk:
        found = wk.runtime.alerts.find(scope_of(environment, tenant), limit=_LIMIT)
    if as_json:
        from workflowkit.api import views

        emit_json({"items": [views.alert(rule) for rule in found]})
    elif found:
        click.echo(table(map(_row, found), headers=("id", "name", "workflow", "fires at", "state", "since")))
    else:
        click.echo("no alert rules")


@command.command("delete")
@click.argument("alert_id", metavar="ID")
@scope_options
def delete(alert_id: str, environment: str, tenant: str) -> None:
    """Delete an alert rule.

    \b
    workflowkit alerts delete 01JZ0000000000000000000000
    """
    from workflowkit.runtime.auditing import By

    with opened() as wk:
        rule = wk.runtime.alerts.delete(scope_of(environment, tenant), alert_id, by=By(CLI_ACTOR))
    click.echo(f"{status('cancelled', text='deleted')} {plain(rule.settings.name)}")


def _row(rule: AlertRow) -> tuple[str, ...]:
    settings, standing = rule.settings, rule.standing
    condition = " ".join(f"{name}={value}" for name, value in settings.condition.as_json().items() if name != "kind")
    state = status("failed" if standing.state == "firing" else "completed", text=standing.state.value)
    return (
        rule.id,
        plain(settings.name),
        plain(settings.workflow_id or "all"),
        f"{settings.condition.kind.value} {condition} in {settings.window_seconds}s",
        state if settings.enabled else status("cancelled", text="off"),
        dim(rfc3339(standing.since_ms or rule.created_at_ms)),
    )
