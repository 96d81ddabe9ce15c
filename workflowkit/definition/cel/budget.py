"""What one evaluation may use, and the state that it carries.

One unit pays for everything: a *step* is one operation of the expression, one item that a macro or a comparison looks
at, or a piece of text that is read or made. Operations outside of macros are bounded by the size of the expression and
are paid at the start, so the closures of a plain condition do no accounting at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workflowkit.base.errors import ExpressionError
from workflowkit.base.limits import Limits
from workflowkit.definition.model import Json

#: So many characters copied or searched cost about as much as one operation.
CHARS_PER_STEP = 256


class BudgetExceededError(ExpressionError):
    """The evaluation was stopped. Unlike other errors, ``||`` and ``&&`` must not absorb it."""


@dataclass(slots=True)
class Frame:
    """One evaluation: its variables, the items of its running macros by nesting, and what it may still use."""

    variables: Mapping[str, Json]
    items: list[Any]
    limits: Limits
    steps_left: int

    def spend(self, steps: int) -> None:
        """Pay for work before doing it. Raises ``BudgetExceededError`` when the budget does not cover it."""
        self.steps_left -= steps
        # SAFETY: S1 — every loop over data pays here first, which is what bounds time and memory.
        if self.steps_left < 0:
            raise BudgetExceededError(
                f"stopped: the evaluation needs more than expression_steps = {self.limits.expression_steps} steps"
            )

    def spend_text(self, chars: int, *, chars_per_step: int = CHARS_PER_STEP) -> None:
        """Pay for reading or making a text of ``chars`` characters."""
        self.spend(chars // chars_per_step)

    def admit_text(self, chars: int) -> None:
        """Pay for a new text of ``chars`` characters. Raises ``BudgetExceededError`` when it would be too long."""
        if chars > self.limits.expression_output_chars:
            raise BudgetExceededError(
                f"stopped: a text would be longer than expression_output_chars = {self.limits.expression_output_chars}"
            )
        self.spend_text(chars)
