"""Applications whose functions are in the database: which version of the code is in force, and what it brought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.scope import FUNCTION_SEPARATOR, Scope
from workflowkit.definition.model import Json
from workflowkit.store.statements import Sql, whose
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an app is that does not run here: what it calls itself, its address, and the SDK it is written with."""

    name: str
    url: str
    sdk: str

    @property
    def is_connected(self) -> bool:
        """Whether its workers connect, and nobody could call its address."""
        return self.url.startswith("wss:")


@dataclass(frozen=True, slots=True)
class AppRecord:
    """An application as it was synced last. ``hash`` covers its functions, ``function_ids`` are those in force.

    ``origin`` is ``None`` for one whose code runs in our own processes. ``archived_functions`` were in force when it
    was archived.
    """

    id: str
    version: str | None
    hash: str
    function_ids: tuple[str, ...]
    synced_at_ms: int
    origin: Origin | None = None
    archived_at_ms: int | None = None
    archived_functions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FunctionRecord:
    """A function in its newest version. It is not ``enabled`` if the code has it no more, or somebody switched it off.

    ``document`` is the workflow that stands for it.
    """

    id: str
    enabled: bool
    version: int
    document: Json
    updated_at_ms: int

    @property
    def app_id(self) -> str:
        return self.id.partition(FUNCTION_SEPARATOR)[0]


_COLUMNS = "id, version, hash, function_ids, synced_at_ms, name, url, sdk, archived_at_ms, archived_functions"
_OWNED = "environment = :environment AND tenant = :tenant"
#: The hash of an application that was never synced.
_NEVER = ""
_INSERT = Sql(
    """
    INSERT INTO apps (environment, tenant, id, version, hash, function_ids, synced_at_ms)
    VALUES (:environment, :tenant, :id, NULL, '', '[]', 0)
    ON CONFLICT (environment, tenant, id) DO NOTHING
    """
)
_SELECT = Sql(f"SELECT {_COLUMNS} FROM apps WHERE {_OWNED} AND id = :id")  # noqa: S608 - names from our own code
_LOCK = Sql(f"SELECT {_COLUMNS} FROM apps WHERE {_OWNED} AND id = :id {{for_update}}")  # noqa: S608
_UPDATE = Sql(
    f"""
    UPDATE apps SET version = :version, hash = :hash, function_ids = :function_ids, synced_at_ms = :now_ms,
        name = :name, url = :url, sdk = :sdk, archived_at_ms = NULL, archived_functions = NULL
    WHERE {_OWNED} AND id = :id
    """  # noqa: S608
)
_FIND = Sql(
    f"""
    SELECT {_COLUMNS} FROM apps WHERE {_OWNED} AND id > :after AND hash <> '' AND (:any_url OR url = :url)
    ORDER BY id LIMIT :limit
    """  # noqa: S608
)
_ARCHIVE = Sql(
    f"UPDATE apps SET archived_at_ms = :at_ms, archived_functions = :functions WHERE {_OWNED} AND id = :id"  # noqa: S608
)
_FIND_FUNCTIONS = Sql(
    """
    SELECT workflows.id, workflows.enabled, workflow_versions.version, workflow_versions.document,
        workflows.updated_at_ms
    FROM workflows JOIN workflow_versions ON workflow_versions.environment = workflows.environment
        AND workflow_versions.tenant = workflows.tenant AND workflow_versions.workflow_id = workflows.id
        AND workflow_versions.version = workflows.published_version
    WHERE workflows.environment = :environment AND workflows.tenant = :tenant AND workflows.id > :after
        AND substr(workflows.id, 1, :prefix_length) = :prefix AND (:any_id OR workflows.id = :id)
    ORDER BY workflows.id LIMIT :limit
    """
)


def get(tx: Transaction, scope: Scope, app_id: str) -> AppRecord | None:
    """Return an application, ``None`` if it was never synced."""
    return _found(tx.one(_SELECT, **_where(scope, app_id)))


def find(tx: Transaction, scope: Scope, *, limit: int, after: str = "", url: str | None = None) -> list[AppRecord]:
    """Return up to ``limit`` applications in order of id, those behind the id ``after``; only those at ``url``."""
    rows = tx.rows(_FIND, **_where(scope, ""), after=after, limit=limit, any_url=url is None, url=url or "")
    return [_record(row) for row in rows]


def lock(tx: Transaction, scope: Scope, app_id: str) -> AppRecord | None:
    """Return an application that nobody else can sync until this transaction ends."""
    tx.run(_INSERT, **_where(scope, app_id))
    return _found(tx.one(_LOCK, **_where(scope, app_id)))


def save(
    tx: Transaction,
    scope: Scope,
    app_id: str,
    *,
    version: str | None,
    app_hash: str,
    function_ids: Sequence[str],
    origin: Origin | None = None,
) -> None:
    """Note what was synced; an application that was archived is not any more. The caller holds its lock."""
    tx.run(
        _UPDATE,
        **_where(scope, app_id),
        version=version,
        hash=app_hash,
        function_ids=jsonvalue.dumps(sorted(function_ids)),
        now_ms=tx.now_ms,
        name=None if origin is None else origin.name,
        url=None if origin is None else origin.url,
        sdk=None if origin is None else origin.sdk,
    )


def archive(tx: Transaction, scope: Scope, app_id: str, *, function_ids: Sequence[str] | None) -> None:
    """Note that an application is archived, with the functions that were switched off; ``None``: that it is no more.

    The caller holds the application's lock.
    """
    functions = None if function_ids is None else jsonvalue.dumps(sorted(function_ids))
    at_ms = None if function_ids is None else tx.now_ms
    tx.run(_ARCHIVE, **_where(scope, app_id), at_ms=at_ms, functions=functions)


def find_functions(
    tx: Transaction,
    scope: Scope,
    *,
    limit: int,
    after: str = "",
    app_id: str | None = None,
    function_id: str | None = None,
) -> list[FunctionRecord]:
    """Return up to ``limit`` functions in order of id, those behind the id ``after``.

    Only those of ``app_id``, and only ``function_id``, where these are given.
    """
    prefix = "" if app_id is None else f"{app_id}{FUNCTION_SEPARATOR}"
    rows = tx.rows(
        _FIND_FUNCTIONS,
        **_where(scope, function_id or ""),
        any_id=function_id is None,
        after=after,
        prefix=prefix,
        prefix_length=len(prefix),
        limit=limit,
    )
    # SQLite has no booleans: it gives 0 or 1.
    return [FunctionRecord(row[0], bool(row[1]), row[2], jsonvalue.loads(row[3]), row[4]) for row in rows]


def _where(scope: Scope, own_id: str) -> dict[str, Any]:
    return {**whose(scope), "id": own_id}


def _found(row: Any) -> AppRecord | None:
    return None if row is None or row[2] == _NEVER else _record(row)


def _record(row: Any) -> AppRecord:
    app_id, version, app_hash, functions, synced_at_ms, name, url, sdk, archived_at_ms, archived = row
    origin = None if url is None else Origin(name or app_id, url, sdk or "")
    return AppRecord(
        app_id, version, app_hash, tuple(jsonvalue.loads(functions)), synced_at_ms, origin, archived_at_ms,
        () if archived is None else tuple(jsonvalue.loads(archived)),
    )  # fmt: skip
