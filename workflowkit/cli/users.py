"""``workflowkit users``: who may log in to the web interface, and what they may do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from workflowkit.base.clock import rfc3339
from workflowkit.cli.output import dim, emit_json, plain, status, table
from workflowkit.cli.target import opened, scope_of, scope_options

if TYPE_CHECKING:
    from workflowkit.store.members import Member

_LIMIT = 1_000

_password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input instead of asking for it."
)
_roles_argument = click.argument("roles", nargs=-1, metavar="ROLE...")


@click.group("users", short_help="Make, list and change those who log in.")
def command() -> None:
    """Make, list and change those who log in, directly in the database.

    Roles: viewer (sees everything), editor (changes drafts), publisher (publishes them as well), operator (sees
    everything; cancels and repeats runs, sends events, decides approvals), admin (everything, keys and users included).
    Several add up.
    """


@command.command("add")
@click.argument("name")
@click.option("--role", "roles", multiple=True, default=("viewer",), show_default=True, help="May be repeated.")
@click.option("--display-name", default="", help="The name to show.")
@_password_option
@scope_options
def add(
    name: str, roles: tuple[str, ...], display_name: str, password_stdin: bool, environment: str, tenant: str
) -> None:
    """Make a user; NAME is what they log in with, such as an e-mail address. Asks for the password.

    \b
    workflowkit users add ann@example.org --role admin
    """
    password = _password(from_stdin=password_stdin)
    with opened() as wk:
        from workflowkit.runtime.users import OWNER, NewUser, Users

        new = NewUser(name, password, roles, display_name)
        member = Users(wk.runtime.database).create(scope_of(environment, tenant), new, OWNER)
    click.echo(f"{plain(member.user.name)} {dim(' '.join(member.roles))}")


@command.command("list")
@scope_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
def list_users(environment: str, tenant: str, as_json: bool) -> None:
    """List the users of a tenant, disabled ones included.

    \b
    workflowkit users list
    """
    with opened() as wk:
        from workflowkit.runtime.users import Users

        found = Users(wk.runtime.database).find(scope_of(environment, tenant), limit=_LIMIT)
    if as_json:
        from workflowkit.api import views

        emit_json({"items": [views.user(member) for member in found]})
    elif found:
        click.echo(table(map(_row, found), headers=("name", "shown as", "state", "roles", "last login")))
    else:
        click.echo("no users")


@command.command("set-role")
@click.argument("name")
@_roles_argument
@scope_options
def set_role(name: str, roles: tuple[str, ...], environment: str, tenant: str) -> None:
    """Replace what a user may do for a tenant; without any role they have no access to it.

    \b
    workflowkit users set-role ann@example.org editor operator
    """
    with opened() as wk:
        from workflowkit.runtime.users import OWNER, Users

        users = Users(wk.runtime.database)
        member = users.set_roles(scope_of(environment, tenant), users.id_of(name), roles, OWNER)
    click.echo(f"{plain(name)} {dim('no roles' if member is None else ' '.join(member.roles))}")


@command.command("set-password")
@click.argument("name")
@_password_option
def set_password(name: str, password_stdin: bool) -> None:
    """Replace a user's password, which is asked for, and end all their sessions.

    \b
    workflowkit users set-password ann@example.org
    """
    password = _password(from_stdin=password_stdin)
    with opened() as wk:
        from workflowkit.runtime.users import OWNER, Users

        users = Users(wk.runtime.database)
        users.set_password(wk.settings.scope, users.id_of(name), password, OWNER)
    click.echo(f"{plain(name)} {dim('has a new password; all sessions have ended')}")


@command.command("disable")
@click.argument("name")
@click.option("--undo", is_flag=True, help="Let them log in again.")
def disable(name: str, undo: bool) -> None:
    """Keep a user from logging in, and end all their sessions at once.

    \b
    workflowkit users disable ann@example.org
    """
    with opened() as wk:
        from workflowkit.runtime.users import OWNER, Users

        users = Users(wk.runtime.database)
        users.set_disabled(wk.settings.scope, users.id_of(name), OWNER, is_disabled=not undo)
    word = status("completed", text="enabled") if undo else status("cancelled", text="disabled")
    click.echo(f"{word} {plain(name)}")


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return answer


def _row(member: Member) -> tuple[str, ...]:
    from workflowkit.runtime.roles import ordered

    user = member.user
    return (
        plain(user.name),
        plain(user.display_name),
        status("cancelled", text="disabled") if user.disabled_at_ms is not None else status("completed", text="active"),
        " ".join(ordered(member.roles)),
        dim("never" if user.last_login_at_ms is None else rfc3339(user.last_login_at_ms)),
    )
