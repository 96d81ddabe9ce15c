"""Accepting events. One transaction; after its commit nothing of them may be lost (I1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from workflowkit.base.errors import LimitExceeded
from workflowkit.base.ids import new_id
from workflowkit.base.scope import Scope
from workflowkit.base.settings import Settings
from workflowkit.runtime.hints import Dispatcher
from workflowkit.runtime.incoming import IncomingEvent, parse_event
from workflowkit.runtime.requestkeys import RequestKey
from workflowkit.store import eventids, events
from workflowkit.store.database import Database
from workflowkit.store.events import EventRecord
from workflowkit.store.joining import check as check_joined
from workflowkit.store.joining import in_our_schema
from workflowkit.store.statements import InsertInto
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event that is stored. ``id`` is ours; ``duplicate_of`` the id of the event that had the same sender's id."""

    id: str
    name: str
    duplicate_of: str | None = None


class Intake:
    """Takes events in for a tenant and hints that they wait to be matched."""

    def __init__(self, database: Database, dispatcher: Dispatcher, settings: Settings) -> None:
        self._database = database
        self._dispatcher = dispatcher
        self._settings = settings

    def parse(self, value: Any, *, pointer: str = "") -> IncomingEvent:
        """Check one event from outside. Raises ``InvalidInput`` or ``LimitExceeded``."""
        return parse_event(value, self._settings.limits, pointer=pointer)

    def send(self, scope: Scope, values: Sequence[Any]) -> list[Accepted]:
        """Accept all of ``values`` or none; return them in order. Idempotent for events that carry an id.

        Raises ``InvalidInput`` or ``LimitExceeded`` with pointers ``/<index>/...``.
        """
        self._check_count(values)
        return self.accept(scope, [self.parse(value, pointer=f"/{index}") for index, value in enumerate(values)])

    def accept(
        self, scope: Scope, incoming: Sequence[IncomingEvent], *, key: RequestKey | None = None
    ) -> list[Accepted]:
        """Store well-formed events and hint them; for a ``key`` that was there before, return what it came to then.

        Raises ``KeyReused`` for one of another request.
        """
        if not incoming:
            return []
        # Without ids or keys to compare it is one statement, as long as that may hold all the rows.
        is_alone = key is None and not any(event.event_id for event in incoming)
        is_single = is_alone and len(incoming) <= InsertInto.rows_per_statement
        with self._database.statement("intake") if is_single else self._database.transaction("intake") as tx:
            accepted = self._store(tx, scope, incoming) if key is None else self._store_once(tx, scope, incoming, key)
        self.hint(accepted)
        return accepted

    def send_within(
        self, connection: sa.Connection, scope: Scope, values: Sequence[Any], *, grace_seconds: float | None = None
    ) -> list[Accepted]:
        """Accept events inside the caller's transaction: they exist if and only if it commits.

        Call ``hint`` with the result after the commit; the relay finds the events after ``grace_seconds`` anyway.
        Raises ``InvalidInput`` for a connection that cannot be a part of it, such as one to another database.
        """
        check_joined(self._database, connection)
        self._check_count(values)
        incoming = [self.parse(value, pointer=f"/{index}") for index, value in enumerate(values)]
        with in_our_schema(self._database, connection):
            return self._store(self._database.join(connection), scope, incoming, grace_seconds=grace_seconds)

    def store(self, tx: Transaction, scope: Scope, incoming: Sequence[IncomingEvent]) -> list[Accepted]:
        """Store well-formed events in a transaction of the runtime's own; call ``hint`` after its commit."""
        return self._store(tx, scope, incoming)

    def hint(self, accepted: Sequence[Accepted]) -> None:
        """Tell workers of events whose transaction has committed."""
        if ids := [event.id for event in accepted]:
            self._dispatcher.match(ids)

    def _check_count(self, values: Sequence[Any]) -> None:
        maximum = self._settings.limits.events_per_request
        if len(values) > maximum:
            raise LimitExceeded("events_per_request", maximum, len(values))

    def _store_once(
        self, tx: Transaction, scope: Scope, incoming: Sequence[IncomingEvent], key: RequestKey
    ) -> list[Accepted]:
        first = key.first_answer(tx, scope, window_ms=self._window_ms)
        if first is not None:
            return [Accepted(*each) for each in first]
        accepted = self._store(tx, scope, incoming)
        key.keep(tx, scope, [[each.id, each.name, each.duplicate_of] for each in accepted])
        return accepted

    @property
    def _window_ms(self) -> int:
        return int(self._settings.event_dedup_seconds * 1000)

    def _store(
        self, tx: Transaction, scope: Scope, incoming: Sequence[IncomingEvent], *, grace_seconds: float | None = None
    ) -> list[Accepted]:
        ids = [new_id(tx.now_ms) for _ in incoming]
        duplicates = self._claim_ids(tx, scope, incoming, ids)
        records = [
            EventRecord(
                id=own_id, scope=scope, name=event.name, event_id=event.event_id, data=event.data,
                ts_ms=event.ts_ms or tx.now_ms, received_at_ms=tx.now_ms, extra=event.extra,
                duplicate_of=duplicates.get(own_id),
            )
            for own_id, event in zip(ids, incoming, strict=True)
        ]  # fmt: skip
        grace_ms = int(1000 * (self._settings.hint_grace_seconds if grace_seconds is None else grace_seconds))
        repeated = {own_id for own_id, event in zip(ids, incoming, strict=True) if event.is_of_request} & {*duplicates}
        fresh = [record for record in records if record.id not in repeated]
        events.insert(tx, scope, fresh, wake_at_ms=tx.now_ms + grace_ms)
        return [_accepted(record, is_repeated=record.id in repeated) for record in records]

    def _claim_ids(
        self, tx: Transaction, scope: Scope, incoming: Sequence[IncomingEvent], ids: Sequence[str]
    ) -> dict[str, str]:
        """Return the earlier event for each of ``ids`` whose sender's id is taken."""
        # SAFETY: I21 — the database decides which of two racing requests is first.
        window_ms = self._window_ms
        named = sorted(
            (event.event_id, index, ids[index]) for index, event in enumerate(incoming) if event.event_id is not None
        )
        found = (
            (own_id, _claim(tx, scope, event_id, own_id, window_ms, incoming[index]))
            for event_id, index, own_id in named
        )
        return {own_id: first_id for own_id, first_id in found if first_id is not None}


def _claim(
    tx: Transaction, scope: Scope, event_id: str, own_id: str, window_ms: int, event: IncomingEvent
) -> str | None:
    return eventids.claim(
        tx, scope, event_id, own_id, window_ms, name=event.name, webhook=event.webhook, is_limited=event.is_limited
    )


def _accepted(record: EventRecord, *, is_repeated: bool) -> Accepted:
    """Return what became of an event: of one of a repeated request, what had become of it then."""
    if is_repeated and record.duplicate_of is not None:
        return Accepted(record.duplicate_of, record.name)
    return Accepted(record.id, record.name, record.duplicate_of)
