"""The action kinds of one application. There is no global registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Protocol, Unpack

from workflowkit.base.errors import AlreadyExists, DefinitionError, InvalidInput, Problem
from workflowkit.base.scope import FUNCTION_PREFIX
from workflowkit.definition.patterns import WILDCARD, check_event_pattern
from workflowkit.registry.compensation import UNDO_PREFIX
from workflowkit.registry.functions import Function, is_function_kind
from workflowkit.registry.optionsource import option_sources, with_marks
from workflowkit.registry.spec import ActionOptions, ActionSpec, Handler, check_named, define
from workflowkit.typeschema import Binding, UnsupportedType
from workflowkit.typeschema.explicit import explicit_shape
from workflowkit.typeschema.shape import Schema

#: Kinds with this prefix always mean the built-in action, also where an application has its own of the same name.
BUILTIN_PREFIX = "builtin:"
#: Asks people.
APPROVAL_KIND = "builtin:approval"
#: Kinds with this prefix are functions that live in another program: no document of a user may have one.
REMOTE_PREFIX = "remote:"
#: Kinds with this prefix are actions that run a function of an app, where the installation offers them as such.
APP_PREFIX = "app:"


class OfferedActions(Protocol):
    """Actions that come and go while the application runs: functions of apps that may be used in documents."""

    def get(self, function_id: str) -> ActionSpec | None:
        """Return the action of a function that may be used in documents now."""
        ...

    def executable(self, function_id: str) -> ActionSpec | None:
        """Return the action of a function that documents use already. Asks no database."""
        ...

    def all(self) -> list[ActionSpec]:
        """Return all actions that may be used in documents now, sorted by kind."""
        ...


class Registry:
    """The action kinds of one application.

    An application's own action hides a built-in one of the same kind; the built-in stays reachable as
    ``builtin:<kind>``. Registration is for start-up: not safe while other threads look kinds up.

    Functions are apart: they have kinds too, which workers look up by ``executable``, and which no document that comes
    from outside may name.
    """

    def __init__(self) -> None:
        #: The functions by id, ``<app id>/<function id>``, followers included.
        self.functions: dict[str, Function[..., Any]] = {}
        #: Makes the action that calls a function of another program, by its id; ``None`` where nothing does.
        self.remote: Callable[[str], ActionSpec] | None = None
        #: The functions of apps that documents may use; ``None`` where nobody asks for them.
        self.offered: OfferedActions | None = None
        #: Schemas of the data of events, by their names.
        self.events: dict[str, Schema] = {}
        self._own: dict[str, ActionSpec] = {}
        self._builtin: dict[str, ActionSpec] = {}

    def action(self, kind: str, **options: Unpack[ActionOptions]) -> Callable[[Handler], Handler]:
        """Register the decorated function. Options are those of ``ActionOptions``; the function is unchanged.

        Raises ``DefinitionError`` if it cannot be an action, ``AlreadyExists`` if the kind is taken.
        """
        check_named("wk.action", kind)

        def register(handler: Handler) -> Handler:
            self.add(define(kind, handler, **options))
            return handler

        return register

    def add(self, spec: ActionSpec) -> None:
        """Register a spec. Raises ``AlreadyExists`` if the application has one of this kind already."""
        for prefix in (BUILTIN_PREFIX, FUNCTION_PREFIX, REMOTE_PREFIX, APP_PREFIX, UNDO_PREFIX):
            if spec.kind.startswith(prefix):
                raise AlreadyExists(f"action kind {spec.kind!r}: the prefix {prefix!r} is reserved")
        _insert(self._own, spec)

    def add_function(self, function: Function[..., Any]) -> None:
        """Register a function and its followers. Raises ``AlreadyExists`` if the application has one of such an id."""
        for each in (function, *function.followers):
            if each.id in self.functions:
                raise AlreadyExists(f"function {each.id!r} is registered twice")
        self.functions |= {each.id: each for each in (function, *function.followers)}

    def declare_event(self, name: str, data: Any) -> None:
        """Note what the data of an event looks like.

        Raises ``InvalidInput``, ``DefinitionError``, ``AlreadyExists``.
        """
        if (reason := check_event_pattern(name)) is not None or WILDCARD in name:
            raise InvalidInput.at("/name", "invalid-name", reason or "an event has one name, without *")
        if name in self.events:
            raise AlreadyExists(f"the data of {name!r} is declared already")
        try:
            self.events[name] = explicit_shape(data, direction="input").schema
        except UnsupportedType as error:
            raise DefinitionError([Problem("/data", "invalid-schema", str(error))]) from error

    def add_builtin(self, spec: ActionSpec) -> None:
        """Register a spec that ships with the package. Raises ``AlreadyExists`` if there is a built-in of this kind."""
        _insert(self._builtin, spec)

    def list_assignees(self, function: Callable[..., Any]) -> None:
        """Have a function list whom approvals may ask. Raises ``DefinitionError`` if it cannot be in ``options=``."""
        spec = self._builtin[APPROVAL_KIND]
        sources = option_sources(spec.kind, spec.inputs, {"assignees": function})
        self._builtin[APPROVAL_KIND] = replace(spec, inputs=with_marks(spec.inputs, sources), options=sources)

    def get(self, kind: str) -> ActionSpec | None:
        """Return the spec of a kind, or ``None``."""
        spec = self._own.get(kind) or self._builtin.get(kind)
        if spec is None and kind.startswith(BUILTIN_PREFIX):
            return self._builtin.get(kind.removeprefix(BUILTIN_PREFIX))
        if spec is None and self.offered is not None and kind.startswith(APP_PREFIX):
            return self.offered.get(kind.removeprefix(APP_PREFIX))
        return spec

    def executable(self, kind: str) -> ActionSpec | None:
        """Return the spec of a kind or of a function, or ``None``: for whoever executes what has been published."""
        if kind.startswith(UNDO_PREFIX):
            undone = self.executable(kind.removeprefix(UNDO_PREFIX))
            return None if undone is None else undoing(undone)
        if kind.startswith(REMOTE_PREFIX):
            return None if self.remote is None else self.remote(kind.removeprefix(REMOTE_PREFIX))
        if kind.startswith(APP_PREFIX):
            return None if self.offered is None else self.offered.executable(kind.removeprefix(APP_PREFIX))
        if not is_function_kind(kind):
            return self.get(kind)
        function = self.functions.get(kind.removeprefix(FUNCTION_PREFIX))
        return None if function is None else function.spec

    def undoes_itself(self, kind: str) -> bool:
        """Tell whether what an action of this kind did may be undone by itself (``compensate=``).

        Of a kind that is not registered here, other processes may know something that does.
        """
        spec = self.executable(kind)
        return spec is None or spec.compensation is not None

    def queues(self) -> set[str]:
        """Return the queues of all actions and functions."""
        return {spec.queue for spec in self} | {function.spec.queue for function in self.functions.values()}

    def kinds(self) -> list[str]:
        """Return every kind once, sorted."""
        return sorted(self._own.keys() | self._builtin.keys())

    def public(self) -> list[dict[str, Any]]:
        """Return the public half of every action, sorted by kind; behind them what apps offer."""
        offered = [] if self.offered is None else self.offered.all()
        return [spec.public() for spec in (*self, *offered)]

    def __iter__(self) -> Iterator[ActionSpec]:
        merged = self._builtin | self._own
        return iter([merged[kind] for kind in self.kinds()])

    def __len__(self) -> int:
        return len(self.kinds())

    def __contains__(self, kind: str) -> bool:
        return self.get(kind) is not None


def _doing_nothing(spec: ActionSpec) -> ActionSpec:
    """Return what undoes an action that nothing undoes: who ended its run did not know it."""
    return ActionSpec(UNDO_PREFIX + spec.kind, lambda: None, queue=spec.queue, takes_context=False, external=False,
                      binding=Binding(names=frozenset()))  # fmt: skip


def undoing(spec: ActionSpec) -> ActionSpec:
    """Return what undoes what a spec did."""
    if not is_function_kind(spec.kind):
        return spec.compensation or _doing_nothing(spec)
    return replace(spec, kind=UNDO_PREFIX + spec.kind, binding=Binding(names=frozenset()), undoes_steps=True)


def _insert(specs: dict[str, ActionSpec], spec: ActionSpec) -> None:
    if spec.kind in specs:
        raise AlreadyExists(f"action kind {spec.kind!r} is registered twice")
    specs[spec.kind] = spec
