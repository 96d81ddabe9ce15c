"""What the commands that stay share: options, logging, and waiting for the end."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import click

from workflowkit.cli.logformat import JsonFormatter

_Command = TypeVar("_Command", bound=Callable[..., Any])

LOG_LEVELS = ("debug", "info", "warning", "error")
#: Libraries that log every connection at ``info``.
_TALKATIVE = ("celery", "kombu", "amqp", "alembic", "httpx", "websockets")

LOG_FORMAT_VARIABLE = "WORKFLOWKIT_LOG_FORMAT"


def _keep_format(_context: click.Context, _parameter: click.Parameter, value: str) -> None:
    # For the processes that this one starts as well.
    os.environ.pop(LOG_FORMAT_VARIABLE, None)
    if value == "json":
        os.environ[LOG_FORMAT_VARIABLE] = value


def log_level_option(command: _Command) -> _Command:
    """Give a command the options that say what it logs, and how; ``log_level`` is handed to it."""
    how_much = click.option(
        "--log-level",
        type=click.Choice(LOG_LEVELS),
        default="info",
        envvar="WORKFLOWKIT_LOG_LEVEL",
        show_default=True,
        help="What is written to standard error.",
    )
    how = click.option(
        "--log-format",
        type=click.Choice(("text", "json")),
        default="text",
        envvar=LOG_FORMAT_VARIABLE,
        show_default=True,
        expose_value=False,
        callback=_keep_format,
        help="As lines for people, or as an object a line.",
    )
    return how_much(how(command))


def is_json_logged() -> bool:
    """Tell whether this process logs as JSON."""
    return os.environ.get(LOG_FORMAT_VARIABLE) == "json"


def set_up_logging(level: str) -> None:
    """Log to standard error, one line a record."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler.setFormatter(JsonFormatter() if is_json_logged() else text)
    logging.basicConfig(level=level.upper(), handlers=[handler])
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
    # Celery means pickle by it, which we do not accept.
    warnings.filterwarnings("ignore", message="You're running the worker with superuser privileges")


def announce(text: str) -> None:
    """Say on standard error what has begun, or ends: to a person, or as a line of the log."""
    if is_json_logged():
        # Whatever the level: it is said once.
        record = logging.makeLogRecord({"name": "workflowkit.cli", "levelname": "INFO", "msg": text})
        text = JsonFormatter().format(record)
    click.echo(text, err=True)


def until_terminated() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set. Call it in the main thread."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        # In a thread, because the main one may hold the event's lock at the moment it is interrupted.
        signal.signal(number, lambda *_: threading.Thread(target=ended.set, daemon=True).start())
    return ended
