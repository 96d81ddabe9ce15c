"""Deleting what is older than it is to be kept: in small transactions, by as many processes as there are.

Each process goes through what is old, page by page, and begins again a while after it came to the end. What is about to
be deleted is looked at again under a lock, and what somebody else holds is left for the next time, so processes never
wait for each other, nor anybody for them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, fields

from workflowkit.base.clock import monotonic_seconds
from workflowkit.base.scope import Scope
from workflowkit.base.settings import Settings
from workflowkit.runtime.totals import Totals
from workflowkit.store import audit
from workflowkit.store import pruning as rows
from workflowkit.store.database import Database
from workflowkit.store.pruning import OldRun

#: How long a process rests when it has gone through everything.
REST_SECONDS = 600.0
#: Most runs or events that one transaction looks at.
PAGE = 200
#: About how many facts one transaction deletes; a run that has more by itself goes alone.
MOST_FACTS = 5_000
#: Most entries of audit logs that one transaction deletes.
AUDIT_BATCH = 1_000

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Kept:
    """How long things are kept, in days; ``None`` for ever."""

    runs_days: int | None = None
    events_days: int | None = None
    audit_days: int | None = None

    @classmethod
    def by(cls, settings: Settings) -> Kept:
        """Return what settings say."""
        return cls(settings.keep_runs_days, settings.keep_events_days, settings.keep_audit_days)

    @property
    def is_everything(self) -> bool:
        """Whether nothing is ever deleted."""
        return all(getattr(self, field.name) is None for field in fields(self))


@dataclass(frozen=True, slots=True)
class Counted:
    """How many of each."""

    runs: int = 0
    events: int = 0
    audit_entries: int = 0


class Pruning:
    """What one process deletes. ``stopwatch`` times its rests only; what is old is up to the database's clock."""

    def __init__(self, database: Database, kept: Kept, *, stopwatch: Callable[[], float] = monotonic_seconds) -> None:
        self._database, self._kept, self._stopwatch = database, kept, stopwatch
        self._totals = Totals(database)
        self._going: Iterator[Counted] | None = None
        self._rests_until = float("-inf")

    def tick(self) -> Counted:
        """Delete the next few, unless this process rests; return how many. One transaction that writes, at most."""
        if self._kept.is_everything or self._stopwatch() < self._rests_until:
            return Counted()
        if self._going is None:
            self._going = self._pass()
        try:
            return next(self._going)
        except StopIteration:
            self._going, self._rests_until = None, self._stopwatch() + REST_SECONDS
        except Exception:
            self._going, self._rests_until = None, self._stopwatch() + REST_SECONDS
            raise
        return Counted()

    def run(self) -> Counted:
        """Delete everything that may go; return how many."""
        runs = events = audit_entries = 0
        for part in self._pass():
            runs, events = runs + part.runs, events + part.events
            audit_entries += part.audit_entries
        return Counted(runs, events, audit_entries)

    def count(self) -> Counted:
        """Return how many are old enough. Some may have to stay: runs of families that go on, events of such runs."""
        with self._database.read() as tx:
            now_ms, kept = tx.now_ms, self._kept
            runs, events, entries = (
                None if days is None else now_ms - days * _DAY_MS
                for days in (kept.runs_days, kept.events_days, kept.audit_days)
            )
            return Counted(
                0 if runs is None else rows.count_runs(tx, before_ms=runs),
                0 if events is None else rows.count_events(tx, before_ms=events),
                0 if entries is None else rows.count_audit(tx, before_ms=entries),
            )

    def _pass(self) -> Iterator[Counted]:
        kept = self._kept
        if kept.runs_days is not None:
            before_ms = yield from self._counted(self._before_ms(kept.runs_days))
            # Children go before their parents: until nothing went, there may be parents whose time has come.
            while (yield from self._pass_of_runs(before_ms)):
                pass
        if kept.events_days is not None:
            before_ms = self._before_ms(kept.events_days)
            yield from self._pass_of_collections(before_ms)
            yield from self._pass_of_events(before_ms)
        if kept.audit_days is not None:
            yield from self._pass_of_audit(self._before_ms(kept.audit_days))

    def _counted(self, before_ms: int) -> Generator[Counted, None, int]:
        """Add the runs that are to go to the totals first; return the end before which all of them are."""
        for _ in self._totals.advance(before_ms):
            yield Counted()
        return min(before_ms, self._totals.mark_ms())

    def _before_ms(self, days: int) -> int:
        return self._database.now_ms() - days * _DAY_MS

    def _pass_of_runs(self, before_ms: int) -> Generator[Counted, None, bool]:
        after: str | None = ""
        gone = 0
        while after is not None:
            with self._database.read() as tx:
                found, after = rows.find_runs(tx, before_ms=before_ms, after=after, limit=PAGE)
            for part in _in_parts(found):
                count = self._delete_runs(part, before_ms)
                gone += count
                yield Counted(runs=count)
            if not found:
                yield Counted()
        return gone > 0

    def _delete_runs(self, run_ids: list[str], before_ms: int) -> int:
        with self._database.transaction("prune") as tx:
            return rows.delete_runs(tx, run_ids, before_ms=before_ms)

    def _pass_of_collections(self, before_ms: int) -> Iterator[Counted]:
        after: str | None = ""
        while after is not None:
            with self._database.read() as tx:
                found, after = rows.find_collections(tx, before_ms=before_ms, after=after, limit=PAGE)
            if found:
                self._delete_collections(found, before_ms)
            yield Counted()

    def _delete_collections(self, collection_ids: list[str], before_ms: int) -> None:
        with self._database.transaction("prune") as tx:
            rows.delete_collections(tx, collection_ids, before_ms=before_ms)

    def _pass_of_events(self, before_ms: int) -> Iterator[Counted]:
        after: str | None = ""
        while after is not None:
            with self._database.read() as tx:
                found, after = rows.find_events(tx, before_ms=before_ms, after=after, limit=PAGE)
            yield Counted(events=self._delete_events(found, before_ms) if found else 0)

    def _delete_events(self, event_ids: list[str], before_ms: int) -> int:
        with self._database.transaction("prune") as tx:
            return rows.delete_events(tx, event_ids, before_ms=before_ms)

    def _pass_of_audit(self, before_ms: int) -> Iterator[Counted]:
        while True:
            with self._database.read() as tx:
                scopes = audit.find_old(tx, before_ms=before_ms, limit=1)
            count = self._delete_audit(scopes[0], before_ms) if scopes else 0
            yield Counted(audit_entries=count)
            if count == 0:
                return

    def _delete_audit(self, scope: Scope, before_ms: int) -> int:
        with self._database.transaction("prune") as tx:
            return audit.prune(tx, scope, before_ms=before_ms, limit=AUDIT_BATCH)


def _in_parts(found: list[OldRun]) -> Iterator[list[str]]:
    """Yield ids of runs that have about as many facts together as one transaction may delete."""
    part: list[str] = []
    facts = 0
    for run in found:
        if part and facts + run.revision > MOST_FACTS:
            yield part
            part, facts = [], 0
        part.append(run.id)
        facts += run.revision
    if part:
        yield part
