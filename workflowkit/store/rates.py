"""The rates of throttles that are published: what queues for one is under that, whichever version it began with.

A lane keeps the rate of its throttle. Publishing another one changes it in the lanes there are; for each lane that
opens later, a trigger of the migrations looks it up here.
"""

from __future__ import annotations

from collections.abc import Mapping

from workflowkit.base import jsonvalue
from workflowkit.base.scope import APP_TENANT, Scope
from workflowkit.store.statements import Sql, whose
from workflowkit.store.transactions import Transaction

# By the lanes of tenants, for which there is an index.
_OF_WORKFLOW = {
    is_postgresql: f"""
    parent IN (
        SELECT t.id FROM lanes t
        WHERE t.parent IS NULL AND t.environment = :environment AND (:tenant = :app_tenant OR t.tenant = :tenant)
    ) AND throttle IS NOT NULL AND {workflow_id} = :workflow_id
    """  # noqa: S608 - names from our own code
    for is_postgresql, workflow_id in (
        (True, "CAST(throttle AS jsonb) ->> 'workflow_id'"), (False, "json_extract(throttle, '$.workflow_id')"),
    )
}  # fmt: skip
# Whoever serves a lane at this moment is not waited for.
_CHANGE = {
    True: Sql(
        f"""
        UPDATE lanes SET throttle = CAST(CAST(throttle AS jsonb) || CAST(:rate AS jsonb) AS text),
            not_before_ms = :now_ms, wake_at_ms = :now_ms
        WHERE id IN (SELECT id FROM lanes WHERE {_OF_WORKFLOW[True]} ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
        """  # noqa: S608
    ),
    False: Sql(
        f"""
        UPDATE lanes SET throttle = json_patch(throttle, :rate), not_before_ms = :now_ms, wake_at_ms = :now_ms
        WHERE {_OF_WORKFLOW[False]}
        """  # noqa: S608
    ),
}
_KEEP = Sql(
    """
    INSERT INTO rates (environment, tenant, workflow_id, rate) VALUES (:environment, :tenant, :workflow_id, :rate)
    ON CONFLICT (environment, tenant, workflow_id) DO UPDATE SET rate = excluded.rate
    """
)
_FORGET = Sql("DELETE FROM rates WHERE environment = :environment AND tenant = :tenant AND workflow_id = :workflow_id")
_ANY_AT_ANOTHER_RATE = {
    True: Sql(
        f"""
        SELECT 1 FROM lanes WHERE {_OF_WORKFLOW[True]} AND NOT CAST(throttle AS jsonb) @> CAST(:rate AS jsonb) LIMIT 1
        """  # noqa: S608
    ),
    False: Sql(
        f"""
        SELECT 1 FROM lanes WHERE {_OF_WORKFLOW[False]} AND json_patch(throttle, :rate) <> json(throttle) LIMIT 1
        """  # noqa: S608
    ),
}


def change(tx: Transaction, scope: Scope, workflow_id: str, rate: Mapping[str, int]) -> bool:
    """Let what queues for the throttle of a workflow be under another rate; the relay looks at these next.

    Of a function those of all tenants. Tell whether that was all: what somebody serves just now is left out.
    """
    of = {
        "environment": scope.environment, "tenant": scope.tenant, "app_tenant": APP_TENANT, "workflow_id": workflow_id,
        "rate": jsonvalue.dumps(rate),
    }  # fmt: skip
    tx.run(_CHANGE[tx.is_postgresql], **of, now_ms=tx.now_ms)
    return tx.one(_ANY_AT_ANOTHER_RATE[tx.is_postgresql], **of) is None


def keep(tx: Transaction, scope: Scope, workflow_id: str, rate: Mapping[str, int]) -> None:
    """Let lanes that open from now on for the throttle of a workflow be under a rate, whichever their runs have."""
    where = {**whose(scope), "workflow_id": workflow_id}
    tx.run(_KEEP, **where, rate=jsonvalue.dumps(rate))


def forget(tx: Transaction, scope: Scope, workflow_id: str) -> None:
    """Let lanes that open from now on be under the rates that their runs have."""
    tx.run(_FORGET, **whose(scope), workflow_id=workflow_id)
