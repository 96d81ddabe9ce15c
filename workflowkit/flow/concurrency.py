"""Concurrency: how many steps may execute, or how many runs may be under way, at the same time.

A limit counts the *slots* of a group: held slots with the same scope, owner and key. A slot is a row that goes with the
lease of a step (mode ``steps``) or with a run from its start to its end (mode ``runs``), never a counter; so runs that
sleep or wait hold no slot of a step, and the slot of a dead worker is free when its lease is over.

Groups are formed by the value of the key and not by the text of its expression: two workflows that name the same tenant
in different words share a group, and each compares the shared count with a limit of its own. Whoever wants two keys
apart says so in them: ``"user:" + event.data.user``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from workflowkit.base import jsonvalue
from workflowkit.base.scope import Scope
from workflowkit.definition.settings.flow import Concurrency, ConcurrencyMode
from workflowkit.definition.settings.flow import Scope as Sharing
from workflowkit.flow.keys import Key


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose run it is."""

    scope: Scope
    workflow_id: str


@dataclass(frozen=True, slots=True)
class Ceiling:
    """At most ``limit`` slots of ``group`` may be held for one more to be taken."""

    group: str
    limit: int


def ceilings(
    limits: Sequence[Concurrency], keys: Sequence[Key], owner: Owner, mode: ConcurrencyMode
) -> tuple[Ceiling, ...]:
    """Return what a step (or, by ``mode``, a run) of ``owner`` has to stay under, ordered by group.

    ``keys`` are those that the event has for the limits, one for each. A limit of 0 is none. Of two
    limits on one group the lower counts.
    """
    lowest: dict[str, int] = {}
    for each, key in zip(limits, keys, strict=True):
        if each.mode is mode and each.limit > 0:
            group = _group(each, key, owner)
            lowest[group] = min(each.limit, lowest.get(group, each.limit))
    return tuple(Ceiling(group, limit) for group, limit in sorted(lowest.items()))


def action_ceiling(limit: int, owner: Owner, action_id: str) -> Ceiling:
    """Return what a step of one action of a workflow has to stay under beside the limits of the workflow."""
    return Ceiling(_text("action", owner.scope.environment, owner.scope.tenant, owner.workflow_id, action_id), limit)


def kind_ceiling(rule: Concurrency, scope: Scope, kind: str) -> Ceiling:
    """Return what a step of one kind of action has to stay under, whichever workflow it is in."""
    owners = {Sharing.TENANT: (scope.environment, scope.tenant), Sharing.ENVIRONMENT: (scope.environment,)}
    return Ceiling(_text("kind", rule.scope, *owners.get(rule.scope, ()), kind), rule.limit)


def blocked_by(under: Iterable[Ceiling], held: Mapping[str, int]) -> tuple[Ceiling, ...]:
    """Return the ceilings that are reached, given how many slots of each group are held; none means: go ahead.

    A group without an entry has no held slot. The counts must be read after the groups were locked.
    """
    return tuple(ceiling for ceiling in under if held.get(ceiling.group, 0) >= ceiling.limit)


def _group(each: Concurrency, key: Key, owner: Owner) -> str:
    environment, tenant = owner.scope.environment, owner.scope.tenant
    owners = {
        Sharing.WORKFLOW: (environment, tenant, owner.workflow_id),
        Sharing.TENANT: (environment, tenant),
        Sharing.ENVIRONMENT: (environment,),
        Sharing.INSTALLATION: (),
    }
    return _text(each.mode, each.scope, *owners[each.scope], key.text)


def _text(*parts: str) -> str:
    # JSON and not a separator: no name that a user chose can look like two.
    return jsonvalue.dumps([str(part) for part in parts])
