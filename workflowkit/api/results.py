"""Answers that are the result of a run: what it gives, what it has replied with, or where to ask again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from flask import Response, request

from workflowkit.api.auth import caller
from workflowkit.api.contract import answer
from workflowkit.api.services import Services
from workflowkit.base.errors import Conflict, NotFound, RunCancelled, RunFailed
from workflowkit.base.scope import Scope
from workflowkit.engine.replies import BODILESS, Reply
from workflowkit.engine.states import RunStatus
from workflowkit.store import journal, queries
from workflowkit.store.database import Database
from workflowkit.store.queries import RunView

#: Names the run on every answer to the request that started it.
RUN_HEADER = "Workflowkit-Run"


@dataclass(slots=True)
class Awaited:
    """A run that a request waits for. ``event_id`` is that of its event, ``reply_steps`` are those of its steps that
    may answer before its end."""

    database: Database
    scope: Scope
    run_id: str
    event_id: str | None = None
    reply_steps: Collection[str] = ()
    run: RunView | None = None
    reply: Reply | None = field(default=None)

    @classmethod
    def by_caller(cls, run_id: str, event_id: str | None = None, reply_steps: Collection[str] = ()) -> Awaited:
        """Return a run as the caller of the present request may see it."""
        services, who = Services.current(), caller()
        database = services.opened if who.may_decrypt else services.database
        return cls(database, who.scope, run_id, event_id, reply_steps)

    def look(self) -> bool:
        """Tell whether there is an answer now. Raises ``NotFound``."""
        with self.database.read() as tx:
            # SAFETY: S10 — its facts are read once it is known to be the caller's.
            self.run = queries.get_run(tx, self.scope, self.run_id)
            outputs = journal.load_completed(tx, self.run_id, self.reply_steps) if self.reply_steps else ()
        self.reply = next((reply for each in outputs if (reply := Reply.from_output(each)) is not None), None)
        return self.reply is not None or self.run.status.is_terminal

    def look_patiently(self) -> bool:
        """Tell the same of a run that may have to be matched yet. Raises ``Conflict`` if it does not start."""
        try:
            return self.look()
        except NotFound:
            self._check_may_start()
            return False

    def _check_may_start(self) -> None:
        if self.event_id is None:
            return
        with self.database.read() as tx:
            decided = queries.find_decisions(tx, self.scope, self.event_id)
        if decided:
            raise Conflict(f"the workflow starts no run now: {decided[0].reason}")

    def answer(self) -> Response:
        """Return what was there at the last look: the reply, else the output of the run, else where to ask again.

        Raises ``RunFailed``, ``RunCancelled``.
        """
        if self.reply is not None:
            return _reply(self.reply, self.run_id)
        if self.run is None or not self.run.status.is_terminal:
            return _later(self.run_id, RunStatus.QUEUED if self.run is None else self.run.status)
        if self.run.status is RunStatus.FAILED:
            raise RunFailed(f"run {self.run_id} has failed")
        if self.run.status is RunStatus.CANCELLED:
            raise RunCancelled(f"run {self.run_id} was cancelled")
        return answer(self.run.output, headers={RUN_HEADER: self.run_id})


def result_path(run_id: str) -> str:
    """Return where the result of a run can be asked for, below where the application is mounted."""
    return f"/api/runs/{run_id}/result"


def _later(run_id: str, status: RunStatus) -> Response:
    base = Services.current().public_url or request.script_root
    headers = {"Location": f"{base}{result_path(run_id)}", RUN_HEADER: run_id}
    return answer({"run_id": run_id, "status": status.value}, 202, headers=headers)


def _reply(reply: Reply, run_id: str) -> Response:
    headers = {**reply.headers, RUN_HEADER: run_id}
    if reply.status in BODILESS:
        return Response(status=reply.status, headers=headers)
    return answer(reply.body, reply.status, headers=headers)
