"""Published versions, parsed once per process. A version is immutable, so a cached one is never stale (I10)."""

from __future__ import annotations

from workflowkit.base import jsonvalue
from workflowkit.base.errors import DefinitionError, Problem
from workflowkit.base.scope import Scope, owner_of
from workflowkit.definition import build
from workflowkit.definition.model import Workflow
from workflowkit.engine.parts import OF_RUN, is_undoing, part_of, visible_in
from workflowkit.engine.surroundings import NO_SURROUNDINGS, Surroundings
from workflowkit.store import journal, runs, workflows
from workflowkit.store.runs import RunRecord
from workflowkit.store.transactions import Transaction

CACHED_VERSIONS = 1_000
#: Runs whose outputs a process keeps for the parts of their documents: so the items of a loop read them once.
CACHED_SURROUNDINGS = 16


class Versions:
    """Parsed workflows by tenant, workflow id and version; and what parts of them see. Thread-safe."""

    def __init__(self) -> None:
        self._parsed: dict[tuple[Scope, str, int], Workflow] = {}
        self._around: dict[tuple[str, str], Surroundings] = {}

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
        """Return what a run executes: its version's document, or a part of it. Raises like ``load``."""
        workflow = self.load(tx, run.scope, run.workflow_id, run.version)
        return workflow if run.path is None else part_of(workflow, run.path, run.input)

    def around(self, tx: Transaction, run: RunRecord) -> Surroundings:
        """Return what a run of a part sees besides its own outputs; nothing if it executes all of a document."""
        if run.path is None:
            return NO_SURROUNDINGS
        source_id = run.input.get(OF_RUN) if is_undoing(run.path) else None
        source_id = source_id or run.parent_run_id
        assert source_id is not None  # noqa: S101 - a part has a parent
        key = (source_id, run.path)
        if (outer := self._around.get(key)) is None:
            outer = self._outer(tx, source_id, run.path)
            if len(self._around) >= CACHED_SURROUNDINGS:
                self._around.clear()
            # Immutable, so it may be kept: what a part may refer to was settled before the part began.
            self._around[key] = outer
        given = runs.given(tx.sealing, run)
        # Compensations of an item see the item itself, and not what they were given about it.
        return outer.inside({}, {"error": given["error"]} if is_undoing(run.path) else given)

    def _outer(self, tx: Transaction, run_id: str, path: str) -> Surroundings:
        run = runs.load(tx, run_id)
        if run is None:
            return NO_SURROUNDINGS
        ids = visible_in(self.load_run(tx, run), path)
        return self.around(tx, run).inside(journal.load_outputs(tx, run_id, ids), None)


def _read(workflow_id: str, version: int, document: str) -> Workflow:
    try:
        return build(jsonvalue.loads(document))
    except Exception as error:
        # Whatever a document of the future does to this code, it is that workflow's trouble and nobody else's.
        message = f"version {version} of workflow {workflow_id} cannot be read: {type(error).__name__}"
        raise DefinitionError([Problem("", "unreadable-version", message)]) from error
