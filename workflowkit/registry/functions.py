"""Code functions: Python with durable steps, and the workflow document as which the engine runs it.

A function is a workflow of one action, whose kind is the function itself. So triggers, settings, versions, retries and
everything else mean the same for workflows that users draw and for functions that developers write.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, ParamSpec, TypeVar

from workflowkit.base.errors import DefinitionError, Problem
from workflowkit.base.scope import FUNCTION_PREFIX, FUNCTION_SEPARATOR
from workflowkit.base.scope import is_function_kind as is_function_kind
from workflowkit.base.settings import DEFAULT_QUEUE
from workflowkit.definition import parse_settings, parse_triggers
from workflowkit.definition.model import SOURCE
from workflowkit.registry.functionoptions import (
    FunctionOptions,
    id_problem,
    other_problems,
    settings_of,
    timeout_seconds,
    triggers_of,
)
from workflowkit.registry.spec import ActionSpec
from workflowkit.typeschema import Binding, UnsupportedType, shape_of
from workflowkit.typeschema.docstring import parse_docstring
from workflowkit.typeschema.records import label_of
from workflowkit.typeschema.shape import Decode, Encode

P = ParamSpec("P")
R = TypeVar("R")
#: Covariant: what ``async def`` returns is of a kind of coroutine of its own to pyright.
R_co = TypeVar("R_co", covariant=True)

#: The options that name a handler of what follows a run's end, and the suffix of its id.
FOLLOWERS = {"on_failure": "-failure", "on_cancel": "-cancel"}
_NO_INPUTS: dict[str, Any] = {"type": "object", "properties": {}, "required": [], "additionalProperties": True}


class Function(Generic[P, R_co]):
    """A registered function. Calling it calls the Python function that was decorated.

    ``id`` is what ``ctx.step.invoke`` and runs name it by: ``<app id>/<function id>``. ``document`` is the workflow
    that stands for it, ``spec`` its one action. ``followers`` are the functions of ``on_failure`` and ``on_cancel``.
    """

    def __init__(
        self, handler: Callable[P, R_co], spec: ActionSpec, document: Mapping[str, Any], decode: Decode | None
    ) -> None:
        functools.update_wrapper(self, handler)
        self._handler = handler
        self._decode = decode
        self.spec = spec
        self.document = document
        self.followers: tuple[Function[..., Any], ...] = ()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        return self._handler(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<function {self.id}>"

    @property
    def id(self) -> str:
        """The id of the workflow that stands for the function."""
        return self.spec.kind.removeprefix(FUNCTION_PREFIX)

    def decode_output(self, value: Any) -> Any:
        """Return the output of a run, which is JSON, as the function's ``output_type``; unchanged if it declares none.

        Raises ``ValueError``, ``TypeError`` or ``KeyError`` for JSON that is none of that type.
        """
        return value if self._decode is None else self._decode(value)


def define_function(
    app_id: str, function_id: str, handler: Callable[P, R], options: FunctionOptions, *, app_version: str | None = None
) -> Function[P, R]:
    """Return the function that ``handler`` is, with its followers.

    Raises ``DefinitionError`` with everything that is wrong: the pointers of triggers and settings are those that a
    document would have.
    """
    return _Definition(app_id, function_id, options, app_version).function(handler)


class _Definition:
    """One function on its way from Python to a document."""

    def __init__(self, app_id: str, function_id: str, options: FunctionOptions, app_version: str | None) -> None:
        self._app_id, self._id, self._options, self._app_version = app_id, function_id, options, app_version

    def function(self, handler: Callable[P, R]) -> Function[P, R]:
        if problems := [*self._problems(handler)]:
            raise DefinitionError(dict.fromkeys(problems))
        decode, encode = _conversions(self._options)
        made = Function(handler, self._spec(handler, encode), self._document(handler), decode)
        made.followers = tuple(self._follower(name) for name in self._followers())
        return made

    def _problems(self, handler: Callable[..., Any]) -> Iterator[Problem]:
        for pointer, text in (("/app_id", self._app_id), ("/id", self._id)):
            if (message := id_problem(text)) is not None:
                yield Problem(pointer, "invalid-function", f"{message}, got {text!r}")
        yield from _handler_problems(handler, "/handler")
        yield from other_problems(self._id, self._options)
        for parse, value in (
            (parse_triggers, triggers_of(self._options)),
            (parse_settings, settings_of(self._options)),
        ):
            try:
                parse(value)
            except DefinitionError as error:
                yield from (problem for problem in error.problems if problem.severity == "error")
        try:
            _conversions(self._options)
        except UnsupportedType as error:
            yield Problem("/output_type", "invalid-function", str(error))
        for name in FOLLOWERS:
            yield from self._follower_problems(name, handler)

    def _follower_problems(self, name: str, handler: Callable[..., Any]) -> Iterator[Problem]:
        follower: Any = self._options.get(name)
        if follower is None:
            return
        found = [*_handler_problems(follower, f"/{name}")]
        yield from found
        if not found and is_async(follower) != is_async(handler):
            kinds = ("async", "not async") if is_async(handler) else ("not async", "async")
            message = f"the function is {kinds[0]} and its handler is {kinds[1]}: make both the same"
            yield Problem(f"/{name}", "invalid-function", message)

    def _spec(self, handler: Callable[..., Any], encode: Encode | None) -> ActionSpec:
        options = self._options
        return ActionSpec(
            kind=self._kind(),
            handler=handler,
            name=self._name(),
            description=options.get("description") or _summary(handler),
            inputs=_NO_INPUTS,
            timeout_seconds=timeout_seconds(options),
            queue=options.get("queue", DEFAULT_QUEUE),
            is_async=is_async(handler),
            takes_context=True,
            middleware=tuple(options.get("middleware", ())),
            # The handler takes nothing but the context, whatever a document may say.
            binding=Binding(names=frozenset(), encode=encode),
        )

    def _document(self, handler: Callable[..., Any]) -> dict[str, Any]:
        metadata = {"app_id": self._app_id, "app_version": self._app_version}
        # What the document of a user says of the end of its runs: once they are undone, the follower is started.
        ends = {name: {"workflow": self._own_id(FOLLOWERS[name])} for name in self._followers()}
        settings = settings_of(self._options) | ends
        description = self._options.get("description") or _summary(handler)
        return {
            "name": self._name(),
            **({"description": description} if description else {}),
            "metadata": {key: value for key, value in metadata.items() if value is not None},
            "triggers": triggers_of(self._options),
            **({"settings": settings} if settings else {}),
            "actions": [{"id": self._id, "kind": self._kind()}],
            "edges": [{"from": SOURCE, "to": self._id}],
            "output": f"!ref($.state['{self._id}'])",
        }

    def _kind(self) -> str:
        return f"{FUNCTION_PREFIX}{self._own_id()}"

    def _own_id(self, suffix: str = "") -> str:
        return f"{self._app_id}{FUNCTION_SEPARATOR}{self._id}{suffix}"

    def _name(self) -> str:
        return self._options.get("name") or label_of(self._id)

    def _followers(self) -> list[str]:
        return [name for name in FOLLOWERS if self._options.get(name) is not None]

    def _follower(self, option: str) -> Function[..., Any]:
        follower: Any = self._options[option]  # type: ignore[literal-required]  # one of the two names
        options: FunctionOptions = {
            "name": f"{self._name()}: {label_of(option)}".replace("_", " "),
            "triggers": [],
            "retries": 0,
        }
        if "queue" in self._options:
            options["queue"] = self._options["queue"]
        if "middleware" in self._options:
            options["middleware"] = self._options["middleware"]
        own_id = f"{self._id}{FOLLOWERS[option]}"
        return _Definition(self._app_id, own_id, options, self._app_version).function(follower)


def follower_ids(function_id: str) -> set[str]:
    """Return the ids that the handlers of a function's failure and cancellation have."""
    return {f"{function_id}{suffix}" for suffix in FOLLOWERS.values()}


def is_async(handler: Callable[..., Any]) -> bool:
    """Tell whether calling a handler makes a coroutine."""
    function = inspect.unwrap(handler)
    call = getattr(function, "__call__", None)  # noqa: B004 - an object whose __call__ is async is async too
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def _handler_problems(handler: Any, pointer: str) -> Iterator[Problem]:
    if not callable(handler):
        yield Problem(pointer, "invalid-function", f"must be a function, got {type(handler).__name__}")
        return
    try:
        inspect.signature(handler).bind(None)
    except (TypeError, ValueError):
        name = getattr(handler, "__qualname__", type(handler).__qualname__)
        message = f"{name} is called with the context and nothing else: def {getattr(handler, '__name__', 'f')}(ctx)"
        yield Problem(pointer, "invalid-function", message)


def _summary(handler: Callable[..., Any]) -> str:
    return parse_docstring(handler.__doc__ if hasattr(handler, "__qualname__") else None).summary


def _conversions(options: FunctionOptions) -> tuple[Decode | None, Encode | None]:
    """Return how a result is read and written. Raises ``UnsupportedType``."""
    declared = options.get("output_type")
    if declared is None:
        return None, None
    return shape_of(declared, direction="input").decode, shape_of(declared, direction="output").encode
