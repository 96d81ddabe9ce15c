"""What an application has put around its actions: middleware and dependencies, collected at its start."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from workflowkit.base.errors import AlreadyExists, InvalidInput, MiddlewareError
from workflowkit.base.scope import Scope
from workflowkit.base.sealing import Sealing
from workflowkit.base.secretstore import SecretStore
from workflowkit.definition.model import Node
from workflowkit.engine.chain import Chain
from workflowkit.engine.context import RunInfo
from workflowkit.engine.deps import Provider
from workflowkit.engine.facts import Fact
from workflowkit.engine.hooks import Hooks, WillRetry, before_send
from workflowkit.engine.middleware import MiddlewareFactory, SkippedNode, StepInfo
from workflowkit.registry import ActionSpec

_log = logging.getLogger("workflowkit.middleware")


class Stored(Protocol):
    """An event that was accepted."""

    @property
    def id(self) -> str: ...


Accepted = TypeVar("Accepted", bound=Stored)


@dataclass(slots=True)
class Extensions:
    """The middleware and the dependencies of one application. Registration is for start-up, as with ``Registry``."""

    middleware: list[MiddlewareFactory] = field(default_factory=list)
    providers: dict[str, Provider] = field(default_factory=dict)
    sealing: Sealing | None = None
    secret_store: SecretStore | None = None
    #: By what the workflows of a tenant may be started; ``None`` for everything.
    trigger_policy: Callable[[Scope], Sequence[str]] | None = None

    def use(self, factory: MiddlewareFactory | Sealing) -> None:
        """Put middleware around every attempt, or encryption around what is stored.

        Raises ``InvalidInput`` for what is neither, ``AlreadyExists`` for a second encryption.
        """
        if isinstance(factory, Sealing):
            if self.sealing is not None:
                raise AlreadyExists("values are encrypted already: replace a key by fallback=[...]")
            self.sealing = factory
            return
        if not callable(factory):
            message = "middleware is a class, or a function without arguments that makes an instance: each attempt has"
            raise InvalidInput.at("/middleware", "invalid-middleware", f"{message} its own; got {factory!r}")
        self.middleware.append(factory)

    def provide(self, values: Mapping[str, Any], factories: Mapping[str, Any]) -> None:
        """Provide ``values`` as they are, and what ``factories`` make or are.

        Raises ``AlreadyExists`` for a name that is taken, ``InvalidInput`` for one that cannot be an attribute.
        """
        found = {name: Provider(value) for name, value in values.items()}
        found |= {name: Provider.of(given) for name, given in factories.items()}
        for name in [*values, *factories]:
            if not name.isidentifier() or name.startswith("_"):
                message = f"the name of an attribute, without an underscore in front; got {name!r}"
                raise InvalidInput.at(f"/{name}", "invalid-name", message)
            if name in self.providers or (name in values and name in factories):
                raise AlreadyExists(f"{name!r} is provided already")
        self.providers |= found

    def hooks(self, spec: ActionSpec, will_retry: WillRetry) -> Hooks | None:
        """Return what surrounds one attempt of an action; ``None`` if nothing does."""
        if not self.surround(spec):
            return None
        return Hooks((*self.middleware, *spec.middleware), self.providers, will_retry, is_async=spec.is_async)

    def surround(self, spec: ActionSpec) -> bool:
        """Tell whether anything surrounds the attempts of an action."""
        return bool(self.middleware or self.providers or spec.middleware)

    def send(
        self, events: Sequence[Mapping[str, Any]], accept: Callable[[Sequence[Any]], list[Accepted]]
    ) -> list[Accepted]:
        """Send events that no attempt sends: between the hooks, by calling ``accept``."""
        if not self.middleware:
            return accept(events)
        chain = Chain.made(self.middleware)
        try:
            accepted = accept(before_send(chain, events))
        except Exception as error:
            chain.each("after_send_events", [], error)
            raise
        chain.each("after_send_events", [each.id for each in accepted], None)
        return accepted

    def skipped(self, spec: ActionSpec | None, describe: Callable[[], SkippedNode]) -> None:
        """Tell that a run has passed a node by. Errors are logged: there is no attempt that could fail."""
        factories = [*self.middleware, *(spec.middleware if spec is not None else ())]
        if not factories:
            return
        try:
            Chain.made(factories).each("on_skip", describe())
        except MiddlewareError as error:
            _log.warning("%s", error)


def skipped_node(run: RunInfo, node: Node, fact: Fact) -> SkippedNode:
    """Return what middleware is told of a node that a run passed by."""
    return SkippedNode(run, StepInfo(node.id, node.id, node.kind, node.name), fact.reason or "")
