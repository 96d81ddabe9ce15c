"""API keys: made, listed, revoked, and turned into the scope and permissions of a caller.

A key is ``wk_<environment>_<52 random characters>``. It has 256 bits of randomness, so one SHA-256 is all that its
storage needs (no salt, no slow hash), and looking its hash up in an index tells nothing about other keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from workflowkit.base import forks, ids
from workflowkit.base.clock import monotonic_seconds
from workflowkit.base.errors import InvalidInput, NotFound, Problem, Unauthenticated
from workflowkit.base.scope import Scope, check_tenant
from workflowkit.definition.patterns import check_listed_name, is_listed
from workflowkit.runtime.auditing import PROGRAM, Act, By, note
from workflowkit.store import keys as rows
from workflowkit.store import users
from workflowkit.store.database import Database
from workflowkit.store.keys import KeyRecord

#: Everything a key can be allowed to do.
PERMISSIONS = (
    "events:send",
    "workflows:read",
    "workflows:write",
    "workflows:publish",
    "workflows:pause",
    "runs:read",
    "runs:write",
    "actions:read",
    "keys:admin",
    "webhooks:read",
    "webhooks:write",
    "signals:send",
    "http:call",
    "approvals:read",
    "approvals:decide",
    "approvals:impersonate",
    "approvals:override",
    "runs:decrypt",
    "alerts:read",
    "alerts:write",
    "system:read",
    "metrics:read",
    "embed:issue",
    "apps:write",
    "users:admin",
    "audit:read",
    "secrets:read",
    "secrets:write",
    "limits:share",
)
#: What is to be asked for: to see what is encrypted, what people do, and what concerns the whole installation.
_UNORDINARY = frozenset(
    {"runs:decrypt", "system:read", "metrics:read", "apps:write", "audit:read", "secrets:write", "limits:share"}
)  # fmt: skip
#: What a key may do unless something else is said.
ORDINARY_PERMISSIONS = tuple(permission for permission in PERMISSIONS if permission not in _UNORDINARY)
#: How long a process may go on accepting a key that another process has revoked.
CACHE_SECONDS = 1.0
#: How fine ``last_used_at`` is: each use would otherwise cost a write.
LAST_USED_RESOLUTION_MS = 60_000

_KEY_ACTOR, _USER_ACTOR = "key:", "user:"
_CACHE_SIZE = 1_024
_PREFIX_RANDOM_CHARS = 4
_NAME_MAX_CHARS = 200
_EVENT_NAMES_MAX = 100
#: Whatever is longer or looks different was not made by ``create`` and is not worth a query.
_KEY = re.compile(r"wk_[\x21-\x7e]{1,150}")


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of an installation.

    ``stopwatch`` times the cache only; every stored time is the database's.
    """

    database: Database
    stopwatch: Callable[[], float] = monotonic_seconds
    _cache: dict[str, tuple[KeyRecord, float]] = field(default_factory=dict, repr=False)
    _cache_lock: AbstractContextManager[bool] = field(default_factory=forks.lock, repr=False)

    def create(
        self,
        scope: Scope,
        name: str,
        permissions: Iterable[str],
        *,
        event_names: Iterable[str] | None = None,
        by: By = PROGRAM,
    ) -> tuple[KeyRecord, str]:
        """Make a key and return its row and the key itself, which nothing can show again.

        ``event_names`` are names or prefixes ending in ``*``; they belong to a key that may only send events. Raises
        ``InvalidInput``.
        """
        granted, names = frozenset(permissions), None if event_names is None else tuple(event_names)
        _check(name, granted, names)
        check_tenant(scope)
        key = f"wk_{scope.environment}_{ids.random_token()}"
        visible = len(f"wk_{scope.environment}_") + _PREFIX_RANDOM_CHARS
        with self.database.transaction("key") as tx:
            record = KeyRecord(
                id=ids.new_id(tx.now_ms),
                scope=scope,
                name=name,
                prefix=key[:visible],
                permissions=granted,
                event_names=names,
                created_at_ms=tx.now_ms,
                created_by=by.actor,
            )
            # SAFETY: S17 — only the hash is stored.
            rows.insert(tx, scope, record, key_hash=ids.token_hash(key))
            note(tx, scope, by, Act.KEY_CREATED, f"key:{record.id}", {"name": name, "permissions": sorted(granted)})
        return record, key

    def find(self, scope: Scope, *, limit: int, before: str = "") -> list[KeyRecord]:
        """Return up to ``limit`` keys of a tenant, newest first, revoked ones included."""
        with self.database.read() as tx:
            return rows.find(tx, scope, limit=limit, before=before)

    def get(self, scope: Scope, key_id: str) -> KeyRecord:
        """Return a key of a tenant. Raises ``NotFound``."""
        with self.database.read() as tx:
            return rows.get(tx, scope, key_id)

    def person_behind(self, record: KeyRecord) -> str | None:
        """Return the name of who has made a key, by themselves or by another key; ``None`` if nobody is known."""
        with self.database.read() as tx:
            maker = record.created_by or ""
            while maker.startswith(_KEY_ACTOR):  # each was there before the one that it has made
                maker = rows.get(tx, record.scope, maker.removeprefix(_KEY_ACTOR)).created_by or ""
            if not maker.startswith(_USER_ACTOR):
                return None
            try:
                return users.get(tx, maker.removeprefix(_USER_ACTOR)).name
            except NotFound:
                return maker.removeprefix(_USER_ACTOR)  # of the host: their name there

    def revoke(self, scope: Scope, key_id: str, *, by: By = PROGRAM) -> KeyRecord:
        """End a key: at once in this process, within ``CACHE_SECONDS`` in others. Idempotent. Raises ``NotFound``."""
        with self.database.transaction("key") as tx:
            is_news = rows.revoke(tx, scope, key_id)
            record = rows.get(tx, scope, key_id)
            if is_news:
                note(tx, scope, by, Act.KEY_REVOKED, f"key:{key_id}", {"name": record.name})
        with self._cache_lock:
            self._cache.clear()
        return record

    def authenticate(self, key: str) -> KeyRecord:
        """Return the row of a key that is in force.

        Raises ``Unauthenticated``, with the same words for a key that never was and for one that is revoked.
        """
        if not _KEY.fullmatch(key):
            raise _unknown()
        key_hash, now = ids.token_hash(key), self.stopwatch()
        with self._cache_lock:
            cached = self._cache.get(key_hash)
        if cached is not None and now < cached[1]:
            return cached[0]
        with self.database.read() as tx:
            record = rows.find_by_hash(tx, key_hash)
            now_ms = tx.now_ms
        if record is None or record.revoked_at_ms is not None:
            raise _unknown()
        self._note_use(record, now_ms)
        # Timed from before the query, so that a revocation during it cannot be missed for longer.
        self._remember(key_hash, record, now + CACHE_SECONDS)
        return record

    def _note_use(self, record: KeyRecord, now_ms: int) -> None:
        not_after_ms = now_ms - LAST_USED_RESOLUTION_MS
        if record.last_used_at_ms is None or record.last_used_at_ms <= not_after_ms:
            with self.database.transaction("key") as tx:
                rows.touch(tx, record.scope, record.id, not_after_ms=not_after_ms)

    def _remember(self, key_hash: str, record: KeyRecord, until: float) -> None:
        with self._cache_lock:
            if len(self._cache) >= _CACHE_SIZE:
                self._cache.clear()
            self._cache[key_hash] = (record, until)


