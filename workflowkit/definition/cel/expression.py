"""A compiled expression, and the door to making one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final

from workflowkit.base.errors import ExpressionError
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.definition.cel.analysis import (
    Equality,
    Path,
    Policy,
    check_policy,
    check_size,
    equalities,
    free_variables,
    members,
    path_of,
)
from workflowkit.definition.cel.budget import BudgetExceededError, Frame
from workflowkit.definition.cel.cache import WeightedCache
from workflowkit.definition.cel.compiler import Compiler
from workflowkit.definition.cel.export import to_json
from workflowkit.definition.cel.macros import Evaluate
from workflowkit.definition.cel.parser import parse_expression
from workflowkit.definition.cel.values import MISSING, equal, is_true
from workflowkit.definition.model import Json

_log = logging.getLogger(__name__)

#: In characters of source text; they make about 100 bytes of closures each.
_CACHE_WEIGHT: Final = 512 * 1024
#: A pattern can keep as much memory as so many characters.
_PATTERN_WEIGHT: Final = 1024


class _Total:
    """Turns whatever an evaluation raises into ``ExpressionError``."""

    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, ExpressionError) or not isinstance(error, Exception):
            return
        if isinstance(error, RecursionError | MemoryError):
            # The caller's own stack was nearly used up, or the machine's memory: not decided by the limits.
            raise BudgetExceededError("stopped: the machine ran out of stack or memory") from None
        # SAFETY: S1 I15 — a fault of ours that a document can bring about costs that document, and nobody else.
        _log.error("an expression could not be evaluated", exc_info=error)
        raise ExpressionError(f"it cannot be evaluated ({type(error).__name__})") from None


_TOTAL: Final = _Total()


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression, ready to be evaluated any number of times, by any number of threads.

    ``variables`` are the names it reads (``now`` if it asks for the time), ``members`` what it selects directly from
    them, as in ``("event", "data")``; ``equalities`` are the comparisons that must hold for it to be true.
    """

    text: str
    variables: frozenset[str]
    members: frozenset[tuple[str, str]]
    equalities: tuple[Equality, ...]
    _limits: Limits = field(repr=False)
    _run: Evaluate = field(repr=False, compare=False)
    _operations: int = field(repr=False)
    _nesting: int = field(repr=False)

    def evaluate(self, variables: Mapping[str, Json]) -> Json:
        """Return the result as JSON; null for a path that leads nowhere.

        ``variables`` are plain JSON: dicts, lists and scalars of the exact types. The result shares no list or map
        with them. Raises ``ExpressionError`` and nothing else: the evaluation failed or was stopped by a limit.
        """
        with _TOTAL:
            frame = self._frame(variables)
            return to_json(self._run(frame), frame)

    def evaluate_exactly(self, variables: Mapping[str, Json]) -> Json:
        """Return the result as JSON that is equal to the result itself, for whoever compares it later.

        Raises ``ExpressionError`` as ``evaluate`` does, and for times and durations: JSON has them as text only.
        """
        with _TOTAL:
            frame = self._frame(variables)
            value = self._run(frame)
            result = to_json(value, frame)
            if equal(value, result, frame):
                return result
        raise ExpressionError("the result is, or contains, a time or a duration, which JSON cannot hold")

    def matches(self, variables: Mapping[str, Json]) -> bool:
        """Return whether the result counts as true. Raises ``ExpressionError`` as ``evaluate`` does."""
        with _TOTAL:
            return is_true(self._run(self._frame(variables)))

    def _frame(self, variables: Mapping[str, Json]) -> Frame:
        frame = Frame(variables, [MISSING] * self._nesting, self._limits, self._limits.expression_steps)
        frame.spend(self._operations)
        return frame


_cache: Final[WeightedCache[Expression]] = WeightedCache(_CACHE_WEIGHT)


def compile_expression(text: str, *, limits: Limits = DEFAULT_LIMITS, policy: Policy = "full") -> Expression:
    """Return ``text`` compiled; the same text is compiled once and then found in a bounded cache.

    ``policy="restricted"`` is the language of cancellations: comparisons, logic, arithmetic, indexing,
    conversions of numbers and times; no macros, ``has()``, ``in`` or functions of texts. Raises
    ``ExpressionError``, with the position where there is one.
    """
    if type(text) is not str:
        raise ExpressionError("an expression is a text")
    if len(text) > limits.expression_chars:
        raise ExpressionError(f"longer than expression_chars = {limits.expression_chars} characters")
    return _cache.get((text, limits, policy), lambda: _compile(text, limits, policy))


def read_path(text: str, *, limits: Limits = DEFAULT_LIMITS) -> Path | None:
    """Return the path that the expression ``text`` consists of, ``None`` if it is anything else."""
    if len(text) > limits.expression_chars:
        return None
    try:
        tree = parse_expression(text, max_depth=limits.expression_depth)
        check_size(tree, limits)
    except (ExpressionError, RecursionError):
        return None
    found = path_of(tree)
    return found if isinstance(found, Path) else None


def _compile(text: str, limits: Limits, policy: Policy) -> tuple[Expression, int]:
    try:
        tree = parse_expression(text, max_depth=limits.expression_depth)
        check_size(tree, limits)
        check_policy(tree, policy)
        compiler = Compiler()
        run = compiler.compile(tree)
    except (RecursionError, MemoryError):
        raise BudgetExceededError("the machine ran out of stack or memory while reading the expression") from None
    expression = Expression(
        text, free_variables(tree), members(tree), equalities(tree), limits, run, compiler.operations, compiler.nesting
    )
    return expression, len(text) + _PATTERN_WEIGHT * compiler.patterns
