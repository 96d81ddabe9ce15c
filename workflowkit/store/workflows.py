"""Workflows of a tenant: the row, the draft being edited, the immutable versions, and the triggers in force.

A draft has a revision that grows by one with every change; an edit names the revision it was based on. A version is
written once. ``workflow_triggers`` holds the triggers of the published version while the workflow is enabled, and
nothing else: it is what an arriving event is looked up in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.errors import AlreadyExists, NotFound
from workflowkit.base.scope import Scope
from workflowkit.definition.model import Json, Trigger
from workflowkit.store.statements import InsertInto, Sql, whose
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class WorkflowRecord:
    """A workflow. It starts runs while it is ``enabled``, has a ``published_version`` and is not archived."""

    id: str
    name: str
    enabled: bool
    published_version: int | None
    created_at_ms: int
    updated_at_ms: int
    archived_at_ms: int | None = None

    @property
    def is_archived(self) -> bool:
        """Whether it is put away: it starts nothing, and nobody changes it."""
        return self.archived_at_ms is not None


@dataclass(frozen=True, slots=True)
class DraftRecord:
    """The document being edited. It may be invalid."""

    workflow_id: str
    revision: int
    document: Json
    updated_at_ms: int


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """A published document. ``hash`` covers its execution-relevant parts: a changed label makes a version with the
    hash of the one before. ``published_by`` is who published it, as the audit log names them, and ``note`` what they
    said about it; old versions have neither."""

    workflow_id: str
    version: int
    hash: str
    document: Json
    created_at_ms: int
    published_by: str | None = None
    note: str | None = None


_COLUMNS = "id, name, enabled, published_version, created_at_ms, updated_at_ms, archived_at_ms"
_OWNED = "environment = :environment AND tenant = :tenant"
_INSERT = Sql(
    """
    INSERT INTO workflows (environment, tenant, id, name, enabled, created_at_ms, updated_at_ms)
    VALUES (:environment, :tenant, :id, :name, :enabled, :now_ms, :now_ms)
    ON CONFLICT (environment, tenant, id) DO NOTHING
    """
)
_SELECT_ONE = Sql(f"SELECT {_COLUMNS} FROM workflows WHERE {_OWNED} AND id = :id")  # noqa: S608 - our own names
_LOCK_ONE = Sql(f"SELECT {_COLUMNS} FROM workflows WHERE {_OWNED} AND id = :id {{for_update}}")  # noqa: S608
#: Which workflows are listed, by whether they are to be archived ones; ``None``: all.
_LISTED = {None: "", True: "AND archived_at_ms IS NOT NULL", False: "AND archived_at_ms IS NULL"}
_SELECT_PAGE = {
    archived: Sql(
        f"SELECT {_COLUMNS} FROM workflows WHERE {_OWNED} AND id > :after {which} ORDER BY id LIMIT :limit"  # noqa: S608
    )
    for archived, which in _LISTED.items()
}
_RENAME = Sql(f"UPDATE workflows SET name = :name, updated_at_ms = :now_ms WHERE {_OWNED} AND id = :id")  # noqa: S608
_SET_ENABLED = Sql(
    f"UPDATE workflows SET enabled = :enabled, updated_at_ms = :now_ms WHERE {_OWNED} AND id = :id"  # noqa: S608
)
_SET_ARCHIVED = Sql(
    f"UPDATE workflows SET archived_at_ms = :archived_at_ms, updated_at_ms = :now_ms WHERE {_OWNED} AND id = :id"  # noqa: S608
)
_SET_PUBLISHED = Sql(
    f"""
    UPDATE workflows SET published_version = :version, updated_at_ms = :now_ms WHERE {_OWNED} AND id = :id
    """  # noqa: S608
)
_INSERT_DRAFT = Sql(
    """
    INSERT INTO workflow_drafts (environment, tenant, workflow_id, revision, document, updated_at_ms)
    VALUES (:environment, :tenant, :id, 1, :document, :now_ms)
    """
)
_UPDATE_DRAFT = Sql(
    f"""
    UPDATE workflow_drafts SET revision = revision + 1, document = :document, updated_at_ms = :now_ms
    WHERE {_OWNED} AND workflow_id = :id AND revision = :revision
    """  # noqa: S608
)
_SELECT_DRAFT = Sql(
    f"""
    SELECT workflow_id, revision, document, updated_at_ms FROM workflow_drafts
    WHERE {_OWNED} AND workflow_id = :id
    """  # noqa: S608
)
_INSERT_VERSION = Sql(
    """
    INSERT INTO workflow_versions
        (environment, tenant, workflow_id, version, hash, document, created_at_ms, published_by, note)
    VALUES (:environment, :tenant, :id, :version, :hash, :document, :now_ms, :published_by, :note)
    """
)
_VERSION_COLUMNS = "workflow_id, version, hash, document, created_at_ms, published_by, note"
_SELECT_VERSION = Sql(
    f"""
    SELECT {_VERSION_COLUMNS} FROM workflow_versions
    WHERE {_OWNED} AND workflow_id = :id AND version = :version
    """  # noqa: S608
)
_SELECT_TEXT = Sql(
    f"""
    SELECT hash, document FROM workflow_versions WHERE {_OWNED} AND workflow_id = :id AND version = :version
    """  # noqa: S608
)
_SELECT_VERSIONS = Sql(
    f"""
    SELECT {_VERSION_COLUMNS} FROM workflow_versions
    WHERE {_OWNED} AND workflow_id = :id AND version < :before ORDER BY version DESC LIMIT :limit
    """  # noqa: S608
)
_DELETE_TRIGGERS = Sql(f"DELETE FROM workflow_triggers WHERE {_OWNED} AND workflow_id = :id")  # noqa: S608
_CORRECT_TRIGGERS = Sql(
    f"""
    UPDATE workflow_triggers SET archived_at_ms = :archived_at_ms, enabled = :enabled
    WHERE {_OWNED} AND workflow_id = :id
        AND (coalesce(archived_at_ms, 0) <> coalesce(CAST(:archived_at_ms AS bigint), 0) OR enabled <> :enabled)
    """  # noqa: S608
)
_INSERT_TRIGGERS = InsertInto(
    "workflow_triggers",
    (
        "environment",
        "tenant",
        "pattern",
        "workflow_id",
        "position",
        "version",
        "condition",
        "archived_at_ms",
        "enabled",
    ),
)


def _where(scope: Scope, workflow_id: str) -> dict[str, Any]:
    return {**whose(scope), "id": workflow_id}


def create(tx: Transaction, scope: Scope, workflow_id: str, *, name: str, document: Json) -> None:
    """Add a workflow, enabled, with its first draft. Raises ``AlreadyExists``."""
    if not create_missing(tx, scope, workflow_id, name=name, document=document):
        raise AlreadyExists(f"there is a workflow {workflow_id!r} already")


def create_missing(tx: Transaction, scope: Scope, workflow_id: str, *, name: str, document: Json) -> bool:
    """Add a workflow, enabled, with its first draft, unless there is one; tell whether it was added."""
    where = _where(scope, workflow_id)
    if tx.run(_INSERT, **where, name=name, enabled=True, now_ms=tx.now_ms) == 0:
        return False
    tx.run(_INSERT_DRAFT, **where, document=jsonvalue.dumps(document), now_ms=tx.now_ms)
    return True


def get(tx: Transaction, scope: Scope, workflow_id: str) -> WorkflowRecord:
    """Return a workflow. Raises ``NotFound``."""
    return _found(tx.one(_SELECT_ONE, **_where(scope, workflow_id)), workflow_id)


def lock(tx: Transaction, scope: Scope, workflow_id: str) -> WorkflowRecord:
    """Return a workflow that nobody else can change until this transaction ends. Raises ``NotFound``."""
    return _found(tx.one(_LOCK_ONE, **_where(scope, workflow_id)), workflow_id)


def find(
    tx: Transaction, scope: Scope, *, limit: int, after: str = "", archived: bool | None = False
) -> list[WorkflowRecord]:
    """Return up to ``limit`` workflows in order of id, those behind the id ``after``: archived ones, others, or all."""
    where = whose(scope)
    return [_workflow(row) for row in tx.rows(_SELECT_PAGE[archived], **where, after=after, limit=limit)]


def set_enabled(tx: Transaction, scope: Scope, workflow_id: str, enabled: bool) -> None:
    """Switch a workflow on or off. The caller also rewrites its triggers."""
    tx.run(_SET_ENABLED, **_where(scope, workflow_id), enabled=enabled, now_ms=tx.now_ms)


def set_archived(tx: Transaction, scope: Scope, workflow_id: str, archived_at_ms: int | None) -> None:
    """Archive a workflow, or bring it back. The caller also rewrites its triggers."""
    tx.run(_SET_ARCHIVED, **_where(scope, workflow_id), archived_at_ms=archived_at_ms, now_ms=tx.now_ms)


def get_draft(tx: Transaction, scope: Scope, workflow_id: str) -> DraftRecord:
    """Return the draft of a workflow. Raises ``NotFound``."""
    row = tx.one(_SELECT_DRAFT, **_where(scope, workflow_id))
    if row is None:
        raise _no_workflow(workflow_id)
    return _draft(row)


def replace_draft(tx: Transaction, scope: Scope, workflow_id: str, *, name: str, document: Json, revision: int) -> bool:
    """Store the next revision of a draft; ``False`` if ``revision`` is not the stored one (or there is no draft)."""
    where = _where(scope, workflow_id)
    text = jsonvalue.dumps(document)
    if tx.run(_UPDATE_DRAFT, **where, document=text, revision=revision, now_ms=tx.now_ms) == 0:
        return False
    tx.run(_RENAME, **where, name=name, now_ms=tx.now_ms)
    return True


def insert_version(
    tx: Transaction, scope: Scope, workflow_id: str, *, version: int, execution_hash: str, document: Json,
    published_by: str | None = None, note: str | None = None,
) -> None:  # fmt: skip
    """Write a version and make it the published one. The caller holds the workflow's lock."""
    where = _where(scope, workflow_id)
    # SAFETY: I3 — versions are only ever inserted; the database refuses to change them.
    tx.run(
        _INSERT_VERSION,
        **where,
        version=version,
        hash=execution_hash,
        document=jsonvalue.dumps(document),
        now_ms=tx.now_ms,
        published_by=published_by,
        note=note,
    )
    tx.run(_SET_PUBLISHED, **where, version=version, now_ms=tx.now_ms)


