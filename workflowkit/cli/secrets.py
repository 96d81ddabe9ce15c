"""``workflowkit secrets``: values that steps are given by name, and that nothing shows."""

from __future__ import annotations

import sys

import click

from workflowkit.cli.output import Failure, dim, emit_json, plain, status, table
from workflowkit.cli.target import opened, scope_of, scope_options

_LIMIT = 1_000


@click.group("secrets", short_help="Store, list and delete secrets of workflows.")
def command() -> None:
    """Store, list and delete what workflows refer to as !secret(name), directly in the database.

    That is WORKFLOWKIT_DATABASE_URL, or that of the dev server in this directory.
    """


@command.command("set")
@click.argument("name")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the value from standard input instead of asking.")
@click.option("--description", help="What it is for; shown to those who edit workflows.")
@scope_options
def set_secret(name: str, from_stdin: bool, description: str | None, environment: str, tenant: str) -> None:
    """Store a secret, or replace its value, which is asked for. Nothing can show it again.

    One line break at the end of what comes from standard input is not part of the value.

    \b
    workflowkit secrets set stripe --description "live account"
    workflowkit secrets set stripe --stdin < key.txt
    """
    value = _value(from_stdin=from_stdin)
    with opened(writes=True) as wk:
        from workflowkit.runtime.secrets import NewSecret

        secrets = wk.runtime.editable_secrets
        _record, created = secrets.set(scope_of(environment, tenant), NewSecret(name, value, description))
    click.echo(f"{status('completed', text='stored' if created else 'replaced')} {plain(name)}")


@command.command("list")
@scope_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
def list_secrets(environment: str, tenant: str, as_json: bool) -> None:
    """List secrets by name, with the published workflows that use them; never their values.

    \b
    workflowkit secrets list
    """
    scope = scope_of(environment, tenant)
    with opened() as wk:
        found, users = wk.runtime.secrets.find(scope, limit=_LIMIT), wk.runtime.secrets.used_by(scope)
    from workflowkit.api import views

    shown = [views.secret(record, users) for record in found]
    if as_json:
        emit_json({"items": shown})
    elif shown:
        rows = [
            (each["name"], dim(each["updated_at"]), " ".join(map(plain, each["used_by"])), plain(each["description"]))
            for each in shown
        ]
        click.echo(table(rows, headers=("secret", "changed", "used by", "description")))
    else:
        click.echo("no secrets")


@command.command("delete")
@click.argument("name")
@click.option("--force", is_flag=True, help="Also if published workflows use it: their steps fail then.")
@scope_options
def delete(name: str, force: bool, environment: str, tenant: str) -> None:
    """Delete a secret.

    \b
    workflowkit secrets delete stripe
    """
    with opened(writes=True) as wk:
        wk.runtime.editable_secrets.delete(scope_of(environment, tenant), name, force=force)
    click.echo(f"{status('cancelled', text='deleted')} {plain(name)}")


@command.command("reseal")
@click.pass_context
def reseal(ctx: click.Context) -> None:
    """Encrypt everything that is stored encrypted again, with the first key of WORKFLOWKIT_SECRET_KEY.

    Of all tenants: secrets, and the secrets of webhooks. Run it when all processes have the new key in front; then the
    old one can be dropped. Everything else may go on meanwhile.

    \b
    workflowkit secrets reseal
    """
    with opened() as wk:
        if wk.runtime.keyring is None:
            raise Failure("there is no WORKFLOWKIT_SECRET_KEY")
        done = wk.runtime.resealing.all()
    for name, each in done.items():
        click.echo(f"{each.count} {name} encrypted again")
        for row in each.unreadable:
            where = f"{row.scope.environment}/{row.scope.tenant}/{row.name}"
            click.echo(f"{status('failed', text='unreadable')} {name} {plain(where)}: its key is not there", err=True)
    ctx.exit(1 if any(each.unreadable for each in done.values()) else 0)


def _value(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.read().removesuffix("\n").removesuffix("\r")
    value: str = click.prompt("Value", hide_input=True, confirmation_prompt=True)
    return value
