"""What a docstring says about its function and each of its parameters, in any of the three usual styles."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from inspect import cleandoc

_GOOGLE_SECTION = re.compile(r"(?:Args|Arguments|Parameters|Params|Attributes|Inputs):\s*$")
_GOOGLE_ENTRY = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")
_NUMPY_SECTION = re.compile(r"(?:Parameters|Other Parameters|Attributes)\s*$")
_NUMPY_ENTRY = re.compile(r"\*{0,2}(\w+)\s*(?::.*)?$")
_SPHINX_ENTRY = re.compile(r":(?:param|parameter|arg|argument)\s+(?:[^:]*\s)?\*{0,2}(\w+)\s*:\s*(.*)$")
_UNDERLINE = re.compile(r"-{3,}\s*$")


@dataclass(frozen=True, slots=True)
class Docstring:
    """``summary`` is the first paragraph on one line; ``parameters`` has the text of each documented parameter."""

    summary: str = ""
    parameters: dict[str, str] = field(default_factory=dict)


def parse_docstring(text: str | None) -> Docstring:
    """Read a docstring in Google, numpy or Sphinx style; text that follows none of them is all summary."""
    lines = cleandoc(text or "").splitlines()
    parameters: dict[str, str] = {}
    for index, line in enumerate(lines):
        if _GOOGLE_SECTION.match(line.strip()):
            parameters |= _entries(lines[index + 1 :], _indent(line), _GOOGLE_ENTRY, offset=1)
        elif _NUMPY_SECTION.match(line.strip()) and _UNDERLINE.match("".join(lines[index + 1 : index + 2]).strip()):
            parameters |= _entries(lines[index + 2 :], _indent(line), _NUMPY_ENTRY, offset=0)
        elif entry := _SPHINX_ENTRY.match(line.strip()):
            parameters[entry[1]] = " ".join([entry[2], *_continuation(lines[index + 1 :], _indent(line))]).strip()
    return Docstring(_summary(lines), parameters)


def _summary(lines: list[str]) -> str:
    paragraph = []
    for index, line in enumerate(lines):
        underlined = _UNDERLINE.match("".join(lines[index + 1 : index + 2]).strip())
        if not line.strip() or _GOOGLE_SECTION.match(line) or _SPHINX_ENTRY.match(line) or underlined:
            break
        paragraph.append(line.strip())
    return " ".join(paragraph)


def _entries(lines: list[str], section_indent: int, entry: re.Pattern[str], *, offset: int) -> dict[str, str]:
    """Collect the entries of one section.

    An entry starts at the indentation of the section's first line, which is deeper than its header's by at least
    ``offset``; deeper lines continue it. The section ends at a shallower line, or at the next underlined header.
    """
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    entry_indent: int | None = None
    for index, line in enumerate(lines):
        if not line.strip():
            continue
        if _indent(line) < section_indent + offset or _UNDERLINE.match("".join(lines[index + 1 : index + 2]).strip()):
            break
        entry_indent = _indent(line) if entry_indent is None else entry_indent
        if _indent(line) > entry_indent and current is not None:
            current.append(line.strip())
        elif match := entry.match(line.strip()):
            current = found.setdefault(match[1], [])
            current.extend(group for group in match.groups()[1:] if group)
        else:
            current = None
    return {name: " ".join(parts) for name, parts in found.items() if parts}


def _continuation(lines: list[str], indent: int) -> list[str]:
    deeper = []
    for line in lines:
        if not line.strip() or _indent(line) <= indent:
            break
        deeper.append(line.strip())
    return deeper


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
