"""Values that must not be stored: found in texts in every form that they usually take, and replaced by their names.

What is looked for are the values themselves. What a handler makes of one in another way (a hash, half of it, the
letters backwards) is not recognised.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any
from urllib.parse import quote, quote_plus

#: Shorter values are no secrets: they would be found by chance in any text, and guessed by anybody.
MIN_SECRET_CHARS = 6
#: Lines of a value that has several (a key in PEM) are looked for one by one, from this length upwards.
_MIN_LINE_CHARS = 16
#: In base64 a value looks different for each place that it can have in a group of three bytes; less says nothing.
_MIN_BASE64_CHARS = 8
#: What may follow the rest of a value in a text that was cut inside of it.
_AFTER_CUT = "…'\"`)]}>. "
_MARK = "•••"


def mask_of(name: str) -> str:
    """Return what stands in place of the value of a secret."""
    return f"{_MARK}({name})"


class Mask:
    """Replaces the values of secrets, given by name. Thread-safe."""

    __slots__ = ("_by_form", "_pattern", "_values")

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)
        self._by_form = {form: mask_of(name) for name, value in values.items() for form in _forms(value)}
        longest_first = sorted(self._by_form, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def __repr__(self) -> str:
        return f"Mask({', '.join(self._values)})"

    def text(self, text: str) -> str:
        """Return a text without the values: also where it was cut inside of one."""
        # Looking for one text is a hundred times faster than a pattern of many, and mostly there is none.
        if any(form in text for form in self._by_form):
            text = self._pattern.sub(lambda found: self._by_form[found[0]], text)
        return self._without_rest(text)

    def finds(self, text: str) -> bool:
        """Tell whether a value stands in a text."""
        return self.text(text) != text

    def value(self, value: Any) -> Any:
        """Return a JSON value without the values of secrets, in its texts, its keys and its numbers; or a dataclass of
        such values."""
        if isinstance(value, Enum | bool):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int | float):
            return next((mask_of(name) for name, secret in self._values.items() if str(value) == secret), value)
        if isinstance(value, Mapping):
            return {self.text(key): self.value(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.value(inner) for inner in value)
        if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{each.name: self.value(getattr(value, each.name)) for each in fields(value)})
        return value

    def _without_rest(self, text: str) -> str:
        """Return a text without the beginning of a value at its end."""
        end = len(text.rstrip(_AFTER_CUT))
        for form, mark in self._by_form.items():
            start = text.find(form[:MIN_SECRET_CHARS], max(0, end - len(form)), end)
            while start >= 0:
                if form.startswith(text[start:end]):
                    return text[:start] + mark + text[end:]
                start = text.find(form[:MIN_SECRET_CHARS], start + 1, end)
        return text


def _forms(secret: str) -> Iterator[str]:
    """Yield how a value may look in a text."""
    parts = {secret, secret.strip()}
    parts |= {line.strip() for line in secret.splitlines() if len(line.strip()) >= _MIN_LINE_CHARS}
    for part in parts:
        if len(part) >= MIN_SECRET_CHARS:
            yield part
            yield from _written(part)
            yield from _encoded(part.encode("utf-8", "surrogatepass"))


def _written(part: str) -> Iterator[str]:
    """Yield a value as other notations write it: JSON, Python, URLs, HTML."""
    yield (escaped := json.dumps(part)[1:-1])
    yield escaped.replace("/", "\\/")
    yield json.dumps(part, ensure_ascii=False)[1:-1]
    yield repr(part)[1:-1]
    for safe in ("", "/"):
        yield (quoted := quote(part, safe=safe, errors="replace"))
        yield re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), quoted)
    yield quote_plus(part, errors="replace")
    yield html.escape(part)


def _encoded(data: bytes) -> Iterator[str]:
    """Yield bytes in hexadecimal, and in base64 wherever they stand in what was encoded (user:password)."""
    yield data.hex()
    yield data.hex().upper()
    for before in range(3):
        # Characters at either end also depend on the neighbours: left out, as they are not known.
        text = base64.b64encode(b"\0" * before + data).decode()
        last = len(text.rstrip("=")) - (1 if text.endswith("=") else 0)
        inner = text[(0, 2, 3)[before] : last]
        if len(inner) >= _MIN_BASE64_CHARS:
            yield inner
            yield inner.translate(_URL_SAFE)


_URL_SAFE = str.maketrans("+/", "-_")
