"""Log: write a line to the log of the worker."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated, Literal

from workflowkit.registry import Field, action

if TYPE_CHECKING:
    from workflowkit.engine.context import StepContext

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


@action("log", name="Log", category="Developer", icon="scroll", external=False)
def log(
    ctx: StepContext,
    message: Annotated[str, Field(widget="textarea")],
    level: Literal["debug", "info", "warning", "error"] = "info",
) -> None:
    """Write a message to the log of the worker.

    Args:
        message: The text; references in it become text.
        level: How important it is.
    """
    # One message is one line, whatever stands in it: a forged second line would pass for somebody else's.
    ctx.logger.log(LEVELS[level], "%s", "".join(c if c.isprintable() else ascii(c)[1:-1] for c in message))
