"""Failed attempts in the log of the process: with the traceback of what nobody raised on purpose, without secrets."""

from __future__ import annotations

import logging
import traceback
from dataclasses import dataclass

from workflowkit.base.errors import ActionTimeout, CodeChanged, WorkflowKitError
from workflowkit.base.masking import Mask
from workflowkit.engine.outcome import Failed

_log = logging.getLogger("workflowkit.attempt")


@dataclass(frozen=True, slots=True)
class Place:
    """Which attempt it was: ``step`` is the key of the step, ``attempt`` counts from 0."""

    run_id: str
    step: str
    attempt: int


def log_failed(place: Place, failed: Failed, *, is_final: bool, mask: Mask | None) -> None:
    """Log a failed attempt.

    What an action says on purpose (most errors of this package, which others raise as well) is one line: INFO, or
    WARNING if nothing follows. Anything else comes with its traceback: WARNING, or ERROR if nothing follows.
    """
    error = failed.raised
    is_meant = error is None or (
        isinstance(error, WorkflowKitError) and not isinstance(error, ActionTimeout | CodeChanged)
    )
    level = (logging.INFO if is_meant else logging.WARNING) + (10 if is_final else 0)
    if not _log.isEnabledFor(level):
        return
    text = (
        f"run {place.run_id}: step {place.step}: attempt {place.attempt + 1} failed"
        f"{'' if is_final else ' and is tried again'}: {failed.error.name}: {failed.error.message}"
    )
    shown = None if is_meant else error
    if mask:
        # SAFETY: S18 — the exception itself would bring the value along, in its text or in the variables of frames.
        if shown is not None:
            text = f"{text}\n{''.join(traceback.format_exception(shown)).rstrip()}"
        text, shown = mask.text(text), None
    extra = {"run_id": place.run_id, "step": place.step, "attempt": place.attempt}
    _log.log(level, "%s", text, exc_info=shown, extra=extra)
