"""How what is served registers with a server: triggers and settings in the protocol's words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from workflowkit.base.errors import DefinitionError, Problem
from workflowkit.base.jsonvalue import dumps
from workflowkit.definition.durations import DAY_MS
from workflowkit.definition.model import Workflow
from workflowkit.definition.settings.flow import Concurrency, ConcurrencyMode, FlowControl, Scope, SingletonMode
from workflowkit.definition.settings.triggers import Overlap
from workflowkit.definition.settings.triggers import Trigger as EventTrigger
from workflowkit.definition.settings.workflow import WorkflowSettings
from workflowkit.inngest.events import CRON_THERE, ENDS_HERE
from workflowkit.inngest.registration import call_url
from workflowkit.inngest.serving.names import Names
from workflowkit.inngest.serving.requests import WHOLE
from workflowkit.inngest.serving.served import Served
from workflowkit.runtime.schedules import EVENT_NAME as CRON_EVENT

_SCOPES = {Scope.WORKFLOW: "fn", Scope.ENVIRONMENT: "env", Scope.INSTALLATION: "account"}
_OF_A_RUN = re.compile(r"""event\.data\.workflow_id\s*(==|!=)\s*(['"])(?P<id>[^'"\\]+)\2""")


def function_configs(served: Iterable[Served], names: Names, url: str) -> list[dict[str, Any]]:
    """Return what an app at ``url`` registers. Raises ``DefinitionError`` with all that it has no words for."""
    problems: list[Problem] = []
    configs = []
    for each in served:
        problems += [Problem(f"/functions/{each.id}{place}", "unsupported", text) for place, text in _untold(each)]
        configs.append(_config(each, names, url))
    if problems:
        raise DefinitionError(problems)
    return configs


def _config(served: Served, names: Names, url: str) -> dict[str, Any]:
    workflow, settings = served.workflow, served.workflow.settings
    runtime = {"type": "http", "url": call_url(url, served.slug, WHOLE)}
    step = {"id": WHOLE, "name": WHOLE, "runtime": runtime, "retries": {"attempts": served.retries}}
    told = {
        "id": served.slug,
        "name": f"{workflow.name}: cancelled" if served.given is not None else workflow.name or served.slug,
        "triggers": [*_triggers(served, names)],
        "steps": {WHOLE: step},
        **_flow(settings.flow),
        **_no_overlap(workflow),
        "cancel": [*_cancels(settings)],
        "inputs": workflow.inputs_schema,
        "timeouts": _given(start=_time(settings.timeouts.start_ms), finish=_time(settings.timeouts.finish_ms)),
    }
    return {name: value for name, value in told.items() if value or name == "triggers"}


def _triggers(served: Served, names: Names) -> Iterator[dict[str, Any]]:
    workflow = served.workflow
    for trigger in workflow.triggers:
        condition = _condition(trigger, names)
        yield _given(event=ENDS_HERE.get(trigger.event, trigger.event), expression=condition)
    for handled in served.handles:
        yield {"event": handled.event, "expression": f"event.data.function_id == {dumps(handled.slug)}"}
    for schedule in workflow.schedules:
        zone = f"TZ={schedule.timezone} " if schedule.timezone else ""
        yield _given(cron=f"{zone}{schedule.cron}", jitter=_time(schedule.jitter_ms or None))


def _condition(trigger: EventTrigger, names: Names) -> str | None:
    """Return a trigger's condition; of the end of a run, over the fields that the server's event has."""
    if trigger.condition is None or trigger.event not in ENDS_HERE:
        return trigger.condition
    return _OF_A_RUN.sub(
        lambda found: f"event.data.function_id {found[1]} '{names.slug(found['id'])}'", trigger.condition
    )


def _cancels(settings: WorkflowSettings) -> Iterator[dict[str, Any]]:
    for rule in settings.cancel_on:
        yield _given(event=rule.event, **{"if": rule.condition}, timeout=_time(rule.timeout_ms))


def _flow(flow: FlowControl) -> dict[str, Any]:
    told: dict[str, Any] = {"concurrency": _concurrency(flow.concurrency), "priority": _given(run=flow.priority)}
    if (throttle := flow.throttle) is not None:
        period = _time(throttle.period_ms)
        told["throttle"] = _given(limit=throttle.limit, period=period, burst=throttle.burst, key=throttle.key)
    if (rate := flow.rate_limit) is not None:
        told["rateLimit"] = _given(limit=rate.limit, period=_time(rate.period_ms), key=rate.key)
    if (debounce := flow.debounce) is not None:
        timeout = _time(debounce.timeout_ms)
        told["debounce"] = _given(period=_time(debounce.period_ms), timeout=timeout, key=debounce.key)
    if (batch := flow.batch) is not None:
        condition = {"if": batch.condition}
        told["batchEvents"] = _given(
            maxSize=batch.max_size, timeout=_time(batch.timeout_ms), key=batch.key, **condition
        )
    if (singleton := flow.singleton) is not None:
        told["singleton"] = _given(mode=singleton.mode.value, key=singleton.key)
    if (once := flow.idempotency) is not None and once.period_ms == DAY_MS:
        told["idempotency"] = once.key
    elif once is not None:  # the same, with another period
        told["rateLimit"] = {"limit": 1, "period": _time(once.period_ms), "key": once.key}
    return told


def _no_overlap(workflow: Workflow) -> dict[str, Any]:
    """Return what keeps runs of schedules from overlapping: a singleton that others than they have no part in."""
    if not workflow.schedules or not _all_skip(workflow):
        return {}
    names = " || ".join(f"event.name == {dumps(name)}" for name in (CRON_THERE, CRON_EVENT))
    return {"singleton": {"mode": SingletonMode.SKIP.value, "key": names}}


def _all_skip(workflow: Workflow) -> bool:
    return all(each.overlap is Overlap.SKIP for each in workflow.schedules)


def _concurrency(limits: tuple[Concurrency, ...]) -> Any:
    of_steps = [_limit(each) for each in limits if each.mode is ConcurrencyMode.STEPS]
    of_runs = [_limit(each) for each in limits if each.mode is ConcurrencyMode.RUNS]
    return {"fn": of_runs, "step": of_steps} if of_runs else of_steps


def _limit(each: Concurrency) -> dict[str, Any]:
    return _given(limit=each.limit, key=each.key, scope=_SCOPES.get(each.scope))


def _untold(served: Served) -> Iterator[tuple[str, str]]:
    """Yield what of a function's triggers and settings the protocol has no words for."""
    workflow, flow = served.workflow, served.workflow.settings.flow
    for hook in workflow.webhooks:
        yield hook.pointer, "webhooks are received by a server of Workflow Kit only"
    if workflow.http is not None:
        yield "/triggers", "requests of others are received by a server of Workflow Kit only"
    for schedule in workflow.schedules:
        may_skip = _all_skip(workflow) and flow.singleton is None
        if schedule.overlap is not Overlap.ALLOW and not may_skip:
            yield schedule.pointer, "overlap is skip for all schedules and without a singleton, or for none"
        if schedule.catch_up:
            yield schedule.pointer, "catch_up is known to a server of Workflow Kit only"
    if any(each.scope is Scope.TENANT for each in flow.concurrency):
        yield "/settings/concurrency", "the scope tenant is known to a server of Workflow Kit only"
    if flow.singleton is not None and flow.singleton.mode is SingletonMode.QUEUE_LATEST:
        yield "/settings/singleton/mode", "queue_latest is known to a server of Workflow Kit only"
    if flow.idempotency is not None and flow.rate_limit is not None:
        yield "/settings/idempotency", "on this server it takes the place of rate_limit: give one of the two"


def _time(duration_ms: int | None) -> str | None:
    """Return a duration as the protocol writes it."""
    if duration_ms is None:
        return None
    return f"{duration_ms // 1000}s" if duration_ms % 1000 == 0 else f"{duration_ms}ms"


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
