"""``workflowkit start``: a whole installation on one machine."""

from __future__ import annotations

import os
import sys

import click

from workflowkit.base.settings import LOCAL_BROKER_URL
from workflowkit.cli.api import bind_option, parse_address
from workflowkit.cli.lifeline import follow_parent
from workflowkit.cli.listening import listen, next_port, url_of
from workflowkit.cli.loading import app_argument, load_app
from workflowkit.cli.processes import announce, log_level_option, set_up_logging
from workflowkit.cli.supervisor import Supervisor, child
from workflowkit.cli.worker import worker_arguments, worker_options
from workflowkit.inngest.connect import is_installed


@click.command("start", short_help="Serve everything: API, workers and scheduler.")
@app_argument
@bind_option
@click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Worker processes.")
@click.option(
    "--concurrency", type=click.IntRange(1, 1000), default=8, show_default=True, help="Steps at a time, each."
)
@log_level_option
def command(app: str | None, bind: str, workers: int, concurrency: int, log_level: str) -> None:
    """Serve everything: API, workers and scheduler, as processes of one parent that keeps them alive.

    With the extra `connect` a gateway too, on the port after that of the API. Without WORKFLOWKIT_BROKER_URL all of it
    runs in one process, on a SQLite file if no database is set. Run `workflowkit migrate` before. Every caller of the
    API needs a key (workflowkit keys create). SIGTERM ends all processes in order.

    \b
    workflowkit start shop.app:wk
    WORKFLOWKIT_BROKER_URL=redis://redis workflowkit start shop.app:wk --bind 0.0.0.0:8288 --workers 4
    """
    settings = load_app(app).settings
    if settings.broker_url == LOCAL_BROKER_URL:
        _start_in_one_process(app, bind, concurrency, log_level)
    host, port = parse_address(bind)
    named = [] if app is None else [app]
    common = ["--log-level", log_level]
    worker = worker_arguments(app, *worker_options(None, concurrency, log_level))
    names = [f"worker-{number}" for number in range(1, workers + 1)]
    children = [
        child("api", "api", *named, "--bind", bind, *common),
        child("scheduler", "scheduler", *named, *common),
        *(child(name, *worker, "--name", name) for name in names),
    ]
    if is_installed():
        children.append(child("gateway", "gateway", *named, "--bind", f"{host}:{next_port(port)}", *common))
    sys.exit(Supervisor(children).run())


def _start_in_one_process(app: str | None, bind: str, concurrency: int, log_level: str) -> None:
    from workflowkit.cli.serving import ApiServer
    from workflowkit.cli.webserver import Server, ServerOptions

    listener = listen(*parse_address(bind))
    set_up_logging(log_level)
    follow_parent(os.environ)
    announce(f"everything in one process: {url_of(listener)}, {concurrency} steps at a time")
    Server(ApiServer(app, concurrency, url_of(listener)), listener, ServerOptions(threads=16)).run()
    sys.exit(0)
