"""Would code that is about to be deployed fit what is published, and the runs there are? Nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from workflowkit import definition
from workflowkit.base.errors import NotFound, Problem
from workflowkit.base.scope import APP_TENANT, FUNCTION_SEPARATOR, Scope
from workflowkit.registry import follower_ids, is_endpoint
from workflowkit.runtime.authoring import Authoring
from workflowkit.runtime.functions import App
from workflowkit.store import inuse, workflows
from workflowkit.store.database import Database
from workflowkit.store.inuse import VersionInUse
from workflowkit.store.transactions import Transaction

#: How many versions are looked up at a time; of their documents there is one in memory.
PAGE = 200

_Find = Callable[[Transaction, VersionInUse | None], list[VersionInUse]]


@dataclass(frozen=True, slots=True)
class Checked:
    """A version in use, and why it could not be published with this code; no ``problems``: it could."""

    version: VersionInUse
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class GoneFunction:
    """A function that the code does not have, and how many of its runs have not ended."""

    id: str
    open_runs: int


@dataclass(frozen=True, slots=True)
class DeployChecks:
    """Holds the actions and functions of an application against an environment."""

    database: Database
    authoring: Authoring

    def versions(self, environment: str) -> Iterator[Checked]:
        """Yield every version in use of all tenants: the published ones first, then others that open runs are on."""
        everyone = Scope(environment, APP_TENANT)
        yield from self._checked(lambda tx, after: inuse.published(tx, everyone, after=after, limit=PAGE))
        yield from self._checked(lambda tx, after: inuse.left_behind(tx, everyone, after=after, limit=PAGE))

    def gone_functions(self, environment: str, app: App) -> list[GoneFunction]:
        """Return the functions of the application that the code does not have, though runs of them have not ended."""
        everyone = Scope(environment, APP_TENANT)
        has_endpoints = any(is_endpoint(function.document) for function in app.functions.values())
        kept, gone = set[str](), list[GoneFunction]()
        with self.database.read() as tx:
            for function_id, version, open_runs in inuse.functions_with_runs(tx, everyone, app.id + FUNCTION_SEPARATOR):
                if function_id in app.functions:
                    continue
                # As when functions are synced: code without any endpoint cannot tell which are gone.
                if not has_endpoints and self._was_endpoint(tx, everyone, function_id, version):
                    kept |= {function_id, *follower_ids(function_id)}
                gone.append(GoneFunction(function_id, open_runs))
        return [each for each in gone if each.id not in kept]

    def _was_endpoint(self, tx: Transaction, scope: Scope, function_id: str, version: int) -> bool:
        document = workflows.get_version(tx, scope, function_id, version).document
        return isinstance(document, dict) and is_endpoint(document)

    def _checked(self, find: _Find) -> Iterator[Checked]:
        after: VersionInUse | None = None
        while True:
            with self.database.read() as tx:
                page = find(tx, after)
            for version in page:
                yield Checked(version, self._problems(version))
            if len(page) < PAGE:
                return
            after = page[-1]

    def _problems(self, version: VersionInUse) -> tuple[Problem, ...]:
        try:
            with self.database.read() as tx:
                found = workflows.get_version(tx, version.scope, version.workflow_id, version.version)
        except NotFound:  # deleted meanwhile
            return ()
        known = self.authoring
        problems = definition.validate(found.document, known.actions, known.limits, known.events)
        return tuple(problem for problem in problems if problem.severity == "error")
