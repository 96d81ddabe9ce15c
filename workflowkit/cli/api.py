"""``workflowkit api``: processes that serve the HTTP API."""

from __future__ import annotations

import os

import click

from workflowkit.cli.lifeline import follow_parent
from workflowkit.cli.listening import DEFAULT_HOST, DEFAULT_PORT, listen, url_of
from workflowkit.cli.loading import app_argument
from workflowkit.cli.output import Invalid
from workflowkit.cli.processes import announce, log_level_option, set_up_logging

bind_option = click.option(
    "--bind", metavar="HOST:PORT", default=f"{DEFAULT_HOST}:{DEFAULT_PORT}", show_default=True, help="Where to listen."
)


@click.command("api", short_help="Serve the HTTP API.")
@app_argument
@bind_option
@click.option("--threads", type=click.IntRange(1, 256), default=16, show_default=True, help="Requests at a time.")
@click.option(
    "--processes", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that share them."
)
@log_level_option
def command(app: str | None, bind: str, threads: int, processes: int, log_level: str) -> None:
    """Serve the HTTP API, with its documentation at /api/docs. Every caller needs a key (workflowkit keys create).

    APP is the application whose actions are offered: module:wk, or path/to/file.py:wk. Put a proxy that speaks TLS in
    front of it. SIGTERM lets running requests end.

    \b
    workflowkit api shop.app:wk --bind 0.0.0.0:8288 --processes 2
    """
    listener = listen(*parse_address(bind))
    set_up_logging(log_level)
    follow_parent(os.environ)
    announce(f"api: {url_of(listener)}, {threads} requests at a time")
    from workflowkit.cli.serving import ApiServer
    from workflowkit.cli.webserver import Server, ServerOptions

    Server(ApiServer(app), listener, ServerOptions(threads=threads, processes=processes)).run()


def parse_address(text: str) -> tuple[str, int]:
    """Return host and port. Raises ``Invalid``."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65_535:
        raise Invalid(f"--bind {text}: write HOST:PORT, as in 0.0.0.0:8288")
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 - as asked for: `:8288` means every address
