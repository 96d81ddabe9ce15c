"""Concurrency: how many steps may execute, or how many runs may be under way, at the same time.

A limit counts the *slots* of a group: held slots with the same scope, owner and key. A slot is a row that goes with the
lease of a step (mode ``steps``) or with a run from its start to its end (mode ``runs``), never a counter; so runs that
sleep or wait hold no slot of a step, and the slot of a dead worker is free when its lease is over.

Groups are formed by the value of the key and not by the text of its expression: two workflows that name the same tenant
in different words share a group, and each compares the shared count with a limit of its own. Whoever wants two keys
apart says so in them: ``"user:" + event.data.user``.

In which groups a run is does not change. How high a limit is does, when another version is published: then what waits
stays under the limit that is published. So a limit has a name, its *rule*, which it keeps from version to version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from workflowkit.base import jsonvalue
from workflowkit.base.scope import Scope, owner_of
from workflowkit.definition.settings.flow import Concurrency, ConcurrencyMode
from workflowkit.definition.settings.flow import Scope as Sharing
from workflowkit.flow.keys import Key

#: Stands for the height of a limit that was taken away.
NO_LIMIT: Final = 2**31


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose run it is."""

    scope: Scope
    workflow_id: str


@dataclass(frozen=True, slots=True)
class Ceiling:
    """At most ``limit`` slots of ``group`` may be held for one more to be taken.

    With a ``rule``, that is what was published when the run began, and what counts is what is published now.
    """

    group: str
    limit: int
    rule: str | None = None


def ceilings(
    limits: Sequence[Concurrency], keys: Sequence[Key], owner: Owner, mode: ConcurrencyMode
) -> tuple[Ceiling, ...]:
    """Return what a step (or, by ``mode``, a run) of ``owner`` has to stay under, ordered by group.

    ``keys`` are those that the event has for the limits, one for each. A limit of 0 is none. Of two
    limits on one group the lower counts.
    """
    met: dict[str, list[Concurrency]] = {}
    for each, key in zip(limits, keys, strict=True):
        if each.mode is mode and each.limit > 0:
            met.setdefault(_group(each, key, owner), []).append(each)
    return tuple(
        Ceiling(group, min(each.limit for each in under), _together(_rule(each, owner) for each in under))
        for group, under in sorted(met.items())
    )


def heights(before: Sequence[Concurrency], after: Sequence[Concurrency], owner: Owner) -> dict[str, int]:
    """Return how high the limits are, by rule, with a version after another one.

    A limit that is gone is none any more if no other of its mode is left; otherwise its steps stay under it, as nobody
    knows under which other ones they would be.
    """
    modes = {each.mode for each in after if each.limit > 0}
    gone = [each for each in before if each.mode not in modes]
    present = _by_rule(after, owner)
    found = present | dict.fromkeys(_by_rule(gone, owner), NO_LIMIT)
    for rules in _meetings(before, owner) | _meetings(after, owner):
        if left := [present[rule] for rule in rules if rule in present]:
            found[_together(rules)] = min(left)
        elif rules <= found.keys():
            found[_together(rules)] = NO_LIMIT
    return found


def action_ceiling(limit: int, owner: Owner, action_id: str) -> Ceiling:
    """Return what a step of one action of a workflow has to stay under beside the limits of the workflow."""
    group = _text("action", owner.scope.environment, owner.scope.tenant, owner.workflow_id, action_id)
    return Ceiling(group, limit, own_rule(group))


def own_rule(group: str) -> str:
    """Return the rule of the limit of a single action of a workflow, or of a kind: it follows from the group."""
    named, *owners, what = jsonvalue.loads(group)
    # There is one such limit for each action; that of a kind is one for all tenants.
    return _hash(group) if named == "action" else _kind_rule(owners[0], what, *owners[1:2])


def action_heights(before: Mapping[str, int], after: Mapping[str, int], owner: Owner) -> dict[str, int]:
    """Return how high the limits of single actions are, by rule, with a version after another one.

    ``before`` and ``after`` have a limit for each action, 0 for none. Under that of an action that is gone its steps
    stay.
    """
    return {
        str(action_ceiling(limit, owner, action_id).rule): limit or NO_LIMIT
        for action_id, limit in after.items() if limit or before.get(action_id)
    }  # fmt: skip


