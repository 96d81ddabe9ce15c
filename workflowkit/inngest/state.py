"""The state of a run of an app, as the app fetches it and adds to it: steps, events, checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workflowkit.base.errors import InvalidInput, LimitExceeded, NotFound, Problem
from workflowkit.base.limits import Limits
from workflowkit.base.scope import Scope
from workflowkit.engine.failures import stored_value
from workflowkit.engine.memo import Memos, step_id_of
from workflowkit.inngest import defers
from workflowkit.inngest.addresses import Addresses
from workflowkit.inngest.events import shown_event
from workflowkit.inngest.memos import memoized
from workflowkit.inngest.naming import generation_of, hash_of, step_id
from workflowkit.inngest.notes import is_note
from workflowkit.inngest.replies import Operation, read_operation
from workflowkit.runtime.checkpoints import Checkpoints
from workflowkit.runtime.position import events_of
from workflowkit.store import events, journal, runs
from workflowkit.store.database import Database
from workflowkit.store.runs import RunRecord
from workflowkit.store.transactions import Transaction

#: What a checkpoint may tell: results. What the function waits for, it answers to the call.
RESULTS = frozenset({"StepRun", "Step"})
_PASSED_OVER = frozenset({"StepPlanned"})


@dataclass(frozen=True, slots=True)
class RunState:
    """The runs of functions of apps, whichever tenant they are of: their apps hold the installation's signing key."""

    database: Database
    environment: str
    limits: Limits

    def actions(self, run_id: str) -> dict[str, Any]:
        """Return what the steps of a run came to, by the SDK's hashes. Raises ``NotFound``."""
        with self.database.read() as tx:
            run = self._find(tx, run_id)
            known = Memos(journal.load(tx, run_id)).of(_node_of(run)).results
        steps = ((step_id_of(key), fact) for key, fact in known.items())
        return {hash_of(own): memoized(fact) for own, fact in steps if not is_note(own)}

    def noted(self, run_id: str) -> set[str]:
        """Return the ids under which something is kept of a run, steps and others. Raises ``NotFound``."""
        with self.database.read() as tx:
            run = self._find(tx, run_id)
            return {step_id_of(key) for key in Memos(journal.load(tx, run_id)).of(_node_of(run)).results}

    def batch(self, run_id: str) -> list[dict[str, Any]]:
        """Return the events of a run. Raises ``NotFound``."""
        with self.database.read() as tx:
            run = self._find(tx, run_id)
            together = events_of(tx, run) or (events.opened(tx, events.load(tx, run.event_id)).as_json(),)
        return [shown_event(each) for each in together]

    def scope(self, run_id: str) -> Scope:
        """Return whose a run is. Raises ``NotFound``."""
        with self.database.read() as tx:
            return self._find(tx, run_id).scope

    def place(self, run_id: str) -> tuple[Scope, str]:
        """Return whose a run is, and its one node. Raises ``NotFound``."""
        with self.database.read() as tx:
            run = self._find(tx, run_id)
        return run.scope, _node_of(run)

    def own_node(self, run_id: str) -> str:
        """Return the node of a run that its app has begun, a request to an endpoint. Raises ``NotFound`` for others."""
        with self.database.read() as tx:
            run = self._find(tx, run_id)
            address = Addresses(self.database).find(tx, self.environment, run.workflow_id)
        # SAFETY: I13 — of any other run a worker has the lease, and an app has no part in that.
        if address is None or not address.is_endpoint:
            raise NotFound(f"no app has begun a run {run_id!r}")
        return _node_of(run)

    def checkpoint(self, run_id: str, payload: Any) -> None:
        """Record the steps that an app reports in the middle of a call.

        Raises ``NotFound``, ``Conflict`` if the call is no longer the run's present one, ``InvalidInput`` and
        ``LimitExceeded`` for what cannot be recorded.
        """
        with self.database.read() as tx:
            run = self._find(tx, run_id)
        fields: Mapping[str, Any] = payload if isinstance(payload, dict) else {}
        generation, entries, item = (fields.get(name) for name in ("generation_id", "steps", "qi_id"))
        if generation is None and isinstance(item, str):  # older SDKs tell no more of their call than its name
            generation = generation_of(item)
        if type(generation) is not int or not isinstance(entries, list):
            message = "a checkpoint has the generation_id of its call, and steps"
            raise InvalidInput([Problem("/steps", "required", message)])
        if len(entries) > self.limits.steps_per_run:
            raise LimitExceeded("steps_per_run", self.limits.steps_per_run, len(entries), pointer="/steps")
        found = dict(filter(None, (self.result(each, index) for index, each in enumerate(entries))))
        Checkpoints(self.database).record(run_id, _node_of(run), generation, found)

    def result(self, entry: Any, index: int) -> tuple[str, Any] | None:
        """Return the id and the result of a step that an app tells of; ``None`` for what tells of none.

        Raises ``InvalidInput`` for an operation that has no result yet, and for a value that cannot be kept.
        """
        operation = _operation(entry, index)
        if operation.code in _PASSED_OVER:
            return None
        if len(operation.hashed) >= self.limits.step_id_chars:
            raise InvalidInput([Problem(f"/steps/{index}/id", "invalid-value", "the hash of a step")])
        if operation.code in defers.LAZY:
            note = defers.note_of(operation, self.limits)
            return None if note is None else (note.own_id, note.value)
        if operation.code not in RESULTS or not operation.hashed:
            message = f"cannot checkpoint opcode: {operation.code}"
            raise InvalidInput([Problem(f"/steps/{index}/op", "unsupported-operation", message)])
        own = step_id(operation.hashed, operation.display_name, operation.index)
        return own, stored_value(operation.result, self.limits)

    def _find(self, tx: Transaction, run_id: str) -> RunRecord:
        run = runs.load(tx, run_id)
        # SAFETY: S10 — of runs of workflows, and of other environments, apps know nothing.
        if run is None or run.scope.environment != self.environment:
            raise NotFound(f"there is no run {run_id!r}")
        if Addresses(self.database).find(tx, self.environment, run.workflow_id) is None:
            raise NotFound(f"there is no run {run_id!r}")
        return run


def _operation(entry: Any, index: int) -> Operation:
    found = read_operation(entry)
    if found is None:
        raise InvalidInput([Problem(f"/steps/{index}", "invalid-type", "a step has an op")])
    return found


def _node_of(run: RunRecord) -> str:
    """Return the one node of a function's document."""
    return run.workflow_id.partition("/")[2]
