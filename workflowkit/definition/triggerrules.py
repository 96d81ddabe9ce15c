"""What the workflows of a tenant may be started by, where the application has a say in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from workflowkit.base.errors import InvalidInput, Problem
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.outline import outline
from workflowkit.definition.patterns import check_listed_name, is_listed
from workflowkit.definition.settings.triggers import (
    TRIGGER_KINDS,
    AnyTrigger,
    CronTrigger,
    ManualTrigger,
    Trigger,
    WebhookTrigger,
)

NOT_ALLOWED: Final = "trigger-not-allowed"
_NAMED: Final = ("event", "webhook")
_SEPARATOR: Final = ":"


@dataclass(frozen=True, slots=True)
class TriggerRules:
    """Kinds of triggers, and of events and webhooks also single names or beginnings of names: ``event:shop/*``."""

    kinds: frozenset[str]
    names: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, allowed: Iterable[str]) -> Self:
        """Return the rules that a list such as ``["manual", "event:shop/*"]`` says. Raises ``InvalidInput``."""
        whole, named = set(), []
        for index, text in enumerate(allowed):
            kind, separator, name = text.partition(_SEPARATOR)
            is_name = bool(separator) and kind in _NAMED and check_listed_name(name) is None
            if kind not in TRIGGER_KINDS or (separator and not is_name):
                message = f"a kind ({', '.join(TRIGGER_KINDS)}), event:<name> or webhook:<name>; got {text!r}"
                raise InvalidInput.at(f"/{index}", "invalid-value", message)
            if is_name:
                named.append((kind, name))
            else:
                whole.add(kind)
        return cls(frozenset(whole), tuple(named))

    @property
    def usable_kinds(self) -> tuple[str, ...]:
        """The kinds of which something is allowed, in the order in which they are always told."""
        usable = {*self.kinds, *(kind for kind, _ in self.names)}
        return tuple(kind for kind in TRIGGER_KINDS if kind in usable)

    @property
    def event_names(self) -> tuple[str, ...] | None:
        """The events that are allowed, as names and beginnings of names; ``None`` for all."""
        return None if "event" in self.kinds else self._named("event")

    @property
    def webhook_names(self) -> tuple[str, ...] | None:
        """The webhooks that are allowed, likewise."""
        return None if "webhook" in self.kinds else self._named("webhook")

    def check(self, document: Json) -> list[Problem]:
        """Return what is wrong with the triggers of a document."""
        if not isinstance(document, dict):
            return []
        return [
            Problem(trigger.pointer, NOT_ALLOWED, f"Workflows may not be started by this: {_shown(trigger)}")
            for trigger in outline(document).triggers
            if not self._admits(trigger)
        ]

    def _admits(self, trigger: AnyTrigger) -> bool:
        kind, name = _kind(trigger), _name(trigger)
        # A pattern is taken literally: shop/* is more than shop/order.* allows.
        return kind in self.kinds or (name is not None and is_listed(self._named(kind), name))

    def _named(self, kind: str) -> tuple[str, ...]:
        return tuple(name for named_kind, name in self.names if named_kind == kind)


#: Where the application says nothing.
EVERYTHING: Final = TriggerRules(frozenset(TRIGGER_KINDS))


def _kind(trigger: AnyTrigger) -> str:
    match trigger:
        case Trigger():
            return "event"
        case CronTrigger():
            return "cron"
        case WebhookTrigger():
            return "webhook"
        case ManualTrigger():
            return "manual"
        case _:
            return "http"


def _name(trigger: AnyTrigger) -> str | None:
    match trigger:
        case Trigger():
            return trigger.event
        case WebhookTrigger():
            return trigger.name
        case _:
            return None


def _shown(trigger: AnyTrigger) -> str:
    name = _name(trigger)
    return _kind(trigger) if name is None else f"{_kind(trigger)} {name}"
