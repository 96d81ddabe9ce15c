"""Events inside a transaction of the host application."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from workflowkit.base.scope import Scope
from workflowkit.runtime.intake import Accepted, Intake

#: Where a session keeps what it has accepted and not committed yet.
_ACCEPTED = "workflowkit_accepted"


def send_joined(
    intake: Intake, session: Session | sa.Connection, scope: Scope, values: Sequence[Any]
) -> list[Accepted]:
    """Accept events in the transaction of ``session``, and hint them once it has committed.

    SQLAlchemy tells nobody when a bare connection has committed: the relay finds its events at its next tick.
    """
    if isinstance(session, sa.Connection):
        return intake.send_within(session, scope, values, grace_seconds=0)
    accepted = intake.send_within(session.connection(), scope, values)
    if _ACCEPTED not in session.info:
        _listen(session, intake)
    session.info[_ACCEPTED] += accepted
    return accepted


def _listen(session: Session, intake: Intake) -> None:
    """Follow the transactions of a session, once for its whole life."""
    waiting: list[Accepted] = []
    session.info[_ACCEPTED] = waiting

    def committed(session: Session) -> None:
        if not session.in_nested_transaction():  # the end of a savepoint commits nothing
            intake.hint(waiting)
            waiting.clear()

    def rolled_back(_session: Session) -> None:
        waiting.clear()

    sa.event.listen(session, "after_commit", committed)
    sa.event.listen(session, "after_rollback", rolled_back)
