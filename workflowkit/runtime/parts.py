"""Beginning a run of a part of another run's document."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from workflowkit.base.errors import WorkflowKitError
from workflowkit.definition.model import Workflow
from workflowkit.engine.failures import failed_by
from workflowkit.engine.states import RunStatus
from workflowkit.engine.surroundings import Surroundings
from workflowkit.runtime.position import Batch, Opening, Schedule, start_run
from workflowkit.runtime.runflow import flow_of
from workflowkit.store import steps
from workflowkit.store.runs import RunRecord


def begin_part(
    batch: Batch,
    child: RunRecord,
    graph: Workflow,
    event: dict[str, Any],
    schedule: Schedule,
    *,
    now_ms: int,
    around: Surroundings,
    may_start: bool = True,
) -> list[Opening]:
    """Add a run of ``graph`` to ``batch``; return what others may claim of it.

    Unless it ``may_start``, its steps wait to be activated. One that cannot begin, since a condition on its first edges
    met a limit, has failed.
    """
    own = Batch()
    try:
        _, openings = start_run(
            own, child, graph, event, schedule,
            now_ms=now_ms, claim=False, due_at_ms=None if may_start else steps.NEVER, around=around,
        )  # fmt: skip
    except WorkflowKitError as error:
        failed = replace(child, status=RunStatus.FAILED, error=failed_by(error).error, finished_at_ms=now_ms)
        batch.runs.append(failed)
        return []
    batch.extend(own)
    return openings if may_start else []


def part_record(parent: RunRecord, child_id: str, path: str, given: dict[str, Any], *, now_ms: int) -> RunRecord:
    """Return the row of a run of the part at ``path`` of ``parent``'s document. It is frozen if its parent is."""
    return RunRecord(
        id=child_id, scope=parent.scope, workflow_id=parent.workflow_id, version=parent.version,
        event_id=parent.event_id, status=RunStatus.QUEUED, revision=0, created_at_ms=now_ms, depth=parent.depth,
        path=path, input=given, parent_run_id=parent.id, paused_at_ms=parent.paused_at_ms,
        flow=None if (flow := flow_of(parent)) is None else flow.of_part().as_json(),
    )  # fmt: skip
