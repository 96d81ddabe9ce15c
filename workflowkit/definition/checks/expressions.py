"""Check CEL expressions wherever a document has one: that they compile, and read only what is there."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

from workflowkit.base.errors import ExpressionError, Problem
from workflowkit.base.limits import Limits
from workflowkit.definition.eventdata import unknown_in_event

if TYPE_CHECKING:
    from workflowkit.definition.cel import Expression, Policy

_EVENTS = frozenset({"event", "async"})
EVENT = frozenset({"event"})
#: Not for keys: these are evaluated once, and what they give must not depend on when.
EVENT_AND_TIME = frozenset({"event", "now"})


def check_expression(
    text: str, pointer: str, variables: frozenset[str], limits: Limits, policy: Policy = "full"
) -> Iterator[Problem]:
    """Yield why an expression cannot be used where these ``variables`` exist."""
    yield from compiled(text, pointer, variables, limits, policy)


def compiled(
    text: str, pointer: str, variables: frozenset[str], limits: Limits, policy: Policy = "full"
) -> Generator[Problem, None, Expression | None]:
    """Yield as ``check_expression`` does; return the expression, ``None`` if it does not compile."""
    from workflowkit.definition.cel import compile_expression  # most documents have no expression to compile

    try:
        expression = compile_expression(text, limits=limits, policy=policy)
    except ExpressionError as error:
        where = "" if error.position is None else f" (character {error.position + 1})"
        yield Problem(pointer, error.code, f"{error.message}{where}")
        return None
    for name in sorted(expression.variables - variables):
        known = " and ".join(sorted(variables - {"now"}))
        yield Problem(pointer, "unknown-variable", f"there is no variable {name} here; there is {known}")
    for variable, name in sorted(expression.members):
        # Such a rule is published without a word, and matches nothing, ever.
        if variable in _EVENTS & variables & expression.variables:
            reason = unknown_in_event(name, f"{variable}.{name}", variable=f"{variable}.")
            if reason is not None:
                yield Problem(pointer, "unknown-variable", reason)
    return expression
