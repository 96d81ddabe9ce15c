"""``workflowkit gateway``: a process that workers of Inngest's SDKs connect to."""

from __future__ import annotations

import os

import click

from workflowkit.base.settings import LOCAL_BROKER_URL
from workflowkit.cli.api import parse_address
from workflowkit.cli.lifeline import follow_parent
from workflowkit.cli.listening import DEFAULT_HOST, DEFAULT_PORT, listen
from workflowkit.cli.loading import app_argument, load_app
from workflowkit.cli.output import Failure
from workflowkit.cli.processes import announce, log_level_option, set_up_logging, until_terminated
from workflowkit.inngest.connect import MISSING, is_installed


@click.command("gateway", short_help="Let workers of Inngest's SDKs connect.")
@app_argument
@click.option(
    "--bind",
    metavar="HOST:PORT",
    default=f"{DEFAULT_HOST}:{DEFAULT_PORT + 1}",
    show_default=True,
    help="Where to listen.",
)
@log_level_option
def command(app: str | None, bind: str, log_level: str) -> None:
    """Let workers of Inngest's SDKs connect, which execute the functions of their apps (docs/inngest.md).

    Any number of gateways may run. Workers ask the API for one, and are told WORKFLOWKIT_CONNECT_URL, or else the host
    of the API and the port of the gateway. SIGTERM sends them to another gateway.

    \b
    workflowkit gateway shop.app:wk --bind 0.0.0.0:8289
    """
    if not is_installed():
        raise Failure(MISSING)
    listener = listen(*parse_address(bind))
    set_up_logging(log_level)
    wk = load_app(app)
    if wk.settings.broker_url == LOCAL_BROKER_URL:
        announce("no WORKFLOWKIT_BROKER_URL is set: requests are looked for twice a second")
    follow_parent(os.environ)
    announce(f"gateway: port {listener.getsockname()[1]}")
    ended = until_terminated()
    wk.start_gateway(listener)
    ended.wait()
    wk.stop()
