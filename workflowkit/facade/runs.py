"""``wk.runs`` and ``wk.events``: what runs and events there are, as the host application looks for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from workflowkit.base.clock import epoch_ms
from workflowkit.base.scope import Scope, scope_or
from workflowkit.engine.states import RunStatus

if TYPE_CHECKING:
    from workflowkit.composition import Runtime
    from workflowkit.runtime.searching import Found
    from workflowkit.runtime.spans import Span
    from workflowkit.runtime.stories import EventStory
    from workflowkit.runtime.tracing import Trace


@dataclass(frozen=True, slots=True)
class RunLookup:
    """The runs of an installation (docs/live-runs.md)."""

    _runtime: Callable[[], Runtime]
    _scope: Scope

    def list(
        self,
        *,
        where: str | None = None,
        contains: str | None = None,
        statuses: Sequence[RunStatus | str] = (),
        workflow_id: str | None = None,
        version: int | None = None,
        app_id: str | None = None,
        event_id: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        columns: Sequence[str] = (),
        limit: int = 100,
        cursor: str | None = None,
        scope: Scope | None = None,
    ) -> Found:
        """Return up to ``limit`` runs, newest first, such as ``list(where="event.data.order_id == 'A-17'")``.

        ``where`` has one condition per line, all of which must hold; ``contains`` is a text that stands in a value of
        the event, the output or the error, in capital letters or not. One call looks through a bounded number of runs:
        go on with ``cursor=found.next_id``. Raises ``InvalidInput`` with the place in the expression.
        """
        from workflowkit.runtime.searching import Wanted
        from workflowkit.store.runsearch import RunChoice

        choice = RunChoice(
            statuses=[RunStatus(status) for status in statuses],
            workflow_id=workflow_id,
            version=version,
            app_id=app_id,
            event_id=event_id,
            created_after_ms=_milliseconds(created_after),
            created_before_ms=_milliseconds(created_before),
        )
        wanted = Wanted(choice, where, columns, contains)
        return self._runtime().searching.find(scope_or(scope, self._scope), wanted, limit=limit, before=cursor)

    def get(self, run_id: str, *, scope: Scope | None = None) -> Trace:
        """Return a run with its event, its steps with all attempts, and the runs it began. Raises ``NotFound``."""
        from workflowkit.runtime.tracing import trace
        from workflowkit.runtime.versions import Versions

        runtime = self._runtime()
        with runtime.database.read() as tx:
            return trace(tx, scope_or(scope, self._scope), run_id, Versions(), runtime.registry)

    def spans(self, run_id: str, *, scope: Scope | None = None) -> Sequence[Span]:
        """Return when each part of a run began and ended, with waiting apart from execution. Raises ``NotFound``."""
        from workflowkit.runtime.spans import spans_of

        return spans_of(self.get(run_id, scope=scope))


@dataclass(frozen=True, slots=True)
class EventLookup:
    """The events of an installation."""

    _runtime: Callable[[], Runtime]
    _scope: Scope

    def get(self, event_id: str, *, scope: Scope | None = None) -> EventStory:
        """Return an event with the runs that it started, and the decisions why it started no others.

        Raises ``NotFound``.
        """
        from workflowkit.runtime.stories import tell_event

        runtime = self._runtime()
        with runtime.database.read() as tx:
            return tell_event(tx, scope_or(scope, self._scope), event_id, most_runs=runtime.settings.limits.page_size)


def _milliseconds(at: datetime | None) -> int | None:
    if at is None:
        return None
    if at.tzinfo is None:
        raise ValueError("the time needs a time zone, such as datetime.now(UTC)")
    return epoch_ms(at)
