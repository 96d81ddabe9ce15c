"""A test of a workflow or a function: what it is given, and what stands for the world while it runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypedDict, Unpack, cast, get_args

from workflowkit.base.clock import FakeClock
from workflowkit.base.errors import InvalidInput, InvalidStub
from workflowkit.engine import local
from workflowkit.engine.local import Given
from workflowkit.engine.localoptions import Bounds, LocalOptions
from workflowkit.engine.localresult import StepRecord
from workflowkit.registry import Registry
from workflowkit.testing.outside import Stubbed
from workflowkit.testing.result import RunResult
from workflowkit.testing.stubs import COMPENSATION, NODE, STEP, AnyStub, Coming, Stubs, stubs_of
from workflowkit.testing.target import Application, Target, Tested, target_of, with_deps
from workflowkit.testing.unstubbed import never_came, never_reached, unstubbed

#: When the clock of a test starts if it is not told: 2025-06-15, 15:06:40 UTC.
START_MS = 1_750_000_000_000
#: The id of every run under test, so that ids which follow from it are the same each time.
RUN_ID = "0" * 26
DEFAULT_EVENT = "test/run"
#: Whether what a handler executes as a step needs a stub.
StepsAre = Literal["executed", "stubbed"]


class Surroundings(TypedDict, total=False):
    """What stands for the world, beside the stubs of actions and steps."""

    events: Iterable[Coming]
    signals: Mapping[str, AnyStub]
    invokes: Mapping[Any, AnyStub]
    deps: Mapping[str, Any]
    clock: FakeClock | None
    max_days: int
    steps: StepsAre


class Changes(Surroundings, total=False):
    """What ``Scenario.clone`` may change."""

    tested: Tested
    event: Given | None
    actions: Application | Registry | None
    stubs: Mapping[str, AnyStub]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One test, ready to be run as often as need be.

    ``tested`` is a document (or the path of one), a parsed workflow, or a function; ``actions`` the application or the
    registry whose actions it uses. The rest is as in ``run``.
    """

    tested: Tested
    event: Given | None = None
    actions: Application | Registry | None = None
    stubs: Mapping[str, AnyStub] = field(default_factory=dict)
    events: Iterable[Coming] = ()
    signals: Mapping[str, AnyStub] = field(default_factory=dict)
    invokes: Mapping[Any, AnyStub] = field(default_factory=dict)
    deps: Mapping[str, Any] = field(default_factory=dict)
    clock: FakeClock | None = None
    max_days: int = 400
    steps: StepsAre = "executed"

    def clone(self, **changes: Unpack[Changes]) -> Scenario:
        """Return a scenario with some things changed: of ``stubs``, ``signals``, ``invokes`` and ``deps`` those that
        are given are added or replaced, anything else is replaced as a whole."""
        given = cast("dict[str, Any]", changes)
        merged = {name: {**getattr(self, name), **given[name]} for name in _MERGED if name in given}
        return replace(self, **{**given, **merged})

    def run(self, *, until: str | None = None) -> RunResult:
        """Run it, to its end or up to the action ``until``. Raises ``Unstubbed``, ``InvalidStub`` and what ``run``
        raises."""
        return self._run(self._target(), until, None)

    def run_step(self, node_id: str, state: Mapping[str, Any] | None = None) -> StepRecord:
        """Execute one action only, as if others had given ``state``, outputs by id; return what became of it."""
        return self._run(self._target(), node_id, dict(state or {})).step(node_id)

    def _target(self) -> Target:
        return with_deps(target_of(self.tested, self.actions), self.deps)

    def _run(self, target: Target, until: str | None, state: Mapping[str, Any] | None) -> RunResult:
        nodes = target.workflow.nodes
        for node_id in {*(state or {}), *([] if until is None else [until])}:
            if node_id not in nodes:
                raise InvalidStub(f"there is no action {node_id!r}; there are {', '.join(nodes)}")
        stubs = stubs_of(self.stubs, self.events, self.signals, self.invokes)
        if self.steps not in get_args(StepsAre):
            raise InvalidStub(f"steps: one of {', '.join(get_args(StepsAre))}, got {self.steps!r}")
        return rehearse(
            target, self.event, stubs, clock=self.clock, max_days=self.max_days, until=until, state=state,
            holds_steps=self.steps == "stubbed",
        )  # fmt: skip


_MERGED = ("stubs", "signals", "invokes", "deps")


