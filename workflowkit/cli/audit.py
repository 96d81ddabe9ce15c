"""``workflowkit audit``: who logged in and who changed what; and whether the log is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workflowkit.base.clock import rfc3339
from workflowkit.cli.output import dim, emit_json, plain, status, table
from workflowkit.cli.target import opened, scope_of, scope_options

if TYPE_CHECKING:
    from workflowkit.store.audit import AuditEntry

_LIMIT = 100
BROKEN_EXIT = 1


@click.group("audit", short_help="See who changed what, and check that the log is whole.")
def command() -> None:
    """See who logged in and who changed what, directly in the database, and check that the log is whole."""


@command.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=_LIMIT, show_default=True, help="At most so many.")
@scope_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
def list_entries(limit: int, environment: str, tenant: str, as_json: bool) -> None:
    """List the newest entries of a tenant.

    \b
    workflowkit audit list --limit 20
    """
    with opened() as wk:
        from workflowkit.runtime.auditing import Audit
        from workflowkit.store.audit import AuditFilter

        found = Audit(wk.runtime.database).find(scope_of(environment, tenant), AuditFilter(), limit=limit)
    if as_json:
        from workflowkit.api import views

        emit_json({"items": [views.audit_entry(entry) for entry in found]})
    elif found:
        click.echo(table(map(_row, found), headers=("at", "who", "what", "to", "from")))
    else:
        click.echo("no entries")


@command.command("verify")
@scope_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.pass_context
def verify(ctx: click.Context, environment: str, tenant: str, as_json: bool) -> None:
    """Check that no entry of a tenant was changed or taken out. Exit code 1 if one was.

    Keep the hash that it prints elsewhere: an entry that was forged together with all that follow has another one.

    \b
    workflowkit audit verify
    """
    with opened() as wk:
        from workflowkit.runtime.auditing import Audit

        found = Audit(wk.runtime.database).verify(scope_of(environment, tenant))
    if as_json:
        emit_json({"checked": found.checked_count, "broken_at": found.broken_at_seq, "hash": found.hash})
    elif found.broken_at_seq is None:
        click.echo(f"{status('completed', text='whole')} {found.checked_count} entries {dim(found.hash)}")
    else:
        click.echo(f"{status('failed', text='broken')} at entry {found.broken_at_seq}")
    if found.broken_at_seq is not None:
        ctx.exit(BROKEN_EXIT)


def _row(found: AuditEntry) -> tuple[str, ...]:
    entry = found.entry
    return (
        dim(rfc3339(found.at_ms)), plain(entry.actor), entry.action, plain(entry.subject), plain(entry.address),
    )  # fmt: skip
