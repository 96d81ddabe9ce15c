"""What a developer says about an action, and the half of it that anybody may see.

An ``ActionSpec`` joins the public description of an action (served to the editor) with its handler, which never leaves
the process.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypedDict, TypeVar, Unpack

from workflowkit.base.errors import DefinitionError, Problem
from workflowkit.base.settings import DEFAULT_QUEUE
from workflowkit.base.spelling import hint
from workflowkit.definition.durations import duration_seconds
from workflowkit.definition.model import ConditionType
from workflowkit.definition.settings.flow import Concurrency, Scope
from workflowkit.registry.compensation import compensation_of
from workflowkit.registry.optionsource import OptionSource, option_sources, with_marks
from workflowkit.typeschema import Binding, read_signature
from workflowkit.typeschema.records import label_of

Handler = TypeVar("Handler", bound=Callable[..., Any])

DEFAULT_RETRIES, MAX_RETRIES = 4, 20
DEFAULT_TIMEOUT_SECONDS, MAX_TIMEOUT_SECONDS = 300.0, 24 * 3600.0

#: The attribute in which ``action`` leaves the spec on a function, for the loader to find.
SPEC_ATTRIBUTE = "__workflowkit_action__"

_KIND = re.compile(r"[A-Za-z][A-Za-z0-9_.:/-]{0,99}")
_CONDITION_TYPES = frozenset(ConditionType)
#: The options that are functions.
_FUNCTIONS = ("dry_run", "compensate")
#: Those that are true or false.
_FLAGS = ("external", "at_most_once")
#: Among what the executions of an action can be counted.
_SHARED = (Scope.TENANT, Scope.ENVIRONMENT, Scope.INSTALLATION)
_QUEUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


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
    failure instead of a further attempt. ``external`` actions touch the world outside of the run: tests need a stub for
    them, and a dry run executes ``rehearsal`` in their place, the same action without its effects. ``compensation``
    undoes the action unless a document says how, or that nothing does; with ``undoes_steps`` the handler is that of a
    function, and is entered to undo a run of it. ``concurrency`` limits how many steps of this kind execute at once.
    ``options`` are where inputs have their options from, by name.
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
    concurrency: Concurrency | None = None
    is_async: bool = False
    takes_context: bool = True
    at_most_once: bool = False
    binding: Binding = field(default=Binding(), repr=False)
    external: bool = True
    rehearsal: ActionSpec | None = field(default=None, repr=False)
    compensation: ActionSpec | None = field(default=None, repr=False)
    undoes_steps: bool = False
    middleware: tuple[Callable[[], Any], ...] = field(default=(), repr=False)
    options: Mapping[str, OptionSource] = field(default_factory=dict, repr=False)

    def public(self) -> dict[str, Any]:
        """Return the half that the editor may see, as JSON. Nothing in it comes from the handler itself (W2)."""
        # SAFETY: W2 — an explicit list: a field added to this class stays private until it is named here.
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
            "concurrency": _public_limit(self.concurrency),
            "has_compensation": self.compensation is not None,
        }


class ActionOptions(TypedDict, total=False):
    """What may be said about an action besides its kind."""

    name: str
    """The label in the editor. Default: the function's name, as words."""
    description: str
    """Default: the first paragraph of the function's docstring."""
    icon: str
    """The name of one of the editor's icons, a URL, or SVG."""
    category: str
    inputs: Any
    """A JSON Schema, a Workflow Kit table of inputs, a dataclass, a TypedDict, a pydantic model or a marshmallow
    schema. Default: what the parameters' annotations and the docstring say."""
    outputs: Any
    """The same for the output. Default: what the return annotation says."""
    retries: int
    """How often a failed attempt is repeated, 0 to 20. Default: 4."""
    timeout: float | str | timedelta
    """The longest an attempt may take: seconds, or text such as ``"30s"`` or ``"2m"``. Default: 5 minutes."""
    queue: str
    """The queue whose workers run this action. Default: ``default``."""
    concurrency: int | Mapping[str, Any]
    """How many steps of this kind may execute at once: a number for all tenants of an environment together, or
    ``{"limit": ..., "scope": ...}`` with ``tenant``, ``environment`` or ``installation``. Default: no limit."""
    edges: EdgeOptions | Mapping[str, Any] | Sequence[Mapping[str, Any]]
    """Predefined edges: ``{"allowAdd": bool, "edges": [{"name": ..., "conditional": {...}}]}`` or just the list."""
    at_most_once: bool
    """Fail the step, instead of trying again, when the worker died during an attempt. Default: false."""
    external: bool
    """Whether it reads or changes anything but its inputs and its run: a service, a database, a file, the clock. Tests
    need a stub for such an action and dry runs leave it out; others are executed for real in both. Default: true."""
    dry_run: Callable[..., Any]
    """What a dry run executes in place of the action: a function with the same parameters and without effects."""
    compensate: Callable[..., Any]
    """What undoes the completed action if its run fails or is cancelled: a function that takes ``output``, what the
    action has returned, any of the action's inputs by their names and, if it wants, the context."""
    middleware: Sequence[Callable[[], Any]]
    """Middleware for this action, after that of the application: classes, or functions that make instances."""
    options: Mapping[str, Callable[..., Any]]
    """What lists the options of inputs in forms, by their names: functions that take other inputs of the action, which
    the options depend on, ``search``, what was typed, and, if they want, an ``OptionsContext``; they return values,
    pairs of value and label, or objects with both."""


