"""A dry run: a document, executed with nothing that could reach the world. For editors, and whoever asks "what if".

It fails closed. An action that is external is executed only as its own ``dry_run`` function or as a stub; one that has
neither is not, and the run stops there and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from workflowkit.base.clock import FakeClock
from workflowkit.base.errors import DefinitionError, InvalidInput, Problem
from workflowkit.base.jsonvalue import child_pointer
from workflowkit.base.limits import Limits
from workflowkit.base.netguard import NetworkPolicy
from workflowkit.engine import local
from workflowkit.engine.context import ActionConfig
from workflowkit.engine.extensions import Extensions
from workflowkit.engine.hooks import WillRetry
from workflowkit.engine.localnews import OnNews
from workflowkit.engine.localoptions import Bounds, LocalOptions
from workflowkit.engine.middleware import SkippedNode
from workflowkit.engine.stopswitch import StopSwitch
from workflowkit.registry import ActionSpec, Registry
from workflowkit.testing.outside import Stubbed
from workflowkit.testing.part import about_part, ids_of, part_until
from workflowkit.testing.result import RunResult
from workflowkit.testing.scenario import RUN_ID, check_stubs, complete_event
from workflowkit.testing.stubs import Stubs
from workflowkit.testing.target import Target, target_of

#: SAFETY: S12 — beside what is not executed at all: no address of the installation's own, no port that is open.
_NOWHERE = ActionConfig(network=NetworkPolicy(ports=frozenset()))


class _NoExtensions(Extensions):
    """Nothing surrounds an attempt: middleware of an application may do whatever it likes."""

    def hooks(self, spec: ActionSpec, will_retry: WillRetry) -> None:
        return None

    def skipped(self, spec: ActionSpec | None, describe: Callable[[], SkippedNode]) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A dry run that can begin: everything about it that can be wrong beforehand is right."""

    target: Target
    event: dict[str, Any]
    stubs: Stubs
    until: str | None = None
    state: Mapping[str, Any] | None = None

    def run(self, now_ms: int, *, on_news: OnNews | None = None, switch: StopSwitch | None = None) -> RunResult:
        """Run with nothing that could reach the world; ``local.held`` is at what it stopped.

        Raises ``InvalidStub``, and ``LimitExceeded`` past ``rehearsal_passes``, ``rehearsal_days`` and
        ``rehearsal_seconds``; ``StopInterrupt`` when the switch is thrown.
        """
        limits = self.target.limits
        outside = Stubbed(self.stubs, limits, rehearses=True)
        bounds = Bounds(limits.rehearsal_passes, limits.rehearsal_days, limits.rehearsal_seconds)
        options = LocalOptions(
            config=_NOWHERE, extensions=_NoExtensions(), limits=limits, outside=outside, bounds=bounds, run_id=RUN_ID,
            until=self.until, state=self.state, on_news=on_news, switch=switch or StopSwitch(), secrets=None,
        )  # fmt: skip
        target, clock = self.target, FakeClock(now_ms)
        result = local.run(target.workflow, self.event, target.actions, clock=clock, options=options)
        return RunResult(target.workflow, result, tuple(outside.calls), outside.unused)


def rehearsal_of(
    document: Mapping[str, Any],
    event: Mapping[str, Any] | None,
    stubs: Stubs,
    registry: Registry,
    *,
    limits: Limits,
    until: str | None = None,
    state: Mapping[str, Any] | None = None,
) -> Rehearsal:
    """Return the dry run of a document for an event, ready to begin.

    With ``until`` it goes no further than that action; with ``state``, outputs of others by id, that action is all that
    is executed. Of a document that is not valid as a whole, that action and what leads to it are all there is then.
    Raises ``DefinitionError`` with all problems of the document, or of that part; ``InvalidStub``; and ``InvalidInput``
    for a part that the document does not have.
    """
    target, rest = _target_of(document, registry, limits, until)
    # What is kept for actions of the rest stands for nothing here.
    stubs = replace(
        stubs, actions={key: one for key, one in stubs.actions.items() if key.partition(":")[2] not in rest}
    )
    state = None if state is None else {key: value for key, value in state.items() if key not in rest}
    check_stubs(stubs, target)
    _check_part(target, until, state)
    return Rehearsal(target, complete_event(event, target), stubs, until, state)


def _target_of(
    document: Mapping[str, Any], registry: Registry, limits: Limits, until: str | None
) -> tuple[Target, frozenset[str]]:
    """Return what can be run of a document, and the ids of the actions that are left out."""
    try:
        return target_of(document, registry, limits), frozenset()
    except DefinitionError as error:
        part = None if until is None else part_until(document, until)
        if part is None:
            raise
        try:
            target = target_of(part, registry, limits)
        except DefinitionError:
            raise about_part(error, document, part) from None
    return target, frozenset(ids_of(document) - ids_of(part))


def _check_part(target: Target, until: str | None, state: Mapping[str, Any] | None) -> None:
    """Raise ``InvalidInput`` for a part of a document that it does not have."""
    nodes = target.workflow.nodes
    problems = []
    if until is not None and until not in nodes:
        problems.append(Problem("/until", "invalid-value", f"there is no action {until!r} outside of loops"))
    if state is not None and until is None:
        problems.append(Problem("/until", "required", "a state is for one action: say which"))
    problems += [
        Problem(child_pointer("/state", node_id), "invalid-value", f"there is no action {node_id!r} outside of loops")
        for node_id in state or ()
        if node_id not in nodes
    ]
    if problems:
        raise InvalidInput(problems)
