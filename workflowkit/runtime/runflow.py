"""What flow control keeps of a run, frozen when it was admitted: its place in queues, and what its steps are under.

Keys are evaluated once. So a change of the settings affects later events only, and a run goes on under what it began
with; but how high its limits of concurrency are is what is published (``store.ceilings``). Stored as JSON with the run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import zip_longest
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.scope import Scope
from workflowkit.base.settings import DEFAULT_QUEUE
from workflowkit.definition.settings.flow import ConcurrencyMode, FlowControl
from workflowkit.flow.concurrency import Ceiling, Owner, ceilings, own_rule
from workflowkit.flow.gcra import Rate
from workflowkit.flow.keys import FlowKeys
from workflowkit.store.flowstates import StateKey
from workflowkit.store.lanes import Lane, QueuedStep
from workflowkit.store.runs import RunRecord
from workflowkit.store.slots import Wanted

#: Most runs whose flow control is kept as it was read, and most lanes.
MOST_READ = 1_000
_READ: dict[int, tuple[Mapping[str, Any], RunFlow]] = {}


@dataclass(frozen=True, slots=True)
class RunFlow:
    """The flow control of one run.

    ``steps`` and ``runs`` are the ceilings that its steps, or that it as a whole, has to stay under; ``throttle`` is
    the rate of its start, with the key; ``actions`` is what single nodes are under besides. ``singleton`` is the key
    whose lock it may hold, ``collection`` the batch whose events it has. ``score_ms`` and ``sequence`` order it among
    others that wait; the score has a head start of ``head_start_ms`` in it, ``None`` if its workflow knows none.
    """

    score_ms: int
    sequence: str
    steps: tuple[Ceiling, ...] = ()
    runs: tuple[Ceiling, ...] = ()
    throttle: tuple[Rate, str] | None = None
    singleton: str | None = None
    collection: str | None = None
    actions: Mapping[str, tuple[Ceiling, ...]] = field(default_factory=dict)
    head_start_ms: int | None = None

    def while_at(self, step_key: str) -> tuple[Ceiling, ...]:
        """Return the ceilings whose slots a step holds while it executes."""
        return (*self.steps, *self.actions.get(step_key, ()))

    def under(self, step_key: str, *, has_started: bool) -> tuple[Ceiling, ...]:
        """Return the ceilings for a step of the run, by whether it is the first."""
        return self.while_at(step_key) if has_started else (*self.while_at(step_key), *self.runs)

    def holds_up(self, step_key: str, *, has_started: bool) -> bool:
        """Tell whether a step of the run may have to wait for others."""
        return bool(self.under(step_key, has_started=has_started)) or (not has_started and self.throttle is not None)

    def held_at(self, step_key: str, *, is_over: bool) -> Mapping[str, int]:
        """Return the ceilings whose slots are given back as a step ends, and its run if it ``is_over``."""
        return _limits((*self.while_at(step_key), *(self.runs if is_over else ())))

    def wanted(self, step_key: str, lane: Lane, *, has_started: bool) -> Wanted:
        """Return what a step needs to start that would wait in ``lane``."""
        throttle, scope = None, lane.scope
        if lane.throttle is not None:
            throttle = {**lane.throttle, "lane_id": lane.id, "environment": scope.environment, "tenant": scope.tenant}
        run_groups = () if has_started else [each.group for each in self.runs]
        return Wanted(lane.ceilings, [each.group for each in self.while_at(step_key)], run_groups, throttle, lane.rules)

    def of_part(self) -> RunFlow:
        """Return what a part of the run is under, a run of its own that starts when it is to; but for its actions."""
        return replace(self, runs=(), throttle=None, singleton=None, actions={})

    def again(self, now_ms: int) -> RunFlow:
        """Return what the run is under when it is run again."""
        head_start_ms = None if self.head_start_ms is None else 0
        return replace(self, score_ms=now_ms, head_start_ms=head_start_ms)

    def as_json(self) -> dict[str, Any]:
        """Return it as it is stored; what is absent is left out."""
        value: dict[str, Any] = {"score_ms": self.score_ms, "sequence": self.sequence}
        for name in ("steps", "runs"):
            if limits := getattr(self, name):
                value[name] = _limits(limits)
        if any(rules := [ceiling.rule for ceiling in (*self.steps, *self.runs)]):
            value["rules"] = rules
        if self.throttle is not None:
            rate, key = self.throttle
            value["throttle"] = throttle_json(rate, key)
        if self.actions:
            value["actions"] = {node: _limits(under) for node, under in self.actions.items()}
        for name in ("singleton", "collection", "head_start_ms"):
            if (text := getattr(self, name)) is not None:
                value[name] = text
        return value

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> RunFlow:
        throttle, of_steps, rules = value.get("throttle"), value.get("steps", {}), value.get("rules", [])
        return cls(
            value["score_ms"], value["sequence"],
            _ceilings(of_steps, rules), _ceilings(value.get("runs"), rules[len(of_steps) :]),
            None if throttle is None else (rate_of(throttle), throttle["key"]),
            value.get("singleton"), value.get("collection"),
            {
                node: _ceilings(under, [own_rule(group) for group in sorted(under)])
                for node, under in value.get("actions", {}).items()
            },
            value.get("head_start_ms"),
        )  # fmt: skip


def flow_of(run: RunRecord) -> RunFlow | None:
    """Return the flow control of a run, ``None`` if its workflow has none."""
    stored = run.flow
    if stored is None:
        return None
    # By what it was read of, which a record never changes and shares with those made from it: each step asks thrice.
    known = _READ.get(id(stored))
    return known[1] if known is not None and known[0] is stored else _keep(stored, RunFlow.from_json(stored))


def stored_flow(flow: RunFlow) -> dict[str, Any]:
    """Return flow control as it is stored with a run, from which ``flow_of`` need not read it again."""
    stored = flow.as_json()
    _keep(stored, flow)
    return stored


def _keep(stored: Mapping[str, Any], flow: RunFlow) -> RunFlow:
    if len(_READ) >= MOST_READ:
        _READ.clear()
    _READ[id(stored)] = stored, flow
    return flow


def limited_flow_of(run: RunRecord) -> RunFlow | None:
    """Return the flow control of a run whose next step may have to wait for others, ``None`` for all other runs."""
    return flow_of(run) if is_limited(run) else None


def is_limited(run: RunRecord) -> bool:
    """Tell whether the next step of a run may have to wait for others."""
    flow = run.flow
    if flow is None:
        return False
    return (
        "steps" in flow or "actions" in flow or (run.started_at_ms is None and ("runs" in flow or "throttle" in flow))
    )


def groups_of(run: RunRecord) -> set[str]:
    """Return the groups of slots that a run, or one of its steps, may hold."""
    flow = flow_of(run)
    if flow is None:
        return set()
    return {ceiling.group for under in (flow.steps, flow.runs, *flow.actions.values()) for ceiling in under}


def freeze(
    flow: FlowControl,
    keys: FlowKeys,
    owner: Owner,
    *,
    score_ms: int,
    sequence: str,
    collection: str | None = None,
    head_start_ms: int | None = None,
) -> RunFlow:
    """Return the flow control of a run that is admitted."""
    return RunFlow(
        score_ms=score_ms,
        sequence=sequence,
        steps=ceilings(flow.concurrency, keys.concurrency, owner, ConcurrencyMode.STEPS),
        runs=ceilings(flow.concurrency, keys.concurrency, owner, ConcurrencyMode.RUNS),
        throttle=None if flow.throttle is None else (Rate.of(flow.throttle), keys.throttle.text),
        singleton=singleton_key(flow, keys),
        collection=collection,
        head_start_ms=head_start_ms,
    )


def singleton_key(flow: FlowControl, keys: FlowKeys) -> str | None:
    """Return the key of the singleton that the event is under; a key that is false or failed is none."""
    key = keys.singleton
    return None if flow.singleton is None or key.is_false or key.fault is not None else key.text


def lane_of(run: RunRecord, flow: RunFlow, queue: str, step_key: str) -> Lane:
    """Return the lane in which a step of a run waits."""
    has_started = run.started_at_ms is not None
    return _lane(
        run.scope, run.workflow_id, queue, flow.under(step_key, has_started=has_started),
        None if has_started else flow.throttle,
    )  # fmt: skip


def lane_of_whole(run: RunRecord, flow: RunFlow) -> Lane:
    """Return the lane in which a run that has begun waits for the slots that it holds as a whole."""
    return _lane(run.scope, run.workflow_id, DEFAULT_QUEUE, flow.runs, None)


@lru_cache(maxsize=MOST_READ)
def _lane(
    scope: Scope, workflow_id: str, queue: str, under: tuple[Ceiling, ...], throttle: tuple[Rate, str] | None
) -> Lane:  # fmt: skip
    limits, rules = _limits(under), {ceiling.group: ceiling.rule for ceiling in under if ceiling.rule is not None}
    rate = None if throttle is None else {**throttle_json(*throttle), "workflow_id": workflow_id}
    parent = _id(scope.environment, scope.tenant)
    # How high a limit with a rule is makes no other lane: all its steps are under what is published.
    own = {group: None if group in rules else limit for group, limit in limits.items()}
    lane_id = _id(scope.environment, scope.tenant, workflow_id, queue, own, rate)
    return Lane(lane_id, scope, parent, queue, limits, rate, rules)


def queued(run: RunRecord, flow: RunFlow, lane: Lane, step_key: str) -> QueuedStep:
    """Return the place of a step of a run in its lane."""
    line = None if flow.head_start_ms is None else _line(run.scope, run.workflow_id)
    return QueuedStep(
        run.id, step_key, lane.id, flow.score_ms, f"{flow.sequence}:{run.id}:{step_key}", line, flow.head_start_ms
    )  # fmt: skip


@lru_cache(maxsize=MOST_READ)
def _line(scope: Scope, workflow_id: str) -> str:
    return _id(scope.environment, scope.tenant, workflow_id)


def throttle_state(lane: Lane) -> StateKey | None:
    """Return the key of the throttle that the steps of a lane are under."""
    if lane.throttle is None:
        return None
    scope = lane.scope
    return StateKey(
        scope.environment, scope.tenant, lane.throttle["workflow_id"], "throttle", lane.throttle["key"]
    )  # fmt: skip


def rate_of(throttle: Mapping[str, Any]) -> Rate:
    """Return the rate of a stored throttle."""
    return Rate(throttle["limit"], throttle["period_ms"], throttle["burst"])


def throttle_json(rate: Rate, key: str) -> dict[str, Any]:
    """Return a throttle as it is stored."""
    return {**rate_json(rate), "key": key}


def rate_json(rate: Rate) -> dict[str, int]:
    """Return a rate as it is stored."""
    return {"limit": rate.limit, "period_ms": rate.period_ms, "burst": rate.burst}


def _limits(under: Iterable[Ceiling]) -> dict[str, int]:
    return {ceiling.group: ceiling.limit for ceiling in under}


def _ceilings(value: Mapping[str, int] | None, rules: Sequence[str | None] = ()) -> tuple[Ceiling, ...]:
    # The groups are in their order, and so are the rules.
    return tuple(
        Ceiling(group, limit, rule)
        for (group, limit), rule in zip_longest(sorted((value or {}).items()), rules[: len(value or {})])
    )  # fmt: skip


def _id(*parts: Any) -> str:
    return hashlib.blake2b(jsonvalue.canonical(list(parts)), digest_size=16).hexdigest()
