"""What people are asked, who is asked, and what they decided."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.errors import NotFound
from workflowkit.base.scope import Scope
from workflowkit.engine.approvals import ApprovalRequest, Decision, RejectOn, Status, Verdict
from workflowkit.store.sealed import open_text, seal_text
from workflowkit.store.statements import InsertInto, Sql, whose
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class ApprovalRecord:
    """An approval's row. ``wait_key`` is the key of the wait, ``step_key`` the node whose handler asks."""

    id: str
    scope: Scope
    run_id: str
    workflow_id: str
    step_key: str
    wait_key: str
    request: ApprovalRequest
    status: Status
    created_at_ms: int
    expires_at_ms: int
    closed_at_ms: int | None = None

    def status_at(self, now_ms: int) -> Status:
        """Return where it is: expired once its time is over, even if no worker has noticed yet."""
        is_over = self.status is Status.OPEN and self.expires_at_ms <= now_ms
        return Status.EXPIRED if is_over else self.status


@dataclass(frozen=True, slots=True)
class ApprovalFilter:
    """Which approvals are looked for: those that are so in every respect that is named.

    ``assignee`` is one of those who are asked; ``decider`` may decide, as one of those or because nobody in particular
    is asked.
    """

    status: Status | None = None
    assignee: str | None = None
    decider: str | None = None
    run_id: str | None = None
    workflow_id: str | None = None

    def names(self) -> dict[str, str]:
        """Return what is named beside the status."""
        found = {name: getattr(self, name) for name in _WHERE}
        return {name: value for name, value in found.items() if value is not None}


ANY_APPROVAL = ApprovalFilter()

#: Behind every id.
_NEWEST = "Z" * 27
_COLUMNS = (
    "id", "environment", "tenant", "run_id", "workflow_id", "step_key", "wait_key", "title", "description", "form",
    "assignees", "needed", "reject_on", "status", "created_at_ms", "expires_at_ms", "closed_at_ms",
)  # fmt: skip
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM approvals"  # noqa: S608 - names from our own code
_OWNED = "environment = :environment AND tenant = :tenant"
_INSERT = InsertInto("approvals", _COLUMNS)
_INSERT_ASSIGNEES = InsertInto("approval_assignees", ("approval_id", "assignee", "environment", "tenant"))
_GET = Sql(f"{_SELECT} WHERE {_OWNED} AND id = :id")
_LOCK = Sql(f"{_SELECT} WHERE {_OWNED} AND id = :id {{for_update}}")
_BY_ID = Sql(f"{_SELECT} WHERE id = :id")
_PAGE = f"{_SELECT} WHERE {_OWNED} AND id < :before"
#: By status: open ones whose time is over count as expired, whether or not a worker has noticed.
_WHERE_STATUS = {
    None: "",
    Status.OPEN: " AND status = 'open' AND expires_at_ms > :now_ms",
    Status.EXPIRED: " AND (status = 'expired' OR (status = 'open' AND expires_at_ms <= :now_ms))",
} | {each: f" AND status = '{each.value}'" for each in (Status.APPROVED, Status.REJECTED, Status.CANCELLED)}
_ASKED = (
    "id IN (SELECT approval_id FROM approval_assignees "
    "WHERE environment = :environment AND tenant = :tenant AND assignee = :{name})"
)
_WHERE = {
    "assignee": _ASKED.format(name="assignee"),
    "decider": f"(assignees = '[]' OR {_ASKED.format(name='decider')})",
    "run_id": "run_id = :run_id",
    "workflow_id": "workflow_id = :workflow_id",
}


@functools.cache  # as many as there are ways to filter: names and statuses are our own
def _find(status: Status | None, names: tuple[str, ...]) -> Sql:
    wanted = "".join(f" AND {_WHERE[name]}" for name in names)
    return Sql(f"{_PAGE}{_WHERE_STATUS[status]}{wanted} ORDER BY id DESC LIMIT :limit")


# SAFETY: I17 — decided, expired or cancelled, whatever comes first: all lock the step's row, and so take turns.
_CLOSE = Sql(
    f"UPDATE approvals SET status = :status, closed_at_ms = :now_ms WHERE {_OWNED} AND id = :id AND status = 'open'"  # noqa: S608
)
_CANCEL = Sql(
    f"""
    UPDATE approvals SET status = 'cancelled', closed_at_ms = :now_ms
    WHERE {_OWNED} AND run_id = :run_id AND status = 'open' RETURNING id
    """  # noqa: S608
)
_DECIDE = Sql(
    """
    INSERT INTO approval_decisions (approval_id, actor, environment, tenant, position, verdict, comment, data, at_ms)
    VALUES (:id, :actor, :environment, :tenant, :position, :verdict, :comment, :data, :at_ms)
    ON CONFLICT (approval_id, actor) DO NOTHING
    """
)
_DECISIONS = Sql(
    f"""
    SELECT approval_id, actor, verdict, comment, data, at_ms FROM approval_decisions
    WHERE {_OWNED} AND approval_id {{in_ids}} ORDER BY approval_id, position
    """  # noqa: S608
)

_ASKED_BY = Sql(f"SELECT 1 FROM approvals WHERE {_OWNED} AND workflow_id = :workflow_id LIMIT 1")  # noqa: S608
# What a run keeps may come from runs that it repeats, and from runs that those have begun.
_ASKED_FOR = Sql(
    f"""
    WITH RECURSIVE origins (id) AS (
        SELECT CAST(:run_id AS text)
        UNION SELECT r.rerun_of FROM runs r JOIN origins o ON r.id = o.id WHERE r.rerun_of IS NOT NULL
    ), parts (id) AS (
        SELECT id FROM origins UNION SELECT r.id FROM runs r JOIN parts p ON r.parent_run_id = p.id
    )
    SELECT 1 FROM approvals WHERE {_OWNED} AND run_id IN (SELECT id FROM parts) LIMIT 1
    """  # noqa: S608
)


