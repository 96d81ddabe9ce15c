"""An expression taken apart at its ``&&``: the pieces of its own text that must all be true.

Works on tokens, because a piece has to be an expression of its own again, and the tree does not know where in the text
its parts begin and end. What looks complicated stays in one piece; that is never wrong, only slower for whoever looks
for something simple.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from workflowkit.base.limits import Limits
from workflowkit.definition.cel.lexer import Token, TokenKind, tokenize

_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})
_LOOSER = frozenset({"?", ":", "||", "&&"})


@dataclass(frozen=True, slots=True)
class Conjunct:
    """One piece. ``sides`` are the texts left and right of ``==`` if it is a single comparison for equality."""

    text: str
    sides: tuple[str, str] | None


def conjuncts(text: str, limits: Limits) -> tuple[Conjunct, ...]:
    """Return the pieces of ``text``, which must compile, in order; the whole is true if and only if all of them are."""
    return tuple(_pieces(text, tokenize(text)[:-1], limits.expression_depth))


def _pieces(text: str, written: list[Token], depth_left: int) -> Iterator[Conjunct]:
    tokens = _without_parentheses(written)
    places = _operators(tokens)
    kinds = {tokens[place].text for place in places}
    if depth_left and "&&" in kinds and kinds.isdisjoint({"?", "||"}):
        ends = [place for place in places if tokens[place].text == "&&"]
        for start, end in zip([0, *(end + 1 for end in ends)], [*ends, len(tokens)], strict=True):
            yield from _pieces(text, tokens[start:end], depth_left - 1)
        return
    compared = [place for place in places if tokens[place].text in _COMPARISONS]
    sides = None
    if len(compared) == 1 and tokens[compared[0]].text == "==" and kinds.isdisjoint(_LOOSER):
        sides = _slice(text, tokens[: compared[0]]), _slice(text, tokens[compared[0] + 1 :])
    yield Conjunct(_slice(text, written), sides)


def _operators(tokens: list[Token]) -> list[int]:
    """Return the places of the operators that stand in no parentheses, brackets or braces."""
    found, level = [], 0
    for place, token in enumerate(tokens):
        if token.kind is not TokenKind.OPERATOR:
            continue
        level += (token.text in _OPENING) - (token.text in _CLOSING)
        if not level and token.text not in _CLOSING:
            found.append(place)
    return found


def _without_parentheses(tokens: list[Token]) -> list[Token]:
    while len(tokens) > 2 and tokens[0].text == "(" and _closes_last(tokens):
        tokens = tokens[1:-1]
    return tokens


def _closes_last(tokens: list[Token]) -> bool:
    """Return whether the first token's parenthesis is closed by the last token."""
    level = 0
    for token in tokens[:-1]:
        if token.kind is TokenKind.OPERATOR:
            level += (token.text in _OPENING) - (token.text in _CLOSING)
        if not level:
            return False
    return True


def _slice(text: str, tokens: list[Token]) -> str:
    return text[tokens[0].position : tokens[-1].position + len(tokens[-1].text)]