def get_version(tx: Transaction, scope: Scope, workflow_id: str, version: int) -> VersionRecord:
    """Return a published version. Raises ``NotFound``."""
    row = tx.one(_SELECT_VERSION, **_where(scope, workflow_id), version=version)
    if row is None:
        raise _no_version(workflow_id, version)
    return _version(row)


def load_version(tx: Transaction, scope: Scope, workflow_id: str, version: int) -> tuple[str, str]:
    """Return a version's hash and the JSON text of its document. Raises ``NotFound``."""
    row: Any = tx.one(_SELECT_TEXT, **_where(scope, workflow_id), version=version)
    if row is None:
        raise _no_version(workflow_id, version)
    return row[0], row[1]


def find_versions(tx: Transaction, scope: Scope, workflow_id: str, *, limit: int, before: int) -> list[VersionRecord]:
    """Return up to ``limit`` versions, newest first, those below the number ``before``."""
    rows = tx.rows(_SELECT_VERSIONS, **_where(scope, workflow_id), before=before, limit=limit)
    return [_version(row) for row in rows]


def replace_triggers(
    tx: Transaction, scope: Scope, workflow_id: str, *, version: int, triggers: Sequence[Trigger],
    archived_at_ms: int | None = None, enabled: bool = True,
) -> None:  # fmt: skip
    """Make ``triggers`` the ones that events are looked up in for a workflow: those of one that is not ``enabled``, or
    has been archived, start nothing, and each event is told so."""
    tx.run(_DELETE_TRIGGERS, **_where(scope, workflow_id))
    owner = (scope.environment, scope.tenant)
    rows = [
        (*owner, trigger.event, workflow_id, position, version, trigger.condition, archived_at_ms, enabled)
        for position, trigger in enumerate(triggers)
    ]
    tx.insert(_INSERT_TRIGGERS, rows)