OPTION_NAMES = frozenset(ActionOptions.__annotations__)


def check_named(decorator: str, name: Any) -> None:
    """Raise ``DefinitionError`` if a decorator that is called with a name was used without parentheses."""
    if callable(name):
        shown = getattr(name, "__name__", "name")
        message = f"write @{decorator}({shown!r}, ...) above {shown}: without parentheses nothing is registered"
        code = "invalid-action" if decorator.endswith("action") else "invalid-function"
        raise DefinitionError([Problem("", code, message)])


def define(kind: str, handler: Callable[..., Any], **options: Unpack[ActionOptions]) -> ActionSpec:
    """Return the spec of an action, with what ``options`` leave open read from the handler.

    Raises ``DefinitionError`` naming the function and the parameter or option that is wrong.
    """
    problems = list(option_problems(kind, options))
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        message = "start with a letter; letters, digits and _ . : / - may follow, 100 characters at most"
        problems.insert(0, _problem(kind, "kind", message))
    if problems:
        raise DefinitionError(problems)
    signature = read_signature(handler, label=kind, inputs=options.get("inputs"), outputs=options.get("outputs"))
    function_name = getattr(handler, "__name__", kind)
    sources = option_sources(kind, signature.inputs, options.get("options", {}))
    spec = ActionSpec(
        kind=kind,
        handler=handler,
        name=options.get("name") or label_of(function_name),
        description=options.get("description") or signature.docstring.summary,
        icon=options.get("icon"),
        category=options.get("category"),
        inputs=with_marks(signature.inputs, sources),
        outputs=signature.outputs,
        edges=_edge_options(options.get("edges")),
        retries=options.get("retries", DEFAULT_RETRIES),
        timeout_seconds=_timeout_seconds(options.get("timeout")) or DEFAULT_TIMEOUT_SECONDS,
        queue=options.get("queue", DEFAULT_QUEUE),
        concurrency=_limit(options.get("concurrency")),
        is_async=signature.is_async,
        takes_context=signature.takes_context,
        at_most_once=options.get("at_most_once", False),
        binding=signature.binding,
        external=options.get("external", True),
        middleware=tuple(options.get("middleware", ())),
        options=sources,
    )
    rehearse, compensate = options.get("dry_run"), options.get("compensate")
    return replace(
        spec,
        rehearsal=None if rehearse is None else _rehearsal(spec, rehearse, options),
        compensation=None if compensate is None else compensation_of(spec, compensate),
    )


def _rehearsal(spec: ActionSpec, handler: Callable[..., Any], options: ActionOptions) -> ActionSpec:
    """Return an action with the function of its dry runs as handler. Raises ``DefinitionError`` if it does not fit."""
    label = f"{spec.kind} (dry_run)"
    given = options.get("inputs")
    signature = read_signature(handler, label=label, inputs=given, outputs=options.get("outputs"))
    taken, offered = set(signature.inputs.get("properties", {})), set(spec.inputs.get("properties", {}))
    if given is None and taken != offered:
        names = ", ".join(sorted(taken ^ offered))
        message = f"action {spec.kind!r}, dry_run: must have the parameters of the action; they differ in {names}"
        raise DefinitionError([Problem("/dry_run", "invalid-action", message)])
    return replace(
        spec,
        handler=handler,
        is_async=signature.is_async,
        takes_context=signature.takes_context,
        binding=signature.binding,
        external=False,
    )


def action(kind: str, **options: Unpack[ActionOptions]) -> Callable[[Handler], Handler]:
    """Mark a function of a module as an action, for ``load_directory`` and its like to find. The function is unchanged.

    Options are those of ``ActionOptions``. Raises ``DefinitionError`` when the module is loaded, not when it runs.
    """
    check_named("action", kind)

    def mark(handler: Handler) -> Handler:
        setattr(handler, SPEC_ATTRIBUTE, define(kind, handler, **options))
        return handler

    return mark


