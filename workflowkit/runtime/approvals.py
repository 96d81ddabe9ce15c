"""Approvals, from outside: listed, shown, decided, and brought to mind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from workflowkit.base.errors import (
    Conflict,
    Forbidden,
    Gone,
    InvalidForm,
    InvalidInput,
    LimitExceeded,
    NotFound,
    Problem,
)  # fmt: skip
from workflowkit.base.jsonvalue import check_json, size_bytes
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.base.links import Links, approval_id_of
from workflowkit.base.scope import Scope
from workflowkit.definition.writtenschema import schema_problems
from workflowkit.engine.approvals import ApprovalRequest, Decision, Status, Verdict, result_of, tally
from workflowkit.runtime.approving import DECIDED, REMINDED, asked, decided, run_of, tell
from workflowkit.runtime.hints import Dispatcher, StepHint, hint
from workflowkit.runtime.timers import NOTHING, Fired
from workflowkit.store import approvals as rows
from workflowkit.store import queries, timers, waits, workflows
from workflowkit.store.approvals import ANY_APPROVAL, ApprovalFilter, ApprovalRecord
from workflowkit.store.database import Database
from workflowkit.store.timers import TimerRow
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class Approval:
    """An approval as it is now: its row, its status by the present time, and what was decided so far."""

    record: ApprovalRecord
    status: Status
    decisions: tuple[Decision, ...]
    workflow_name: str

    def decision_of(self, actor: str) -> Decision | None:
        """Return what somebody has decided."""
        return next((decision for decision in self.decisions if decision.actor == actor), None)


@dataclass(frozen=True, slots=True)
class Invited:
    """An approval as it is for one of those who are asked: whoever has the link."""

    approval: Approval
    assignee: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody decides. Without ``must_be_assigned`` they need not be one of those who are asked."""

    actor: str
    verdict: Verdict
    comment: str = ""
    data: Any = None
    must_be_assigned: bool = True


