"""The audit log: who logged in and who changed what, entered in the transaction that changes it.

Entries of a tenant are numbered without a gap, and each has a hash that covers the one before. Who changes or takes out
an entry, past the database's own refusal, breaks the chain there; who forges the rest of the chain too has another hash
at its end than the one that was written down elsewhere (``Verification.hash``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from workflowkit.base.jsonvalue import Json
from workflowkit.base.scope import Scope
from workflowkit.store import audit as rows
from workflowkit.store.audit import AuditEntry, AuditFilter, NewEntry
from workflowkit.store.database import Database
from workflowkit.store.transactions import Transaction

_CHUNK = 1_000


class Act(StrEnum):
    """What is entered."""

    LOGIN_SUCCEEDED = "login.succeeded"
    LOGIN_FAILED = "login.failed"
    SESSION_ENDED = "session.ended"
    PASSWORD_CHANGED = "user.password_changed"  # noqa: S105 - no password
    USER_CREATED = "user.created"
    USER_ROLES_CHANGED = "user.roles_changed"
    USER_DISABLED = "user.disabled"
    USER_ENABLED = "user.enabled"
    KEY_CREATED = "key.created"
    KEY_REVOKED = "key.revoked"
    WORKFLOW_PUBLISHED = "workflow.published"
    WORKFLOW_ENABLED = "workflow.enabled"
    WORKFLOW_DISABLED = "workflow.disabled"
    WORKFLOW_PAUSED = "workflow.paused"
    WORKFLOW_RESUMED = "workflow.resumed"
    WORKFLOW_DRAINED = "workflow.drained"
    WORKFLOW_UNDRAINED = "workflow.undrained"
    WORKFLOW_ARCHIVED = "workflow.archived"
    WORKFLOW_RESTORED = "workflow.restored"
    RUN_REPEATED = "run.repeated"
    RUN_MOVED = "run.moved"
    WEBHOOK_CREATED = "webhook.created"
    WEBHOOK_CHANGED = "webhook.changed"
    WEBHOOK_ROTATED = "webhook.rotated"
    WEBHOOK_DELETED = "webhook.deleted"
    SECRET_SET = "secret.set"  # noqa: S105 - no secret
    SECRET_DELETED = "secret.deleted"  # noqa: S105
    ALERT_CREATED = "alert.created"
    ALERT_CHANGED = "alert.changed"
    ALERT_DELETED = "alert.deleted"
    APP_ARCHIVED = "app.archived"
    APP_UNARCHIVED = "app.unarchived"
    EMBED_TOKEN_ISSUED = "embed_token.issued"  # noqa: S105 - no token


@dataclass(frozen=True, slots=True)
class By:
    """Who does something, and from which address."""

    actor: str
    address: str = ""


#: Whoever reaches the database without the API: the application itself, or somebody with the command line.
PROGRAM = By("program")


@dataclass(frozen=True, slots=True)
class Verification:
    """What looking at the whole log came to: how many entries fit together, and the first one that does not.

    ``hash`` is that of the last entry.
    """

    checked_count: int
    broken_at_seq: int | None
    hash: str


def note(
    tx: Transaction, scope: Scope, by: By, act: Act, subject: str, detail: Mapping[str, Json] | None = None
) -> None:
    """Enter what somebody does in the caller's transaction, as the last thing in it that takes a lock."""
    rows.append(tx, scope, NewEntry(by.actor, by.address, act.value, subject, detail))


def note_everywhere(tx: Transaction, scopes: Iterable[Scope], by: By, act: Act, subject: str) -> None:
    """Enter what concerns somebody in all tenants that they belong to, in the order in which all take these locks."""
    for scope in sorted(scopes, key=lambda each: (each.environment, each.tenant)):
        note(tx, scope, by, act, subject)


@dataclass(frozen=True, slots=True)
class Audit:
    """The audit logs of an installation, for readers."""

    database: Database

    def find(self, scope: Scope, chosen: AuditFilter, *, limit: int, before: int = 2**62) -> list[AuditEntry]:
        """Return up to ``limit`` entries of a tenant, newest first, those before the number ``before``."""
        with self.database.read() as tx:
            return rows.find(tx, scope, chosen, limit=limit, before=before)

    def verify(self, scope: Scope) -> Verification:
        """Look whether each entry of a tenant is as it was entered, and none is missing."""
        with self.database.read() as tx:
            chain = rows.chain_of(tx, scope)
            seq, previous = chain.pruned_seq, chain.pruned_hash
            checked_count = 0
            while seq < chain.seq:
                found = rows.find_after(tx, scope, seq, limit=_CHUNK)
                for entry in found:
                    expected = entry.entry.hash_after(previous, scope, entry.seq, entry.at_ms)
                    if entry.seq != seq + 1 or entry.hash != expected:
                        return Verification(checked_count, seq + 1, chain.hash)
                    seq, previous, checked_count = entry.seq, entry.hash, checked_count + 1
                    if seq == chain.seq:
                        break  # what came since is looked at next time
                if not found:
                    return Verification(checked_count, seq + 1, chain.hash)
        is_whole = previous == chain.hash
        return Verification(checked_count, None if is_whole else seq, chain.hash)
