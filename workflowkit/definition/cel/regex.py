"""``matches``: RE2, which is linear in the text whatever the pattern; Python's ``re`` never sees a user's pattern (S5).

RE2 is imported when the first expression that uses ``matches`` is compiled, never during an evaluation.
"""

from __future__ import annotations

from typing import Any, Final

from workflowkit.base.errors import ExpressionError
from workflowkit.definition.cel.budget import Frame

MAX_PATTERN_CHARS: Final = 512
#: Linear is not fast: RE2 needs up to 5 ns (measured) for each character and instruction of the compiled pattern, and
#: ``é.{400}z`` has 3,200 instructions. So many of them cost one step.
_INSTRUCTIONS_PER_STEP: Final = 512
#: What compiling a pattern costs when the pattern itself is data.
COMPILE_STEPS: Final = 100
#: For the program and for the automaton that RE2 builds while it searches.
_MAX_MEMORY_BYTES: Final = 256 * 1024


class Pattern:
    """A compiled regular expression."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self._instructions: int = compiled.programsize

    def is_found_in(self, text: str, frame: Frame) -> bool:
        """Return whether ``text`` has a part that matches. Raises ``ExpressionError`` for text without a UTF-8 form."""
        frame.spend(len(text) * self._instructions // _INSTRUCTIONS_PER_STEP)
        try:
            return self._compiled.search(text) is not None
        except UnicodeEncodeError:
            raise ExpressionError("matches() needs text without lone surrogates") from None


def load_re2() -> Any:
    """Import RE2, so that no evaluation has to."""
    import re2  # type: ignore[import-untyped]  # it ships no types

    return re2


def compile_pattern(pattern: str) -> Pattern:
    """Compile a regular expression in RE2's syntax. Raises ``ExpressionError`` when it is too long or malformed."""
    re2 = load_re2()
    if len(pattern) > MAX_PATTERN_CHARS:
        raise ExpressionError(f"a pattern has at most {MAX_PATTERN_CHARS} characters")
    options = re2.Options()
    options.max_mem = _MAX_MEMORY_BYTES
    options.log_errors = False
    try:
        return Pattern(re2.compile(pattern, options=options))
    except (re2.error, UnicodeEncodeError):
        raise ExpressionError("not a regular expression that RE2 accepts (no backreferences, no lookaround)") from None


def matches(frame: Frame, text: str, pattern: str) -> bool:
    """Search ``text`` for a pattern that is known only now."""
    return compile_pattern(pattern).is_found_in(text, frame)
