"""API keys and secrets. What they are worth is in no record: neither is ever shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workflowkit.api.views.base import Shown
from workflowkit.base.clock import rfc3339
from workflowkit.store.keys import KeyRecord
from workflowkit.store.secrets import SecretRecord


def key(record: KeyRecord) -> Shown:
    """Show a key; its secret is not in the record."""
    return {
        "id": record.id,
        "name": record.name,
        "prefix": record.prefix,
        "environment": record.scope.environment,
        "tenant": record.scope.tenant,
        "permissions": sorted(record.permissions),
        "event_names": None if record.event_names is None else list(record.event_names),
        "created_at": rfc3339(record.created_at_ms),
        "last_used_at": rfc3339(record.last_used_at_ms),
        "revoked_at": rfc3339(record.revoked_at_ms),
        "created_by": record.created_by,
    }


def secret(record: SecretRecord, users: Mapping[str, Sequence[str]] | None = None) -> Shown:
    """Show a secret; its sealed value stays there. ``users`` are the workflows that use secrets, by name."""
    return {
        "name": record.name,
        "description": record.description,
        "created_at": rfc3339(record.created_at_ms),
        "created_by": record.created_by,
        "updated_at": rfc3339(record.updated_at_ms),
        "updated_by": record.updated_by,
        "used_by": None if users is None else list(users.get(record.name, ())),
    }


def own_secret(name: str, users: Mapping[str, Sequence[str]] | None = None) -> Shown:
    """Show a secret that the application keeps."""
    unknown = dict.fromkeys(("created_at", "created_by", "updated_at", "updated_by"))
    used_by = None if users is None else list(users.get(name, ()))
    return {"name": name, "description": "", **unknown, "used_by": used_by}
