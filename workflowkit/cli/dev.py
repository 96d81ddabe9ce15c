"""``workflowkit dev``: the dev server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workflowkit.cli.devserver import DATABASE_NAME, STATE_DIRECTORY, DevServer
from workflowkit.cli.listening import DEFAULT_HOST, DEFAULT_PORT, check_loopback, listen, url_of
from workflowkit.cli.loading import app_argument
from workflowkit.cli.output import dim, plain, status
from workflowkit.cli.processes import log_level_option, set_up_logging
from workflowkit.cli.publishing import files_in

if TYPE_CHECKING:
    from workflowkit.app import WorkflowKit
    from workflowkit.inngest.watching import AppWatch
    from workflowkit.store.appsyncs import SyncRow


@click.command("dev", short_help="Start a server for development on this machine.")
@app_argument
@click.option("--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0: a free one.")
@click.option("--host", default=DEFAULT_HOST, show_default=True, help="A loopback address.")
@click.option(
    "--database",
    type=click.Path(dir_okay=False, path_type=Path),
    default=STATE_DIRECTORY / DATABASE_NAME,
    show_default=True,
    help="The SQLite file.",
)
@click.option(
    "--workflows",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("workflows"),
    show_default=True,
    help="A folder of workflow documents, NAME.json each: published at the start and whenever a file changes.",
)
@click.option(
    "--app-url",
    "app_urls",
    multiple=True,
    metavar="URL",
    help="An app of an SDK, such as http://127.0.0.1:5000/api/inngest, that is asked for its functions. Repeatable.",
)
@click.option("--no-discovery", is_flag=True, help="Do not look for apps where they usually listen on this machine.")
@click.option("--no-poll", is_flag=True, help="Ask no app for its functions: they register by themselves.")
@log_level_option
def command(
    app: str | None, port: int, host: str, database: Path, workflows: Path, app_urls: tuple[str, ...],
    no_discovery: bool, no_poll: bool, log_level: str,
) -> None:  # fmt: skip
    """Start a server for development: API, worker and scheduler in one process, on a SQLite file.

    It needs no keys and no other service, and serves this machine only. E-mail is written to files beside the
    database. APP is the application with your actions: module:wk, or path/to/file.py:wk.

    \b
    workflowkit dev
    workflowkit dev shop/app.py:wk --port 9000
    """
    check_loopback(host)
    listener = listen(host, port)
    url = url_of(listener)
    set_up_logging(log_level)

    def tell(wk: WorkflowKit, published: list[str]) -> None:
        click.echo(f"{click.style('Workflow Kit', bold=True)} {dim('dev server, stop it with Ctrl-C')}\n")
        for label, value in (
            ("address", click.style(url, fg="cyan")),
            ("docs", f"{url}/api/docs"),
            (
                "actions",
                f"{len(wk.registry)} kinds, from {plain(app)}" if app else f"{len(wk.registry)} built-in kinds",
            ),
            ("functions", ", ".join(sorted(wk.registry.functions)) or "none in the code"),
            ("workflows", ", ".join(map(plain, published)) or f"none published from {workflows}/"),
            ("database", str(database)),
        ):
            click.echo(f"  {dim(f'{label:10}')} {value}")
        click.echo()

    watch = None if no_poll else _watching(app_urls, is_looking=not no_discovery)
    server = DevServer(app, database, files_in(workflows), on_ready=tell, url=url, watch_apps=watch)
    from workflowkit.cli.webserver import Server, ServerOptions

    Server(server, listener, ServerOptions()).run()


def _watching(urls: tuple[str, ...], *, is_looking: bool) -> Callable[[WorkflowKit], AppWatch]:
    """Return what makes the watch over the apps of this machine, which tells of syncs on the terminal."""

    def made(wk: WorkflowKit) -> AppWatch:
        from workflowkit.inngest.server import syncing_of
        from workflowkit.inngest.watching import PORTS, AppWatch

        syncing, ports = syncing_of(lambda: wk.runtime), PORTS if is_looking else ()
        return AppWatch(syncing, wk.settings.environment, urls=urls, ports=ports, on_synced=_tell_of_sync)

    return made


def _tell_of_sync(row: SyncRow) -> None:
    what = f"{len(row.published)} functions published" if row.error is None else plain(row.error)
    click.echo(f"  {status('completed' if row.error is None else 'failed', text='app')} {plain(row.url or '')}: {what}")
