"""What the commands print: lines for people, JSON for programs.

Colours appear on a terminal only, and never where ``NO_COLOR`` is set: ``click.echo`` takes them out elsewhere. Texts
that come from documents and events are made harmless first (``plain``): a terminal obeys what it is sent.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

from workflowkit.base import jsonvalue
from workflowkit.base.errors import StoreUnavailable, WorkflowKitError

FAILED, INVALID = 1, 2

_MARKS = {
    "completed": ("✓", "green"),
    "failed": ("✗", "red"),
    "skipped": ("·", "bright_black"),
    "cancelled": ("■", "yellow"),
}
_SHOWN_CHARS = 60


class Failure(click.ClickException):
    """Ends the command with a message."""

    exit_code = FAILED

    def show(self, file: Any = None) -> None:
        click.echo(f"{click.style('error:', fg='red', bold=True)} {self.format_message()}", file=file, err=True)


class Invalid(Failure):
    """Ends the command: what it was given cannot be used."""

    exit_code = INVALID


def explain(error: WorkflowKitError) -> str:
    """Return an error's message for a terminal; for a database that does not answer, also what the driver said."""
    return plain(str(error) if isinstance(error, StoreUnavailable) else error.message)


def plain(text: str) -> str:
    """Return text in which nothing but its words can have an effect on a terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def short(value: Any, width: int = _SHOWN_CHARS) -> str:
    """Return a JSON value on one line of at most ``width`` characters."""
    text = plain(jsonvalue.dumps(value))
    return text if len(text) <= width else text[: width - 1] + "…"


def emit_json(value: Any) -> None:
    """Print one JSON value to standard output: indented for a person, on one line for a program."""
    if sys.stdout.isatty():
        import json

        click.echo(json.dumps(value, indent=2, ensure_ascii=False))
    else:
        click.echo(jsonvalue.dumps(value))


def pretty(value: Any, indent: str = "  ") -> str:
    """Return a JSON value on several lines, each behind ``indent``."""
    import json

    text = json.dumps(value, indent=2, ensure_ascii=False)
    return "\n".join(indent + plain(line) for line in text.splitlines())


def dim(text: str) -> str:
    """Return text in the colour of what matters less."""
    return click.style(text, fg="bright_black")


def status(word: str, *, text: str | None = None) -> str:
    """Return a state word, or ``text`` in its place, in the word's colour."""
    return click.style(text or word, fg=_MARKS.get(word, ("", "blue"))[1])


def mark(word: str) -> str:
    """Return the one character that stands for a state word."""
    sign, colour = _MARKS.get(word, ("•", "blue"))
    return click.style(sign, fg=colour)


def table(rows: Iterable[Sequence[str]], *, headers: Sequence[str]) -> str:
    """Return rows as aligned columns. Cells may be styled."""
    lines = [[dim(header) for header in headers], *map(list, rows)]
    widths = [max(len(click.unstyle(line[column])) for line in lines) for column in range(len(headers))]
    return "\n".join(
        "  ".join(cell + " " * (width - len(click.unstyle(cell))) for cell, width in zip(line, widths, strict=True))
        .rstrip()
        for line in lines
    )  # fmt: skip
