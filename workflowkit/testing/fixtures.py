"""Tests that stand beside a workflow, as JSON: what a run is given, and what is expected of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workflowkit.base.errors import (
    DefinitionError,
    InvalidInput,
    InvalidStub,
    LimitExceeded,
    Problem,
    Unstubbed,
)
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.definition.checks.document import check_document
from workflowkit.definition.model import Json
from workflowkit.registry import Registry
from workflowkit.testing.expectations import EXPECTED_KEYS, misses
from workflowkit.testing.jsonstubs import stubs_from_json
from workflowkit.testing.result import RunResult
from workflowkit.testing.scenario import rehearse
from workflowkit.testing.stubs import Stubs
from workflowkit.testing.target import Application, target_of

#: The key of a document under which its tests stand, and of a file of tests.
TESTS = "tests"
_KEYS = frozenset({"name", "event", "stubs", "events", "signals", "invokes", "expect"})


@dataclass(frozen=True, slots=True)
class Fixture:
    """One test of a workflow, read from JSON."""

    name: str
    event: Mapping[str, Any]
    stubs: Stubs
    expect: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FixtureResult:
    """What a test came to: everything in which the run was not as expected; ``run`` is ``None`` if it had no end."""

    name: str
    failures: tuple[str, ...]
    run: RunResult | None = None

    @property
    def is_passed(self) -> bool:
        return not self.failures

    def as_dict(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"name": self.name, "passed": self.is_passed, "failures": list(self.failures)}
        if self.run is not None:
            shown |= {"status": self.run.status.value, "path": list(self.run.path)}
        return shown


def fixtures_of(document: Json, limits: Limits = DEFAULT_LIMITS) -> tuple[Fixture, ...]:
    """Return the tests that stand in a document, or in a file ``{"tests": [...]}`` beside it.

    Raises ``DefinitionError`` with all problems, whose pointers begin with ``/tests``.
    """
    written: Any = document.get(TESTS, []) if isinstance(document, dict) else None
    problems = list(check_document({"actions": [], "edges": [], TESTS: written}))
    found = [] if problems else [_fixture(each, f"/{TESTS}/{index}", problems) for index, each in enumerate(written)]
    if problems:
        raise DefinitionError(problems)
    return tuple(each for each in found if each is not None)


def _fixture(written: Mapping[str, Any], pointer: str, problems: list[Problem]) -> Fixture | None:
    problems += _unknown(written, _KEYS, pointer)
    problems += _unknown(written["expect"], EXPECTED_KEYS, f"{pointer}/expect")
    if not written["expect"]:
        problems.append(Problem(f"{pointer}/expect", "missing-key", "a test that expects nothing cannot fail"))
    try:
        stubs = stubs_from_json(written, pointer)
    except InvalidInput as error:
        problems += error.problems
        return None
    return Fixture(written["name"], written.get("event", {}), stubs, written["expect"])


def _unknown(written: Mapping[str, Any], known: frozenset[str], pointer: str) -> Iterator[Problem]:
    # Unlike elsewhere in a document: what is not understood here would be a test that passes unseen.
    for key in sorted(written.keys() - known):
        yield Problem(f"{pointer}/{key}", "unknown-key", f"unknown key {key!r}; known are {', '.join(sorted(known))}")


def run_fixtures(
    document: Any, fixtures: Sequence[Fixture], actions: Application | Registry | None = None
) -> list[FixtureResult]:
    """Run the tests of a workflow, each for itself. Raises ``DefinitionError`` if the document is not valid."""
    target = target_of(document, actions)
    results = []
    for fixture in fixtures:
        try:
            run = rehearse(target, fixture.event, fixture.stubs)
        except (Unstubbed, InvalidStub, InvalidInput, LimitExceeded) as error:
            results.append(FixtureResult(fixture.name, (error.message,)))
        else:
            results.append(FixtureResult(fixture.name, tuple(misses(fixture.expect, run)), run))
    return results
