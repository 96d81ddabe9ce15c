"""Published versions, parsed once per process. A version is immutable, so a cached one is never stale (I10)."""

from __future__ import annotations

from workflowkit.base import jsonvalue
from workflowkit.base.errors import DefinitionError, Problem
from workflowkit.base.scope import Scope, owner_of
from workflowkit.definition import build
from workflowkit.definition.model import Workflow
from workflowkit.store import workflows
from workflowkit.store.database import Transaction
from workflowkit.store.runs import RunRecord

CACHED_VERSIONS = 1_000


class Versions:
    """Parsed workflows by tenant, workflow id and version. Thread-safe."""

    def __init__(self) -> None:
        self._parsed: dict[tuple[Scope, str, int], Workflow] = {}

    def load(self, tx: Transaction, scope: Scope, workflow_id: str, version: int) -> Workflow:
        """Return a published version.

        Raises ``NotFound`` if there is none, ``DefinitionError`` if this code cannot read it: a newer one may have
        published it.
        """
        owner = owner_of(scope, workflow_id)
        key = (owner, workflow_id, version)
        if (workflow := self._parsed.get(key)) is None:
            _hash, document = workflows.load_version(tx, owner, workflow_id, version)
            if len(self._parsed) >= CACHED_VERSIONS:
                self._parsed.clear()
            workflow = self._parsed[key] = _read(workflow_id, version, document)
        return workflow

    def load_run(self, tx: Transaction, run: RunRecord) -> Workflow:
        """Return what a run executes. Raises like ``load``."""
        return self.load(tx, run.scope, run.workflow_id, run.version)


def _read(workflow_id: str, version: int, document: str) -> Workflow:
    try:
        return build(jsonvalue.loads(document))
    except Exception as error:
        # Whatever a document of the future does to this code, it is that workflow's trouble and nobody else's.
        message = f"version {version} of workflow {workflow_id} cannot be read: {type(error).__name__}"
        raise DefinitionError([Problem("", "unreadable-version", message)]) from error
