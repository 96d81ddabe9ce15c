"""Which workflows listen to which events: the triggers of published versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from workflowkit.base.scope import APP_TENANT, Scope, owner_of
from workflowkit.store.pauses import Hold
from workflowkit.store.statements import Sql, whose
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class TriggerRow:
    """One trigger of a workflow that listens."""

    pattern: str
    workflow_id: str
    version: int
    condition: str | None


_LAID_ASIDE = frozenset({Hold.ARCHIVE, Hold.DISABLE})


@dataclass(frozen=True, slots=True)
class Listening:
    """Who listens: ``triggers`` by workflow and in the document's order; ``wait_paths`` by event name, the paths by
    whose values runs that wait for it are looked up; ``holds`` what is paused, drained, archived or disabled, by
    workflow."""

    triggers: list[TriggerRow]
    wait_paths: dict[str, list[str]]
    holds: dict[str, frozenset[Hold]]

    @property
    def in_force(self) -> list[TriggerRow]:
        """The triggers of workflows that are neither archived nor disabled: those that are to start something."""
        return [each for each in self.triggers if _LAID_ASIDE.isdisjoint(self.holds.get(each.workflow_id, ()))]

    def hold(self, workflow_id: str, hold: Hold) -> None:
        """Note that something holds a workflow."""
        self.holds[workflow_id] = self.holds.get(workflow_id, frozenset()) | {hold}


class Target(NamedTuple):
    """A workflow that is addressed: its published version, if there is one, whether it is enabled, and archived."""

    version: int | None
    is_enabled: bool
    is_archived: bool


# All in one round trip: every event asks for all, and mostly there is none but the first. 0 and -1 are no versions.
_SELECT = Sql(
    """
    SELECT pattern, workflow_id, version, condition, position, archived_at_ms, enabled FROM workflow_triggers
    WHERE environment = :environment AND tenant IN (:tenant, :app_tenant) AND pattern {in_ids}
    UNION ALL
    SELECT name, '', 0, path, 0, NULL, NULL FROM wait_paths
    WHERE environment = :environment AND tenant = :tenant AND name {in_ids}
    UNION ALL
    SELECT hold, workflow_id, -1, NULL, 0, NULL, NULL FROM pauses
    WHERE environment = :environment AND tenant IN (:tenant, :app_tenant)
    ORDER BY 2, 5
    """
)
_SELECT_TARGET = Sql(
    """
    SELECT published_version, enabled, archived_at_ms FROM workflows
    WHERE environment = :environment AND tenant = :tenant AND id = :id
    """
)


def load(tx: Transaction, scope: Scope, patterns: Sequence[str]) -> Listening:
    """Return the triggers with one of these patterns that an event of this tenant meets, the tenant's own and those of
    the application's functions; and how waits for events of these names are looked up."""
    found = Listening([], {}, {})
    where = whose(scope)
    rows = tx.rows(_SELECT, **where, app_tenant=APP_TENANT, ids=list(patterns))
    for pattern, workflow_id, version, text, _, archived_at_ms, enabled in rows:
        if version < 0:
            found.hold(workflow_id, Hold(pattern))
        elif version:
            found.triggers.append(TriggerRow(pattern, workflow_id, version, text))
            if archived_at_ms is not None:
                found.hold(workflow_id, Hold.ARCHIVE)
            if not enabled:
                found.hold(workflow_id, Hold.DISABLE)
        else:
            found.wait_paths.setdefault(pattern, []).append(text)
    return found


def load_target(tx: Transaction, scope: Scope, workflow_id: str) -> Target | None:
    """Return the workflow that an event of this tenant is addressed to; ``None`` if there is no such workflow."""
    owner = owner_of(scope, workflow_id)
    row = tx.one(_SELECT_TARGET, environment=owner.environment, tenant=owner.tenant, id=workflow_id)
    return None if row is None else Target(row[0], bool(row[1]), row[2] is not None)
