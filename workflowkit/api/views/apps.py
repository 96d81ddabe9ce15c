"""Applications and their code functions."""

from __future__ import annotations

from collections.abc import Mapping

from workflowkit.api.views.base import Shown
from workflowkit.base.clock import rfc3339
from workflowkit.store.apps import AppRecord, FunctionRecord
from workflowkit.store.appsyncs import SyncRow


def app(record: AppRecord, connection_counts: Mapping[str, int]) -> Shown:
    """Show an application (``schemas.apps.App``)."""
    origin, archived_at_ms = record.origin, record.archived_at_ms
    return {
        "id": record.id,
        "name": record.id if origin is None else origin.name,
        "url": None if origin is None else origin.url,
        "sdk": None if origin is None else origin.sdk,
        "method": "code" if origin is None else "connect" if origin.is_connected else "http",
        "connection_count": connection_counts.get(record.id, 0),
        "version": record.version,
        "function_count": len(record.function_ids),
        "synced_at": rfc3339(record.synced_at_ms),
        "is_archived": archived_at_ms is not None,
        "archived_at": rfc3339(archived_at_ms),
    }


def app_sync(row: SyncRow) -> Shown:
    """Show a sync of an application (``schemas.apps.AppSync``)."""
    return {
        "id": row.id or None,
        "app_id": row.app_id or None,
        "status": row.status if row.id else "unchanged",
        "error": row.error,
        "url": row.url,
        "sdk": row.sdk,
        "app_version": row.app_version,
        "function_count": row.function_count,
        "published": list(row.published),
        "retired": list(row.retired),
        "at": rfc3339(row.at_ms),
    }


def function(record: FunctionRecord) -> Shown:
    """Show a code function (``schemas.functions.Function``)."""
    document = record.document
    return {
        "id": record.id,
        "app_id": record.app_id,
        "app_version": document["metadata"].get("app_version"),
        "name": document["name"],
        "description": document.get("description"),
        "enabled": record.enabled,
        "version": record.version,
        "triggers": document["triggers"],
        "settings": document.get("settings", {}),
        "updated_at": rfc3339(record.updated_at_ms),
    }