def correct_triggers(
    tx: Transaction, scope: Scope, workflow_id: str, *, archived_at_ms: int | None, enabled: bool
) -> None:  # fmt: skip
    """Let triggers start nothing if their workflow is to start nothing: older processes write those that know neither
    the archive nor the switch."""
    tx.run(_CORRECT_TRIGGERS, **_where(scope, workflow_id), archived_at_ms=archived_at_ms, enabled=enabled)


def _no_workflow(workflow_id: str) -> NotFound:
    return NotFound(f"there is no workflow {workflow_id!r}")


def _no_version(workflow_id: str, version: int) -> NotFound:
    return NotFound(f"there is no version {version} of workflow {workflow_id!r}")


def _found(row: Any, workflow_id: str) -> WorkflowRecord:
    if row is None:
        raise _no_workflow(workflow_id)
    return _workflow(row)


def _workflow(row: Any) -> WorkflowRecord:
    # SQLite has no booleans: it gives 0 or 1.
    return WorkflowRecord(row[0], row[1], bool(row[2]), row[3], row[4], row[5], row[6])


def _draft(row: Any) -> DraftRecord:
    return DraftRecord(row[0], row[1], jsonvalue.loads(row[2]), row[3])


def _version(row: Any) -> VersionRecord:
    return VersionRecord(row[0], row[1], row[2], jsonvalue.loads(row[3]), row[4], row[5], row[6])
