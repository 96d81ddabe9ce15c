"""``workflowkit signal``: resume the run that waits for a signal."""

from __future__ import annotations

import contextlib
from typing import Any

import click

from workflowkit.cli import documents
from workflowkit.cli.client import ApiClient
from workflowkit.cli.output import INVALID, dim, emit_json, plain, status
from workflowkit.cli.send import json_argument
from workflowkit.cli.target import opened, scope_of, scope_options


@click.command("signal", short_help="Resume the run that waits for a signal.")
@click.argument("name")
@click.option("--data", metavar="JSON", default="null", help="What the run is given. Default: null.")
@click.option(
    "--url", metavar="URL", envvar="WORKFLOWKIT_URL", help="Send it to this server, as http://127.0.0.1:8288."
)
@click.option("--key", metavar="KEY", envvar="WORKFLOWKIT_KEY", help="The API key for --url; a dev server needs none.")
@scope_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.pass_context
def command(
    ctx: click.Context,
    name: str,
    data: str,
    url: str | None,
    key: str | None,
    environment: str,
    tenant: str,
    as_json: bool,
) -> None:
    """Resume the run that waits for a signal (ctx.step.wait_for_signal).

    \b
    workflowkit signal order-1017-paid --data '{"by": "ada"}'
    """
    try:
        value = json_argument(data)
    except documents.InvalidDocument as error:
        documents.echo_problems(error.source, error.problems)
        ctx.exit(INVALID)
    run_id = _send_to_server(url, key, name, value) if url else _send_here(scope_of(environment, tenant), name, value)
    if as_json:
        emit_json({"run_id": run_id})
    else:
        click.echo(f"{status('completed', text='resumed')} {run_id} {dim('by')} {plain(name)}")


def _send_to_server(url: str, key: str | None, name: str, data: Any) -> str:
    with contextlib.closing(ApiClient(url, key)) as client:
        return str(client.post("/api/signals", {"signal": name, "data": data})["run_id"])


def _send_here(scope: Any, name: str, data: Any) -> str:
    with opened(writes=True) as wk:
        return wk.signal(name, data, scope=scope)
