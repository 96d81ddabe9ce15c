"""What became of the last deliveries to a webhook: so many rows for each, and nothing of what was delivered."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from workflowkit.base import ids, jsonvalue
from workflowkit.base.scope import Scope
from workflowkit.store.statements import Sql, whose
from workflowkit.store.transactions import Transaction

Status = Literal["accepted", "duplicate", "ignored", "refused"]

#: Genuine deliveries of a webhook that are kept; of refused ones, and of repetitions, the last for each reason.
KEPT = 50
#: Events of one delivery that are named.
NAMED_EVENTS = 20
MAX_DETAIL_CHARS = 300

_FORGOTTEN_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """What became of one delivery. ``reason`` is a code, ``detail`` a text; ``events`` are their ids and names.

    ``is_last_of_its_kind``: there may have been more of them before.
    """

    webhook: str
    status: Status
    at_ms: int
    reason: str = ""
    detail: str = ""
    events: tuple[tuple[str, str], ...] = ()
    is_last_of_its_kind: bool = False


_COLUMNS = "webhook, status, at_ms, reason, detail, events, once"
_OF_ONE = "environment = :environment AND tenant = :tenant AND webhook = :name"
_INSERT = Sql(
    """
    INSERT INTO webhook_outcomes (environment, tenant, webhook, id, status, at_ms, reason, detail, events, once)
    VALUES (:environment, :tenant, :name, :id, :status, :now_ms, :reason, :detail, :events, :once)
    ON CONFLICT (environment, tenant, webhook, id) DO UPDATE
    SET at_ms = excluded.at_ms, detail = excluded.detail WHERE webhook_outcomes.at_ms <= :not_after_ms
    """
)
_NOTED = Sql(f"SELECT at_ms FROM webhook_outcomes WHERE {_OF_ONE} AND id = :id")  # noqa: S608 - our own names
_FORGET = Sql(
    f"""
    DELETE FROM webhook_outcomes WHERE {_OF_ONE} AND id IN (
        SELECT id FROM webhook_outcomes WHERE {_OF_ONE} AND once AND id <= (
            SELECT id FROM webhook_outcomes WHERE {_OF_ONE} AND once ORDER BY id DESC LIMIT 1 OFFSET :kept
        ) ORDER BY id LIMIT :limit {{skip_locked}}
    )
    """  # noqa: S608
)
_SELECT = Sql(f"SELECT {_COLUMNS} FROM webhook_outcomes WHERE {_OF_ONE} ORDER BY at_ms DESC, id DESC")  # noqa: S608
_SELECT_LAST = Sql(
    f"""
    SELECT {_COLUMNS} FROM (
        SELECT {_COLUMNS}, row_number() OVER (PARTITION BY webhook ORDER BY at_ms DESC, id DESC) AS place
        FROM webhook_outcomes
        WHERE environment = :environment AND tenant = :tenant AND webhook {{in_ids}}
    ) ranked WHERE place = 1
    """  # noqa: S608
)
_DELETE = Sql(f"DELETE FROM webhook_outcomes WHERE {_OF_ONE}")  # noqa: S608


def _of(scope: Scope, name: str) -> dict[str, Any]:
    return {**whose(scope), "name": name}


def insert(
    tx: Transaction, scope: Scope, name: str, *, status: Status, reason: str = "",
    events: Sequence[tuple[str, str]] = (),
) -> None:  # fmt: skip
    """Note what became of a delivery, and forget those that are too many now. Waits for nobody."""
    values = {"status": status, "reason": reason, "detail": "", "once": True, "not_after_ms": tx.now_ms}
    named = jsonvalue.dumps([list(event) for event in events[:NAMED_EVENTS]])
    tx.run(_INSERT, **_of(scope, name), **values, id=ids.new_id(tx.now_ms), events=named, now_ms=tx.now_ms)
    tx.run(_FORGET, **_of(scope, name), kept=KEPT, limit=_FORGOTTEN_AT_ONCE)


def set_last(
    tx: Transaction, scope: Scope, name: str, *, status: Status, reason: str, detail: str = "", not_after_ms: int
) -> None:
    """Note the last delivery that ended in this way, unless one was noted after ``not_after_ms``."""
    values = {"status": status, "reason": reason, "detail": detail[:MAX_DETAIL_CHARS], "events": "[]", "once": False}
    where = _of(scope, name) | {"id": _kind(status, reason), "not_after_ms": not_after_ms}
    tx.run(_INSERT, **where, **values, now_ms=tx.now_ms)


def was_noted(tx: Transaction, scope: Scope, name: str, *, status: Status, reason: str, after_ms: int) -> bool:
    """Return whether one that ended in this way was noted after a time."""
    row = tx.one(_NOTED, **_of(scope, name), id=_kind(status, reason))
    return row is not None and row[0] > after_ms


def find(tx: Transaction, scope: Scope, name: str) -> list[DeliveryOutcome]:
    """Return all that is known of the deliveries of a webhook, newest first."""
    return [_from_row(row) for row in tx.rows(_SELECT, **_of(scope, name))]


def find_last(tx: Transaction, scope: Scope, ids: Collection[str]) -> dict[str, DeliveryOutcome]:
    """Return the newest of each of the named webhooks that has one, by name."""
    rows = tx.rows(_SELECT_LAST, **whose(scope), ids=list(ids))
    return {row[0]: _from_row(row) for row in rows}


def delete(tx: Transaction, scope: Scope, name: str) -> None:
    """Forget all deliveries of a webhook."""
    tx.run(_DELETE, **_of(scope, name))


def _kind(status: Status, reason: str) -> str:
    return f"{status} {reason}"


def _from_row(row: Any) -> DeliveryOutcome:
    events = tuple((event_id, name) for event_id, name in jsonvalue.loads(row[5]))
    return DeliveryOutcome(row[0], row[1], row[2], row[3], row[4], events, is_last_of_its_kind=not row[6])
