"""Logs as JSON, one object a line, for whatever collects the logs of many processes."""

from __future__ import annotations

import logging
from typing import Any

import orjson

from workflowkit.base.clock import rfc3339

#: What every record has; anything else was given with it (``extra``).
_OWN = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"})


class JsonFormatter(logging.Formatter):
    """Writes ``at``, ``level``, ``logger`` and ``message``, ``error`` with the traceback, and what else the record has.

    Lines of steps have ``run_id``, ``step`` and ``attempt``.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as one line of JSON."""
        line: dict[str, Any] = {
            "at": rfc3339(int(record.created * 1000)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        line |= {name: value for name, value in vars(record).items() if name not in _OWN and name not in line}
        try:
            return _dumped(line)
        except TypeError:
            # The line would be lost, and a traceback in several stand in its place.
            return _dumped({_plain(name): _dumpable(value) for name, value in line.items()})


def _dumped(value: Any) -> str:
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _dumpable(value: Any) -> Any:
    """Return a value, or its text where JSON has no such value: a number of more than 64 bits, half a character, what
    holds itself or cannot say what it is."""
    try:
        _dumped(value)
    except TypeError:
        return _plain(value)
    return value


def _plain(value: Any) -> str:
    try:
        text = str(value)
    except Exception:
        text = f"<{type(value).__name__}>"
    return text.encode("utf-8", "backslashreplace").decode()


def gunicorn_logging(level: str) -> dict[str, Any]:
    """Return the configuration by which the web server logs like the rest of its process."""
    handler = {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"}
    own = {"level": level.upper(), "handlers": ["console"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonFormatter}},
        "handlers": {"console": handler},
        "root": {"handlers": ["console"]},
        "loggers": {"gunicorn.error": own, "gunicorn.access": own},
    }
