"""What a stranger reads: every command explains itself and shows how it is called."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from workflowkit import __version__
from workflowkit.cli.root import SECTIONS, cli

COMMANDS = [
    *("up", "dev", "run", "validate", "test", "start", "api", "worker", "scheduler", "gateway", "migrate"),
    *(
        "send",
        "events",
        "simulate",
        "signal",
        "runs",
        "jobs",
        "workflows",
        "drain",
        "approvals",
        "schedules",
        "alerts",
        "functions",
        "apps",
        "keys",
        "users",
        "audit",
        "secrets",
        "webhooks",
    ),
    *("workers", "prune", "check", "doctor", "bench"),
]


def _commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command that does something, with its full name."""
    for name in (name for section in SECTIONS.values() for name in section):
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from ((f"{name} {sub}", command.commands[sub]) for sub in command.commands)
        else:
            yield name, command


def test_the_commands_are_the_agreed_ones() -> None:
    assert cli.list_commands(click.Context(cli)) == COMMANDS
    listed = CliRunner().invoke(cli, ["--help"])
    assert listed.exit_code == 0
    assert all(f"\n  {name} " in listed.stdout for name in COMMANDS)


@pytest.mark.parametrize(
    ("name", "command"), list(_commands()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_has_help_with_an_example_and_says_what_each_option_means(
    name: str, command: click.Command
) -> None:
    result = CliRunner().invoke(cli, [*name.split(), "--help"])
    assert result.exit_code == 0
    usage, *lines = result.stdout.splitlines()
    assert usage.startswith(f"Usage: workflowkit {name} ")
    assert any(f"workflowkit {name}" in line or f"./wk {name}" in line for line in lines)
    for option in command.params:
        assert not isinstance(option, click.Option) or option.help, option.name


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(cli, ["--version"]).stdout == f"workflowkit, version {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [["runn"], ["run"], ["runs", "list", "--status", "odd"], ["worker", "--processes", "0"]]
)
def test_a_wrong_command_line_exits_with_2(arguments: list[str]) -> None:
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert "Usage: " in result.stderr
