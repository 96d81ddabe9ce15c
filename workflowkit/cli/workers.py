"""``workflowkit workers``: which processes work, and what waits for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workflowkit.base.clock import rfc3339
from workflowkit.cli.output import dim, emit_json, plain, status, table
from workflowkit.cli.target import opened

if TYPE_CHECKING:
    from workflowkit.store.connections import Connected
    from workflowkit.store.workers import WorkerRow


@click.group("workers", short_help="See which processes work.")
def command() -> None:
    """See which processes work on an installation."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def list_workers(as_json: bool) -> None:
    """List workers and schedulers, as they report themselves every 10 seconds.

    \b
    workflowkit workers list
    """
    from workflowkit.api import views

    with opened() as wk:
        found, now_ms = wk.runtime.oversight.workers()
    if as_json:
        emit_json({"items": [views.worker(record, now_ms) for record in found]})
    elif found:
        headers = ("process", "host", "queues", "busy", "version", "since", "")
        click.echo(table([_row(record, now_ms) for record in found], headers=headers))
    else:
        click.echo("no process works")


@command.command("connected")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def list_connected(as_json: bool) -> None:
    """List workers of apps of Inngest's SDKs that are connected (docs/inngest.md).

    \b
    workflowkit workers connected
    """
    from workflowkit.api import views

    with opened() as wk:
        found = wk.runtime.oversight.connections()
    if as_json:
        emit_json({"items": [views.connection(each) for each in found]})
    elif found:
        headers = ("worker", "apps", "busy", "sdk", "since", "")
        click.echo(table([_connected_row(each) for each in found], headers=headers))
    else:
        click.echo("no worker is connected")


def _connected_row(connected: Connected) -> tuple[str, ...]:
    record, apps = connected.connection, [f"{app.app_id} {app.version or ''}".strip() for app in connected.apps]
    return (
        plain(record.instance_id), plain(", ".join(apps)), f"{connected.busy_count}/{record.max_requests}",
        plain(record.sdk), dim(rfc3339(record.connected_at_ms)), record.status.value,
    )  # fmt: skip


def _row(record: WorkerRow, now_ms: int) -> tuple[str, ...]:
    from workflowkit.runtime.presence import is_silent

    return (
        plain(f"{record.name}:{record.pid}"), plain(record.host), plain(", ".join(record.queues)) or dim("none"),
        f"{record.busy_count}/{record.concurrency}", record.version, dim(rfc3339(record.started_at_ms)),
        status("failed", text="silent") if is_silent(record, now_ms) else "",
    )  # fmt: skip
