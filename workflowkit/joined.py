"""Events inside a transaction of the host application."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from workflowkit.base.scope import Scope
from workflowkit.runtime.intake import Accepted, Intake


def send_joined(
    intake: Intake, session: Session | sa.Connection, scope: Scope, values: Sequence[Any]
) -> list[Accepted]:
    """Accept events in the transaction of ``session``, and hint them once it has committed.

    SQLAlchemy tells nobody when a bare connection has committed: the relay finds its events at its next tick.
    """
    if isinstance(session, sa.Connection):
        return intake.send_within(session, scope, values, grace_seconds=0)
    accepted = intake.send_within(session.connection(), scope, values)

    def hint(_session: Session) -> None:
        intake.hint(accepted)

    sa.event.listen(session, "after_commit", hint, once=True)
    return accepted
