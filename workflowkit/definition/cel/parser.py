"""Tokens to syntax tree, after the grammar of CEL (cel-spec, doc/langdef.md), without messages, bytes and ``.?``.

Recursive only where the author nests (parentheses, arguments, indexes, list and map items), and there counted; loops
everywhere else. The size of the tree is checked afterwards, in ``analysis``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from workflowkit.base.errors import ExpressionError
from workflowkit.definition.cel.lexer import Token, TokenKind, tokenize
from workflowkit.definition.cel.syntax import (
    Arm,
    Call,
    Chain,
    Conditional,
    Entry,
    Has,
    Index,
    Link,
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

_Item = TypeVar("_Item")

MACROS = frozenset({"all", "exists", "exists_one", "map", "filter"})
#: How others write an operator.
_ELSEWHERE = {"and": "&&", "or": "||", "is": "=="}
_CONSTANTS = {"true": True, "false": False, "null": None}
#: Kept free by CEL for languages that embed it; allowed as fields (``event.data.package``).
_RESERVED = frozenset(
    {
        *("as", "break", "const", "continue", "else", "for", "function", "if", "import", "let"),
        *("loop", "package", "namespace", "return", "var", "void", "while"),
    }
)
#: Binary operators from the loosest to the tightest.
_LEVELS = (
    frozenset({"||"}),
    frozenset({"&&"}),
    frozenset({"==", "!=", "<", "<=", ">", ">=", "in"}),
    frozenset({"+", "-"}),
    frozenset({"*", "/", "%"}),
)


def parse_expression(source: str, *, max_depth: int) -> Node:
    """Return the tree of ``source``. Raises ``ExpressionError`` with the position of the first mistake."""
    return _Parser(tokenize(source), max_depth).parse()


class _Parser:
    def __init__(self, tokens: list[Token], max_depth: int) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0
        self._max_depth = max_depth

    def parse(self) -> Node:
        if self._peek().kind is TokenKind.END:
            raise ExpressionError("the expression is empty", position=0)
        node = self._expression()
        if self._peek().kind is not TokenKind.END:
            raise self._unexpected()
        return node

    # tokens

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._tokens[self._next]
        if token.kind is not TokenKind.END:
            self._next += 1
        return token

    def _at(self, operator: str) -> bool:
        token = self._peek()
        return token.kind is TokenKind.OPERATOR and token.text == operator

    def _accept(self, operator: str) -> bool:
        if self._at(operator):
            self._next += 1
            return True
        return False

    def _expect(self, operator: str) -> None:
        if not self._accept(operator):
            raise self._unexpected(f"expected {operator!r}")

    def _unexpected(self, expected: str = "") -> ExpressionError:
        token = self._peek()
        is_end = token.kind is TokenKind.END
        found = "the end" if is_end else repr(token.text[:40])
        message = f"{expected}, found {found}" if expected else f"unexpected {'end' if is_end else found}"
        return ExpressionError(message + self._meant(token), position=token.position)

    def _meant(self, token: Token) -> str:
        """Return a hint where something was written as in another language."""
        if token.kind is TokenKind.NAME and (operator := _ELSEWHERE.get(token.text)) is not None:
            return f" (did you mean {operator}?)"
        before = self._tokens[self._next - 1] if self._next else token
        return " (did you mean ! in place of not?)" if before.kind is TokenKind.NAME and before.text == "not" else ""

    # levels

    def _expression(self) -> Node:
        self._depth += 1
        if self._depth > self._max_depth:
            raise ExpressionError(f"nested deeper than {self._max_depth} levels", position=self._peek().position)
        position = self._peek().position
        arms: list[Arm] = []
        node = self._operators(0)
        while self._accept("?"):
            value = self._expression()
            self._expect(":")
            arms.append(Arm(node, value))
            node = self._operators(0)
        self._depth -= 1
        return Conditional(tuple(arms), node, position) if arms else node

    def _operators(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        position = self._peek().position
        first = self._operators(level + 1)
        links: list[Link] = []
        while (token := self._peek()).kind is TokenKind.OPERATOR and token.text in _LEVELS[level]:
            self._take()
            links.append(Link(token.text, self._operators(level + 1), token.position))
        if not links:
            return first
        if links[0].operator in ("||", "&&"):
            return Logical(links[0].operator, (first, *(link.operand for link in links)), position)
        return Chain(first, tuple(links), position)

    def _unary(self) -> Node:
        operators: list[Token] = []
        while self._at("!") or self._at("-"):
            operators.append(self._take())
        node = self._member()
        for token in reversed(operators):
            node = Unary(token.text, node, token.position)
        return node

    def _member(self) -> Node:
        node = self._primary()
        while True:
            position = self._peek().position
            if self._accept("."):
                name = self._field_name()
                if self._accept("("):
                    node = self._method(node, name, position)
                elif isinstance(node, Select):
                    node = Select(node.operand, (*node.fields, name), node.position)
                else:
                    node = Select(node, (name,), position)
            elif self._accept("["):
                node = Index(node, self._expression(), position)
                self._expect("]")
            else:
                return node

    def _field_name(self) -> str:
        token = self._peek()
        if token.kind is not TokenKind.NAME and token.text != "in":
            raise self._unexpected("expected a name after '.'")
        return self._take().text

    def _primary(self) -> Node:
        token = self._peek()
        if token.kind in (TokenKind.NUMBER, TokenKind.TEXT):
            self._take()
            return Literal(token.value, token.position)
        if token.kind is TokenKind.NAME:
            return self._name()
        if self._accept("("):
            node = self._expression()
            self._expect(")")
            return node
        if self._accept("["):
            return ListOf(self._separated("]", self._expression), token.position)
        if self._accept("{"):
            return MapOf(self._separated("}", self._entry), token.position)
        raise self._unexpected()

    def _name(self) -> Node:
        token = self._take()
        if token.text in _CONSTANTS:
            return Literal(_CONSTANTS[token.text], token.position)
        if token.text in _RESERVED:
            raise ExpressionError(f"{token.text!r} is a reserved word", position=token.position)
        if not self._accept("("):
            return Variable(token.text, token.position)
        arguments = self._separated(")", self._expression)
        if token.text == "has":
            return _has(arguments, token.position)
        return Call(token.text, None, arguments, token.position)

    def _method(self, target: Node, name: str, position: int) -> Node:
        arguments = self._separated(")", self._expression)
        return _macro(name, target, arguments, position) if name in MACROS else Call(name, target, arguments, position)

    def _separated(self, close: str, item: Callable[[], _Item]) -> tuple[_Item, ...]:
        """Read items up to ``close``; a comma may follow the last one."""
        items: list[_Item] = []
        while not self._accept(close):
            items.append(item())
            if not self._at(close):
                self._expect(",")
        return tuple(items)

    def _entry(self) -> Entry:
        key = self._expression()
        self._expect(":")
        return Entry(key, self._expression())


def _has(arguments: tuple[Node, ...], position: int) -> Has:
    if len(arguments) != 1 or not isinstance(arguments[0], Select):
        raise ExpressionError("has() takes one field, as in has(event.data.total)", position=position)
    return Has(arguments[0], position)


def _macro(name: str, target: Node, arguments: tuple[Node, ...], position: int) -> Macro:
    counts = (2, 3) if name == "map" else (2,)
    if len(arguments) not in counts or not isinstance(arguments[0], Variable):
        raise ExpressionError(f"{name}() takes a name and an expression, as in {name}(x, x > 1)", position=position)
    condition = arguments[1] if len(arguments) == 3 else None
    return Macro(name, target, arguments[0].name, condition, arguments[-1], position)
