"""JSON files as arguments: read strictly, and their problems shown with file, line and column."""

from __future__ import annotations

import re
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
_PARSER_PLACE = re.compile(r"line (\d+) column (\d+): ")


@dataclass(frozen=True, slots=True)
class Source:
    """A text with the name under which it is shown."""

    name: str
    text: bytes

    def place(self, problem: Problem) -> tuple[int, int] | None:
        """Return line and column of a problem, if they are known."""
        if problem.code == "invalid-json":  # such text has no places to look up, but the parser said where it stopped
            found = _PARSER_PLACE.match(problem.message)
            return None if found is None else (int(found[1]), int(found[2]))
        return locate(self.text.decode(errors="replace"), problem.pointer)


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
        where = ":".join([source.name, *map(str, source.place(problem) or ())])
        word = click.style(problem.severity, fg="red" if problem.severity == "error" else "yellow", bold=True)
        message = plain(_PARSER_PLACE.sub("", problem.message))
        pointer = f" {plain(problem.pointer)}" if problem.pointer else ""
        details = click.style(f"({problem.code}{pointer})", fg="bright_black")
        click.echo(f"{click.style(where, bold=True)}: {word}: {message} {details}", err=err)