def may_send(record: KeyRecord, event_name: str) -> bool:
    """Return whether a key's list of event names admits this one."""
    return is_listed(record.event_names, event_name)


def _unknown() -> Unauthenticated:
    return Unauthenticated("the API key is unknown or revoked")


def _check(name: str, permissions: frozenset[str], event_names: tuple[str, ...] | None) -> None:
    problems = []
    if not name.strip() or len(name) > _NAME_MAX_CHARS:
        problems.append(Problem("/name", "invalid-value", f"a name has 1 to {_NAME_MAX_CHARS} characters"))
    unknown = sorted(permissions.difference(PERMISSIONS))
    if unknown or not permissions:
        listed = ", ".join(PERMISSIONS)
        problems.append(Problem("/permissions", "unknown-permission", f"choose at least one, of: {listed}"))
    if event_names is not None:
        problems.extend(_check_event_names(permissions, event_names))
    if problems:
        raise InvalidInput(problems)


def _check_event_names(permissions: frozenset[str], event_names: tuple[str, ...]) -> Iterable[Problem]:
    if permissions != {"events:send"}:
        yield Problem("/event_names", "conflicting-values", "a list of event names needs events:send and nothing else")
    if not 1 <= len(event_names) <= _EVENT_NAMES_MAX:
        yield Problem("/event_names", "invalid-value", f"list 1 to {_EVENT_NAMES_MAX} event names")
        return
    for index, pattern in enumerate(event_names):
        if (message := check_listed_name(pattern)) is not None:
            yield Problem(f"/event_names/{index}", "invalid-value", message)
