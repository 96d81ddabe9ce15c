"""The ``workflowkit`` command: its sections, and what becomes of an error that a command lets out."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any, NoReturn

import click

from workflowkit import __version__
from workflowkit.base.errors import DefinitionError, InvalidInput, LimitExceeded, WorkflowKitError
from workflowkit.cli.output import Failure, Invalid, explain

#: Each command stands in a module, under the attribute ``command``; only the one that is called is imported.
SECTIONS: dict[str, dict[str, str]] = {
    "Try it": {"up": "up", "dev": "dev", "run": "run", "validate": "validate", "test": "test"},
    "Serve": {
        "start": "start", "api": "api", "worker": "worker", "scheduler": "scheduler",
        "gateway": "gateway", "migrate": "migrate",
    },
    "Look after it": {
        "send": "send", "events": "events", "simulate": "simulate",
        "signal": "signal", "runs": "runs", "jobs": "jobs", "workflows": "workflows", "drain": "drain",
        "approvals": "approvals", "schedules": "schedules", "alerts": "alerts",
        "functions": "functions", "apps": "apps", "keys": "keys", "users": "users", "audit": "audit",
        "secrets": "secrets",
        "webhooks": "webhooks", "workers": "workers", "prune": "prune", "check": "check", "doctor": "doctor",
        "bench": "bench",
    },
}  # fmt: skip


INTERRUPTED = 130


class RootGroup(click.Group):
    """A group that imports a command when it is called, and lists commands by purpose."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for section in SECTIONS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for section in SECTIONS.values():
            if (module := section.get(cmd_name)) is not None:
                command: click.Command = import_module(f"workflowkit.cli.{module}").command
                return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, names in SECTIONS.items():
            commands = {name: self.get_command(ctx, name) for name in names}
            rows = [(name, command.get_short_help_str(70)) for name, command in commands.items() if command]
            with formatter.section(title):
                formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (InvalidInput, DefinitionError, LimitExceeded) as error:
            raise Invalid(explain(error)) from error
        except WorkflowKitError as error:
            raise Failure(explain(error)) from error
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)


@click.group(
    "workflowkit",
    cls=RootGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="WORKFLOWKIT_DATABASE_URL and WORKFLOWKIT_BROKER_URL say where data and messages go; `workflowkit doctor` "
    "shows all settings. Exit codes: 0 done, 1 failed, 2 invalid input, 130 interrupted.",
)
@click.version_option(__version__, prog_name="workflowkit")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Durable workflows that are JSON documents, with actions written in Python.

    \b
    workflowkit dev                                        a server on this machine
    workflowkit run workflow.json --event event.json       one run, here and now, without any server
    """
    if os.environ.get("NO_COLOR"):
        ctx.color = False


def main() -> NoReturn:
    """Run the command line of this process and exit."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # both are text files here
    cli.main(prog_name="workflowkit")
    raise AssertionError("click exits by itself")
