"""Webhooks of a tenant, and the deliveries that were taken lately. Tokens are hashes here, secrets are sealed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.errors import AlreadyExists, NotFound
from workflowkit.base.scope import Scope
from workflowkit.definition.model import Json
from workflowkit.definition.patterns import WEBHOOK_PREFIX
from workflowkit.store import webhookoutcomes as outcomes
from workflowkit.store import webhooksamples as samples
from workflowkit.store.statements import Sql, whose
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class WebhookRecord:
    """A webhook's row.

    ``secrets`` is sealed text, ``None`` where there are none. ``event_names`` and ``cidrs`` are ``None`` where nothing
    is restricted.
    """

    scope: Scope
    name: str
    verification: Mapping[str, Json]
    transform: Mapping[str, Json] | None
    event_names: tuple[str, ...] | None
    cidrs: tuple[str, ...] | None
    enabled: bool
    created_at_ms: int
    updated_at_ms: int
    last_received_at_ms: int | None = None
    secrets: str | None = field(default=None, repr=False)


_COLUMNS = (
    "environment, tenant, name, verification, transform, event_names, cidrs, enabled, created_at_ms, updated_at_ms, "
    "last_received_at_ms, secrets"
)
_OWNED = "environment = :environment AND tenant = :tenant"
_INSERT = Sql(
    """
    INSERT INTO webhooks (environment, tenant, name, token_hash, verification, secrets, transform, event_names, cidrs,
                          enabled, created_at_ms, updated_at_ms)
    VALUES (:environment, :tenant, :name, :token_hash, :verification, :secrets, :transform, :event_names, :cidrs,
            :enabled, :now_ms, :now_ms)
    ON CONFLICT (environment, tenant, name) DO NOTHING
    """
)
_SELECT_ONE = Sql(f"SELECT {_COLUMNS} FROM webhooks WHERE {_OWNED} AND name = :name")  # noqa: S608 - our own names
_LOCK = Sql(f"SELECT {_COLUMNS} FROM webhooks WHERE {_OWNED} AND name = :name {{for_update}}")  # noqa: S608
_SELECT_PAGE = Sql(
    f"SELECT {_COLUMNS} FROM webhooks WHERE {_OWNED} AND name > :after ORDER BY name LIMIT :limit"  # noqa: S608
)
_SELECT_NAMED = Sql(f"SELECT name FROM webhooks WHERE {_OWNED} AND name {{in_ids}}")  # noqa: S608
_SELECT_STARTED = Sql(
    f"""
    SELECT DISTINCT pattern, workflow_id FROM workflow_triggers
    WHERE {_OWNED} AND pattern {{in_ids}} AND archived_at_ms IS NULL ORDER BY pattern, workflow_id
    """  # noqa: S608
)
_SELECT_BY_TOKEN = Sql(f"SELECT {_COLUMNS} FROM webhooks WHERE token_hash = :token_hash")  # noqa: S608
_UPDATE = Sql(
    f"""
    UPDATE webhooks SET verification = :verification, secrets = :secrets, transform = :transform,
        event_names = :event_names, cidrs = :cidrs, enabled = :enabled, updated_at_ms = :now_ms
    WHERE {_OWNED} AND name = :name
    """  # noqa: S608
)
_SET_TOKEN = Sql(
    f"UPDATE webhooks SET token_hash = :token_hash, updated_at_ms = :now_ms WHERE {_OWNED} AND name = :name"  # noqa: S608
)
_DELETE = Sql(f"DELETE FROM webhooks WHERE {_OWNED} AND name = :name")  # noqa: S608
_DELETE_DELIVERIES = Sql(f"DELETE FROM webhook_deliveries WHERE {_OWNED} AND webhook = :name")  # noqa: S608
_TOUCH = Sql(
    f"""
    UPDATE webhooks SET last_received_at_ms = :now_ms
    WHERE {_OWNED} AND name = :name AND (last_received_at_ms IS NULL OR last_received_at_ms <= :not_after_ms)
    """  # noqa: S608
)
_CLAIM = Sql(
    """
    INSERT INTO webhook_deliveries (environment, tenant, webhook, identity, expires_at_ms)
    VALUES (:environment, :tenant, :name, :identity, :expires_at_ms)
    ON CONFLICT (environment, tenant, webhook, identity) DO UPDATE SET expires_at_ms = excluded.expires_at_ms
    WHERE webhook_deliveries.expires_at_ms <= :now_ms
    RETURNING identity
    """
)
_FORGET = Sql(
    f"""
    DELETE FROM webhook_deliveries
    WHERE {_OWNED} AND webhook = :name AND identity IN (
        SELECT identity FROM webhook_deliveries
        WHERE {_OWNED} AND webhook = :name AND expires_at_ms <= :now_ms LIMIT :limit {{skip_locked}}
    )
    """  # noqa: S608
)


def _where(scope: Scope, name: str) -> dict[str, Any]:
    return {**whose(scope), "name": name}


def insert(tx: Transaction, scope: Scope, record: WebhookRecord, *, token_hash: str) -> None:
    """Store a new webhook. Raises ``AlreadyExists``."""
    if tx.run(_INSERT, **_where(scope, record.name), **_values(record), token_hash=token_hash, now_ms=tx.now_ms) == 0:
        raise AlreadyExists(f"there is a webhook {record.name!r} already")


def update(tx: Transaction, scope: Scope, record: WebhookRecord) -> None:
    """Replace everything of a webhook but its token. Raises ``NotFound``."""
    if tx.run(_UPDATE, **_where(scope, record.name), **_values(record), now_ms=tx.now_ms) == 0:
        raise _no_webhook(record.name)


def set_token(tx: Transaction, scope: Scope, name: str, *, token_hash: str) -> None:
    """Give a webhook another URL. Raises ``NotFound``."""
    if tx.run(_SET_TOKEN, **_where(scope, name), token_hash=token_hash, now_ms=tx.now_ms) == 0:
        raise _no_webhook(name)


def delete(tx: Transaction, scope: Scope, name: str) -> None:
    """Delete a webhook and what is remembered of its deliveries. Raises ``NotFound``."""
    tx.run(_DELETE_DELIVERIES, **_where(scope, name))
    outcomes.delete(tx, scope, name)
    samples.delete(tx, scope, name)
    if tx.run(_DELETE, **_where(scope, name)) == 0:
        raise _no_webhook(name)


def get(tx: Transaction, scope: Scope, name: str) -> WebhookRecord:
    """Return a webhook. Raises ``NotFound``."""
    return _found(tx.one(_SELECT_ONE, **_where(scope, name)), name)


def lock(tx: Transaction, scope: Scope, name: str) -> WebhookRecord:
    """Return a webhook that nobody changes before this transaction ends. Raises ``NotFound``."""
    return _found(tx.one(_LOCK, **_where(scope, name)), name)


def _found(row: Any, name: str) -> WebhookRecord:
    if row is None:
        raise _no_webhook(name)
    return _from_row(row)


def find(tx: Transaction, scope: Scope, *, limit: int, after: str = "") -> list[WebhookRecord]:
    """Return up to ``limit`` webhooks in order of their names, those behind ``after``."""
    rows = tx.rows(_SELECT_PAGE, **whose(scope), after=after, limit=limit)
    return [_from_row(row) for row in rows]


def names_among(tx: Transaction, scope: Scope, names: Collection[str]) -> set[str]:
    """Return those of ``names`` that are names of webhooks."""
    rows = tx.rows(_SELECT_NAMED, **whose(scope), ids=names)
    return {name for (name,) in rows}


def started_by(tx: Transaction, scope: Scope, names: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the ids of the workflows and functions that each of ``names`` starts, switched off or not.

    ``names`` need not be those of webhooks. Archived workflows do not count.
    """
    patterns = [WEBHOOK_PREFIX + name for name in names]
    found: dict[str, list[str]] = {}
    for pattern, workflow_id in tx.rows(_SELECT_STARTED, **whose(scope), ids=patterns):
        found.setdefault(pattern.removeprefix(WEBHOOK_PREFIX), []).append(workflow_id)
    return {name: tuple(workflow_ids) for name, workflow_ids in found.items()}


