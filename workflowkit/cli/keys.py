"""``workflowkit keys``: the keys of those who call the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workflowkit.base.clock import rfc3339
from workflowkit.cli.output import dim, emit_json, plain, status, table
from workflowkit.cli.target import opened, scope_of, scope_options

if TYPE_CHECKING:
    from workflowkit.store.keys import KeyRecord

_LIMIT = 1_000


@click.group("keys", short_help="Make, list and revoke API keys.")
def command() -> None:
    """Make, list and revoke API keys, directly in the database.

    That is WORKFLOWKIT_DATABASE_URL, or that of the dev server in this directory (which asks for no keys).
    """


@command.command("create")
@click.argument("name")
@click.option(
    "--allow",
    "permissions",
    multiple=True,
    metavar="PERMISSION",
    help="May be repeated. Default: all that need not be asked for.",
)
@click.option("--event", "event_names", multiple=True, metavar="NAME", help="Limit events:send to events like shop/*.")
@scope_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
def create(
    name: str, permissions: tuple[str, ...], event_names: tuple[str, ...], environment: str, tenant: str, as_json: bool
) -> None:
    """Make a key and print it. It is shown this once: only its hash is stored.

    Permissions: events:send workflows:read workflows:write workflows:publish workflows:pause runs:read runs:write
    actions:read keys:admin webhooks:read webhooks:write.

    \b
    workflowkit keys create "the editor"
    workflowkit keys create "checkout page" --allow events:send --event 'shop/*'
    """
    with opened() as wk:
        from workflowkit.runtime.auditing import By
        from workflowkit.runtime.keys import ORDINARY_PERMISSIONS, Keys

        record, key = Keys(wk.runtime.database).create(
            scope_of(environment, tenant),
            name,
            permissions or ORDINARY_PERMISSIONS,
            event_names=event_names or None,
            by=By("cli"),
        )
    if as_json:
        emit_json({"id": record.id, "name": record.name, "key": key})
    else:
        click.echo(f"{dim('id')}   {record.id}", err=True)
        click.echo(key)


@command.command("list")
@scope_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
def list_keys(environment: str, tenant: str, as_json: bool) -> None:
    """List keys, newest first, revoked ones included; never the secrets.

    \b
    workflowkit keys list
    """
    with opened() as wk:
        from workflowkit.runtime.keys import Keys

        found = Keys(wk.runtime.database).find(scope_of(environment, tenant), limit=_LIMIT)
    if as_json:
        from workflowkit.api import views

        emit_json({"items": [views.key(key) for key in found]})
    elif found:
        click.echo(table(map(_row, found), headers=("key", "name", "begins with", "state", "last used", "may")))
    else:
        click.echo("no keys")


@command.command("revoke")
@click.argument("key_id", metavar="KEY-ID")
@scope_options
def revoke(key_id: str, environment: str, tenant: str) -> None:
    """End a key, by its id. It stops working within a second.

    \b
    workflowkit keys revoke 01M817AXWA8Z4RDV7ZWESCAWYM
    """
    with opened() as wk:
        from workflowkit.runtime.auditing import By
        from workflowkit.runtime.keys import Keys

        record = Keys(wk.runtime.database).revoke(scope_of(environment, tenant), key_id, by=By("cli"))
    click.echo(f"{status('cancelled', text='revoked')} {plain(record.name)}")


def _row(key: KeyRecord) -> tuple[str, ...]:
    return (
        key.id,
        plain(key.name),
        f"{plain(key.prefix)}…",
        status("cancelled", text="revoked") if key.revoked_at_ms is not None else status("completed", text="in force"),
        dim("never" if key.last_used_at_ms is None else rfc3339(key.last_used_at_ms)),
        dim(" ".join(sorted(key.permissions))),
    )
