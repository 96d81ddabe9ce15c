"""What holds for a whole workflow: how long its runs may take, what cancels them, what follows their end, flow control.

The sub-graphs of ``on_failure`` and ``on_cancel`` are ``model.Workflow``'s; here is only another workflow's id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workflowkit.definition.durations import duration_ms
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.settings.flow import FLOW_NAMES, FlowControl, read_flow_control
from workflowkit.definition.settings.reading import mapping, text, text_or_none

SETTING_NAMES = FLOW_NAMES | {"timeouts", "cancel_on", "on_failure", "on_cancel", "retries"}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Past these a run is cancelled: from its creation to its first step, and from there to its end."""

    start_ms: int | None = None
    finish_ms: int | None = None


@dataclass(frozen=True, slots=True)
class CancelRule:
    """An event named ``event`` for which ``condition`` holds cancels the run.

    ``expression`` and ``match`` are what is written. The rule holds for ``timeout_ms`` from the run's creation, for as
    long as the run lasts if ``None``.
    """

    event: str
    expression: str | None = None
    match: str | None = None
    timeout_ms: int | None = None

    @property
    def condition(self) -> str | None:
        """The CEL expression over ``event`` and ``async``, ``None`` if every event of the name cancels.

        Raises ``ExpressionError`` for a ``match`` that is no path, which no valid document has.
        """
        from workflowkit.definition.correlation import match_condition  # most documents have no condition to read

        return self.expression if self.match is None else match_condition(self.match)


_NO_TIMEOUTS, NO_FLOW_CONTROL = Timeouts(), FlowControl()


@dataclass(frozen=True, slots=True)
class WorkflowSettings:
    """A document's ``settings``. ``retries`` is for actions that say nothing themselves."""

    timeouts: Timeouts = _NO_TIMEOUTS
    cancel_on: tuple[CancelRule, ...] = ()
    on_failure_workflow: str | None = None
    on_cancel_workflow: str | None = None
    retries: int | None = None
    flow: FlowControl = NO_FLOW_CONTROL


NO_SETTINGS = WorkflowSettings()


def read_settings(settings: Mapping[str, Json]) -> WorkflowSettings:
    """Return a workflow's settings; what is absent or wrong has its default. Never raises."""
    timeouts, retries = mapping(settings, "timeouts"), settings.get("retries")
    rules = settings.get("cancel_on")
    found = [_cancel_rule(entry) for entry in (rules if isinstance(rules, list) else ()) if isinstance(entry, dict)]
    return WorkflowSettings(
        timeouts=Timeouts(duration_ms(timeouts.get("start")), duration_ms(timeouts.get("finish"))),
        cancel_on=tuple(rule for rule in found if rule is not None),
        on_failure_workflow=text_or_none(mapping(settings, "on_failure"), "workflow"),
        on_cancel_workflow=text_or_none(mapping(settings, "on_cancel"), "workflow"),
        retries=retries if type(retries) is int else None,
        flow=read_flow_control(settings),
    )


def _cancel_rule(entry: Mapping[str, Json]) -> CancelRule | None:
    event, timeout_ms = text(entry, "event"), duration_ms(entry.get("timeout"))
    return CancelRule(event, text_or_none(entry, "if"), text_or_none(entry, "match"), timeout_ms) if event else None