def find_by_token(tx: Transaction, token_hash: str) -> WebhookRecord | None:
    """Return the webhook whose URL has this token, whosever it is: this is how a delivery's scope becomes known."""
    row = tx.one(_SELECT_BY_TOKEN, token_hash=token_hash)
    return None if row is None else _from_row(row)


def touch(tx: Transaction, scope: Scope, name: str, *, not_after_ms: int) -> None:
    """Note that a webhook received something now, unless that was noted after ``not_after_ms``."""
    tx.run(_TOUCH, **_where(scope, name), now_ms=tx.now_ms, not_after_ms=not_after_ms)


def claim_delivery(tx: Transaction, scope: Scope, name: str, *, identity: str, window_ms: int) -> bool:
    """Remember a delivery for ``window_ms``; return false if it is remembered already.

    Joins the caller's transaction: of two that race, the second waits for the first to commit or to fail.
    """
    expires_at_ms = tx.now_ms + window_ms
    claimed = tx.one(_CLAIM, **_where(scope, name), identity=identity, expires_at_ms=expires_at_ms, now_ms=tx.now_ms)
    return claimed is not None


def forget_deliveries(tx: Transaction, scope: Scope, name: str, *, limit: int) -> None:
    """Forget up to ``limit`` deliveries whose time is over. Waits for nobody."""
    tx.run(_FORGET, **_where(scope, name), now_ms=tx.now_ms, limit=limit)


def _no_webhook(name: str) -> NotFound:
    return NotFound(f"there is no webhook {name!r}")


def _values(record: WebhookRecord) -> dict[str, Any]:
    return {
        "verification": jsonvalue.dumps(record.verification),
        "secrets": record.secrets,
        "transform": None if record.transform is None else jsonvalue.dumps(record.transform),
        "event_names": None if record.event_names is None else jsonvalue.dumps(list(record.event_names)),
        "cidrs": None if record.cidrs is None else jsonvalue.dumps(list(record.cidrs)),
        "enabled": record.enabled,
    }


def _from_row(row: Any) -> WebhookRecord:
    transform, event_names, cidrs = (None if text is None else jsonvalue.loads(text) for text in row[4:7])
    return WebhookRecord(
        scope=Scope(row[0], row[1]),
        name=row[2],
        verification=jsonvalue.loads(row[3]),
        transform=transform,
        event_names=None if event_names is None else tuple(event_names),
        cidrs=None if cidrs is None else tuple(cidrs),
        enabled=bool(row[7]),  # SQLite has no booleans
        created_at_ms=row[8],
        updated_at_ms=row[9],
        last_received_at_ms=row[10],
        secrets=row[11],
    )
