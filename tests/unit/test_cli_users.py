"""``workflowkit users``: made, listed, given roles and passwords, disabled."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result
from runtimes import Harness

from workflowkit.base.errors import Unauthenticated
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.cli.root import cli
from workflowkit.runtime.sessions import Client

PASSWORD = "correct horse battery staple"
HERE = Client("203.0.113.5", "Testfox")


def _cli(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["users", *arguments], input=stdin)


def _listed(*arguments: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = json.loads(_cli("list", "--json", *arguments).stdout)["items"]
    return items


def test_a_user_is_made_and_can_log_in(installation: Harness) -> None:
    assert _cli("list").stdout == "no users\n"
    made = _cli("add", "Ann@Example.org", "--role", "editor", "--role", "operator", "--password-stdin", stdin=PASSWORD)
    assert (made.exit_code, made.stdout) == (0, "ann@example.org editor operator\n")
    assert PASSWORD not in made.output
    (user,) = _listed()
    assert (user["name"], user["roles"]) == ("ann@example.org", ["editor", "operator"])
    opened = installation.runtime.logins.with_password("ann@example.org", PASSWORD, HERE)
    assert opened.logged_in.roles == ("editor", "operator")
    assert "editor operator" in _cli("list").stdout


def test_the_password_is_asked_for_twice_and_not_shown(installation: Harness) -> None:
    asked = _cli("add", "ann", stdin=f"{PASSWORD}\n{PASSWORD}\n")
    assert (asked.exit_code, asked.stdout) == (0, "ann viewer\n")
    assert PASSWORD not in asked.output
    assert _cli("add", "bob", stdin=f"{PASSWORD}\nanother one\n").exit_code == 1
    assert [user["name"] for user in _listed()] == ["ann"]


def test_roles_are_those_of_a_tenant(installation: Harness) -> None:
    _cli("add", "ann", "--role", "admin", "--password-stdin", stdin=PASSWORD)
    given = _cli("set-role", "ann", "viewer", "--tenant", "other")
    assert (given.exit_code, given.stdout) == (0, "ann viewer\n")
    assert [user["roles"] for user in _listed("--tenant", "other")] == [["viewer"]]
    assert [user["roles"] for user in _listed()] == [["admin"]]
    assert _cli("set-role", "ann").stdout == "ann no roles\n"
    assert _listed() == []
    opened = installation.runtime.logins.with_password("ann", PASSWORD, HERE)
    assert opened.logged_in.session.scope == Scope(DEFAULT_SCOPE.environment, "other")


def test_a_new_password_and_disabling_end_sessions(installation: Harness) -> None:
    _cli("add", "ann", "--password-stdin", stdin=PASSWORD)
    logins, sessions = installation.runtime.logins, installation.runtime.sessions
    first = logins.with_password("ann", PASSWORD, HERE).token
    assert _cli("set-password", "ANN", "--password-stdin", stdin="a much better password\n").exit_code == 0
    with pytest.raises(Unauthenticated):
        sessions.authenticate(first)
    second = logins.with_password("ann", "a much better password", HERE).token
    assert _cli("disable", "ann").stdout == "disabled ann\n"
    with pytest.raises(Unauthenticated):
        sessions.authenticate(second)
    with pytest.raises(Unauthenticated):
        logins.with_password("ann", "a much better password", HERE)
    assert "disabled" in _cli("list").stdout
    assert _cli("disable", "ann", "--undo").stdout == "enabled ann\n"
    assert logins.with_password("ann", "a much better password", HERE).token


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (("add", "ann", "--role", "root", "--password-stdin"), 2, "/roles"),
        (("add", "two words", "--password-stdin"), 2, "/name"),
        (("set-role", "nobody", "viewer"), 1, "there is no user 'nobody'"),
        (("disable", "nobody"), 1, "there is no user 'nobody'"),
        (("set-password", "nobody", "--password-stdin"), 1, "there is no user 'nobody'"),
    ],
)
def test_what_cannot_be_done_is_said(
    installation: Harness, arguments: tuple[str, ...], exit_code: int, message: str
) -> None:
    result = _cli(*arguments, stdin=PASSWORD)
    assert result.exit_code == exit_code
    assert message in result.output
