"""``workflowkit simulate``: what other settings would have made of stored events."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workflowkit.base.clock import SystemClock, rfc3339
from workflowkit.base.limits import DEFAULT_LIMITS
from workflowkit.cli.moments import MOMENT, milliseconds
from workflowkit.cli.output import dim, emit_json, plain, status, table
from workflowkit.cli.target import opened, scope_of, scope_options
from workflowkit.cli.words import in_words

if TYPE_CHECKING:
    from workflowkit.flow.simulation import Outcome
    from workflowkit.runtime.simulating import Simulated

_DAY_MS = 86_400_000


@click.command("simulate", short_help="Try settings on the events of the past.")
@click.argument("workflow_id", metavar="WORKFLOW")
@click.option(
    "--settings", "path", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with the settings of a document, as JSON.",
)  # fmt: skip
@click.option(
    "--since", type=MOMENT, metavar="TIME", help="Events from this time in UTC on. Default: the last 24 hours."
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=1_000, show_default=True, help="How many events.")
@click.option(
    "--run-seconds", type=click.FloatRange(0),
    help="How long each run is taken to last. Default: the median of the workflow's own last runs.",
)  # fmt: skip
@scope_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def command(
    workflow_id: str, path: Path, since: datetime | None, limit: int, run_seconds: float | None, environment: str,
    tenant: str, as_json: bool,
) -> None:  # fmt: skip
    """Put stored events through other settings of flow control. Nothing is executed.

    \b
    workflowkit simulate welcome --settings settings.json --since 2026-05-01
    """
    from workflowkit.base import jsonvalue
    from workflowkit.runtime.simulating import Question, Simulating
    from workflowkit.runtime.versions import Versions

    settings = jsonvalue.loads_strict(path.read_bytes(), max_bytes=DEFAULT_LIMITS.document_bytes)
    now_ms = SystemClock().now_ms()
    since_ms = now_ms - _DAY_MS if since is None else milliseconds(since)
    with opened() as wk:
        simulating = Simulating(wk.runtime.database, Versions(), wk.runtime.settings.limits)
        question = Question(settings, since_ms, limit, None if run_seconds is None else int(run_seconds * 1000))
        found = simulating.simulate(scope_of(environment, tenant), workflow_id, question)
    from workflowkit.api import views

    shown = views.simulation(found)
    if as_json:
        emit_json(shown)
        return
    rows = [
        (status("skipped" if each.run is None else "completed", text=each.fate.value), each.event_id,
         rfc3339(each.at_ms), plain(_note(each)),
         dim("" if each.starts_at_ms is None else rfc3339(each.starts_at_ms)))
        for each in found.outcomes
    ]  # fmt: skip
    if rows:
        click.echo(table(rows, headers=("", "event", "came", "", "starts")))
    click.echo(dim(_assumed(found)))
    click.echo(f"{shown['runs']} runs, {shown['skipped']} events skipped")


def _assumed(found: Simulated) -> str:
    measured = found.measured_runs
    source = f", the median of the last {measured}" if measured else ""
    return (
        f"Each run is taken to last {found.run_ms / 1000:g} s{source}. Concurrency is left out, and so is what starts "
        "by hand, by a schedule or by another workflow."
    )


def _note(each: Outcome) -> str:
    """Return why an event was skipped, or with whose run it is."""
    return in_words(each.reason or "") if each.run in (None, each.event_id) else f"with {each.run}"
