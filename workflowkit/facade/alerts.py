"""``wk.alerts``: alert rules as the host application makes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workflowkit.base.scope import Scope, scope_or

if TYPE_CHECKING:
    from workflowkit.runtime.alerts import Alerts
    from workflowkit.store.alerts import AlertRow


@dataclass(frozen=True, slots=True)
class AlertRules:
    """The alert rules of an installation (docs/alerts.md)."""

    _alerts: Callable[[], Alerts]
    _scope: Scope

    def create(
        self,
        name: str,
        condition: Mapping[str, Any],
        *,
        workflow_id: str | None = None,
        window_seconds: int = 60,
        quiet_seconds: int = 300,
        scope: Scope | None = None,
    ) -> AlertRow:
        """Make a rule, such as ``create("Orders fail", {"kind": "failure_count", "failures": 10})``.

        Two calls make two rules. Raises ``InvalidInput`` with all problems, ``LimitExceeded``.
        """
        from workflowkit.engine.alerts import AlertSettings, parse_condition

        settings = AlertSettings(name, parse_condition(condition), workflow_id or "", window_seconds, quiet_seconds)
        return self._alerts().create(scope_or(scope, self._scope), settings)

    def list(self, *, limit: int = 100, after: str = "", scope: Scope | None = None) -> list[AlertRow]:
        """Return up to ``limit`` rules, oldest first, those behind the id ``after``."""
        return self._alerts().find(scope_or(scope, self._scope), limit=limit, after=after)

    def get(self, alert_id: str, *, scope: Scope | None = None) -> AlertRow:
        """Return a rule, and how it stands. Raises ``NotFound``."""
        return self._alerts().get(scope_or(scope, self._scope), alert_id)

    def delete(self, alert_id: str, *, scope: Scope | None = None) -> None:
        """Delete a rule; if it fires, nothing tells of its end. Raises ``NotFound``."""
        self._alerts().delete(scope_or(scope, self._scope), alert_id)
