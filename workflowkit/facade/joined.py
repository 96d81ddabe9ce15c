"""Events inside a transaction of the host application."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, scoped_session

from workflowkit.base.scope import Scope
from workflowkit.runtime.intake import Accepted, Intake
from workflowkit.store.joining import refused

#: Where a session keeps what it has accepted and not committed yet, and by which intake.
_ACCEPTED = "workflowkit_accepted"


def send_joined(
    intake: Intake, session: Session | scoped_session[Any] | sa.Connection, scope: Scope, values: Sequence[Any]
) -> list[Accepted]:
    """Accept events in the transaction of ``session``, and hint them once it has committed.

    SQLAlchemy tells nobody when a bare connection has committed: the relay finds its events at its next tick. Raises
    ``InvalidInput`` for what is no session, or is one that cannot keep the promise.
    """
    if isinstance(session, sa.Connection):
        return intake.send_within(session, scope, values, grace_seconds=0)
    own = _session_of(session)
    accepted = intake.send_within(own.connection(), scope, values)
    if _ACCEPTED not in own.info:
        _listen(own)
    own.info[_ACCEPTED].setdefault(intake, []).extend(accepted)
    return accepted


def _session_of(given: Any) -> Session:
    """Return the session that is meant. Raises ``InvalidInput``."""
    # What stands for many sessions: listeners on it would be listeners of the whole process.
    found = given() if isinstance(given, scoped_session) else given
    if isinstance(found, Session):
        return found
    name = type(found).__name__
    if isinstance(getattr(found, "sync_session", None), Session) or name.startswith(("Async", "async_")):
        raise refused(
            f"{name} can only be used where it awaits; write: "
            "await session.run_sync(lambda session: wk.send(..., session=session))"
        )
    made = " and not what makes one" if callable(found) or isinstance(found, sa.Engine) else ""
    raise refused(f"it must be a session or a connection of SQLAlchemy{made}, got {name}")


def _listen(session: Session) -> None:
    """Follow the transactions of a session, once for its whole life: the listeners go when it goes."""
    waiting: dict[Intake, list[Accepted]] = {}
    session.info[_ACCEPTED] = waiting

    def committed(session: Session) -> None:
        if not session.in_nested_transaction():  # the end of a savepoint commits nothing
            ready = waiting.copy()
            waiting.clear()
            for intake, accepted in ready.items():
                intake.hint(accepted)

    def rolled_back(_session: Session) -> None:
        waiting.clear()

    sa.event.listen(session, "after_commit", committed)
    sa.event.listen(session, "after_rollback", rolled_back)
