"""Webhooks and what became of their deliveries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workflowkit.api.views.base import Shown
from workflowkit.base.clock import rfc3339
from workflowkit.runtime.deliveries import Source
from workflowkit.runtime.samples import Sample
from workflowkit.store.webhookoutcomes import DeliveryOutcome
from workflowkit.store.webhooks import WebhookRecord
from workflowkit.webhooks.settings import preset_of


def webhook(
    record: WebhookRecord,
    users: Mapping[str, Sequence[str]] | None = None,
    outcomes: Mapping[str, DeliveryOutcome] | None = None,
) -> Shown:
    """Show a webhook; its URL is not in the record, its secrets stay there.

    ``users`` are the workflows that webhooks start, ``outcomes`` what became of their last deliveries, by name.
    """
    last = (outcomes or {}).get(record.name)
    return {
        "name": record.name,
        "verification": record.verification,
        "has_secrets": record.secrets is not None,
        "transform": record.transform,
        "event_names": None if record.event_names is None else list(record.event_names),
        "cidrs": None if record.cidrs is None else list(record.cidrs),
        "enabled": record.enabled,
        "created_at": rfc3339(record.created_at_ms),
        "updated_at": rfc3339(record.updated_at_ms),
        "last_received_at": rfc3339(record.last_received_at_ms),
        "last_delivery": None if last is None else delivery_outcome(last),
        "used_by": None if users is None else list(users.get(record.name, ())),
    }


def own_webhook(
    source: Source, users: Mapping[str, Sequence[str]] | None, outcomes: Mapping[str, DeliveryOutcome]
) -> Shown:
    """Show a webhook of the application; nothing of what it makes of deliveries can be shown."""
    last = outcomes.get(source.name)
    return {
        "name": source.name,
        "preset": preset_of(source.verify.scheme),
        "event_names": None if source.event_names is None else list(source.event_names),
        "last_delivery": None if last is None else delivery_outcome(last),
        "used_by": None if users is None else list(users.get(source.name, ())),
    }


def delivery_outcome(outcome: DeliveryOutcome) -> Shown:
    """Show what became of a delivery."""
    return {
        "status": outcome.status,
        "at": rfc3339(outcome.at_ms),
        "reason": outcome.reason or None,
        "detail": outcome.detail or None,
        "events": [{"id": event_id, "name": name} for event_id, name in outcome.events],
        "is_last_of_its_kind": outcome.is_last_of_its_kind,
    }


def webhook_sample(sample: Sample) -> Shown:
    """Show the delivery that somebody waits for, or that was taken."""
    return {
        "wanted_until": rfc3339(sample.wanted_until_ms),
        "taken_at": rfc3339(sample.at_ms),
        "delivery": sample.delivery,
    }
