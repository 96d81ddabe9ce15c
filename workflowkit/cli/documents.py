"""JSON files as arguments: read strictly, and their problems shown with file, line and column."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from workflowkit.base.errors import InvalidInput, LimitExceeded, Problem
from workflowkit.cli.output import Invalid, plain
from workflowkit.cli.places import locate

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Source:
    """A text with the name under which it is shown."""

    name: str
    text: bytes

    def place(self, pointer: str) -> tuple[int, int] | None:
        """Return line and column of a pointer, ``None`` where the text is no JSON."""
        return locate(self.text.decode(errors="replace"), pointer)


class InvalidDocument(Exception):
    """A text has errors. ``problems`` are all that were found, with pointers into ``source``."""

    def __init__(self, source: Source, problems: Iterable[Problem]) -> None:
        super().__init__(source.name)
        self.source, self.problems = source, list(problems)


def read(path: str) -> Source:
    """Return a file's contents, or those of standard input for ``-``. Raises ``Invalid`` if it cannot be read."""
    if path == STDIN:
        return Source("<stdin>", sys.stdin.buffer.read())
    try:
        return Source(path, Path(path).read_bytes())
    except OSError as error:
        raise Invalid(f"{path}: {error.strerror or error}") from error


def checked(source: Source, check: Callable[[bytes], Any]) -> Any:
    """Return what ``check`` makes of a text. Raises ``InvalidDocument`` for what it finds wrong."""
    try:
        return check(source.text)
    except InvalidInput as error:
        raise InvalidDocument(source, error.problems) from error
    except LimitExceeded as error:
        raise InvalidDocument(source, [Problem(error.pointer, error.code, error.message)]) from error


def echo_problems(source: Source, problems: Iterable[Problem], *, err: bool = True) -> None:
    """Print problems, one a line, as compilers do: ``file:line:column: error: message (code)``."""
    for problem in problems:
        # What is no JSON has no places, but its message names line and column.
        place = None if problem.code == "invalid-json" else source.place(problem.pointer)
        where = ":".join([source.name, *map(str, place or ())])
        word = click.style(problem.severity, fg="red" if problem.severity == "error" else "yellow", bold=True)
        pointer = f" {plain(problem.pointer)}" if problem.pointer else ""
        details = click.style(f"({problem.code}{pointer})", fg="bright_black")
        click.echo(f"{click.style(where, bold=True)}: {word}: {plain(problem.message)} {details}", err=err)
