"""What is watched for as long as a run lasts: the events that cancel it, and its time limits.

Planned with the run, in the transaction that makes it, so that both hold although no worker may be alive; and anew
where the run is moved to another version, which may watch for something else. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from workflowkit.base.ids import first_id
from workflowkit.base.limits import DEFAULT_LIMITS
from workflowkit.base.scope import Scope
from workflowkit.definition.model import Workflow
from workflowkit.definition.settings.workflow import CancelRule, Timeouts
from workflowkit.engine.awaiting import correlate
from workflowkit.engine.waits import Wait, WaitKind
from workflowkit.store.runs import RunRecord
from workflowkit.store.timers import TimerRow
from workflowkit.store.waits import Kind, WaitRow

#: The kinds of the timers of a run; their ``subject`` is the run, their data has the version that they are of.
START_TIMER, FINISH_TIMER, LISTEN_TIMER = "run.start-timeout", "run.finish-timeout", "run.listen"
WATCH_TIMERS = (START_TIMER, FINISH_TIMER, LISTEN_TIMER)


@dataclass(slots=True)
class Watches:
    """The rows that watch over one run. ``paths`` is by wait: what events of its name are looked up by."""

    waits: list[WaitRow] = field(default_factory=list)
    timers: list[TimerRow] = field(default_factory=list)
    paths: dict[str, str] = field(default_factory=dict)

    @property
    def lookups(self) -> Iterator[tuple[Scope, str, str]]:
        """Scope, name and path of each listener."""
        return ((row.scope, row.name, self.paths[row.wait_key]) for row in self.waits)


def is_watched(workflow: Workflow) -> bool:
    """Tell whether runs of a workflow have watches, which their end must take away."""
    settings = workflow.settings
    return bool(settings.cancel_on) or settings.timeouts != _NO_TIMEOUTS


def watches_of(run: RunRecord, workflow: Workflow, event: dict[str, Any], now_ms: int) -> Watches:
    """Return what is to be watched for a run that begins now."""
    found = Watches()
    if run.path is None and is_watched(workflow):  # a part is watched by the run it is of
        found.timers += _limits(run, workflow.settings.timeouts, now_ms)
        for index, rule in enumerate(workflow.settings.cancel_on):
            _listen(found, run, f"$cancel/{index}", rule, event, now_ms, now_ms)
        if found.waits:
            found.timers.append(_second_look(found, run, now_ms, listens_after(run, now_ms)))
    return found


def watches_of_moved(
    run: RunRecord, workflow: Workflow, event: dict[str, Any], now_ms: int, after: str | None
) -> Watches:
    """Return what is to be watched for a run that is moved to this version of its workflow.

    All times count from the run's beginning; one that is over by now, is over. Events count that come from now on, or
    after the one with the id ``after``.
    """
    found, begun_ms = Watches(), run.created_at_ms
    for limit in _limits(run, workflow.settings.timeouts, begun_ms):
        if limit.kind == FINISH_TIMER and run.started_at_ms is not None:
            limit = replace(limit, due_at_ms=limit.due_at_ms - begun_ms + run.started_at_ms)
        if limit.kind == FINISH_TIMER or run.started_at_ms is None:
            found.timers.append(replace(limit, id=f"{limit.id}:{run.version}"))
    for index, rule in enumerate(workflow.settings.cancel_on):
        _listen(found, run, f"$cancel/{index}", rule, event, begun_ms, now_ms)
    if found.waits:
        look = _second_look(found, run, now_ms, after or first_id(now_ms))
        found.timers.append(replace(look, id=f"{look.id}:{run.version}"))
    return found


def is_current(timer: TimerRow, run: RunRecord) -> bool:
    """Tell whether a timer is of the version that its run is on: one that is just being fired outlives a move."""
    version = (timer.data or {}).get("version")
    return version is None or version == run.version


_NO_TIMEOUTS = Timeouts()


def _limits(run: RunRecord, timeouts: Timeouts, now_ms: int) -> Iterator[TimerRow]:
    data: dict[str, Any] = {"version": run.version}
    if timeouts.start_ms is not None:
        yield TimerRow(f"{START_TIMER}:{run.id}", START_TIMER, run.scope, run.id, now_ms + timeouts.start_ms, data)
    if timeouts.finish_ms is not None:
        data = data | {"finish_ms": timeouts.finish_ms}
        yield TimerRow(f"{FINISH_TIMER}:{run.id}", FINISH_TIMER, run.scope, run.id, now_ms + timeouts.finish_ms, data)


def _listen(
    found: Watches, run: RunRecord, wait_key: str, rule: CancelRule, event: dict[str, Any], begun_ms: int, now_ms: int
) -> None:
    deadline_ms = None if rule.timeout_ms is None else begun_ms + rule.timeout_ms
    if deadline_ms is not None and deadline_ms <= now_ms:
        return
    wait = Wait(wait_key, WaitKind.EVENT, deadline_ms or now_ms, rule.event, rule.condition)
    path, match_key, rest = correlate(wait, event, DEFAULT_LIMITS)
    found.paths[wait_key] = path
    row = WaitRow(
        run_id=run.id, wait_key=wait_key, step_key="", kind=Kind.CANCEL, scope=run.scope, name=rule.event,
        created_at_ms=now_ms, match_key=match_key, condition=rest, deadline_at_ms=deadline_ms,
    )  # fmt: skip
    found.waits.append(row)


def _second_look(found: Watches, run: RunRecord, now_ms: int, after: str) -> TimerRow:
    # SAFETY: I11 — an event that is being matched while the run is made does not see its listeners. Its row is there
    # by then, so one look after this commit finds it.
    data = {"after": after, "paths": found.paths, "version": run.version}
    return TimerRow(f"{LISTEN_TIMER}:{run.id}", LISTEN_TIMER, run.scope, run.id, now_ms, data)


def listens_after(run: RunRecord, now_ms: int) -> str:
    """Return our id of the last event that is too old to cancel the run: mostly the one that started it."""
    is_first = run.rerun_of is None and run.parent_run_id is None
    return run.event_id if is_first else first_id(now_ms)
