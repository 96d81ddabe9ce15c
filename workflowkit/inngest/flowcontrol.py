"""The flow control of a registered function, as settings of ours that do what its SDK's own server was observed to do.

The controls are the same algorithms with other bounds. A throttle admits ``limit + burst`` runs at once and then one
every ``period / limit``; a rate limit admits ``1 + limit // 10``. A priority may be up to 12 hours. Batches pass by
rate limit and idempotency, and idempotency takes the place of a rate limit. An event that is older than the last of a
debounce does not postpone it. What is left out here has our own defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflowkit.definition.settings.flow import OlderEvents
from workflowkit.inngest.tables import lowered, table

_SCOPES = {"fn": "workflow", "env": "environment", "account": "installation"}
#: The most that a run can be moved ahead of others, or behind them.
PRIORITY_SECONDS = 43_200


def flow_settings(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings for the flow control of a function; ``entry`` has its keys in small letters."""
    batch, idempotency = table(entry.get("batchevents"), maxsize="max_size"), entry.get("idempotency")
    return {
        "concurrency": _concurrency(entry.get("concurrency")),
        "throttle": _throttle(table(entry.get("throttle"))),
        "rate_limit": {} if batch or idempotency else _rate_limit(table(entry.get("ratelimit"))),
        "debounce": _debounce(table(entry.get("debounce"))),
        "batch": batch,
        "priority": _priority(entry.get("priority")),
        "singleton": table(entry.get("singleton")),
        "idempotency": None if batch else idempotency,
    }


def _throttle(rule: dict[str, Any]) -> dict[str, Any]:
    if not rule:
        return {}
    limit, burst = rule.get("limit", 1), rule.get("burst", 0)
    if type(limit) is int and type(burst) is int and burst >= 0:
        burst = limit + burst
    return {**rule, "limit": limit, "burst": burst}


def _rate_limit(rule: dict[str, Any]) -> dict[str, Any]:
    limit = rule.get("limit")
    return {**rule, "burst": 1 + limit // 10} if type(limit) is int and limit >= 10 else rule


def _debounce(rule: dict[str, Any]) -> dict[str, Any]:
    if not rule:
        return {}
    period, timeout = rule.get("period"), rule.get("timeout")
    if isinstance(period, int | float) and isinstance(timeout, int | float) and timeout < period:
        rule = {**rule, "timeout": period}  # accepted there: the first event waits for the period in any case
    return {**rule, "older": OlderEvents.IGNORE.value}


def _priority(value: Any) -> dict[str, Any] | None:
    run = lowered(value).get("run")
    return {"by": run, "most": PRIORITY_SECONDS} if run else None


def _concurrency(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict) and not {"fn", "step"}.isdisjoint(value):
        of_runs = [{**each, "mode": "runs"} for each in _concurrency(value.get("fn"))]
        return [*of_runs, *_concurrency(value.get("step"))]
    entries = value if isinstance(value, list) else [] if value is None else [value]
    limits: list[dict[str, Any]] = [{"limit": each} if isinstance(each, int) else table(each) for each in entries]
    for limit in limits:
        if "scope" in limit:
            limit["scope"] = _SCOPES.get(limit["scope"], limit["scope"])
    return limits
