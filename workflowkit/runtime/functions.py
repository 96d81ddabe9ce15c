"""The code functions of an application in the database: synced when a process that has them starts.

A function is a workflow that the application's code owns. Syncing publishes what is new or has changed, and switches
off what is gone: runs that have started go on, on the version on which they started. With them it notes how high the
limits of its kinds of actions are.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

from workflowkit.base import jsonvalue
from workflowkit.base.errors import DefinitionError, Problem
from workflowkit.base.ids import new_id
from workflowkit.base.scope import APP_TENANT, Scope
from workflowkit.definition.model import Json
from workflowkit.definition.settings.flow import Concurrency
from workflowkit.flow.concurrency import kind_heights
from workflowkit.registry import ActionSpec, follower_ids, is_endpoint
from workflowkit.runtime.authoring import Authoring
from workflowkit.runtime.inforce import Published, put_limits_in_force
from workflowkit.store import apps, appsyncs, ceilings
from workflowkit.store.apps import AppRecord, Origin
from workflowkit.store.appsyncs import SyncRow
from workflowkit.store.database import Database
from workflowkit.store.transactions import Transaction

_log = logging.getLogger(__name__)

#: What the code says of a function; the rest of its document is made from that.
_WRITTEN = ("/settings", "/triggers")
_PARTS = re.compile(r"\d+|[^\W\d_]+")


class SyncStatus(StrEnum):
    """What syncing came to. ``superseded``: the database has the functions of a newer version of the code."""

    UNCHANGED = "unchanged"
    SYNCED = "synced"
    SUPERSEDED = "superseded"


class Absent(StrEnum):
    """What becomes of functions that are in the database and that the code does not have.

    They are ``retired``, or ``kept``. A process that has ``settled``, some moments after its start, retires those of
    other versions of its code: one of its own version is in another process, which has registered it. Of code without
    a version nobody knows; so if another process has synced since, nothing is retired.
    """

    RETIRED = "retired"
    KEPT = "kept"
    SETTLED = "settled"


class Declared(Protocol):
    """A function as its code declares it: the workflow that stands for it, and its one action."""

    @property
    def document(self) -> Mapping[str, Any]: ...
    @property
    def spec(self) -> ActionSpec: ...


@dataclass(frozen=True, slots=True)
class App:
    """An application as its code is: its version, its functions by id, and where it is if it is called over HTTP.

    ``limits`` are those of its kinds of actions, ``None`` for each that has none.
    """

    id: str
    version: str | None
    functions: Mapping[str, Declared]
    origin: Origin | None = None
    limits: Mapping[str, Concurrency | None] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """Return what tells two states of the code apart, as far as functions and limits of kinds are declared."""
        declared = {function_id: function.document for function_id, function in self.functions.items()}
        limits = {kind: [rule.limit, rule.scope.value] for kind, rule in self.limits.items() if rule is not None}
        state = [self.version, declared, *([limits] if limits else ())]
        return hashlib.sha256(jsonvalue.canonical(state)).hexdigest()

    @property
    def has_any(self) -> bool:
        """Whether there is something to sync."""
        return bool(self.functions) or any(self.limits.values())


@dataclass(frozen=True, slots=True)
class Synced:
    """What syncing came to, or would: the ids of functions, and the version of the code that is in force now.

    ``warnings`` are about the settings and triggers of the functions that were published. ``kept`` are functions that
    the code does not have, and that may be switched off once the process has settled.
    """

    status: SyncStatus
    version_in_force: str | None = None
    published: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()
    kept: tuple[str, ...] = ()

    def log_warnings(self) -> Synced:
        """Log the warnings, for syncs whose result nobody looks at. Return the same."""
        for problem in self.warnings:
            _log.warning("%s (%s)", problem.message, problem.pointer)
        return self


class Functions:
    """Keeps the functions of applications in step with their code."""

    def __init__(self, database: Database, authoring: Authoring) -> None:
        self._database = database
        self._authoring = authoring

    def sync(
        self, environment: str, app: App, *, force: bool = False, absent: Absent = Absent.RETIRED
    ) -> Synced:  # fmt: skip
        """Bring the functions of an environment to those of the code. Idempotent; one process at a time does it.

        Code that is older than what was synced before changes nothing, unless ``force`` is given. ``absent`` says what
        becomes of functions that it does not have.
        """
        scope = Scope(environment, APP_TENANT)
        with self._database.read() as tx:
            planned = _plan(tx, scope, apps.get(tx, scope, app.id), app, force=force, absent=absent)
        if planned.status is not SyncStatus.SYNCED:
            return planned
        with self._database.transaction("sync") as tx:
            # The row's lock lets processes that start together take turns; the last one finds it done.
            stored = apps.lock(tx, scope, app.id)
            planned = _plan(tx, scope, stored, app, force=force, absent=absent)
            if planned.status is not SyncStatus.SYNCED:
                return planned
            published, warnings, puts = self._publish(tx, scope, app, stored)
            for function_id in planned.retired:
                self._authoring.retire(tx, scope, function_id)
            kept = frozenset() if stored is None else frozenset(stored.function_ids) - frozenset(planned.retired)
            apps.save(
                tx, scope, app.id, version=app.version, app_hash=app.hash,
                function_ids=[*app.functions, *sorted(kept - frozenset(app.functions))], origin=app.origin,
            )  # fmt: skip
            synced = _row(tx, app, published, planned.retired)
            appsyncs.insert(tx, scope, synced, limit=self._authoring.limits.app_syncs)
            put_limits_in_force(tx, scope, puts, _heights(tx, environment, app))
        _log.info("functions of %s synced: %d published, %d retired", app.id, len(published), len(planned.retired))
        return Synced(SyncStatus.SYNCED, app.version, published, planned.retired, warnings, planned.kept)

    def is_retired(self, environment: str, app_id: str, function_id: str) -> bool:
        """Tell whether a function is switched off because code was synced that does not have it."""
        with self._database.read() as tx:
            stored = apps.get(tx, Scope(environment, APP_TENANT), app_id)
        return stored is not None and stored.archived_at_ms is None and function_id not in stored.function_ids

    def compare(self, environment: str, app: App, *, force: bool = False) -> Synced:
        """Return what ``sync`` would come to, without doing anything."""
        scope = Scope(environment, APP_TENANT)
        with self._database.read() as tx:
            planned = _plan(tx, scope, apps.get(tx, scope, app.id), app, force=force, absent=Absent.RETIRED)
            if planned.status is not SyncStatus.SYNCED:
                return planned
            return replace(planned, published=tuple(_changed(tx, scope, app)))

    def _publish(
        self, tx: Transaction, scope: Scope, app: App, stored: AppRecord | None
    ) -> tuple[tuple[str, ...], tuple[Problem, ...], list[Published]]:
        """Return which functions have a new version, what to warn of, and what all came to."""
        # SAFETY: code that has changed brings an archived application back, with what was switched off with it.
        known = frozenset() if stored is None else frozenset(stored.function_ids) - frozenset(stored.archived_functions)
        published, warnings, puts = list[str](), list[Problem](), list[Published]()
        kinds = _Kinds({function.spec.kind: function.spec for function in app.functions.values()})
        for function_id, function in sorted(app.functions.items()):
            try:
                put = self._authoring.put(tx, scope, function_id, function.document, kinds)
            except DefinitionError as error:
                raise DefinitionError([_named(problem, function_id) for problem in error.problems]) from error
            puts.append(put)
            if put.created:
                published.append(function_id)
                warnings += [_named(each, function_id) for each in put.warnings if each.pointer.startswith(_WRITTEN)]
            if function_id not in known:  # it was retired: one that somebody has switched off stays off
                self._authoring.switch(tx, scope, function_id, enabled=True)
        return tuple(published), tuple(warnings), puts


def _named(problem: Problem, function_id: str) -> Problem:
    """Return a problem of a function's document with the name of the function, of which there are many."""
    return replace(problem, message=f"{function_id}: {problem.message}")


