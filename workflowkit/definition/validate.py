"""The doors to workflow documents: read one, list everything that is wrong with it, parse it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from workflowkit.base.errors import DefinitionError, InvalidInput, Problem
from workflowkit.base.jsonvalue import check_json, loads_strict
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.definition.build import build
from workflowkit.definition.catalogue import ActionCatalogue
from workflowkit.definition.checks.actions import check_actions
from workflowkit.definition.checks.document import check_document
from workflowkit.definition.checks.keys import check_keys
from workflowkit.definition.checks.names import check_names
from workflowkit.definition.checks.references import check_references
from workflowkit.definition.checks.schemas import check_schemas
from workflowkit.definition.checks.secrets import check_other_secrets
from workflowkit.definition.checks.settings import check_settings
from workflowkit.definition.checks.shape import check_shape, check_size
from workflowkit.definition.checks.subject import Subject
from workflowkit.definition.checks.triggers import check_triggers
from workflowkit.definition.eventdata import NO_EVENTS, EventSchemas
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.model import Workflow
from workflowkit.definition.outline import Outline, outline
from workflowkit.definition.settings.triggers import AnyTrigger
from workflowkit.definition.settings.workflow import WorkflowSettings


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


def validate(
    document: Json, actions: ActionCatalogue, limits: Limits = DEFAULT_LIMITS, events: EventSchemas = NO_EVENTS
) -> list[Problem]:
    """Return everything that is wrong with a document, in the order of its places: errors and warnings.

    ``events`` are the schemas of the data of events, by their names, as far as they are known.

    A document without errors can be published. Every check is linear in the size of the document (S8), apart from sets
    of actions, which are machine words of bits.
    """
    try:
        check_json(document, max_depth=limits.json_depth)
    except InvalidInput as error:
        return list(error.problems)
    if not isinstance(document, dict):
        return [Problem("", "invalid-type", "A workflow is a JSON object with actions and edges")]
    subject = Subject(document, outline(document), actions, limits, events)
    found = [*check_size(subject)] or [*_inspect(subject)]
    return sorted(dict.fromkeys(found), key=_place)


def parse_settings(settings: Json, limits: Limits = DEFAULT_LIMITS, *, knows_all: bool = False) -> WorkflowSettings:
    """Return the settings of a workflow or a function, given as a document would have them under ``settings``.

    With ``knows_all``, a setting that does not exist is an error, too, as it is where nobody would see a warning.
    Raises ``DefinitionError`` with all problems, whose pointers begin with ``/settings`` as those of a document do. Of
    a graph in ``on_failure`` or ``on_cancel`` only the form is checked.
    """
    check = _check_all_settings if knows_all else check_settings
    return _parse_part("settings", settings, check, limits).settings


def _check_all_settings(subject: Subject) -> Iterator[Problem]:
    for problem in check_settings(subject):
        yield replace(problem, severity="error") if problem.code == "unknown-setting" else problem


def parse_triggers(triggers: Json, limits: Limits = DEFAULT_LIMITS) -> tuple[AnyTrigger, ...]:
    """Return the triggers of a function, given as a document would have them under ``triggers``.

    Raises ``DefinitionError`` with all problems, whose pointers begin with ``/triggers``.
    """
    return _parse_part("triggers", triggers, check_triggers, limits).triggers


def _parse_part(key: str, value: Json, check: Callable[[Subject], Iterator[Problem]], limits: Limits) -> Outline:
    document = {"actions": [], "edges": [], key: value}
    try:
        check_json(document, max_depth=limits.json_depth)
    except InvalidInput as error:
        raise DefinitionError(error.problems) from None
    subject = Subject(document, outline(document), _NoActions(), limits)
    problems = sorted({*check_document(document), *check(subject)}, key=_place)
    if any(problem.severity == "error" for problem in problems):
        raise DefinitionError(problems)
    return subject.parts


class _NoActions:
    """The catalogue for parts of a document that name no action."""

    def get(self, kind: str) -> None:
        return None

    def kinds(self) -> tuple[str, ...]:
        return ()


def _inspect(subject: Subject) -> Iterator[Problem]:
    yield from check_document(subject.document)
    yield from check_names(subject)
    yield from check_keys(subject)
    for graph in subject.graphs:
        yield from check_shape(graph)
        yield from check_actions(graph)
        yield from check_references(graph)
    yield from check_triggers(subject)
    yield from check_settings(subject)
    yield from check_schemas(subject)
    yield from check_other_secrets(subject)


def _place(problem: Problem) -> tuple[list[tuple[int, int, str]], str]:
    """Sort by pointer, with indexes as numbers; errors before warnings."""
    tokens = problem.pointer.split("/")[1:]
    return [(0, int(token), "") if token.isdecimal() else (1, 0, token) for token in tokens], problem.severity
