"""``workflowkit apps``: the applications, their syncs, and letting apps of Inngest's SDKs register."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from workflowkit.base.clock import SystemClock, rfc3339
from workflowkit.base.errors import StoreUnavailable, WorkflowKitError
from workflowkit.base.jsonvalue import loads
from workflowkit.cli.functions import environment_option, json_option
from workflowkit.cli.loading import load_settings
from workflowkit.cli.output import Failure, dim, emit_json, plain, status, table
from workflowkit.cli.runs import CLI_ACTOR
from workflowkit.cli.target import opened

if TYPE_CHECKING:
    from workflowkit.store.apps import AppRecord
    from workflowkit.store.appsyncs import SyncRow

_EXCERPT_CHARS = 300
#: Where the server has just been told of a failure by the app itself, its own words are kept.
_LATEST, _JUST_NOW_MS = 10, 5_000


limit_option = click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many.")


@click.group("apps", short_help="List, sync and archive applications.")
def command() -> None:
    """List applications and their syncs, let apps of Inngest's SDKs register, archive them (docs/inngest.md)."""


@command.command("list")
@limit_option
@environment_option
@json_option
def list_apps(limit: int, environment: str, as_json: bool) -> None:
    """List applications by id.

    \b
    workflowkit apps list
    """
    with opened() as wk:
        found = wk.runtime.apps.find(environment, limit=limit)
        counts = wk.runtime.apps.connection_counts(environment)
    if as_json:
        from workflowkit.api import views

        emit_json({"items": [views.app(record, counts) for record in found]})
    elif found:
        rows = [_row(record, counts.get(record.id, 0)) for record in found]
        click.echo(table(rows, headers=("app", "version", "functions", "", "at")))
    else:
        click.echo("no applications")


@command.command("syncs")
@click.option("--app-id", metavar="ID", help="Syncs of this application only.")
@click.option("--unattached", is_flag=True, help="Only those that failed before it was known whose they are.")
@limit_option
@environment_option
@json_option
def list_syncs(app_id: str | None, unattached: bool, limit: int, environment: str, as_json: bool) -> None:
    """List syncs, newest first: those that changed something, and those that failed.

    \b
    workflowkit apps syncs --app-id shop
    """
    from workflowkit.store.appsyncs import UNATTACHED

    with opened() as wk:
        found = wk.runtime.apps.syncs(environment, limit=limit, app_id=UNATTACHED if unattached else app_id)
    if as_json:
        from workflowkit.api import views

        emit_json({"items": [views.app_sync(each) for each in found]})
    elif found:
        click.echo(table(map(_sync_row, found), headers=("", "app", "at", "")))
    else:
        click.echo("no syncs")


@command.command("archive")
@click.argument("app_id", metavar="ID")
@environment_option
def archive(app_id: str, environment: str) -> None:
    """Let no function of an application begin a run any more. Runs that have begun go on.

    Changed code of it that is synced brings it back.

    \b
    workflowkit apps archive shop
    """
    from workflowkit.runtime.auditing import By

    with opened() as wk:
        wk.runtime.apps.archive(environment, app_id, by=By(CLI_ACTOR))
    click.echo(f"{status('cancelled', text='archived')} {plain(app_id)}")


@command.command("unarchive")
@click.argument("app_id", metavar="ID")
@environment_option
def unarchive(app_id: str, environment: str) -> None:
    """Bring an archived application back, with the functions that were in force then.

    \b
    workflowkit apps unarchive shop
    """
    from workflowkit.runtime.auditing import By

    with opened() as wk:
        wk.runtime.apps.unarchive(environment, app_id, by=By(CLI_ACTOR))
    click.echo(f"{status('completed', text='in force')} {plain(app_id)}")


@command.command("sync")
@click.argument("url")
@environment_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
def sync(url: str, environment: str, as_json: bool) -> None:
    """Ask the app at URL to register its functions, with the server that it knows.

    The request is signed if there is a signing key. A failure is kept with the syncs, if the database is at hand.

    \b
    workflowkit apps sync http://127.0.0.1:5000/api/inngest
    """
    try:
        is_modified = _asked(url)
    except Failure as error:
        _note_failure(environment, url, error.message)
        raise
    if as_json:
        emit_json({"url": url, "modified": is_modified})
    else:
        done = "synced" if is_modified else "unchanged"
        click.echo(f"{status('completed', text=done)} {dim('the app at')} {plain(url)}")


def _asked(url: str) -> bool:
    """Ask an app to register; return whether that changed anything. Raises ``Failure``."""
    from workflowkit.engine.calling import AttemptFailed
    from workflowkit.inngest.client import AppClient
    from workflowkit.inngest.replies import SDK_HEADER

    settings = load_settings()
    # Whoever may type commands here may reach the private network anyway, and the request says nothing secret.
    lenient = replace(settings, allow_private_networks=True, dev_apps=settings.signing_key is None)
    try:
        reply = AppClient.of(lenient, SystemClock().now_ms).send("PUT", url, {"url": url}, {})
    except AttemptFailed as error:
        raise Failure(plain(error.failed.error.message)) from error
    except WorkflowKitError as error:
        raise Failure(plain(error.message)) from error
    text = reply.body.decode(errors="replace")
    if SDK_HEADER not in reply.headers:
        raise Failure(
            f"what answers at {plain(url)} is no app of an SDK: {reply.status} {plain(text[:_EXCERPT_CHARS])}"
        )
    try:
        answer = loads(text)
    except ValueError:
        answer = None
    if reply.status != 200 or not isinstance(answer, dict) or "modified" not in answer:
        raise Failure(f"the app has not registered: {reply.status} {plain(text[:_EXCERPT_CHARS])}")
    return bool(answer["modified"])


def _note_failure(environment: str, url: str, reason: str) -> None:
    """Keep a sync that failed; nothing where there is no database, or where the server has kept it already."""
    from workflowkit.store.appsyncs import UNATTACHED

    try:
        with opened() as wk:
            apps, now_ms = wk.runtime.apps, wk.runtime.database.now_ms()
            latest = apps.syncs(environment, limit=_LATEST)
            if any(row.url == url and row.error and now_ms - row.at_ms < _JUST_NOW_MS for row in latest):
                return
            app = apps.at(environment, url)
            apps.note_failure(environment, reason, url=url, app_id=UNATTACHED if app is None else app.id)
    except (Failure, StoreUnavailable):
        return


def _row(record: AppRecord, connection_count: int) -> tuple[str, ...]:
    is_archived = record.archived_at_ms is not None
    if record.origin is None:
        at = dim("in this installation")
    else:
        at = f"{connection_count} connected" if record.origin.is_connected else plain(record.origin.url)
    return (
        plain(record.id),
        plain(record.version or ""),
        str(len(record.function_ids)),
        status("cancelled", text="archived") if is_archived else "",
        at,
    )


def _sync_row(row: SyncRow) -> tuple[str, ...]:
    if row.error is None:
        said = f"{len(row.published)} published, {len(row.retired)} retired"
    else:
        said = f"{plain(row.url or '')} {plain(row.error)}"
    return (
        status("completed" if row.error is None else "failed", text=row.status),
        plain(row.app_id) or dim("none"),
        rfc3339(row.at_ms),
        said,
    )
