"""The logger of a handler: silent while the handler replays, and heard by whoever keeps the lines of a run."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Protocol

from workflowkit.engine.session import StepSession

_FORMATTER = logging.Formatter()


class LineKeeper(Protocol):
    """Keeps what the handler of one attempt logs. Never raises, and never waits."""

    def wants(self, level: int) -> bool:
        """Tell whether lines of this level are kept."""
        ...

    def keep(self, level: int, message: str, step: str | None) -> None:
        """Keep a line; ``step`` is the key of the step that the handler was inside of, if it was in one."""
        ...


class NewsLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger that is silent while its handler replays. What it says also goes to a ``LineKeeper``, if there is one,
    whatever the process's own logging lets through."""

    def __init__(
        self, logger: logging.Logger, extra: Mapping[str, object], session: StepSession, keeper: LineKeeper | None
    ) -> None:
        super().__init__(logger, extra)
        self._session, self._keeper = session, keeper

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - logging's own name
        if self._session.is_replaying:
            return False
        return (self._keeper is not None and self._keeper.wants(level)) or super().isEnabledFor(level)

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Log a line, and have it kept."""
        if self._session.is_replaying:
            return
        if mask := self._session.mask:
            # SAFETY: S18 — whatever formats records later would find the value in the arguments or the exception.
            msg, args, kwargs["exc_info"] = mask.text(_rendered(msg, args, kwargs.get("exc_info"))), (), None
            kwargs.pop("extra", None)  # an adapter's own takes its place in any case
        if self._keeper is not None and self._keeper.wants(level):
            self._keeper.keep(level, _rendered(msg, args, kwargs.get("exc_info")), self._session.inside_key_or_none)
        # Whoever asks for the place of a line is not to be told ours.
        kwargs["stacklevel"] = kwargs.get("stacklevel", 1) + 1
        super().log(level, msg, *args, **kwargs)


def _rendered(msg: object, args: tuple[object, ...], exc_info: Any) -> str:
    """Return a line as text, with the traceback if there is one; a line that cannot be formatted as it was given."""
    record = logging.LogRecord("", 0, "", 0, msg, args, None)
    try:
        text = record.getMessage()
    except Exception:
        # The logging module does not let a bad format end a handler either.
        text = f"{msg} {args!r}"
    error = _error_of(exc_info)
    return text if error is None else f"{text}\n{_FORMATTER.formatException((type(error), error, error.__traceback__))}"


def _error_of(exc_info: Any) -> BaseException | None:
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple):
        return exc_info[1] if isinstance(exc_info[1], BaseException) else None
    import sys

    return sys.exc_info()[1] if exc_info else None
