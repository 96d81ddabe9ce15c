"""An installation as a whole: its processes, connected workers and queues."""

from __future__ import annotations

from collections.abc import Sequence

from workflowkit.api.views.base import Shown
from workflowkit.base.clock import rfc3339
from workflowkit.runtime.oversight import Standing
from workflowkit.runtime.presence import is_silent
from workflowkit.store.backlog import QueueDepth
from workflowkit.store.connections import Connected
from workflowkit.store.workers import WorkerRow


def worker(record: WorkerRow, now_ms: int) -> Shown:
    """Show a process (``schemas.system.WorkerProcess``)."""
    return {
        "id": record.id,
        "role": record.role.value,
        "name": record.name,
        "host": record.host,
        "pid": record.pid,
        "version": record.version,
        "queues": list(record.queues),
        "concurrency": record.concurrency,
        "busy_count": record.busy_count,
        "started_at": rfc3339(record.started_at_ms),
        "seen_at": rfc3339(record.seen_at_ms),
        "is_silent": is_silent(record, now_ms),
    }


def connection(connected: Connected) -> Shown:
    """Show a worker of apps that is connected (``schemas.system.Connection``)."""
    record = connected.connection
    return {
        "id": record.id,
        "environment": record.environment,
        "instance": record.instance_id,
        "apps": [{"id": app.app_id, "version": app.version} for app in connected.apps],
        "status": record.status.value,
        "sdk": record.sdk,
        "max_requests": record.max_requests,
        "busy_count": connected.busy_count,
        "connected_at": rfc3339(record.connected_at_ms),
        "seen_at": rfc3339(record.seen_at_ms),
    }


def system(standing: Standing, processes: Sequence[WorkerRow]) -> Shown:
    """Show how an installation is doing (``schemas.system.SystemState``)."""
    broker = standing.broker
    return {
        "at": rfc3339(standing.now_ms),
        "queues": _queues(standing, processes),
        "pending_event_count": standing.backlog.event_count,
        "lane_count": standing.backlog.lane_count,
        "queued_count": standing.backlog.queued_count,
        "relay": {"lag_ms": standing.relay_lag_ms},
        "database": {
            "kind": "postgresql" if standing.is_postgresql else "sqlite",
            "latency_ms": round(standing.latency_ms, 1),
            "revision": standing.revision,
            "is_current": standing.revision == standing.head,
        },
        "broker": {"kind": broker.kind, "is_reachable": broker.trouble is None, "trouble": broker.trouble},
    }


def _queues(standing: Standing, processes: Sequence[WorkerRow]) -> list[Shown]:
    depths = {depth.queue: depth for depth in standing.backlog.queues}
    serving = [queue for one in processes if not is_silent(one, standing.now_ms) for queue in one.queues]
    return [_queue(name, depths.get(name), serving.count(name)) for name in sorted({*depths, *serving})]


def _queue(name: str, depth: QueueDepth | None, worker_count: int) -> Shown:
    return {
        "name": name,
        "due_count": 0 if depth is None else depth.due_count,
        "oldest_at": None if depth is None else rfc3339(depth.oldest_at_ms),
        "worker_count": worker_count,
    }