def _row(tx: Transaction, app: App, published: tuple[str, ...], retired: tuple[str, ...]) -> SyncRow:
    where = app.origin
    return SyncRow(
        new_id(tx.now_ms), app.id, tx.now_ms, None, None if where is None else where.url,
        None if where is None else where.sdk, app.version, len(app.functions), published, retired,
    )  # fmt: skip


def version_key(version: str | None) -> tuple[tuple[int, int, str], ...]:
    """Return what versions of an application are ordered by: numbers as numbers, words before numbers, none first.

    So ``1.10`` is newer than ``1.9``, ``1.0`` than ``1.0rc1``, and any version than none.
    """
    if version is None:
        return ()
    parts = [(2, int(part), "") if part.isdecimal() else (0, 0, part.lower()) for part in _PARTS.findall(version)]
    return (*parts, (1, 0, ""))


def _plan(
    tx: Transaction, scope: Scope, stored: AppRecord | None, app: App, *, force: bool, absent: Absent
) -> Synced:  # fmt: skip
    if stored is None:
        return Synced(SyncStatus.SYNCED if app.has_any else SyncStatus.UNCHANGED, app.version)
    is_same = stored.hash == app.hash
    # When a process has settled, others may have synced since it started: what these have is none of its business.
    if (is_same and stored.archived_at_ms is not None) or (not is_same and absent is Absent.SETTLED):
        return Synced(SyncStatus.UNCHANGED, stored.version)
    if not is_same and version_key(app.version) < version_key(stored.version) and not force:
        return Synced(SyncStatus.SUPERSEDED, stored.version)
    gone = _gone(tx, scope, stored, app)
    if absent is not Absent.RETIRED:
        # What another process of the same code has registered is not gone because this one has not.
        gone = tuple(each for each in gone if not _is_of(tx, scope, each, app.version))
    retired, kept = ((), gone) if absent is Absent.KEPT else (gone, ())
    # Processes of one version may have some functions each. Who has nothing new changes nothing. Without a version
    # it is told by the hash who was the last.
    is_last = app.version is None or bool(kept)
    if not retired and (is_same or (not is_last and _has_nothing_new(tx, scope, stored, app))):
        return Synced(SyncStatus.UNCHANGED, stored.version, kept=kept)
    return Synced(SyncStatus.SYNCED, app.version, retired=retired, kept=kept)


