"""What is tested: a workflow document, or a function, with the actions that it may use, and what surrounds them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from workflowkit.base.errors import InvalidStub
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.definition import load_json, parse
from workflowkit.definition.model import Workflow
from workflowkit.engine.deps import Provider
from workflowkit.engine.extensions import Extensions
from workflowkit.registry import ActionSpec, Function, Registry, load_builtin_actions, load_entry_points
from workflowkit.registry.catalogue import undoing
from workflowkit.registry.compensation import UNDO_PREFIX
from workflowkit.registry.functions import define_function

#: A document, the path of one, a parsed workflow, or a function: what ``wk.function`` made, or a handler.
Tested = Mapping[str, Any] | str | Path | Workflow | Callable[[Any], object]


class Application(Protocol):
    """What actions are taken from: a ``WorkflowKit``."""

    @property
    def registry(self) -> Registry: ...
    @property
    def extensions(self) -> Extensions: ...


@dataclass(frozen=True, slots=True)
class Target:
    """Something that can be run. ``own_kinds`` are the actions that are the thing under test itself."""

    workflow: Workflow
    actions: _Actions
    limits: Limits
    own_kinds: frozenset[str] = frozenset()
    extensions: Extensions = field(default_factory=Extensions)


@dataclass(frozen=True, slots=True)
class _Actions:
    """The actions of an application, and those under test."""

    registry: Registry
    own: Mapping[str, ActionSpec]
    followers: tuple[Function[..., Any], ...] = ()

    def get(self, kind: str) -> ActionSpec | None:
        return self.own.get(kind) or self.registry.get(kind)

    def executable(self, kind: str) -> ActionSpec | None:
        undone = self.own.get(kind.removeprefix(UNDO_PREFIX))
        if undone is None:
            return self.registry.executable(kind)
        return undoing(undone) if kind.startswith(UNDO_PREFIX) else undone

    @property
    def functions(self) -> Mapping[str, Function[..., Any]]:
        return {**self.registry.functions, **{each.id: each for each in self.followers}}

    def undoes_itself(self, kind: str) -> bool:
        return self.registry.undoes_itself(kind)

    def kinds(self) -> Iterable[str]:
        return [*self.registry.kinds(), *self.own]


def target_of(tested: Tested, actions: Application | Registry | None, limits: Limits | None = None) -> Target:
    """Return what ``tested`` is: a document, the path of one, a parsed workflow, a function, ``def handler(ctx)``.

    ``limits`` are those of the application's settings, if it has any and they are not given.
    Raises ``DefinitionError`` with all problems if it is not valid, ``OSError`` for a file that cannot be read.
    """
    registry = _registry(actions)
    limits = limits or _limits(actions)
    around = Extensions() if actions is None or isinstance(actions, Registry) else actions.extensions
    if isinstance(tested, Workflow):
        return Target(tested, _Actions(registry, {}), limits, extensions=around)
    if isinstance(tested, str | Path):
        tested = load_json(Path(tested).read_bytes(), limits)
    if callable(tested):
        function = tested if isinstance(tested, Function) else _function(tested)
        specs = {each.spec.kind: each.spec for each in (function, *function.followers)}
        own = _Actions(registry, specs, function.followers)
        workflow = parse(dict(function.document), own, limits)
        return Target(workflow, own, limits, frozenset(own.own), around)
    found = _Actions(registry, {})
    return Target(parse(tested, found, limits), found, limits, extensions=around)


def with_deps(target: Target, deps: Mapping[str, Any]) -> Target:
    """Return the target with other dependencies of these names, handed over as they are.

    Raises ``InvalidStub`` for a name that its application does not provide: the real one would be used, unnoticed.
    """
    if not deps:
        return target
    there = target.extensions.providers
    for name in deps:
        if there and name not in there:
            raise InvalidStub(f"deps {name!r}: nothing is provided by this name; there are {', '.join(sorted(there))}")
    providers = there | {name: Provider(value) for name, value in deps.items()}
    return replace(target, extensions=replace(target.extensions, providers=providers))


def _limits(actions: Application | Registry | None) -> Limits:
    settings = getattr(actions, "settings", None)
    return DEFAULT_LIMITS if settings is None else settings.limits


def _registry(actions: Application | Registry | None) -> Registry:
    if isinstance(actions, Registry):
        return actions
    if actions is not None:
        return actions.registry
    registry = Registry()
    load_builtin_actions(registry)
    load_entry_points(registry)
    return registry


def _function(handler: Callable[..., Any]) -> Function[..., Any]:
    """Return a handler as the function that an application could make of it."""
    name = "".join(c if c.isascii() and c.isalnum() else "-" for c in getattr(handler, "__name__", "").lower())
    return define_function("test", name.strip("-") or "handler", handler, {})
