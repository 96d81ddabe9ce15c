"""``workflowkit send``: send one event."""

from __future__ import annotations

import contextlib
from typing import Any

import click

from workflowkit.cli import documents
from workflowkit.cli.client import ApiClient
from workflowkit.cli.loading import load_settings
from workflowkit.cli.output import INVALID, dim, emit_json, plain, status
from workflowkit.cli.target import opened, scope_of, scope_options


@click.command("send", short_help="Send an event.")
@click.argument("name")
@click.option("--data", metavar="JSON", default="{}", help="The event's data, an object. Default: {}.")
@click.option("--id", "event_id", metavar="ID", help="Sending an event with the same id again starts nothing.")
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
    event_id: str | None,
    url: str | None,
    key: str | None,
    environment: str,
    tenant: str,
    as_json: bool,
) -> None:
    """Send an event, which starts the workflows that wait for it.

    Without --url it goes into the database of the settings directly (or that of the dev server in this directory).

    \b
    workflowkit send user/created --data '{"id": 7}'
    workflowkit send user/created --url https://flows.example.com --key wk_…
    """
    try:
        event = {"name": name, "data": json_argument(data), **({} if event_id is None else {"id": event_id})}
    except documents.InvalidDocument as error:
        documents.echo_problems(error.source, error.problems)
        ctx.exit(INVALID)
    sent = _send_to_server(url, key, event) if url else _send_to_database(scope_of(environment, tenant), event)
    if as_json:
        emit_json(sent)
    else:
        again = f", which repeats {sent['duplicate_of']} and starts nothing" if sent["duplicate_of"] else ""
        click.echo(f"{status('completed', text='sent')} {plain(name)} {dim('as')} {sent['id']}{again}")


def json_argument(data: str) -> Any:
    """Return what the option ``--data`` says. Raises ``InvalidDocument``."""
    from workflowkit.base.jsonvalue import loads_strict

    limits = load_settings().limits
    source = documents.Source("--data", data.encode(errors="surrogateescape"))
    return documents.checked(
        source, lambda text: loads_strict(text, max_bytes=limits.event_bytes, max_depth=limits.json_depth)
    )


def _send_to_server(url: str, key: str | None, event: dict[str, Any]) -> dict[str, Any]:
    with contextlib.closing(ApiClient(url, key)) as client:
        (result,) = client.post("/api/events", event)["results"]
    return {"id": result["id"], "name": event["name"], "duplicate_of": result.get("duplicate_of")}


def _send_to_database(scope: Any, event: dict[str, Any]) -> dict[str, Any]:
    with opened(writes=True) as wk:
        (accepted,) = wk.send(event, scope=scope)
    return {"id": accepted.id, "name": accepted.name, "duplicate_of": accepted.duplicate_of}
