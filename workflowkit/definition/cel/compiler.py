"""Syntax tree to closures: every decision that does not need a value is made here, once.

A closure takes the ``Frame`` and returns a value. Errors get the position of the operation that raised them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workflowkit.base.errors import ExpressionError
from workflowkit.definition.cel import regex
from workflowkit.definition.cel.budget import BudgetExceededError, Frame
from workflowkit.definition.cel.functions import FUNCTIONS, METHODS, Function
from workflowkit.definition.cel.macros import MACRO_MAKERS, Body, Evaluate
from workflowkit.definition.cel.operators import OPERATORS, negate
from workflowkit.definition.cel.syntax import (
    Call,
    Chain,
    Conditional,
    Has,
    Index,
    ListOf,
    Literal,
    Logical,
    Macro,
    MapOf,
    Node,
    Select,
    Unary,
    Variable,
)
from workflowkit.definition.cel.values import MISSING, TYPE_NAMES, Value, is_true


class Compiler:
    """Compiles one tree whose size ``analysis.check_size`` has passed.

    After ``compile``, ``operations`` is what the expression costs outside of its macros, ``nesting`` how many macros
    run inside each other at most, and ``patterns`` how many compiled patterns the closures hold.
    """

    def __init__(self) -> None:
        self.operations = 0
        self.nesting = 0
        self.patterns = 0
        self._scope: dict[str, int] = {}
        self._depth = 0
        self._makers: dict[type, Callable[[Any], Evaluate]] = {
            Literal: self._literal,
            Variable: self._variable,
            Select: self._select,
            Index: self._index,
            Unary: self._unary,
            Chain: self._chain,
            Logical: self._logical,
            Conditional: self._conditional,
            ListOf: self._list,
            MapOf: self._map,
            Call: self._call,
            Has: self._has,
            Macro: self._macro,
        }

    def compile(self, node: Node) -> Evaluate:
        """Return the closure of ``node``. Raises ``ExpressionError`` for unknown functions and bad constants."""
        if type(node) is not Literal and type(node) is not Variable:
            self.operations += 1
        return self._makers[type(node)](node)

    def _literal(self, node: Literal) -> Evaluate:
        value = node.value
        return lambda frame: value

    def _variable(self, node: Variable) -> Evaluate:
        name = node.name
        if name in self._scope:
            slot = self._scope[name]
            return lambda frame: frame.items[slot]
        if name in TYPE_NAMES:
            return lambda frame: name
        return lambda frame: frame.variables.get(name, MISSING)

    def _select(self, node: Select) -> Evaluate:
        operand, fields = self.compile(node.operand), node.fields

        def select(frame: Frame) -> Value:
            value = operand(frame)
            for field in fields:
                if type(value) is not dict:
                    return MISSING
                value = value.get(field, MISSING)
            return value

        return select

    def _has(self, node: Has) -> Evaluate:
        selection = self.compile(node.selection)
        return lambda frame: selection(frame) is not MISSING

    def _index(self, node: Index) -> Evaluate:
        operand, index = self.compile(node.operand), self.compile(node.index)
        return lambda frame: _item_at(operand(frame), index(frame))

    def _unary(self, node: Unary) -> Evaluate:
        operand, position = self.compile(node.operand), node.position
        if node.operator == "!":
            return lambda frame: not is_true(operand(frame))

        def negative(frame: Frame) -> Value:
            value = operand(frame)
            try:
                return negate(value)
            except ExpressionError as error:
                raise _located(error, position) from None

        return negative

    def _chain(self, node: Chain) -> Evaluate:
        first = self.compile(node.first)
        links = [(OPERATORS[link.operator], self.compile(link.operand), link.position) for link in node.links]
        self.operations += len(links) - 1
        if len(links) > 1:
            return _fold(first, links)
        (operator, second, position), *_ = links

        def apply(frame: Frame) -> Value:
            left, right = first(frame), second(frame)
            try:
                return operator(left, right, frame)
            except ExpressionError as error:
                raise _located(error, position) from None

        return apply

    def _logical(self, node: Logical) -> Evaluate:
        operands = [self.compile(operand) for operand in node.operands]
        deciding = node.operator == "||"

        def decide(frame: Frame) -> Value:
            """Return the operand that decides, else the last one; an error counts only if nothing else decides."""
            failure: ExpressionError | None = None
            value: Value = MISSING
            for operand in operands:
                try:
                    value = operand(frame)
                except BudgetExceededError:
                    raise
                except ExpressionError as error:
                    failure = error
                    continue
                if is_true(value) is deciding:
                    return value
            if failure is not None:
                raise failure
            return value

        return decide

    def _conditional(self, node: Conditional) -> Evaluate:
        arms = [(self.compile(arm.condition), self.compile(arm.value)) for arm in node.arms]
        otherwise = self.compile(node.otherwise)

        def choose(frame: Frame) -> Value:
            for condition, value in arms:
                if is_true(condition(frame)):
                    return value(frame)
            return otherwise(frame)

        return choose

    def _list(self, node: ListOf) -> Evaluate:
        items = [self.compile(item) for item in node.items]
        self.operations += len(items)
        return lambda frame: [item(frame) for item in items]

    def _map(self, node: MapOf) -> Evaluate:
        entries = [(self.compile(entry.key), self.compile(entry.value)) for entry in node.entries]
        self.operations += len(entries)
        position = node.position

        def build(frame: Frame) -> Value:
            result: dict[str, Value] = {}
            for key_of, value_of in entries:
                key = key_of(frame)
                if type(key) is not str or key in result:
                    raise ExpressionError("the keys of a map must be different texts", position=position)
                result[key] = value_of(frame)
            return result

        return build

    def _call(self, node: Call) -> Evaluate:
        function = _find(node)
        parts = node.arguments if node.target is None else (node.target, *node.arguments)
        if not function.takes(len(parts)):
            raise ExpressionError(f"wrong number of arguments for {node.name}()", position=node.position)
        if node.name == "matches":
            if isinstance(parts[1], Literal):
                function = _with_constant_pattern(function, parts[1])
                self.patterns += 1
            regex.load_re2()
        arguments = [self.compile(part) for part in parts]
        name, position, call = node.name, node.position, function.call

        def invoke(frame: Frame) -> Value:
            values = [argument(frame) for argument in arguments]
            try:
                return call(name, frame, values)
            except ExpressionError as error:
                raise _located(error, position) from None

        return invoke

    def _macro(self, node: Macro) -> Evaluate:
        target = self.compile(node.target)
        slot, outer_scope, outer_operations = self._depth, self._scope, self.operations
        self._scope = {**outer_scope, node.variable: slot}
        self._depth += 1
        self.nesting = max(self.nesting, self._depth)
        condition = None if node.condition is None else self.compile(node.condition)
        body = self.compile(node.body)
        steps_per_item = 1 + self.operations - outer_operations
        self._scope, self._depth, self.operations = outer_scope, slot, outer_operations
        return MACRO_MAKERS[node.name](Body(node.name, target, slot, steps_per_item, condition, body, node.position))


def _fold(first: Evaluate, links: list[tuple[Callable[..., Value], Evaluate, int]]) -> Evaluate:
    def fold(frame: Frame) -> Value:
        value = first(frame)
        for operator, operand, position in links:
            right = operand(frame)
            try:
                value = operator(value, right, frame)
            except ExpressionError as error:
                raise _located(error, position) from None
        return value

    return fold


def _item_at(value: Value, index: Value) -> Value:
    if type(value) is dict:
        return value.get(index, MISSING) if type(index) is str else MISSING
    if type(value) is not list:
        return MISSING
    if type(index) is float and index.is_integer():
        index = int(index)
    # Python would count a negative index from the end; CEL has no item there.
    return value[index] if type(index) is int and 0 <= index < len(value) else MISSING


def _find(node: Call) -> Function:
    table, kind = (FUNCTIONS, "function") if node.target is None else (METHODS, "method")
    if node.name not in table:
        other = METHODS if node.target is None else FUNCTIONS
        hint = "" if node.name not in other else (
            f"; write text.{node.name}()" if node.target is None else f"; write {node.name}(value)"
        )  # fmt: skip
        raise ExpressionError(f"unknown {kind} {node.name}(){hint}", position=node.position)
    return table[node.name]


def _with_constant_pattern(function: Function, literal: Literal) -> Function:
    if type(literal.value) is not str:
        return function
    try:
        pattern = regex.compile_pattern(literal.value)
    except ExpressionError as error:
        raise _located(error, literal.position) from None
    return Function(lambda frame, text, _: pattern.is_found_in(text, frame), function.kinds)


def _located(error: ExpressionError, position: int) -> ExpressionError:
    if error.position is None:
        error.position = position
    return error
