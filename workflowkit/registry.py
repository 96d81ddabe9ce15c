"""Action kinds: what a developer registers, and the half of it that anybody may see.

An ``ActionSpec`` joins the public description of an action (served to the editor) with its handler (which never leaves
the process). A ``Registry`` holds the specs of one application; there is no global one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, TypedDict, TypeVar, Unpack

from workflowkit.base.errors import AlreadyExists, DefinitionError, Problem
from workflowkit.typeschema import Binding, read_signature
from workflowkit.typeschema.records import label_of

Handler = TypeVar("Handler", bound=Callable[..., Any])

DEFAULT_RETRIES, MAX_RETRIES = 4, 20
DEFAULT_TIMEOUT_SECONDS, MAX_TIMEOUT_SECONDS = 300.0, 24 * 3600.0
DEFAULT_QUEUE = "default"

#: Kinds with this prefix always mean the built-in action, also where an application has its own of the same name.
BUILTIN_PREFIX = "builtin:"
#: The attribute in which ``action`` leaves the spec on a function, for the loader to find.
SPEC_ATTRIBUTE = "__workflowkit_action__"

_KIND = re.compile(r"[A-Za-z][A-Za-z0-9_.:/-]{0,99}")
_QUEUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_SECONDS_PER_UNIT = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class PredefinedEdge:
    """An edge that the editor offers below an action: ``conditional`` as in a workflow document."""

    name: str
    conditional: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EdgeOptions:
    """Which edges may leave an action: the predefined ones and, with ``allow_add``, any other."""

    allow_add: bool = True
    edges: tuple[PredefinedEdge, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        edges = [{"name": edge.name, "conditional": deepcopy(dict(edge.conditional))} for edge in self.edges]
        return {"allowAdd": self.allow_add, "edges": edges}


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One kind of action. Everything but ``handler`` and ``binding`` may be shown.

    ``inputs`` is the JSON Schema of an object with one property per input; ``outputs`` is ``None`` if nothing is known
    of the output. ``retries`` counts retries, not attempts. ``at_most_once`` turns an attempt whose worker died into a
    failure instead of a further attempt.
    """

    kind: str
    handler: Callable[..., Any] = field(repr=False)
    name: str = ""
    description: str = ""
    icon: str | None = None
    category: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=lambda: {"type": "object"})
    outputs: Mapping[str, Any] | None = None
    edges: EdgeOptions = EdgeOptions()
    retries: int = DEFAULT_RETRIES
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    queue: str = DEFAULT_QUEUE
    is_async: bool = False
    takes_context: bool = True
    at_most_once: bool = False
    binding: Binding = field(default=Binding(), repr=False)

    def public(self) -> dict[str, Any]:
        """Return the half that the editor may see, as JSON. Nothing in it comes from the handler itself (W2)."""
        # SAFETY: S1 — an explicit list: a field added to this class stays private until it is named here.
        return {
            "kind": self.kind,
            "name": self.name,
            "description": self.description,
            "icon": self.icon,
            "category": self.category,
            "inputs": deepcopy(dict(self.inputs)),
            "outputs": None if self.outputs is None else deepcopy(dict(self.outputs)),
            "edges": self.edges.as_dict(),
            "retries": self.retries,
            "timeout_seconds": self.timeout_seconds,
            "queue": self.queue,
        }


class ActionOptions(TypedDict, total=False):
    """What may be said about an action besides its kind."""

    name: str
    """The label in the editor. Default: the function's name, as words."""
    description: str
    """Default: the first paragraph of the function's docstring."""
    icon: str
    """A URL or an inline SVG."""
    category: str
    inputs: Any
    """A JSON Schema, a Workflow Kit table of inputs, a dataclass, a TypedDict, a pydantic model or a marshmallow
    schema. Default: what the parameters' annotations and the docstring say."""
    outputs: Any
    """The same for the output. Default: what the return annotation says."""
    retries: int
    """How often a failed attempt is repeated, 0 to 20. Default: 4."""
    timeout: float | str
    """The longest an attempt may take: seconds, or text such as ``"30s"`` or ``"2m"``. Default: 5 minutes."""
    queue: str
    """The queue whose workers run this action. Default: ``default``."""
    edges: EdgeOptions | Mapping[str, Any] | Sequence[Mapping[str, Any]]
    """Predefined edges: ``{"allowAdd": bool, "edges": [{"name": ..., "conditional": {...}}]}`` or just the list."""
    at_most_once: bool
    """Fail the step, instead of trying again, when the worker died during an attempt. Default: false."""


def define(kind: str, handler: Callable[..., Any], **options: Unpack[ActionOptions]) -> ActionSpec:
    """Return the spec of an action, with what ``options`` leave open read from the handler.

    Raises ``DefinitionError`` naming the function and the parameter or option that is wrong.
    """
    problems = list(_option_problems(kind, options))
    if problems:
        raise DefinitionError(problems)
    signature = read_signature(handler, label=kind, inputs=options.get("inputs"), outputs=options.get("outputs"))
    function_name = getattr(handler, "__name__", kind)
    return ActionSpec(
        kind=kind,
        handler=handler,
        name=options.get("name") or label_of(function_name),
        description=options.get("description") or signature.docstring.summary,
        icon=options.get("icon"),
        category=options.get("category"),
        inputs=signature.inputs,
        outputs=signature.outputs,
        edges=_edge_options(options.get("edges")),
        retries=options.get("retries", DEFAULT_RETRIES),
        timeout_seconds=duration_seconds(options.get("timeout", DEFAULT_TIMEOUT_SECONDS)),
        queue=options.get("queue", DEFAULT_QUEUE),
        is_async=signature.is_async,
        takes_context=signature.takes_context,
        at_most_once=options.get("at_most_once", False),
        binding=signature.binding,
    )


