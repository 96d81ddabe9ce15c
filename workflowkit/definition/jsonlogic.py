"""JSON Logic (https://jsonlogic.com): rules that are data, compiled once and evaluated under a budget.

The operators and the truth table are those of json-logic-js 2.0.5, with JavaScript's conversions. Different on purpose:
lists and objects are equal by content; an object becomes JSON text; a result that JSON cannot hold (NaN, infinities) is
null; wrong numbers of operands are refused when the rule is compiled; ``log`` is unknown.

Only what stands in the rule itself is logic. Values that ``var`` and placeholders bring in stay values (D11).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workflowkit.base.errors import ExpressionError, LimitExceeded
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.definition.jsonlogic_operators import EAGER, Meter, Operator, lookup
from workflowkit.definition.jsvalues import CHARS_PER_VALUE, MISSING, Json, js_truthy, normal

_MAX_RULE_DEPTH = 64
_MAX_RESULT_DEPTH = 64


@dataclass(frozen=True, slots=True)
class Placeholder:
    """Stands in a rule for a value that is known only when it is evaluated: ``values[index]``."""

    index: int


class Frame(Meter):
    """One evaluation: what is left of its budget, and the values of the placeholders."""

    __slots__ = ("values",)

    def __init__(self, limits: Limits, values: Sequence[Json]) -> None:
        super().__init__(limits)
        self.values = values


_Evaluate = Callable[[Json, Frame], Json]


class Rule:
    """A compiled rule."""

    __slots__ = ("_evaluate", "_limits")

    def __init__(self, evaluate: _Evaluate, limits: Limits) -> None:
        self._evaluate = evaluate
        self._limits = limits

    def evaluate(self, data: Json = None, values: Sequence[Json] = ()) -> Json:
        """Return the value of the rule; ``data`` is what ``var`` sees. Shares nothing with its arguments.

        Raises ``ExpressionError`` when the evaluation passes its budget, and nothing else.
        """
        frame = Frame(self._limits, values)
        try:
            return _plain(self._evaluate(data, frame), frame, 0)
        except RecursionError:
            raise ExpressionError("the rule's value is nested too deeply") from None


def logic_truthy(value: Json) -> bool:
    """Return JSON Logic's truth of a value: JavaScript's, but an empty list is false."""
    return value != [] and js_truthy(value)


def compile_rule(rule: Json, limits: Limits = DEFAULT_LIMITS) -> Rule:
    """Compile a JSON Logic rule; a value that is no rule stands for itself.

    Raises ``ExpressionError`` for an unknown operator or a wrong number of operands, ``LimitExceeded``
    (``logic_nodes``) for a rule that is too large.
    """
    return Rule(_Compiler(limits).compile(rule, 0), limits)


def _plain(value: Json, frame: Frame, depth: int) -> Json:
    """Copy a result, without the numbers that JSON has no form for."""
    if depth > _MAX_RESULT_DEPTH:
        raise ExpressionError("the rule's value is nested too deeply")
    frame.scan(1 + (len(value) // CHARS_PER_VALUE if isinstance(value, str) else 0))
    if isinstance(value, dict):
        return {key: _plain(inner, frame, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner, frame, depth + 1) for inner in value]
    if isinstance(value, float):
        return normal(value) if math.isfinite(value) else None
    return None if value is MISSING else value


# --- compiling


class _Compiler:
    """Turns a rule into nested functions of (data, frame)."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._nodes = 0
        self._lazy: dict[str, tuple[int, int | None, Callable[[list[_Evaluate]], _Evaluate]]] = {
            "if": (0, None, _if),
            "?:": (0, None, _if),
            "and": (1, None, _and),
            "or": (1, None, _or),
            "map": (2, 2, _map),
            "filter": (2, 2, _filter),
            "all": (2, 2, _all),
            "some": (2, 2, _some),
            "none": (2, 2, _none),
            "reduce": (2, 3, _reduce),
            "var": (0, 2, _var),
            "missing": (0, None, _missing),
            "missing_some": (2, 2, _missing_some),
        }

    def compile(self, rule: Json, depth: int) -> _Evaluate:
        self._count(1)
        if depth > _MAX_RULE_DEPTH:
            raise ExpressionError("the rule is nested too deeply")
        if isinstance(rule, Placeholder):
            index = rule.index
            return lambda _data, frame: frame.values[index]
        if isinstance(rule, list):
            return _list([self.compile(element, depth + 1) for element in rule])
        if isinstance(rule, dict) and len(rule) == 1:
            return self._operation(*next(iter(rule.items())), depth)
        if isinstance(rule, dict):
            self._count(len(rule))
        return lambda _data, _frame: rule

    def _count(self, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > self._limits.logic_nodes:
            raise LimitExceeded("logic_nodes", self._limits.logic_nodes)

    def _operation(self, name: str, operands: Json, depth: int) -> _Evaluate:
        if name in self._lazy:
            least, most, make = self._lazy[name]
        elif name in EAGER:
            operator = EAGER[name]
            least, most, make = operator.least, operator.most, lambda compiled: _eager(operator, compiled)
        else:
            raise ExpressionError(f"Unrecognized operation {name}")
        written = operands if isinstance(operands, list) else [operands]
        if len(written) < least or (most is not None and len(written) > most):
            raise ExpressionError(f"operation {name} takes {_arity(least, most)}, got {len(written)}")
        return make([self.compile(operand, depth + 1) for operand in written])


def _arity(least: int, most: int | None) -> str:
    if most is None:
        return f"at least {least} operand{'s' * (least != 1)}"
    return f"{least} operand{'s' * (least != 1)}" if least == most else f"{least} to {most} operands"


def _list(elements: list[_Evaluate]) -> _Evaluate:
    return lambda data, frame: [element(data, frame) for element in elements]


def _eager(operator: Operator, operands: list[_Evaluate]) -> _Evaluate:
    apply = operator.apply

    def evaluate(data: Json, frame: Frame) -> Json:
        frame.spend(1)
        return apply([operand(data, frame) for operand in operands], frame)

    return evaluate


# --- operators that choose what to evaluate, or evaluate it for each element


def _if(operands: list[_Evaluate]) -> _Evaluate:
    pairs = list(zip(operands[0::2], operands[1::2], strict=False))
    otherwise = operands[-1] if len(operands) % 2 else None

    def evaluate(data: Json, frame: Frame) -> Json:
        frame.spend(1)
        for condition, consequence in pairs:
            if logic_truthy(condition(data, frame)):
                return consequence(data, frame)
        return None if otherwise is None else otherwise(data, frame)

    return evaluate


def _and(operands: list[_Evaluate]) -> _Evaluate:
    return _first_with_truth(operands, False)


def _or(operands: list[_Evaluate]) -> _Evaluate:
    return _first_with_truth(operands, True)


def _first_with_truth(operands: list[_Evaluate], truth: bool) -> _Evaluate:
    def evaluate(data: Json, frame: Frame) -> Json:
        frame.spend(1)
        value: Json = None
        for operand in operands:
            value = operand(data, frame)
            if logic_truthy(value) is truth:
                break
        return value

    return evaluate


def _elements(operand: _Evaluate, data: Json, frame: Frame) -> list[Json]:
    found = operand(data, frame)
    if not isinstance(found, list):
        return []
    frame.spend(1 + len(found))
    return found


def _map(operands: list[_Evaluate]) -> _Evaluate:
    source, rule = operands
    return lambda data, frame: [rule(element, frame) for element in _elements(source, data, frame)]


def _filter(operands: list[_Evaluate]) -> _Evaluate:
    source, rule = operands
    return lambda data, frame: [
        element for element in _elements(source, data, frame) if logic_truthy(rule(element, frame))
    ]


def _all(operands: list[_Evaluate]) -> _Evaluate:
    source, rule = operands

    def evaluate(data: Json, frame: Frame) -> Json:
        elements = _elements(source, data, frame)
        return bool(elements) and all(logic_truthy(rule(element, frame)) for element in elements)

    return evaluate


def _some(operands: list[_Evaluate]) -> _Evaluate:
    source, rule = operands
    return lambda data, frame: any(logic_truthy(rule(element, frame)) for element in _elements(source, data, frame))


def _none(operands: list[_Evaluate]) -> _Evaluate:
    some = _some(operands)
    return lambda data, frame: not some(data, frame)


def _reduce(operands: list[_Evaluate]) -> _Evaluate:
    source, rule, *initial = operands

    def evaluate(data: Json, frame: Frame) -> Json:
        accumulator = initial[0](data, frame) if initial else None
        for element in _elements(source, data, frame):
            accumulator = rule({"current": element, "accumulator": accumulator}, frame)
        return accumulator

    return evaluate


# --- operators that read the data


def _var(operands: list[_Evaluate]) -> _Evaluate:
    path = operands[0] if operands else None
    default = operands[1] if len(operands) > 1 else None

    def evaluate(data: Json, frame: Frame) -> Json:
        frame.spend(1)
        found = lookup(data, path(data, frame) if path else None, frame)
        if found is MISSING:
            return default(data, frame) if default else None
        return found

    return evaluate


def _missing(operands: list[_Evaluate]) -> _Evaluate:
    def evaluate(data: Json, frame: Frame) -> Json:
        keys = [operand(data, frame) for operand in operands]
        return _absent(data, keys[0] if keys and isinstance(keys[0], list) else keys, frame)

    return evaluate


def _missing_some(operands: list[_Evaluate]) -> _Evaluate:
    needed, options = operands

    def evaluate(data: Json, frame: Frame) -> Json:
        keys = options(data, frame)
        keys = keys if isinstance(keys, list) else [keys]
        absent = _absent(data, keys, frame)
        least = needed(data, frame)
        return [] if isinstance(least, int | float) and len(keys) - len(absent) >= least else absent

    return evaluate


def _absent(data: Json, keys: list[Json], frame: Frame) -> list[Json]:
    frame.spend(1 + len(keys))
    return [key for key in keys if lookup(data, key, frame) in (MISSING, None, "")]
