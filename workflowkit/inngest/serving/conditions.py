"""Conditions of waits as servers read them: the values that they compare with become literals. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workflowkit.base.errors import NonRetriableError
from workflowkit.base.jsonvalue import dumps
from workflowkit.definition.cel.lexer import Token, TokenKind, tokenize
from workflowkit.engine.waits import Wait

_PARAMS = "params"


def condition_of(wait: Wait) -> str | None:
    """Return the condition of a wait for an event; ``None`` if any event of the name will do.

    Raises ``NonRetriableError`` for what no server knows.
    """
    if wait.lookback_ms:
        raise NonRetriableError("a wait with a lookback works on a server of Workflow Kit only")
    conditions = [] if wait.condition is None else [_with_values(wait.condition, wait.params or {})]
    if wait.equals is not None:
        path, value = wait.equals
        conditions.append(f"async.{path} == {_literal(value)}")
    return " && ".join(f"({each})" for each in conditions) if len(conditions) > 1 else next(iter(conditions), None)


def _with_values(condition: str, params: Mapping[str, Any]) -> str:
    """Return a condition in which ``params.name`` stands for nothing any more.

    SAFETY: S1 — the values are written as literals, text with all its quotes escaped: none is read as an expression.
    """
    tokens, parts, read_to = tokenize(condition), [], 0
    for index, token in enumerate(tokens):
        if token.position < read_to or token.text != _PARAMS or token.kind is not TokenKind.NAME:
            continue
        if index and tokens[index - 1].text == ".":
            continue
        value, end = _value(tokens, index, params)
        parts += [condition[read_to : token.position], _literal(value)]
        read_to = end
    return "".join([*parts, condition[read_to:]])


def _value(tokens: Sequence[Token], index: int, params: Mapping[str, Any]) -> tuple[Any, int]:
    """Return what the path that begins at a token stands for, and where it ends."""
    value: Any = params
    end = tokens[index].position + len(_PARAMS)
    while isinstance(value, Mapping) and tokens[index + 1].text == "." and tokens[index + 2].kind is TokenKind.NAME:
        if tokens[index + 3].text == "(":  # a method
            break
        name = tokens[index + 2]
        value, end, index = value.get(name.text), name.position + len(name.text), index + 2
    return value, end


def _literal(value: Any) -> str:
    text = dumps(value)
    return f"({text})" if text.startswith("-") else text