def rehearse(
    target: Target,
    event: Given | None,
    stubs: Stubs,
    *,
    clock: FakeClock | None = None,
    max_days: int | None = None,
    until: str | None = None,
    state: Mapping[str, Any] | None = None,
    holds_steps: bool = False,
) -> RunResult:
    """Run a target with stubs; the rest is as in ``run`` and ``run_step``."""
    check_stubs(stubs, target)
    limits = target.limits
    outside = Stubbed(stubs, limits, real_kinds=target.own_kinds, holds_steps=holds_steps)
    bounds = Bounds(passes=limits.rehearsal_passes, days=limits.rehearsal_days if max_days is None else max_days)
    options = LocalOptions(
        extensions=target.extensions, limits=limits, outside=outside, bounds=bounds, until=until, state=state,
        run_id=RUN_ID, secrets=None, is_followed=True,
    )  # fmt: skip
    clock = clock or FakeClock(START_MS)
    given = _batch(event, target) if isinstance(event, list | tuple) else complete_event(event, target)
    result = local.run(target.workflow, given, target.actions, clock=clock, options=options)
    # Documents have branches, and what is not external in them does nothing: a stub too many may stay.
    unreached = outside.unreached if target.own_kinds else ()
    if result.held:
        raise unstubbed(result.held, unreached)
    if unreached:
        raise never_reached(unreached, outside.reached, result)
    if outside.events_left and until is None:
        raise never_came(outside.events_left, result)
    return RunResult(target.workflow, result, tuple(outside.calls), outside.unused)


def complete_event(event: Any, target: Target, number: int = 1) -> dict[str, Any]:
    """Return an event with what it lacks: the name of the first trigger, an id that is always the same.

    Raises ``InvalidInput`` for what is no JSON object.
    """
    if event is not None and not isinstance(event, Mapping):
        raise InvalidInput.at("", "wrong-type", "an event must be a JSON object")
    triggers = target.workflow.triggers
    name = triggers[0].event if triggers and "*" not in triggers[0].event else DEFAULT_EVENT
    return {"id": f"event-{number}", "name": name, "data": {}, **(event or {})}


def _batch(events: Sequence[Mapping[str, Any]], target: Target) -> list[dict[str, Any]]:
    """Return the events of a batch with what they lack. Their ids are different ones."""
    return [complete_event(each, target, number) for number, each in enumerate(events, 1)]


def check_stubs(stubs: Stubs, target: Target) -> None:
    """Raise ``InvalidStub`` for a stub of an action that the document does not have: it would go unnoticed."""
    nodes = {node.id: node.kind for node in target.workflow.every_node()}
    kinds = {*nodes.values(), *(node.compensate.kind for node in target.workflow.every_node() if node.compensate)}
    for key in stubs.actions:
        if key.startswith(STEP) or (key.startswith(COMPENSATION) and target.own_kinds):
            continue
        if key.startswith(COMPENSATION):
            if key.removeprefix(COMPENSATION) not in nodes:
                raise InvalidStub(f"stub {key!r}: there is no such action; there are {', '.join(nodes)}")
            continue
        if key.startswith(NODE):
            if key.removeprefix(NODE) not in nodes:
                raise InvalidStub(f"stub {key!r}: there is no such action; there are {', '.join(nodes)}")
        elif key not in kinds and target.actions.get(key) is None:
            meant = f"; the action with this id is {NODE + key!r}" if key in nodes else ""
            raise InvalidStub(f"stub {key!r}: no action has this kind; there are {', '.join(sorted(kinds))}{meant}")


def run(
    tested: Tested,
    event: Given | None = None,
    *,
    actions: Application | Registry | None = None,
    stubs: Mapping[str, AnyStub] | None = None,
    events: Iterable[Coming] = (),
    signals: Mapping[str, AnyStub] | None = None,
    invokes: Mapping[Any, AnyStub] | None = None,
    deps: Mapping[str, Any] | None = None,
    clock: FakeClock | None = None,
    max_days: int = 400,
    until: str | None = None,
    steps: StepsAre = "executed",
) -> RunResult:
    """Run a workflow or a function for an event, with stubs for the world outside; nothing really waits.

    ``stubs`` are by the kind of an action, ``node:<action id>``, or ``step:<step id>`` for what a handler opens. Each
    is a value, an exception, ``Timeout``, ``stub(...)``, ``in_turn(...)``, or a callable that is given the resolved
    inputs and the context. ``events`` come while the run goes on, ``signals`` and ``invokes`` are by name and by what
    is invoked. ``event`` lacks what the first trigger says and intake would add; for what has a ``batch`` it may be a
    list of events, which start the run together. With ``until`` the run stops behind that action. With
    ``steps="stubbed"`` what a handler executes as a step needs a stub too.

    Raises ``Unstubbed`` if it came to an external action or a wait without a stub, ``InvalidStub`` for a stub that
    cannot be right or is of a function's step that was never reached, ``DefinitionError`` for a document that is not
    valid, ``LimitExceeded`` past ``max_days``.
    """
    return Scenario(
        tested=tested, event=event, actions=actions, stubs=stubs or {}, events=tuple(events), signals=signals or {},
        invokes=invokes or {}, deps=deps or {}, clock=clock, max_days=max_days, steps=steps,
    ).run(until=until)  # fmt: skip


def run_step(
    tested: Tested,
    node_id: str,
    event: Given | None = None,
    *,
    state: Mapping[str, Any] | None = None,
    actions: Application | Registry | None = None,
    stubs: Mapping[str, AnyStub] | None = None,
    **options: Unpack[Surroundings],
) -> StepRecord:
    """Execute one action of a workflow only, as if the others had given ``state``, outputs by id."""
    return Scenario(tested=tested, event=event, actions=actions, stubs=stubs or {}, **options).run_step(node_id, state)
