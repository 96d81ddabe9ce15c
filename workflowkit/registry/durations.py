"""The type of inputs that say how long something takes."""

from __future__ import annotations

from typing import Annotated

from workflowkit.definition.durations import DURATION_FORMAT, LONGEST_WAIT_SECONDS
from workflowkit.typeschema import Field

#: Text such as ``"30s"`` or ``"7d"``, or a number of seconds, up to 366 days: checked when a document is validated.
DurationInput = Annotated[str | float, Field(format=DURATION_FORMAT, maximum=LONGEST_WAIT_SECONDS)]
#: The same, where only text will do.
DurationText = Annotated[str, Field(format=DURATION_FORMAT)]
