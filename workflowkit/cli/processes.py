"""What the commands that stay share: options, logging, and waiting for the end."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import warnings

import click

LOG_LEVELS = ("debug", "info", "warning", "error")
#: Libraries that log every connection at ``info``.
_TALKATIVE = ("celery", "kombu", "amqp", "alembic", "httpx", "websockets")

log_level_option = click.option(
    "--log-level",
    type=click.Choice(LOG_LEVELS),
    default="info",
    envvar="WORKFLOWKIT_LOG_LEVEL",
    show_default=True,
    help="What is written to standard error.",
)


def set_up_logging(level: str) -> None:
    """Log to standard error, one line a record."""
    logging.basicConfig(
        level=level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s"
    )
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
    # It would have us say that local://, which has no host, has none.
    logging.getLogger("kombu.connection").setLevel(logging.ERROR)
    # Celery means pickle by it, which we do not accept.
    warnings.filterwarnings("ignore", message="You're running the worker with superuser privileges")


def until_terminated() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set. Call it in the main thread."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        # In a thread, because the main one may hold the event's lock at the moment it is interrupted.
        signal.signal(number, lambda *_: threading.Thread(target=ended.set, daemon=True).start())
    return ended
