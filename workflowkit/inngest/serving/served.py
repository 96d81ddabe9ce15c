"""What is served: code functions, and workflow documents whose nodes are steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from workflowkit.base.errors import DefinitionError, Problem
from workflowkit.base.limits import Limits
from workflowkit.definition import build, parse
from workflowkit.definition.model import Node, Workflow
from workflowkit.inngest.serving.names import Names
from workflowkit.registry import Function, Registry
from workflowkit.registry.functionoptions import id_problem


@dataclass(frozen=True, slots=True)
class Served:
    """A function or a document. ``id`` is our id of it, ``slug`` what the server calls it, ``retries`` the most that
    any of its steps has."""

    id: str
    slug: str
    workflow: Workflow
    is_graph: bool
    retries: int


def served(
    names: Names,
    functions: Iterable[Function[..., Any]],
    documents: Mapping[str, Mapping[str, Any]],
    registry: Registry,
    limits: Limits,
) -> dict[str, Served]:
    """Return what is served by slug: the functions with their followers, and the documents.

    Raises ``DefinitionError`` with everything that is wrong with the documents, or does not work on other servers.
    """
    found: dict[str, Served] = {}
    for function in functions:
        for each in (function, *function.followers):
            slug = names.slug(each.id)
            found[slug] = _of(each.id, slug, build(each.document), registry, is_graph=False)
    problems: list[Problem] = []
    for workflow_id, document in documents.items():
        slug, pointer = names.slug(workflow_id), f"/workflows/{workflow_id}"
        problems += _id_problems(workflow_id, slug, pointer, found)
        try:
            workflow = parse(dict(document), registry, limits)
        except DefinitionError as error:
            problems += [replace(each, pointer=pointer + each.pointer) for each in error.problems]
            continue
        problems += [Problem(pointer + place, "unsupported", text) for place, text in _unsupported(workflow)]
        found[slug] = _of(f"{names.own}/{workflow_id}", slug, workflow, registry, is_graph=True)
    if problems:
        raise DefinitionError(problems)
    return found


def retries_of(node: Node, registry: Registry) -> int:
    """Return how often a failed attempt of a node is repeated."""
    if node.retries is not None:
        return node.retries
    spec = registry.executable(node.kind)
    return 0 if spec is None else spec.retries


def _of(own_id: str, slug: str, workflow: Workflow, registry: Registry, *, is_graph: bool) -> Served:
    retries = max((retries_of(node, registry) for node in workflow.nodes.values()), default=0)
    return Served(own_id, slug, workflow, is_graph, retries)


def _id_problems(workflow_id: str, slug: str, pointer: str, found: Mapping[str, Served]) -> Iterator[Problem]:
    if (message := id_problem(workflow_id)) is not None:
        yield Problem(pointer, "invalid-id", message)
    if slug in found:
        yield Problem(pointer, "duplicate", "a function has this id")


def _unsupported(workflow: Workflow) -> Iterator[tuple[str, str]]:
    """Yield what a document has that needs a server of ours, and where."""
    elsewhere = "works on a server of Workflow Kit only"
    for node in workflow.nodes.values():
        if node.body is not None:
            yield node.pointer, f"a loop {elsewhere}"
        for name, value in (("cache", node.cache), ("compensate", node.compensate)):
            if value is not None:
                yield f"{node.pointer}/settings/{name}", f"{name} {elsewhere}"
        if node.concurrency:
            yield f"{node.pointer}/settings/concurrency", f"the concurrency of one node {elsewhere}"
    settings = workflow.settings
    if not workflow.nodes:
        yield "/actions", "a document that is served has actions"
    for name, graph, other in (
        ("on_failure", workflow.on_failure, settings.on_failure_workflow),
        ("on_cancel", workflow.on_cancel, settings.on_cancel_workflow),
    ):
        if graph is not None or other is not None:
            yield f"/settings/{name}", f"{name} of a document {elsewhere}; serve a function with that trigger"