def _has_nothing_new(tx: Transaction, scope: Scope, stored: AppRecord, app: App) -> bool:
    is_known = (stored.version, stored.origin, stored.archived_at_ms) == (app.version, app.origin, None)
    if not is_known or not set(app.functions) <= set(stored.function_ids) or any(_changed(tx, scope, app)):
        return False
    heights = _heights(tx, scope.environment, app)
    return ceilings.heights(tx, heights) == heights


def _gone(tx: Transaction, scope: Scope, stored: AppRecord, app: App) -> tuple[str, ...]:
    """Return the functions that are in force and that the code does not have."""
    gone = sorted(set(stored.function_ids) - set(app.functions))
    # Where requests are answered they are defined: a process without any, such as a worker, cannot tell which are gone.
    if gone and not any(is_endpoint(function.document) for function in app.functions.values()):
        kept = {each for each in gone if is_endpoint(_stored(tx, scope, each))}
        kept = kept.union(*map(follower_ids, kept))
        gone = [each for each in gone if each not in kept]
    return tuple(gone)


def _is_of(tx: Transaction, scope: Scope, function_id: str, version: str | None) -> bool:
    """Tell whether a function is from a version of the code, which says which one it is."""
    if version is None:
        return False
    return bool((_stored(tx, scope, function_id).get("metadata") or {}).get("app_version") == version)


def _stored(tx: Transaction, scope: Scope, function_id: str) -> Json:
    """Return the document of a function as it is in force."""
    found = apps.find_functions(tx, scope, limit=1, function_id=function_id)
    return found[0].document if found else {}


def _heights(tx: Transaction, environment: str, app: App) -> dict[str, int]:
    """Return how high the limits of the kinds of an application are, by rule; also of those that have none any more."""
    present, absent = kind_heights(app.limits, environment)
    return present | {rule: absent[rule] for rule in ceilings.heights(tx, absent)}


def _changed(tx: Transaction, scope: Scope, app: App) -> Iterator[str]:
    """Yield the ids of functions that are not published as they are in the code."""
    for function_id, function in sorted(app.functions.items()):
        found = apps.find_functions(tx, scope, limit=1, function_id=function_id)
        if not found or jsonvalue.canonical(found[0].document) != jsonvalue.canonical(dict(function.document)):
            yield function_id


@dataclass(frozen=True, slots=True)
class _Kinds:
    """The catalogue of actions for the documents of functions."""

    specs: Mapping[str, ActionSpec]

    def get(self, kind: str) -> ActionSpec | None:
        return self.specs.get(kind)

    def kinds(self) -> Iterable[str]:
        return self.specs
