"""The ids that senders give their events: which event had one first, for as long as it is remembered."""

from __future__ import annotations

from collections.abc import Mapping

from workflowkit.base.scope import Scope
from workflowkit.store.events import SELECT, from_row
from workflowkit.store.statements import Sql, whose
from workflowkit.store.transactions import Transaction

_ID_OF_SENDER = ("environment", "tenant", "event_id")
_CLAIM_ID = Sql(
    """
    INSERT INTO event_ids (environment, tenant, event_id, first_id, expires_at_ms)
    VALUES (:environment, :tenant, :event_id, :id, :expires_at_ms)
    ON CONFLICT (environment, tenant, event_id) DO UPDATE
    SET first_id = excluded.first_id, expires_at_ms = excluded.expires_at_ms
    WHERE event_ids.expires_at_ms <= :now_ms
    RETURNING first_id
    """
)
_FIRST_ID = Sql(
    """
    SELECT first_id FROM event_ids
    WHERE environment = :environment AND tenant = :tenant AND event_id = :event_id
    """
)
#: In the place of a first event: keys that are limited to event names have sent events with the id.
SHARED = ""
_SHARE_ID = Sql(
    f"""
    INSERT INTO event_ids (environment, tenant, event_id, first_id, expires_at_ms)
    VALUES (:environment, :tenant, :event_id, '{SHARED}', :expires_at_ms)
    ON CONFLICT (environment, tenant, event_id) DO UPDATE
    SET first_id = CASE WHEN event_ids.expires_at_ms <= :now_ms THEN '{SHARED}' ELSE event_ids.first_id END,
        expires_at_ms = CASE
            WHEN event_ids.expires_at_ms <= :now_ms THEN excluded.expires_at_ms ELSE event_ids.expires_at_ms
        END
    RETURNING first_id, expires_at_ms
    """  # noqa: S608 - from our own code
)
_TAKE_SHARED_ID = Sql(
    """
    UPDATE event_ids SET first_id = :id, expires_at_ms = :expires_at_ms
    WHERE environment = :environment AND tenant = :tenant AND event_id = :event_id
    """
)
_LIVE_FIRST_ID_OF_WEBHOOK = Sql(
    """
    SELECT first_id FROM webhook_event_ids
    WHERE environment = :environment AND tenant = :tenant AND event_id = :event_id AND webhook = :webhook
        AND expires_at_ms > :now_ms
    """
)
_CLAIM_ID_OF_WEBHOOK = Sql(
    """
    INSERT INTO webhook_event_ids (environment, tenant, event_id, webhook, first_id, expires_at_ms)
    VALUES (:environment, :tenant, :event_id, :webhook, :id, :expires_at_ms)
    ON CONFLICT (environment, tenant, event_id, webhook) DO UPDATE
    SET first_id = excluded.first_id, expires_at_ms = excluded.expires_at_ms
    WHERE webhook_event_ids.expires_at_ms <= :now_ms
    RETURNING first_id
    """
)
_FIRST_ID_OF_WEBHOOK = Sql(
    """
    SELECT first_id FROM webhook_event_ids
    WHERE environment = :environment AND tenant = :tenant AND event_id = :event_id AND webhook = :webhook
    """
)
_SET_FIRST_ID_OF_WEBHOOK = Sql(
    """
    UPDATE webhook_event_ids SET first_id = :first_id
    WHERE environment = :environment AND tenant = :tenant AND event_id = :event_id AND webhook = :webhook
    """
)
_FIRST_AMONG_SENDERS = Sql(
    f"""
    {SELECT} WHERE id IN (
        SELECT first_id FROM event_ids
        WHERE environment = :environment AND tenant = :tenant AND event_id = :event_id AND expires_at_ms > :now_ms
    )
    """  # noqa: S608 - names from our own code
)


def claim(
    tx: Transaction,
    scope: Scope,
    event_id: str,
    own_id: str,
    window_ms: int,
    *,
    name: str,
    webhook: str | None = None,
    is_limited: bool = False,
) -> str | None:
    """Claim the sender's ``event_id`` for the event ``own_id``; return the id of the event that has it already, if any.

    Joins the caller's transaction. Claim ids in sorted order: concurrent requests then lock them in one order. What
    came through a ``webhook`` claims among the ids of that webhook. ``name`` is the event's: what ``is_limited``, sent
    with a key for some names, takes the id from events of this name only.
    """
    where = {**whose(scope), "event_id": event_id}
    claim, first = _CLAIM_ID, _FIRST_ID
    if webhook is not None:
        # SAFETY: S16 — whoever may send some event, or deliver to another webhook, could else keep a genuine delivery
        # from counting by an event with its id.
        where, claim, first = {**where, "webhook": webhook}, _CLAIM_ID_OF_WEBHOOK, _FIRST_ID_OF_WEBHOOK
    until_ms = tx.now_ms + window_ms
    if is_limited:
        return _claim_for_name(tx, where, name, own_id, until_ms)
    claimed = tx.one(claim, **where, id=own_id, expires_at_ms=until_ms, now_ms=tx.now_ms)
    if claimed is not None:
        return None if webhook is None else _taken_before(tx, where, webhook)
    row = tx.one(first, **where)
    if row is None or row[0] != SHARED:
        return None if row is None else str(row[0])
    # The claim that failed has locked the row all the same, so nobody is between these two.
    first_id = _claim_among_names(tx, where, name, own_id, until_ms)
    if first_id is None:
        tx.run(_TAKE_SHARED_ID, **where, id=own_id, expires_at_ms=until_ms)
    return first_id


def _claim_for_name(tx: Transaction, where: Mapping[str, str], name: str, own_id: str, until_ms: int) -> str | None:
    # SAFETY: S16 — whoever may send some events could else keep others from counting, by events with their ids.
    first_id, expires_at_ms = tx.one(_SHARE_ID, **where, expires_at_ms=until_ms, now_ms=tx.now_ms)
    if first_id == SHARED:
        named_id = _claim_among_names(tx, where, name, own_id, until_ms)
        if named_id is None and expires_at_ms < until_ms:
            tx.run(_TAKE_SHARED_ID, **where, id=SHARED, expires_at_ms=until_ms)
        return named_id
    before = tx.one(_LIVE_FIRST_ID_OF_WEBHOOK, **where, webhook=_space(name), now_ms=tx.now_ms)
    return str(first_id if before is None else before[0])


def _claim_among_names(tx: Transaction, where: Mapping[str, str], name: str, own_id: str, until_ms: int) -> str | None:
    """Claim an id for events of one name. The caller has the lock on the id's row."""
    where = {**where, "webhook": _space(name)}
    if tx.one(_CLAIM_ID_OF_WEBHOOK, **where, id=own_id, expires_at_ms=until_ms, now_ms=tx.now_ms) is not None:
        return None
    return str(tx.one(_FIRST_ID_OF_WEBHOOK, **where)[0])


def _space(name: str) -> str:
    """Return where ids of a name stand among those of webhooks, which have no colon in their names."""
    return f"name:{name}"


def _taken_before(tx: Transaction, where: Mapping[str, str], webhook: str) -> str | None:
    """Return the event that has had a webhook's id since such ids were claimed among those of senders."""
    row = tx.one(_FIRST_AMONG_SENDERS, **{name: where[name] for name in _ID_OF_SENDER}, now_ms=tx.now_ms)
    if row is None or (first := from_row(row)).webhook != webhook:
        return None
    tx.run(_SET_FIRST_ID_OF_WEBHOOK, **where, first_id=first.id)
    return first.id
