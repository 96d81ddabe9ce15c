"""Runs that an app has begun by itself, in the middle of a request of its own: adopted, told of, and taken over.

The app holds the lease of the run's one node for as long as it tells of steps. Where it falls silent, or hands the run
over, a worker goes on, and calls the app from then on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from workflowkit.base.errors import Conflict, NotFound
from workflowkit.base.ids import new_id
from workflowkit.base.scope import Scope
from workflowkit.base.settings import DEFAULT_QUEUE
from workflowkit.definition.model import Workflow
from workflowkit.engine.facts import Fact, FactKind
from workflowkit.engine.states import RunStatus, StepStatus
from workflowkit.runtime.checkpoints import lock_attempt, new_results
from workflowkit.runtime.hints import Dispatcher, StepHint
from workflowkit.runtime.position import Batch, Schedule, start_run
from workflowkit.runtime.versions import Versions
from workflowkit.store import events, journal, runs, steps, subscriptions
from workflowkit.store.database import Database
from workflowkit.store.events import EventRecord
from workflowkit.store.runs import RunRecord
from workflowkit.store.transactions import Transaction

#: Who is on record as the worker of an attempt that the app makes by itself.
_APP = "app"


@dataclass(frozen=True, slots=True)
class Beginning:
    """What an app has begun: the run's id as the app chose it, the function, and the event it stands for."""

    run_id: str
    function_id: str
    event_name: str
    data: Mapping[str, Any]


class Adopting:
    """Keeps the runs of apps that execute them by themselves."""

    def __init__(
        self, database: Database, versions: Versions, schedule: Schedule, dispatcher: Dispatcher, *, silence_ms: int
    ) -> None:
        self._database, self._versions, self._dispatcher = database, versions, dispatcher
        self._schedule = replace(schedule, queues=frozenset({DEFAULT_QUEUE}), lease_ms=silence_ms, named=_APP)
        self._silence_ms, self._grace_ms = silence_ms, schedule.grace_ms

    def adopt(self, scope: Scope, begun: Beginning) -> bool:
        """Store a run whose first attempt the app is making; return whether it is new.

        Raises ``NotFound`` for a function that is not published, ``Conflict`` for the id of another run.
        """
        with self._database.transaction("adopt") as tx:
            known = runs.lock(tx, begun.run_id)
            if known is not None:
                if (known.scope, known.workflow_id) != (scope, begun.function_id):
                    raise Conflict(f"there is another run {begun.run_id!r}")
                return False
            workflow, version = self._published(tx, scope, begun.function_id)
            event = EventRecord(
                new_id(tx.now_ms), scope, begun.event_name, None, begun.data, tx.now_ms, tx.now_ms,
                target=begun.function_id,
            )  # fmt: skip
            run = RunRecord(
                id=begun.run_id, scope=scope, workflow_id=begun.function_id, version=version, event_id=event.id,
                status=RunStatus.QUEUED, revision=0, created_at_ms=tx.now_ms, depth=0,
            )  # fmt: skip
            batch = Batch()
            # SAFETY: I5 — the attempt is on record, under a lease, from the moment at which the run is there.
            start_run(batch, run, workflow, event.as_json(), self._schedule, now_ms=tx.now_ms, claim=True)
            events.insert_matched(tx, event)
            batch.write(tx)
        return True

    def report(self, run_id: str, node_id: str, outputs: Mapping[str, Any], *, hands_over: bool) -> None:
        """Record what steps came to, by id, in order; what has a result keeps it. The lease begins anew.

        With ``hands_over`` the app's attempt ends, and a worker goes on. Raises ``NotFound``, and ``Conflict`` where
        the app's attempt is over.
        """
        with self._database.transaction("report") as tx:
            run, lease = lock_attempt(tx, run_id, node_id, 1)
            if lease is None:  # a worker has taken the run over, or it has ended
                raise Conflict(f"run {run_id} is no longer the app's own")
            facts = new_results(tx, run_id, node_id, outputs)
            if hands_over:
                facts.append(Fact(FactKind.SUSPENDED, node_id, lease.attempt, at_ms=tx.now_ms))
                steps.release(tx, lease, StepStatus.READY, wake_at_ms=tx.now_ms + self._grace_ms)
            else:
                steps.renew(tx, lease, lease_ms=self._silence_ms)
            journal.insert(tx, journal.rows_of(run_id, run.revision, facts))
        if hands_over:
            self._dispatcher.execute([StepHint(run_id, node_id, DEFAULT_QUEUE)])

    def _published(self, tx: Transaction, scope: Scope, function_id: str) -> tuple[Workflow, int]:
        found = subscriptions.load_target(tx, scope, function_id)
        if found is None or found.version is None:
            raise NotFound(f"there is no published function {function_id!r}")
        return self._versions.load(tx, scope, function_id, found.version), found.version
