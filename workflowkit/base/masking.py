"""Values that must not be stored: found in texts in every form that they usually take, and replaced by their names.

What is looked for are the values themselves. What a handler makes of one in another way (a hash, half of it, the
letters backwards) is not recognised.
"""

from __future__ import annotations

import base64
import html
import json
import re
import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
#: What may stand between the rest of a value and the place where a text was cut inside of it.
_AT_CUT = "…'\"`)]}>. "
#: Where a text was cut, and may go on with the end of what was left out.
_CUT = re.compile(r"(…+|\.{3,})")
_MARK = "•••"
#: Up to so many beginnings are looked for one by one in a text, which then is the fastest way.
_FEW_STARTS = 32


def mask_of(name: str) -> str:
    """Return what stands in place of the value of a secret."""
    return f"{_MARK}({name})"


class _Forms:
    """Texts to be looked for, and where one may stand in another. A long key has thousands of forms, and an output
    thousands of texts; so it is looked up what begins at a place, which takes the same time for any number of forms."""

    __slots__ = ("_in_order", "_lengths", "_longest")

    def __init__(self, forms: Iterable[str]) -> None:
        self._in_order = sorted(forms)
        lengths: dict[str, set[int]] = {}
        for form in self._in_order:
            lengths.setdefault(form[:MIN_SECRET_CHARS], set()).add(len(form))
        # How long those are that begin with the same few characters, the longest first.
        self._lengths = {start: sorted(each, reverse=True) for start, each in lengths.items()}
        self._longest = max(map(len, self._in_order), default=0)

    def may_be_in(self, text: str) -> bool:
        """Tell, fast, whether any form may begin in a text; mostly none does."""
        if len(self._lengths) <= _FEW_STARTS:
            return any(start in text for start in self._lengths)
        return not self._lengths.keys().isdisjoint(
            text[at : at + MIN_SECRET_CHARS] for at in range(len(text) - MIN_SECRET_CHARS + 1)
        )

    def starts(self, text: str, begin: int, end: int) -> Iterator[tuple[int, Sequence[int]]]:
        """Yield where forms may begin in a part of a text, and how long they are."""
        for at in range(begin, end - MIN_SECRET_CHARS + 1):
            if (lengths := self._lengths.get(text[at : at + MIN_SECRET_CHARS])) is not None:
                yield at, lengths

    def rest(self, text: str) -> tuple[int, int, str] | None:
        """Return the beginning of a form at the end of a text: from where to where, and which form."""
        end = len(text.rstrip(_AT_CUT))
        for at, _ in self.starts(text, max(0, end - self._longest), end):
            rest = text[at:end]
            # In order, those that begin with something follow it.
            found = bisect_left(self._in_order, rest)
            if found < len(self._in_order) and (form := self._in_order[found]).startswith(rest):
                return at, end, form
        return None


class Mask:
    """Replaces the values of secrets, given by name. Thread-safe. It is false as long as it knows none."""

    __slots__ = ("_known", "_lock")

    def __init__(self, values: Mapping[str, str]) -> None:
        self._known = _Known(values)
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._known.values)

    def __repr__(self) -> str:
        return f"Mask({', '.join(self._known.values)})"

    def learn(self, values: Mapping[str, str]) -> None:
        """Replace the values of more secrets from now on."""
        with self._lock:
            self._known = _Known({**self._known.values, **values})

    def text(self, text: str) -> str:
        """Return a text without the values: also where it was cut inside of one."""
        return self._known.text(text) if self else text

    def finds(self, text: str) -> bool:
        """Tell whether a value stands in a text."""
        return self.text(text) != text

    def value(self, value: Any) -> Any:
        """Return a JSON value without the values of secrets, in its texts, its keys and its numbers; or a dataclass of
        such values."""
        return self._known.value(value) if self else value


class _Known:
    """Values of secrets, and how they look in texts. Thread-safe."""

    __slots__ = ("_backwards", "_by_form", "_forms", "values")

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = dict(values)
        self._by_form = {form: mask_of(name) for name, value in values.items() for form in _forms(value)}
        self._forms = _Forms(self._by_form)
        self._backwards: _Forms | None = None

    def text(self, text: str) -> str:
        if self._forms.may_be_in(text):
            text = self._without_values(text)
        if _CUT.search(text) is None:
            return self._without_beginning(text)
        pieces = _CUT.split(text)
        shown = [self._without_end(piece) if at and at % 2 == 0 else piece for at, piece in enumerate(pieces)]
        return "".join(map(self._without_beginning, shown))

    def value(self, value: Any) -> Any:
        if isinstance(value, Enum | bool):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int | float):
            return next((mask_of(name) for name, secret in self.values.items() if str(value) == secret), value)
        if isinstance(value, Mapping):
            return {self.text(key): self.value(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.value(inner) for inner in value)
        if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{each.name: self.value(getattr(value, each.name)) for each in fields(value)})
        return value

    def _without_values(self, text: str) -> str:
        parts: list[str] = []
        done = 0
        for at, lengths in self._forms.starts(text, 0, len(text)):
            if at < done:
                continue
            for length in lengths:
                if (mark := self._by_form.get(text[at : at + length])) is not None:
                    parts += (text[done:at], mark)
                    done = at + length
                    break
        return "".join((*parts, text[done:]))

    def _without_beginning(self, text: str) -> str:
        """Return a text without the beginning of a value at its end."""
        if not self._forms.may_be_in(text) or (found := self._forms.rest(text)) is None:
            return text
        begin, end, form = found
        return text[:begin] + self._by_form[form] + text[end:]

    def _without_end(self, text: str) -> str:
        """Return a text without the end of a value at its beginning."""
        if self._backwards is None:
            # Two threads may both make it; either is as good.
            self._backwards = _Forms(form[::-1] for form in self._by_form)
        if (found := self._backwards.rest(text[::-1])) is None:
            return text
        begin, end, form = found
        return text[: len(text) - end] + self._by_form[form[::-1]] + text[len(text) - begin :]


#: What is left as it is in URLs: by us, by most libraries, by encodeURIComponent and encodeURI of JavaScript.
_NOT_QUOTED = ("", "/", "!'()*", ";,/?:@&=+$!'()*#")


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
    yield json.dumps(escaped)[1:-1]  # JSON as a text in JSON
    yield json.dumps(part, ensure_ascii=False)[1:-1]
    yield repr(part)[1:-1]
    yield ascii(part)[1:-1]
    yield repr(part.encode("utf-8", "surrogatepass"))[2:-1]
    for safe in _NOT_QUOTED:
        yield (quoted := quote(part, safe=safe, errors="replace"))
        yield re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), quoted)
    yield quote_plus(part, errors="replace")
    yield (escaped := html.escape(part))
    yield escaped.replace("&quot;", "&#34;").replace("&#x27;", "&#39;")
    yield html.escape(part, quote=False)


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
