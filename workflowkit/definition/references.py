"""References: ``!ref($.event.data.total)`` in a workflow's inputs and conditions.

A text that is one reference (*whole*) becomes the value it leads to, with its type. References inside a longer text
(*embedded*) become text: texts as they are, objects, lists and numbers as JSON, null and missing as nothing. Values at
any depth are resolved, keys never. One tokenizer reads both forms.

Resolving is one pass over the definition, on a copy: what a reference brought in is never read again as a reference
(S2), and neither the definition nor the data is changed or shared with the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from workflowkit.base.errors import ExpressionError
from workflowkit.base.jsonvalue import child_pointer
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.definition.jsonpath import Budget, Path
from workflowkit.definition.jsonpath_parser import parse_path
from workflowkit.definition.jsvalues import MISSING as MISSING
from workflowkit.definition.jsvalues import Json, embedded_text

#: What a reference may begin with. ``output`` is for edge conditions: what the edge's source returned.
ROOTS = ("event", "state", "output")
#: The roots that some graphs have besides: those of a loop's body, and of what follows a run's end.
LOOP_ROOTS: Final = ("item", "index", "key")
END_ROOTS: Final = ("error",)
#: The root of workflows that take batches: the list of the events that started the run.
EVENTS_ROOT: Final = "events"
_OPEN: Final = "!ref("
#: Texts up to this length are split once and remembered.
_SHORT_CHARS: Final = 200
_NO_ROOTS: Final[Mapping[str, Json]] = MappingProxyType({})
_CONTAINERS: Final = (dict, list)


@dataclass(frozen=True, slots=True)
class ReferenceScope:
    """What references can see: the event, the outputs of settled actions by id and, on edges, the source's output.

    ``roots`` are the values of further roots by name, such as ``item`` in the body of a loop.
    """

    event: Json
    state: Mapping[str, Json]
    output: Json = MISSING
    roots: Mapping[str, Json] = field(default_factory=lambda: _NO_ROOTS)


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference, parsed.

    ``text`` is how it is written. ``root`` is the first name of the path, ``""`` if it does not begin with one.
    ``action`` is the id after ``$.state``; ``path`` is what follows root and action.
    """

    text: str
    root: str
    action: str | None
    path: Path

    @property
    def is_definite(self) -> bool:
        """Whether it leads to one value at most; otherwise it gives a list."""
        return self.path.is_definite

    def find(self, scope: ReferenceScope, budget: Budget) -> Json:
        """Return the value it leads to, not copied, or ``MISSING``. Raises ``LimitExceeded``."""
        if self.root == "event":
            return self.path.find(scope.event, budget)
        if self.action is not None:
            return self.path.find(scope.state.get(self.action, MISSING), budget)
        if self.root == "state":
            return self.path.find(dict(scope.state), budget)
        if self.root == "output":
            return self.path.find(scope.output, budget)
        if self.root in scope.roots:
            return self.path.find(scope.roots[self.root], budget)
        return self.path.find([scope.event], budget) if self.root == EVENTS_ROOT else MISSING


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A ``!ref(`` that begins no reference, and stays in the text; ``message`` says what is wrong with it."""

    message: str


Part = str | Reference | Unreadable


@dataclass(frozen=True, slots=True)
class FoundText:
    """A text with at least one ``!ref(`` in it, and where it stands in the value that was searched."""

    pointer: str
    parts: tuple[Part, ...]

    @property
    def references(self) -> tuple[Reference, ...]:
        return tuple(part for part in self.parts if isinstance(part, Reference))

    @property
    def whole(self) -> Reference | None:
        """The reference that the text consists of, if it is one."""
        return _whole(self.parts)


class Template:
    """A value whose references have been read once and can be resolved many times."""

    __slots__ = ("_build", "_limits", "has_references")

    def __init__(self, build: _Build, has_references: bool, limits: Limits) -> None:
        self._build = build
        self._limits = limits
        self.has_references = has_references

    def resolve(self, scope: ReferenceScope, budget: Budget | None = None) -> Json:
        """Return the value with its references resolved, sharing nothing that can be changed with anything.

        ``MISSING`` if the template is one whole reference that leads nowhere; deeper down missing becomes null. Raises
        ``LimitExceeded`` if the value would take more than ``budget`` (default: the limits given when compiled), and
        nothing else.
        """
        return self._build(scope, Budget(self._limits) if budget is None else budget)


_Build = Callable[[ReferenceScope, Budget], Json]


def compile_template(value: Json, limits: Limits = DEFAULT_LIMITS) -> Template:
    """Read the references of a JSON value; what cannot be read as one stays text (validation reports it)."""
    build, has_references = _compile(value)
    return Template(build, has_references, limits)


def whole_reference(text: str) -> Reference | None:
    """Return the reference that a text consists of, if it is one."""
    return _whole(split_text(text))


def references_in(value: Json) -> list[Reference]:
    """Return every reference in a JSON value, in the order of the document."""
    return [reference for found in find_texts(value) for reference in found.references]


def find_texts(value: Json, pointer: str = "") -> Iterator[FoundText]:
    """Yield every text inside ``value`` that holds ``!ref(``; ``pointer`` is where ``value`` itself stands."""
    if isinstance(value, str):
        if _OPEN in value:
            yield FoundText(pointer, split_text(value))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from find_texts(inner, child_pointer(pointer, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from find_texts(inner, child_pointer(pointer, index))


def split_text(text: str) -> tuple[Part, ...]:
    """Split a text at its references. Joining the parts' texts gives the text back."""
    return _split_short(text) if len(text) <= _SHORT_CHARS else _split(text)


def _split(text: str) -> tuple[Part, ...]:
    parts: list[Part] = []
    done = 0
    at = text.find(_OPEN)
    while at >= 0:
        part, end = _read(text, at)
        parts += [text[done:at], part]
        done = end
        at = text.find(_OPEN, end)
    parts.append(text[done:])
    return tuple(part for part in parts if part != "")


#: Short texts, which are nearly all of them, stand in a document many times and are read by several checks.
_split_short = lru_cache(maxsize=4096)(_split)


def _read(text: str, at: int) -> tuple[Reference | Unreadable, int]:
    """Read the reference that may begin at ``at``; return it and where to go on."""
    start = at + len(_OPEN)
    try:
        path, end = parse_path(text, start)
    except ExpressionError as error:
        where = "" if error.position is None else f" (character {error.position - at})"
        return Unreadable(f"{error.message}{where}"), start
    if end == start + 1:
        return Unreadable("a reference begins with $.event, $.state or $.output"), start
    if text[end : end + 1] != ")":
        return Unreadable(f"expected ) after {text[start:end]}"), start
    return _reference(text[at : end + 1], path), end + 1


def _reference(text: str, path: Path) -> Reference:
    root, *keys = path.keys or ("",)
    action = None
    if not isinstance(root, str):
        root, keys = "", []
    if root == "state" and keys and isinstance(keys[0], str):
        action = keys.pop(0)
    return Reference(text, root, action, Path(tuple(keys), path.rest))  # type: ignore[arg-type]  # narrowed just above


def _whole(parts: tuple[Part, ...]) -> Reference | None:
    return parts[0] if len(parts) == 1 and isinstance(parts[0], Reference) else None


# --- compiling


def _compile(value: Json) -> tuple[_Build, bool]:
    """Return how to build ``value``, and whether it has references."""
    if isinstance(value, str):
        return _compile_text(value)
    if isinstance(value, dict):
        members = {key: _compile(inner) for key, inner in value.items()}
        if any(has_references for _, has_references in members.values()):
            return _build_object({key: build for key, (build, _) in members.items()}), True
        return _build_copy(value), False
    if isinstance(value, list):
        elements = [_compile(inner) for inner in value]
        if any(has_references for _, has_references in elements):
            return _build_list([build for build, _ in elements]), True
        return _build_copy(value), False
    return lambda _scope, _budget: value, False


def _compile_text(text: str) -> tuple[_Build, bool]:
    parts = split_text(text) if _OPEN in text else ()
    if not any(isinstance(part, Reference) for part in parts):
        return lambda _scope, _budget: text, False
    if (reference := _whole(parts)) is not None:
        return _build_whole(reference), True
    return _build_text([_OPEN if isinstance(part, Unreadable) else part for part in parts]), True


def _build_copy(value: Json) -> _Build:
    # A copy each time: a handler that changes its inputs must not change the definition (D5).
    if not any(isinstance(inner, _CONTAINERS) for inner in (value.values() if isinstance(value, dict) else value)):
        return lambda _scope, _budget: value.copy()
    return lambda _scope, budget: copied(value, budget)


def _build_whole(reference: Reference) -> _Build:
    # SAFETY: S2 — the value is copied, never compiled: text that looks like a reference arrives as it is.
    return lambda scope, budget: copied(reference.find(scope, budget), budget)


def _build_text(parts: list[str | Reference]) -> _Build:
    def build(scope: ReferenceScope, budget: Budget) -> Json:
        texts = []
        for part in parts:
            text = part if isinstance(part, str) else embedded_text(part.find(scope, budget))
            budget.spend_chars(len(text))
            texts.append(text)
        return "".join(texts)

    return build


def _build_object(members: dict[str, _Build]) -> _Build:
    def build(scope: ReferenceScope, budget: Budget) -> Json:
        return {key: present(member(scope, budget)) for key, member in members.items()}

    return build


def _build_list(elements: list[_Build]) -> _Build:
    def build(scope: ReferenceScope, budget: Budget) -> Json:
        return [present(element(scope, budget)) for element in elements]

    return build


def present(value: Json) -> Json:
    """Return a resolved value as JSON has it: missing becomes null."""
    return None if value is MISSING else value


def copied(value: Json, budget: Budget) -> Json:
    """Return a copy of a JSON value that shares no dict or list with it. Raises ``LimitExceeded``."""
    if isinstance(value, dict):
        budget.spend_nodes(len(value) + 1)
        return {key: copied(inner, budget) if isinstance(inner, _CONTAINERS) else inner for key, inner in value.items()}
    if isinstance(value, list):
        budget.spend_nodes(len(value) + 1)
        return [copied(inner, budget) if isinstance(inner, _CONTAINERS) else inner for inner in value]
    return value