@dataclass(frozen=True, slots=True)
class Approvals:
    """The approvals of an installation."""

    database: Database
    dispatcher: Dispatcher
    links: Links
    grace_ms: int
    limits: Limits = DEFAULT_LIMITS

    def get(self, scope: Scope, approval_id: str) -> Approval:
        """Return an approval. Raises ``NotFound``."""
        with self.database.read() as tx:
            return _shown(tx, rows.get(tx, scope, approval_id))

    def find(
        self, scope: Scope, *, limit: int, before: str | None = None, wanted: ApprovalFilter = ANY_APPROVAL
    ) -> list[Approval]:
        """Return up to ``limit`` approvals of a tenant, newest first, those behind the id ``before``."""
        with self.database.read() as tx:
            found = rows.find(tx, scope, limit=limit, before=before, wanted=wanted)
            decisions = rows.decisions_of(tx, scope, [record.id for record in found])
            names = queries.workflow_names(tx, scope, [record.workflow_id for record in found])
            return [
                Approval(
                    record,
                    record.status_at(tx.now_ms),
                    tuple(decisions[record.id]),
                    names.get(record.workflow_id, record.workflow_id),
                )
                for record in found
            ]

    def invited(self, token: str) -> Invited:
        """Return the approval that a link leads to, and whose link it is. Raises ``NotFound``."""
        approval_id = approval_id_of(token)
        with self.database.read() as tx:
            record = None if approval_id is None else rows.find_by_id(tx, approval_id)
            assignee = None if record is None else self.links.assignee_of(token, record.request.assignees)
            if record is None or assignee is None:
                raise NotFound("there is no such approval")
            return Invited(_shown(tx, record), assignee)

    def decide(self, scope: Scope, approval_id: str, choice: Choice) -> Approval:
        """Record a decision, and resume the run if it settles the approval; return it as it is then.

        Raises ``NotFound``; ``Forbidden`` for an actor who is not asked; ``Conflict`` if it is decided, or the actor
        has decided before; ``Gone`` if it has expired, or the run has ended; ``InvalidForm`` with all problems;
        ``InvalidInput`` and ``LimitExceeded`` for what cannot be stored. Locks the step's row, then the approval.
        """
        self._check(choice)
        with self.database.transaction("approval") as tx:
            record = rows.get(tx, scope, approval_id)
            _check_actor(record, choice)
            _check_open(_shown(tx, record), choice.actor)
            data = self._form_data(record.request, choice)
            # SAFETY: I17 — the step's row first, as with every wait; then what was read is read again.
            waits.lock_steps(tx, [_wait_id(record)])
            tx.read_clock()
            record = rows.lock(tx, scope, approval_id)
            before = _shown(tx, record)
            _check_open(before, choice.actor)
            decision = Decision(choice.actor, choice.verdict, choice.comment, data, tx.now_ms)
            if not rows.decide(tx, scope, approval_id, decision, position=len(before.decisions)):
                raise _decided_before(choice.actor)
            decisions = (*before.decisions, decision)
            status = tally(record.request, decisions)
            settled = [] if status is Status.OPEN else self._settle(tx, record, status, decisions)
        hint(self.dispatcher, settled, ())
        return replace(before, status=status, decisions=decisions)

    def remind(self, tx: Transaction, timer: TimerRow) -> Fired:
        """Handle an ``approval.remind`` timer: tell those who have not decided yet that they are asked."""
        try:
            record = rows.get(tx, timer.scope, timer.subject)
        except NotFound:
            return NOTHING  # deleted with its run
        if record.status_at(tx.now_ms) is not Status.OPEN:
            return NOTHING
        actors = {decision.actor for decision in rows.decisions(tx, timer.scope, record.id)}
        undecided = tuple(each for each in record.request.assignees if each not in actors)
        number = (timer.data or {})["number"]
        told = asked(record, undecided, self.links) | {"reminder": number}
        return Fired(event_ids=(tell(tx, run_of(tx, record), record, REMINDED, f"reminded-{number}", told),))

    def _settle(
        self, tx: Transaction, record: ApprovalRecord, status: Status, decisions: tuple[Decision, ...]
    ) -> list[StepHint]:
        rows.close(tx, record.scope, record.id, status)
        timers.forget(tx, record.id)
        wait_ids = [_wait_id(record)]
        if not waits.receive(tx, wait_ids, result_of(status, decisions)):
            raise Gone("the run does not wait for this approval any more")
        tell(tx, run_of(tx, record), record, DECIDED, "decided", decided(status, list(decisions)))
        return [StepHint(*each) for each in waits.wake_steps(tx, wait_ids, wake_at_ms=tx.now_ms + self.grace_ms)]

    def _check(self, choice: Choice) -> None:
        limits = self.limits
        for name, text, most in (
            ("actor", choice.actor, limits.event_id_chars), ("comment", choice.comment, limits.approval_comment_chars),
        ):  # fmt: skip
            check_json(text)
            if len(text) > most:
                raise InvalidInput.at(f"/{name}", "too-long", f"at most {most} characters, got {len(text)}")
        check_json(choice.data)
        if (size := size_bytes(choice.data)) > limits.approval_data_bytes:
            raise LimitExceeded("approval_data_bytes", limits.approval_data_bytes, size, pointer="/data")

    def _form_data(self, request: ApprovalRequest, choice: Choice) -> Any:
        """Return what is kept of the data: a rejection needs none, an approval what the form asks for."""
        if choice.verdict is Verdict.REJECTED or request.form is None:
            if choice.data not in (None, {}):
                why = "a rejection has no form data" if request.form is not None else "this approval has no form"
                raise InvalidForm([Problem("/data", "unexpected-data", why)])
            return None
        data = {} if choice.data is None else choice.data
        if problems := schema_problems(request.form, data, "/data"):
            raise InvalidForm(problems)
        return data


def _shown(tx: Transaction, record: ApprovalRecord) -> Approval:
    try:
        name = workflows.get(tx, record.scope, record.workflow_id).name
    except NotFound:
        name = record.workflow_id
    return Approval(record, record.status_at(tx.now_ms), tuple(rows.decisions(tx, record.scope, record.id)), name)


def _wait_id(record: ApprovalRecord) -> str:
    return waits.wait_id(record.run_id, record.wait_key)


def _check_actor(record: ApprovalRecord, choice: Choice) -> None:
    assignees = record.request.assignees
    if choice.must_be_assigned and assignees and choice.actor not in assignees:
        raise Forbidden(f"{choice.actor!r} is not asked for this approval")


def _check_open(approval: Approval, actor: str) -> None:
    if approval.decision_of(actor) is not None:
        raise _decided_before(actor)
    match approval.status:
        case Status.EXPIRED:
            raise Gone("the time for this decision is over")
        case Status.CANCELLED:
            raise Gone("the run has ended: there is nothing left to decide")
        case Status.APPROVED | Status.REJECTED:
            raise Conflict(f"this is decided already: {approval.status.value}", status=approval.status.value)


def _decided_before(actor: str) -> Conflict:
    return Conflict(f"{actor!r} has decided already")
