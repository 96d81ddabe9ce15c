"""What is served: code functions, and workflow documents whose nodes are steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from workflowkit.base.errors import DefinitionError, Problem
from workflowkit.base.limits import Limits
from workflowkit.definition import build, parse
from workflowkit.definition.cel import compile_expression
from workflowkit.definition.model import Node, Workflow
from workflowkit.definition.references import references_in
from workflowkit.definition.secrets import secrets_named_in
from workflowkit.engine.ends import CANCELLED_ERROR, RUN_CANCELLED, RUN_FAILED
from workflowkit.inngest.events import ENDS_HERE
from workflowkit.inngest.serving.names import Names
from workflowkit.registry import Function, Registry
from workflowkit.registry.functionoptions import id_problem

#: Actions whose steps are kept by a server of ours: people are asked there, and URLs called.
_OF_OURS = frozenset({"builtin:approval", "builtin:create_callback", "builtin:wait_for_callback"})
_WAIT_FOR_EVENT = "builtin:wait_for_event"
FAILED_THERE, CANCELLED_THERE = ENDS_HERE[RUN_FAILED], ENDS_HERE[RUN_CANCELLED]


@dataclass(frozen=True, slots=True)
class Handled:
    """An end of runs that is handled: ``event`` is the server's event for it, ``slug`` the function whose runs end."""

    event: str
    slug: str


@dataclass(frozen=True, slots=True)
class Served:
    """A function or a document. ``id`` is our id of it, ``slug`` what the server calls it, ``retries`` the most that
    any of its steps has, ``handles`` the ends of other runs that start it. What follows the
    cancellation of a run sees that one's event; ``given`` is what it sees besides."""

    id: str
    slug: str
    workflow: Workflow
    is_graph: bool
    retries: int
    handles: tuple[Handled, ...] = ()
    given: Mapping[str, Any] | None = None


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
        found |= {each.slug: each for each in _function(names, function, registry)}
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
        found |= {each.slug: each for each in _document(f"{names.own}/{workflow_id}", slug, workflow, registry)}
    problems += _handle_ends(names, documents, found)
    if problems:
        raise DefinitionError(problems)
    return found


def _function(names: Names, function: Function[..., Any], registry: Registry) -> Iterator[Served]:
    """Yield a function, and its followers, which the ends of its runs start."""
    slug = names.slug(function.id)
    made = _of(function.id, slug, build(function.document), registry, is_graph=False)
    yield made
    for each in function.followers:
        ended = FAILED_THERE if each.id == made.workflow.settings.on_failure_workflow else CANCELLED_THERE
        follower = _of(each.id, names.slug(each.id), build(each.document), registry, is_graph=False)
        yield replace(follower, handles=(Handled(ended, slug),))


def _document(own_id: str, slug: str, workflow: Workflow, registry: Registry) -> Iterator[Served]:
    """Yield a document, and what follows a cancellation of it: a function of its own."""
    yield _of(own_id, slug, workflow, registry, is_graph=True)
    if workflow.on_cancel is not None:
        following = _of(f"{own_id}-cancelled", f"{slug}-cancelled", workflow.on_cancel, registry, is_graph=True)
        given = {"error": CANCELLED_ERROR.as_dict()}
        yield replace(following, handles=(Handled(CANCELLED_THERE, slug),), given=given)


def _handle_ends(names: Names, documents: Mapping[str, Any], found: dict[str, Served]) -> Iterator[Problem]:
    """Let documents be started by the ends of the runs that name them. Yield what names none that is served."""
    for workflow_id in documents:
        slug = names.slug(workflow_id)
        if slug not in found:
            continue
        settings = found[slug].workflow.settings
        for name, event, target in (
            ("on_failure", FAILED_THERE, settings.on_failure_workflow),
            ("on_cancel", CANCELLED_THERE, settings.on_cancel_workflow),
        ):
            if target is None:
                continue
            handler = found.get(names.slug(target))
            if target not in documents or handler is None:
                pointer = f"/workflows/{workflow_id}/settings/{name}/workflow"
                yield Problem(pointer, "unsupported", f"the workflow {target!r} is to be served beside this one")
                continue
            found[handler.slug] = replace(handler, handles=(*handler.handles, Handled(event, slug)))


def retries_of(node: Node, registry: Registry) -> int:
    """Return how often a failed attempt of a node is repeated."""
    if node.retries is not None:
        return node.retries
    spec = registry.executable(node.kind)
    return 0 if spec is None else spec.retries


def _of(own_id: str, slug: str, workflow: Workflow, registry: Registry, *, is_graph: bool) -> Served:
    retries = max((retries_of(node, registry) for node in _nodes(workflow)), default=0)
    return Served(own_id, slug, workflow, is_graph, retries)


def _forgotten(workflow: Workflow, graph: Workflow) -> Iterator[str]:
    """Yield what of the run's own steps is read where it has been cancelled."""
    settings = workflow.document.get("settings") or {}
    for reference in references_in(settings.get("on_cancel")):
        if reference.action in workflow.nodes or (reference.root == "state" and reference.action is None):
            yield reference.text
    for node in _nodes(graph):
        if node.skip_if is not None and "state" in compile_expression(node.skip_if).variables:
            yield node.skip_if


def _nodes(workflow: Workflow) -> Iterator[Node]:
    """Yield the nodes of a document and of the graphs in it, and what undoes them."""
    for node in workflow.nodes.values():
        yield node
        if node.body is not None:
            yield from _nodes(node.body)
        if node.compensate is not None:
            yield Node(node.id, node.compensate.kind, node.name, node.compensate.inputs, node.pointer)
    if workflow.on_failure is not None:
        yield from _nodes(workflow.on_failure)


def _id_problems(workflow_id: str, slug: str, pointer: str, found: Mapping[str, Served]) -> Iterator[Problem]:
    if (message := id_problem(workflow_id)) is not None:
        yield Problem(pointer, "invalid-id", message)
    if slug in found:
        yield Problem(pointer, "duplicate", "a function has this id")


def _unsupported(workflow: Workflow) -> Iterator[tuple[str, str]]:
    """Yield what a document has that needs a server of ours, and where."""
    elsewhere = "works on a server of Workflow Kit only"
    for node in _nodes(workflow):
        if node.kind in _OF_OURS:
            yield f"{node.pointer}/kind", f"{node.kind} {elsewhere}"
        if node.kind == _WAIT_FOR_EVENT and node.inputs.get("lookback") is not None:
            yield f"{node.pointer}/inputs/lookback", f"a wait with a lookback {elsewhere}"
        if node.concurrency:
            yield f"{node.pointer}/settings/concurrency", f"the concurrency of one node {elsewhere}"
    for name, pointer in secrets_named_in(dict(workflow.document)).items():
        yield pointer, f"the secret {name!r} {elsewhere}"
    if not workflow.nodes:
        yield "/actions", "a document that is served has actions"
    if workflow.on_cancel is not None:
        for text in _forgotten(workflow, workflow.on_cancel):
            yield "/settings/on_cancel", f"{text}: a server that cancels a run forgets what its steps came to"
