"""A genuine delivery that somebody waits for, to try a mapping on it: taken once, sealed, and not kept for long.

Nobody's deliveries are kept unasked. What is taken may be about people, so it is encrypted with the installation's key,
bound to its webhook; with a key that was replaced since, it is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.errors import InvalidInput, WorkflowKitError
from workflowkit.base.scope import Scope
from workflowkit.base.secrets import Keyring, SecretUnreadable
from workflowkit.runtime.auditing import PROGRAM, Act, By, note
from workflowkit.runtime.timers import NOTHING, Fired
from workflowkit.store import timers, webhooks
from workflowkit.store import webhooksamples as rows
from workflowkit.store.database import Database
from workflowkit.store.timers import TimerRow
from workflowkit.store.transactions import Transaction
from workflowkit.webhooks.delivery import CREDENTIALS, Delivery

#: How long the next delivery is waited for.
WANTED_MS = 3_600_000
#: How long a delivery that was taken can be read.
KEPT_MS = 86_400_000
MAX_BYTES = 65_536
#: The kind of the timers after which what was taken is deleted.
FORGET_TIMER = "webhook.sample"


@dataclass(frozen=True, slots=True)
class Sample:
    """Until when a delivery is waited for, and the one that was taken: ``delivery`` has method, headers, query, raw."""

    wanted_until_ms: int | None = None
    at_ms: int | None = None
    delivery: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """The deliveries that were asked for. ``keyring`` returns what seals them."""

    database: Database
    keyring: Callable[[], Keyring | None]

    def want(self, scope: Scope, name: str, *, by: By = PROGRAM) -> Sample:
        """Take the next genuine delivery to a webhook. Raises ``NotFound``, ``InvalidInput`` where nothing seals it."""
        if self.keyring() is None:
            message = "deliveries are kept encrypted only: set WORKFLOWKIT_SECRET_KEY"
            raise InvalidInput.at("", "no-secret-key", message)
        with self.database.transaction("webhook") as tx:
            webhooks.get(tx, scope, name)
            until_ms = tx.now_ms + WANTED_MS
            rows.want(tx, scope, name, until_ms=until_ms)
            note(tx, scope, by, Act.WEBHOOK_CHANGED, f"webhook:{name}", {"sample": "wanted"})
        return Sample(until_ms)

    def get(self, scope: Scope, name: str) -> Sample:
        """Return what is waited for, or was taken. Raises ``NotFound`` if there is no such webhook."""
        with self.database.read() as tx:
            webhooks.get(tx, scope, name)
            row, now_ms = rows.get(tx, scope, name), tx.now_ms
        if row is None:
            return Sample()
        if row.wanted_until_ms > now_ms:
            return Sample(row.wanted_until_ms)
        keyring = self.keyring()
        if row.sealed is None or row.at_ms is None or row.at_ms < now_ms - KEPT_MS or keyring is None:
            return Sample()
        try:
            return Sample(None, row.at_ms, jsonvalue.loads(keyring.open(row.sealed, _place(scope, name))))
        except SecretUnreadable:
            return Sample()

    def forget(self, scope: Scope, name: str) -> None:
        """Wait no more, and delete what was taken. Raises ``NotFound`` if there is no such webhook."""
        with self.database.transaction("webhook") as tx:
            webhooks.get(tx, scope, name)
            rows.delete(tx, scope, name)

    def keep(self, scope: Scope, name: str, delivery: Delivery) -> None:
        """Keep a genuine delivery, if one is still waited for; not one that is large or no text."""
        keyring = self.keyring()
        if keyring is None or len(delivery.raw) > MAX_BYTES:
            return
        try:
            raw = delivery.text
        except WorkflowKitError:
            return
        headers = {key: value for key, value in delivery.headers.items() if key not in CREDENTIALS}
        taken = {"method": delivery.method, "headers": headers, "query": dict(delivery.query), "raw": raw}
        sealed = keyring.seal(jsonvalue.dumps(taken), _place(scope, name))
        with self.database.transaction("delivery") as tx:
            if rows.keep(tx, scope, name, sealed=sealed):
                due_at_ms = tx.now_ms + KEPT_MS
                timer_id = f"{FORGET_TIMER}:{scope.environment}/{scope.tenant}/{name}/{due_at_ms}"
                timers.plan(tx, [TimerRow(timer_id, FORGET_TIMER, scope, name, due_at_ms)])


def forget_taken(tx: Transaction, timer: TimerRow) -> Fired:
    """Delete a delivery whose time is over, unless it is gone already, or another one has been taken since."""
    rows.delete_taken(tx, timer.scope, timer.subject, until_ms=timer.due_at_ms - KEPT_MS)
    return NOTHING


def _place(scope: Scope, name: str) -> str:
    return "\x1f".join(("webhook-sample", scope.environment, scope.tenant, name))