def kind_ceiling(rule: Concurrency, scope: Scope, kind: str) -> Ceiling:
    """Return what a step of one kind of action has to stay under, whichever workflow it is in."""
    owners = {Sharing.TENANT: (scope.environment, scope.tenant), Sharing.ENVIRONMENT: (scope.environment,)}
    within = owners.get(rule.scope, ())
    return Ceiling(_text("kind", rule.scope, *within, kind), rule.limit, _kind_rule(rule.scope, kind, *within[:1]))


def kind_heights(
    limits: Mapping[str, Concurrency | None], environment: str
) -> tuple[dict[str, int], dict[str, int]]:  # fmt: skip
    """Return how high the limits of kinds are, by rule, as they are registered; and of kinds without one, none.

    Under the limit of a kind whose scope is another one now its steps stay, as its slots are counted apart.
    """
    present, absent = dict[str, int](), dict[str, int]()
    for kind, rule in limits.items():
        rules = {sharing: _kind_rule(sharing, kind, *_environment(sharing, environment)) for sharing in Sharing}
        if rule is None:
            absent |= dict.fromkeys(rules.values(), NO_LIMIT)
        else:
            present[rules[rule.scope]] = rule.limit
    return present, absent


@dataclass(frozen=True, slots=True)
class Named:
    """What the name of a group says: ``concurrency`` with its mode and the text of the key, or the limit of an
    ``action`` or of a ``kind``, which is the key then."""

    control: str
    mode: str | None
    key: str


def name_of(group: str) -> Named:
    """Return what a group is that was made here."""
    first, *_, last = jsonvalue.loads(group)
    return Named(first, None, last) if first in ("action", "kind") else Named("concurrency", first, last)


def blocked_by(under: Iterable[Ceiling], held: Mapping[str, int]) -> tuple[Ceiling, ...]:
    """Return the ceilings that are reached, given how many slots of each group are held; none means: go ahead.

    A group without an entry has no held slot. The counts must be read after the groups were locked.
    """
    return tuple(ceiling for ceiling in under if held.get(ceiling.group, 0) >= ceiling.limit)


def _environment(sharing: Sharing, environment: str) -> tuple[str, ...]:
    return () if sharing is Sharing.INSTALLATION else (environment,)


def _kind_rule(sharing: str, kind: str, *environment: str) -> str:
    return _hash(_text("kind", sharing, *environment, kind))


def _by_rule(limits: Sequence[Concurrency], owner: Owner) -> dict[str, int]:
    lowest: dict[str, int] = {}
    for each in limits:
        if each.limit > 0:
            rule = _rule(each, owner)
            lowest[rule] = min(each.limit, lowest.get(rule, each.limit))
    return lowest


def _meetings(limits: Sequence[Concurrency], owner: Owner) -> set[frozenset[str]]:
    """Return the rules that may meet in one group, because their keys have the same value."""
    alike: dict[tuple[ConcurrencyMode, Sharing], set[str]] = {}
    for each in limits:
        if each.limit > 0:
            alike.setdefault((each.mode, each.scope), set()).add(_rule(each, owner))
    return {
        frozenset(some)
        for rules in alike.values() for size in range(2, len(rules) + 1) for some in combinations(rules, size)
    }  # fmt: skip


def _together(rules: Iterable[str]) -> str:
    """Return the rule of limits that meet in one group: which of them is the lower one may change."""
    first, *others = sorted(set(rules))
    return _hash(_text(first, *others)) if others else first


def _rule(each: Concurrency, owner: Owner) -> str:
    """Return the name of a limit, short: it is stored with every run. It has nothing of the limit's height."""
    whose = owner_of(owner.scope, owner.workflow_id)
    text = _text(whose.environment, whose.tenant, owner.workflow_id, each.mode, each.scope, each.key or "")
    return _hash(text)


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=9).hexdigest()


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
