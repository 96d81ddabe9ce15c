"""``workflowkit worker``: processes that execute steps."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

import click

from workflowkit.base.settings import LOCAL_BROKER_URL
from workflowkit.cli.lifeline import follow_parent
from workflowkit.cli.loading import app_argument, load_app
from workflowkit.cli.processes import announce, log_level_option, set_up_logging
from workflowkit.cli.supervisor import Supervisor, child


@click.command("worker", short_help="Execute steps.")
@app_argument
@click.option("--queues", metavar="A,B", help="Queues to serve. Default: WORKFLOWKIT_QUEUES, else default.")
@click.option("--concurrency", type=click.IntRange(1, 1000), default=8, show_default=True, help="Steps at a time.")
@click.option(
    "--processes", type=click.IntRange(1, 256), default=1, show_default=True, help="Worker processes to keep alive."
)
@click.option("--name", default="worker", show_default=True, help="The name in logs and in Celery's own tools.")
@log_level_option
def command(app: str | None, queues: str | None, concurrency: int, processes: int, name: str, log_level: str) -> None:
    """Execute steps: a Celery worker on threads, any number of them on any number of machines.

    APP is the application whose actions the worker executes (module:wk, or path/to/file.py:wk). It takes its work from
    WORKFLOWKIT_DATABASE_URL and is woken through WORKFLOWKIT_BROKER_URL. SIGTERM lets running steps end first.

    \b
    workflowkit worker shop.app:wk
    workflowkit worker shop.app:wk --queues default,reports --concurrency 16 --processes 4
    """
    if processes > 1:
        options = worker_arguments(app, *worker_options(queues, concurrency, log_level))
        names = [f"{name}-{number}" for number in range(1, processes + 1)]
        children = [child(one, *options, "--name", one) for one in names]
        sys.exit(Supervisor(children).run())
    set_up_logging(log_level)
    wk = load_app(app)
    if queues is not None:
        wk.settings = replace(wk.settings, queues=tuple(part.strip() for part in queues.split(",") if part.strip()))
    follow_parent(os.environ)
    announce(f"worker: queues {', '.join(wk.settings.queues)}, {concurrency} at a time")
    if wk.settings.broker_url == LOCAL_BROKER_URL:
        announce("no WORKFLOWKIT_BROKER_URL is set: this worker looks for work twice a second")
    sys.exit(wk.work(concurrency=concurrency, name=name))


def worker_options(queues: str | None, concurrency: int, log_level: str) -> list[str]:
    """Return the command line of these options."""
    chosen = [] if queues is None else ["--queues", queues]
    return [*chosen, "--concurrency", str(concurrency), "--log-level", log_level]


def worker_arguments(app: str | None, *options: str) -> list[str]:
    """Return the arguments with which ``workflowkit`` becomes a worker."""
    return ["worker", *([] if app is None else [app]), *options]