def _timeout_seconds(timeout: Any) -> float | None:
    return duration_seconds(timeout.total_seconds() if isinstance(timeout, timedelta) else timeout)


def option_problems(label: str, options: ActionOptions) -> Iterator[Problem]:
    """Yield what is wrong with the options of an action; ``label`` names it in messages."""

    def problem(option: str, message: str) -> Problem:
        return _problem(label, option, message)

    for name in sorted(options.keys() - OPTION_NAMES):
        yield Problem(
            f"/{name}", "unknown-option", f"action {label!r} has no option {name!r}{hint(name, OPTION_NAMES)}"
        )
    retries = options.get("retries", 0)
    if isinstance(retries, bool) or not isinstance(retries, int) or not 0 <= retries <= MAX_RETRIES:
        yield problem("retries", f"must be a whole number from 0 to {MAX_RETRIES}, got {retries!r}")
    timeout = options.get("timeout", DEFAULT_TIMEOUT_SECONDS)
    if (seconds := _timeout_seconds(timeout)) is None or seconds > MAX_TIMEOUT_SECONDS:
        message = f"must be seconds, text such as '30s' or '2m', or a timedelta, up to 24 hours; got {timeout!r}"
        yield problem("timeout", message)
    if not _QUEUE.fullmatch(options.get("queue", DEFAULT_QUEUE)):
        yield problem("queue", "letters, digits and _ . - only, 64 characters at most")
    if "concurrency" in options and _limit(options["concurrency"]) is None:
        scopes = ", ".join(_SHARED)
        yield problem("concurrency", f'must be 1 or more, or {{"limit": ..., "scope": ...}} with one of {scopes}')
    yield from (problem(name, "must be true or false") for name in _FLAGS if type(options.get(name, True)) is not bool)
    yield from (problem(name, "must be a function") for name in _FUNCTIONS if not callable(options.get(name, len)))
    if not isinstance(options.get("options", {}), Mapping):
        yield problem("options", "must be functions by the names of inputs")
    middleware = options.get("middleware", ())
    if not isinstance(middleware, list | tuple) or not all(map(callable, middleware)):
        yield problem("middleware", "must be a list of classes, or of functions that make an instance")
    try:
        _edge_options(options.get("edges"))
    except (TypeError, KeyError, AttributeError, ValueError):
        yield problem("edges", 'must be {"allowAdd": bool, "edges": [{"name": text, "conditional": {...}}]}')


def _unknown_options(label: str, options: ActionOptions) -> Iterator[Problem]:
    for name in sorted(options.keys() - OPTION_NAMES):
        message = f"action {label!r} has no option {name!r}{hint(name, OPTION_NAMES)}"
        yield Problem(f"/{name}", "unknown-option", message)


def _problem(label: str, option: str, message: str) -> Problem:
    return Problem(f"/{option}", "invalid-action", f"action {label!r}, {option}: {message}")


def _limit(declared: int | Mapping[str, Any] | None) -> Concurrency | None:
    """Return what is declared, ``None`` also for what means nothing."""
    table = declared if isinstance(declared, Mapping) else {"limit": declared}
    limit, scope = table.get("limit"), table.get("scope", Scope.ENVIRONMENT)
    if type(limit) is not int or limit < 1 or scope not in _SHARED or table.keys() - {"limit", "scope"}:
        return None
    return Concurrency(limit, scope=Scope(scope))


def _public_limit(rule: Concurrency | None) -> dict[str, Any] | None:
    return None if rule is None else {"limit": rule.limit, "scope": rule.scope.value}


def _edge_options(declared: EdgeOptions | Mapping[str, Any] | Sequence[Mapping[str, Any]] | None) -> EdgeOptions:
    if declared is None:
        return EdgeOptions()
    if isinstance(declared, EdgeOptions):
        return declared
    table = declared if isinstance(declared, Mapping) else {"edges": declared}
    if unknown := table.keys() - {"allowAdd", "edges"}:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    edges = tuple(PredefinedEdge(str(edge["name"]), dict(edge["conditional"])) for edge in table.get("edges", ()))
    if wrong := [edge.name for edge in edges if edge.conditional.get("type") not in _CONDITION_TYPES]:
        raise ValueError(f"unknown type of condition: {', '.join(wrong)}")
    return EdgeOptions(bool(table.get("allowAdd", True)), edges)