def insert(tx: Transaction, scope: Scope, record: ApprovalRecord) -> None:
    """Store a new approval and who is asked."""
    whose = (scope.environment, scope.tenant)
    request = record.request
    form = None if request.form is None else jsonvalue.dumps(request.form)
    row = (
        record.id, *whose, record.run_id, record.workflow_id, record.step_key, record.wait_key, request.title,
        request.description, form, jsonvalue.dumps(list(request.assignees)), request.needed, request.reject_on.value,
        record.status.value, record.created_at_ms, record.expires_at_ms, record.closed_at_ms,
    )  # fmt: skip
    tx.insert_all(
        (_INSERT, [row]), (_INSERT_ASSIGNEES, [(record.id, assignee, *whose) for assignee in request.assignees])
    )


def get(tx: Transaction, scope: Scope, approval_id: str) -> ApprovalRecord:
    """Return an approval. Raises ``NotFound``."""
    return _found(tx.one(_GET, **whose(scope), id=approval_id), approval_id)


def lock(tx: Transaction, scope: Scope, approval_id: str) -> ApprovalRecord:
    """Return an approval whose row nobody else changes until the transaction ends. Raises ``NotFound``.

    The caller holds the lock of its step's row.
    """
    return _found(tx.one(_LOCK, **whose(scope), id=approval_id), approval_id)


def find_by_id(tx: Transaction, approval_id: str) -> ApprovalRecord | None:
    """Return an approval, whosever it is: this is how the scope of a link becomes known, before it is checked."""
    row = tx.one(_BY_ID, id=approval_id)
    return None if row is None else _from_row(row)


def find(
    tx: Transaction, scope: Scope, *, limit: int, before: str | None = None, wanted: ApprovalFilter = ANY_APPROVAL
) -> list[ApprovalRecord]:
    """Return up to ``limit`` approvals, newest first, those behind the id ``before``."""
    names = wanted.names()
    page = {"before": before or _NEWEST, "limit": limit, "now_ms": tx.now_ms}
    return [_from_row(row) for row in tx.rows(_find(wanted.status, tuple(names)), **whose(scope), **page, **names)]


def has_asked(tx: Transaction, scope: Scope, workflow_id: str, run_id: str) -> bool:
    """Tell whether any run of a workflow has asked people, or whether something that ``run_id`` began has."""
    if tx.one(_ASKED_BY, **whose(scope), workflow_id=workflow_id) is not None:
        return True
    return tx.one(_ASKED_FOR, **whose(scope), run_id=run_id) is not None


def close(tx: Transaction, scope: Scope, approval_id: str, status: Status) -> bool:
    """End an approval; ``False`` if it has ended before. The caller holds the lock of its step's row."""
    return tx.run(_CLOSE, **whose(scope), id=approval_id, status=status.value, now_ms=tx.now_ms) == 1


def cancel(tx: Transaction, scope: Scope, run_id: str) -> list[str]:
    """End all approvals of a run that has ended; return their ids."""
    return [row[0] for row in tx.rows(_CANCEL, **whose(scope), run_id=run_id, now_ms=tx.now_ms)]


def decide(tx: Transaction, scope: Scope, approval_id: str, decision: Decision, *, position: int) -> bool:
    """Store a decision; ``False`` if its actor has decided before."""
    data = None if decision.data is None else jsonvalue.dumps(decision.data)
    data = seal_text(tx.sealing, data, _place(approval_id))
    values = {
        "actor": decision.actor, "position": position, "verdict": decision.verdict.value, "comment": decision.comment,
        "data": data, "at_ms": decision.at_ms,
    }  # fmt: skip
    return tx.run(_DECIDE, **whose(scope), id=approval_id, **values) == 1


def decisions(tx: Transaction, scope: Scope, approval_id: str) -> list[Decision]:
    """Return what was decided so far, in order."""
    return decisions_of(tx, scope, [approval_id])[approval_id]


def decisions_of(tx: Transaction, scope: Scope, approval_ids: Sequence[str]) -> dict[str, list[Decision]]:
    """Return what was decided so far of each of some approvals, in order."""
    found: dict[str, list[Decision]] = {approval_id: [] for approval_id in approval_ids}
    for row in tx.rows(_DECISIONS, **whose(scope), ids=list(approval_ids)):
        data = open_text(tx.sealing, row[4], _place(row[0]))
        found[row[0]].append(Decision(row[1], Verdict(row[2]), row[3], data, row[5]))
    return found


def _place(approval_id: str) -> str:
    return f"approvals/{approval_id}"


def _found(row: Any, approval_id: str) -> ApprovalRecord:
    if row is None:
        raise NotFound(f"there is no approval {approval_id!r}")
    return _from_row(row)


def _from_row(row: Sequence[Any]) -> ApprovalRecord:
    request = ApprovalRequest(
        title=row[7],
        description=row[8],
        form=None if row[9] is None else jsonvalue.loads(row[9]),
        assignees=tuple(jsonvalue.loads(row[10])),
        needed=row[11],
        reject_on=RejectOn(row[12]),
    )
    return ApprovalRecord(
        id=row[0], scope=Scope(row[1], row[2]), run_id=row[3], workflow_id=row[4], step_key=row[5], wait_key=row[6],
        request=request, status=Status(row[13]), created_at_ms=row[14], expires_at_ms=row[15], closed_at_ms=row[16],
    )  # fmt: skip
