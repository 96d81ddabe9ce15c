"""Source text to tokens, after the lexical grammar of CEL (cel-spec, doc/langdef.md), ASCII outside of texts.

Byte texts (``b"…"``) are refused: JSON has no bytes. A name may start with ``$``: that is a bound parameter, a variable
like any other whose value comes from beside the expression and is never spliced into its text.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import Enum

from workflowkit.base.errors import ExpressionError
from workflowkit.definition.cel.values import MAX_INT64
from workflowkit.definition.model import Json


class TokenKind(Enum):
    """What sort of word a token is; ``in`` is an operator."""

    NUMBER = "number"
    TEXT = "text"
    NAME = "name"
    OPERATOR = "operator"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """One token. ``value`` is what a number or a text stands for; ``position`` is a character offset."""

    kind: TokenKind
    text: str
    position: int
    value: Json = None


_TOKEN = re.compile(
    r"""
    (?P<skip>   [ \t\r\n\f]+ | //[^\n]* )
  | (?P<number> 0[xX][0-9a-fA-F]+[uU]? | [0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)? | [0-9]+[eE][+-]?[0-9]+ | [0-9]+[uU]? )
  | (?P<text>   (?:[rR]|[bB][rR]?|[rR][bB])? (?: \"{3}(?:\\.|[^\\])*?\"{3} | '{3}(?:\\.|[^\\])*?'{3}
                                               | "(?:\\.|[^"\\\n])*"     | '(?:\\.|[^'\\\n])*' ) )
  | (?P<name>   \$?[A-Za-z_][A-Za-z0-9_]* )
  | (?P<operator> \|\| | && | == | != | <= | >= | [-+*/%!<>?:().,\[\]{}] )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2}|.)", re.DOTALL)
_SIMPLE_ESCAPES = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", '"': '"', "'": "'", "`": "`", "?": "?",
}  # fmt: skip


def tokenize(source: str) -> list[Token]:
    """Return the tokens of ``source``, the last one of kind ``END``. Raises ``ExpressionError`` with the position."""
    tokens: list[Token] = []
    position = 0
    while position < len(source):
        found = _TOKEN.match(source, position)
        if found is None:
            raise _no_token(source, position)
        if found.lastgroup != "skip":
            tokens.append(_token(found))
        position = found.end()
    tokens.append(Token(TokenKind.END, "", len(source)))
    return tokens


def _no_token(source: str, position: int) -> ExpressionError:
    if source[position] in "\"'":
        return ExpressionError("this text is not closed", position=position)
    meant = ""
    if source[position] == "=":
        meant = f" (did you mean {'!=' if source[:position].endswith('!=') else '=='}?)"
    return ExpressionError(f"unexpected character {source[position]!r}{meant}", position=position)


def _token(found: re.Match[str]) -> Token:
    text, position = found.group(), found.start()
    match found.lastgroup:
        case "number":
            return Token(TokenKind.NUMBER, text, position, _number(text, position))
        case "text":
            return Token(TokenKind.TEXT, text, position, _unquote(text, position))
        case "name" if text != "in":
            return Token(TokenKind.NAME, text, position)
        case _:
            return Token(TokenKind.OPERATOR, text, position)


def _number(text: str, position: int) -> int | float:
    digits = text.rstrip("uU")
    if digits[:2] in ("0x", "0X"):
        number: int | float = int(digits, 16)
    elif digits.isdigit():
        # int() of a very long decimal raises ValueError (sys.int_info): refuse it by its length first.
        digits = digits.lstrip("0") or "0"
        number = int(digits) if len(digits) < 20 else MAX_INT64 + 1
    else:
        number = float(digits)
    if number > MAX_INT64 if type(number) is int else not math.isfinite(number):
        raise ExpressionError("this number is out of range", position=position)
    return number


def _unquote(text: str, position: int) -> str:
    start = min(index for index in (text.find('"'), text.find("'")) if index >= 0)
    prefix, quoted = text[:start].lower(), text[start:]
    if "b" in prefix:
        raise ExpressionError("byte texts are not supported", position=position)
    width = 3 if len(quoted) >= 6 and quoted[:3] == quoted[0] * 3 else 1
    body = quoted[width:-width]
    if prefix != "r":
        body = _ESCAPE.sub(lambda found: _unescape(found.group(1), position), body)
    return body


def _unescape(code: str, position: int) -> str:
    if code in _SIMPLE_ESCAPES:
        return _SIMPLE_ESCAPES[code]
    if len(code) == 1:
        raise ExpressionError(f"unknown escape \\{code} in a text", position=position)
    point = int(code, 8) if code.isdigit() else int(code[1:], 16)
    if point == 0 or 0xD800 <= point <= 0xDFFF or point > 0x10FFFF:
        raise ExpressionError(f"\\{code} is not a character", position=position)
    return chr(point)
