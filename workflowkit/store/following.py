"""What is told of a run to those who watch it: its revision, its facts without their values, and what it is at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workflowkit.base.scope import Scope
from workflowkit.engine.facts import FactKind
from workflowkit.engine.states import RunStatus, StepStatus
from workflowkit.store.statements import Sql, whose
from workflowkit.store.transactions import Transaction

_OWNED_RUN = "r.id = :run_id AND r.environment = :environment AND r.tenant = :tenant"
_STANDING = Sql(f"SELECT r.status, r.revision, r.reason FROM runs r WHERE {_OWNED_RUN}")  # noqa: S608 - our own text
_FACTS = Sql(
    f"""
    SELECT j.kind, j.step_key, j.attempt, j.at_ms, j.revision FROM runs r JOIN journal j ON j.run_id = r.id
    WHERE {_OWNED_RUN} AND j.revision > :after ORDER BY j.revision, j.ordinal
    """  # noqa: S608
)
_OPEN_STEPS = Sql(
    f"""
    SELECT s.step_key, s.status, s.attempt FROM runs r JOIN steps s ON s.run_id = r.id
    WHERE {_OWNED_RUN} AND s.status IN ('ready', 'running', 'sleeping', 'waiting') ORDER BY s.step_key
    """  # noqa: S608
)
_REVISIONS = Sql("SELECT environment, tenant, id, revision FROM runs WHERE id {in_ids}")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run is. ``revision`` grows with each transaction that decides about it."""

    status: RunStatus
    revision: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class ToldFact:
    """A fact without its values, and the revision in which it was written."""

    kind: FactKind
    step: str
    attempt: int
    at_ms: int
    revision: int


@dataclass(frozen=True, slots=True)
class OpenStep:
    """A step that has begun to be planned and has not ended."""

    id: str
    status: StepStatus
    attempt: int


def find_standing(tx: Transaction, scope: Scope, run_id: str) -> Standing | None:
    """Return where a run is; ``None`` if there is none."""
    row = tx.one(_STANDING, **whose(scope), run_id=run_id)
    return None if row is None else Standing(RunStatus(row[0]), row[1], row[2])


def find_facts(tx: Transaction, scope: Scope, run_id: str, *, after: int) -> list[ToldFact]:
    """Return the facts of a run of later revisions than ``after``, in order."""
    rows = tx.rows(_FACTS, **whose(scope), run_id=run_id, after=after)
    return [ToldFact(FactKind(kind), *others) for kind, *others in rows]


def find_open_steps(tx: Transaction, scope: Scope, run_id: str) -> list[OpenStep]:
    """Return the steps of a run that have not ended."""
    rows = tx.rows(_OPEN_STEPS, **whose(scope), run_id=run_id)
    return [OpenStep(step_key, StepStatus(status), attempt) for step_key, status, attempt in rows]


def revisions(tx: Transaction, run_ids: Sequence[str]) -> Sequence[tuple[str, str, str, int]]:
    """Return at which revision runs are: (environment, tenant, run id, revision), of all tenants."""
    return tx.rows(_REVISIONS, ids=list(run_ids))