def action(kind: str, **options: Unpack[ActionOptions]) -> Callable[[Handler], Handler]:
    """Mark a function of a module as an action, for ``load_directory`` and its like to find. The function is unchanged.

    Options are those of ``ActionOptions``. Raises ``DefinitionError`` when the module is loaded, not when it runs.
    """

    def mark(handler: Handler) -> Handler:
        setattr(handler, SPEC_ATTRIBUTE, define(kind, handler, **options))
        return handler

    return mark


class Registry:
    """The action kinds of one application.

    An application's own action hides a built-in one of the same kind; the built-in stays reachable as
    ``builtin:<kind>``. Registration is for start-up: not safe while other threads look kinds up.
    """

    def __init__(self) -> None:
        self._own: dict[str, ActionSpec] = {}
        self._builtin: dict[str, ActionSpec] = {}

    def action(self, kind: str, **options: Unpack[ActionOptions]) -> Callable[[Handler], Handler]:
        """Register the decorated function. Options are those of ``ActionOptions``; the function is unchanged.

        Raises ``DefinitionError`` if it cannot be an action, ``AlreadyExists`` if the kind is taken.
        """

        def register(handler: Handler) -> Handler:
            self.add(define(kind, handler, **options))
            return handler

        return register

    def add(self, spec: ActionSpec) -> None:
        """Register a spec. Raises ``AlreadyExists`` if the application has one of this kind already."""
        if spec.kind.startswith(BUILTIN_PREFIX):
            raise AlreadyExists(f"action kind {spec.kind!r}: the prefix {BUILTIN_PREFIX!r} is reserved")
        _insert(self._own, spec)

    def add_builtin(self, spec: ActionSpec) -> None:
        """Register a spec that ships with the package. Raises ``AlreadyExists`` if there is a built-in of this kind."""
        _insert(self._builtin, spec)

    def get(self, kind: str) -> ActionSpec | None:
        """Return the spec of a kind, or ``None``."""
        spec = self._own.get(kind) or self._builtin.get(kind)
        if spec is None and kind.startswith(BUILTIN_PREFIX):
            return self._builtin.get(kind.removeprefix(BUILTIN_PREFIX))
        return spec

    def kinds(self) -> list[str]:
        """Return every kind once, sorted."""
        return sorted(self._own.keys() | self._builtin.keys())

    def public(self) -> list[dict[str, Any]]:
        """Return the public half of every action, sorted by kind."""
        return [spec.public() for spec in self]

    def __iter__(self) -> Iterator[ActionSpec]:
        merged = self._builtin | self._own
        return iter([merged[kind] for kind in self.kinds()])

    def __len__(self) -> int:
        return len(self.kinds())

    def __contains__(self, kind: str) -> bool:
        return self.get(kind) is not None


def duration_seconds(value: float | str) -> float:
    """Return seconds for a number of seconds or text such as ``"500ms"``, ``"30s"``, ``"2m"``, ``"1h"``.

    Raises ``ValueError`` unless it is more than nothing and at most a day.
    """
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        if match is None:
            raise ValueError(f"{value!r} is no duration; write seconds, or text such as '30s' or '2m'")
        seconds = float(match[1]) * _SECONDS_PER_UNIT[match[2]]
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is no duration; write seconds, or text such as '30s' or '2m'")
    else:
        seconds = float(value)
    if not 0 < seconds <= MAX_TIMEOUT_SECONDS:
        raise ValueError(f"{value!r} is not more than 0 and at most 24 hours")
    return seconds


def _insert(specs: dict[str, ActionSpec], spec: ActionSpec) -> None:
    if spec.kind in specs:
        raise AlreadyExists(f"action kind {spec.kind!r} is registered twice")
    specs[spec.kind] = spec


def _option_problems(kind: str, options: ActionOptions) -> Iterator[Problem]:
    def problem(option: str, message: str) -> Problem:
        return Problem(f"/{option}", "invalid-action", f"action {kind!r}, {option}: {message}")

    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        yield problem("kind", "start with a letter; letters, digits and _ . : / - may follow, 100 characters at most")
    retries = options.get("retries", 0)
    if isinstance(retries, bool) or not isinstance(retries, int) or not 0 <= retries <= MAX_RETRIES:
        yield problem("retries", f"must be a whole number from 0 to {MAX_RETRIES}, got {retries!r}")
    try:
        duration_seconds(options.get("timeout", DEFAULT_TIMEOUT_SECONDS))
    except ValueError as error:
        yield problem("timeout", str(error))
    if not _QUEUE.fullmatch(options.get("queue", DEFAULT_QUEUE)):
        yield problem("queue", "letters, digits and _ . - only, 64 characters at most")
    try:
        _edge_options(options.get("edges"))
    except (TypeError, KeyError, AttributeError, ValueError):
        yield problem("edges", 'must be {"allowAdd": bool, "edges": [{"name": text, "conditional": {...}}]}')


def _edge_options(declared: EdgeOptions | Mapping[str, Any] | Sequence[Mapping[str, Any]] | None) -> EdgeOptions:
    if declared is None:
        return EdgeOptions()
    if isinstance(declared, EdgeOptions):
        return declared
    table = declared if isinstance(declared, Mapping) else {"edges": declared}
    if unknown := table.keys() - {"allowAdd", "edges"}:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    edges = tuple(PredefinedEdge(str(edge["name"]), dict(edge["conditional"])) for edge in table.get("edges", ()))
    return EdgeOptions(bool(table.get("allowAdd", True)), edges)
