"""The doors to workflow documents: read one, list everything that is wrong with it, parse it."""

from __future__ import annotations

from collections.abc import Iterator

from workflowkit.base.errors import DefinitionError, InvalidInput, Problem
from workflowkit.base.jsonvalue import check_json, loads_strict
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.definition.build import build
from workflowkit.definition.catalogue import ActionCatalogue
from workflowkit.definition.checks.actions import check_actions
from workflowkit.definition.checks.document import check_document
from workflowkit.definition.checks.names import check_names
from workflowkit.definition.checks.references import check_references
from workflowkit.definition.checks.shape import check_shape, check_size
from workflowkit.definition.checks.subject import Subject
from workflowkit.definition.checks.triggers import check_triggers
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.model import Workflow
from workflowkit.definition.outline import outline


def load_json(text: str | bytes, limits: Limits = DEFAULT_LIMITS) -> Json:
    """Return the JSON value in ``text``, which need not be a valid document yet.

    Raises ``InvalidInput`` for text that is no strict JSON, ``LimitExceeded`` (``document_bytes``) for too much of it.
    """
    return loads_strict(text, max_bytes=limits.document_bytes, max_depth=limits.json_depth, limit="document_bytes")


def parse(document: Json, actions: ActionCatalogue, limits: Limits = DEFAULT_LIMITS) -> Workflow:
    """Return the workflow that a document describes. Raises ``DefinitionError`` with all its problems if it has errors.

    The workflow keeps ``document``, which must not be changed afterwards.
    """
    problems = validate(document, actions, limits)
    if any(problem.severity == "error" for problem in problems):
        raise DefinitionError(problems)
    return build(document)


def validate(document: Json, actions: ActionCatalogue, limits: Limits = DEFAULT_LIMITS) -> list[Problem]:
    """Return everything that is wrong with a document, in the order of its places: errors and warnings.

    A document without errors can be published. Every check is linear in the size of the document (S8), apart from sets
    of actions, which are machine words of bits.
    """
    try:
        check_json(document, max_depth=limits.json_depth)
    except InvalidInput as error:
        return list(error.problems)
    if not isinstance(document, dict):
        return [Problem("", "invalid-type", "A workflow is a JSON object with actions and edges")]
    subject = Subject(document, outline(document), actions, limits)
    found = [*check_size(subject)] or [*_inspect(subject)]
    return sorted(dict.fromkeys(found), key=_place)


def _inspect(subject: Subject) -> Iterator[Problem]:
    yield from check_document(subject.document)
    yield from check_names(subject)
    yield from check_shape(subject)
    yield from check_actions(subject)
    yield from check_references(subject)
    yield from check_triggers(subject)


def _place(problem: Problem) -> tuple[list[tuple[int, int, str]], str]:
    """Sort by pointer, with indexes as numbers; errors before warnings."""
    tokens = problem.pointer.split("/")[1:]
    return [(0, int(token), "") if token.isdecimal() else (1, 0, token) for token in tokens], problem.severity
