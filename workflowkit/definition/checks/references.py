"""Check references and conditions: that they can be read, and that what they look at is there by then (D8)."""

from __future__ import annotations

from collections.abc import Iterator

from workflowkit.base.errors import Problem, Severity
from workflowkit.definition.checks.sight import Sight
from workflowkit.definition.checks.subject import GraphSubject
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.model import ConditionType
from workflowkit.definition.outline import ActionEntry, EdgeEntry
from workflowkit.definition.references import FoundText, Unreadable, find_texts


def check_references(subject: GraphSubject) -> Iterator[Problem]:
    """Yield what is wrong with the references of a graph: in inputs, settings, conditions and its output."""
    for entry in subject.parts.actions:
        yield from _check_value(dict(entry.inputs), f"{entry.pointer}/inputs", Sight(subject, entry.id))
        yield from _check_settings(entry, subject)
    for edge in subject.edges:
        if edge.conditional is not None:
            yield from _check_condition(edge, edge.conditional.get("type"), edge.conditional.get("ref"), subject)
    if subject.parts.has_output:
        yield from _check_value(subject.parts.written["output"], f"{subject.pointer}/output", Sight(subject))


def _check_settings(entry: ActionEntry, subject: GraphSubject) -> Iterator[Problem]:
    pointer, settings = f"{entry.pointer}/settings", entry.settings
    if settings.cache is not None:
        yield from _check_value(settings.cache.key, f"{pointer}/cache/key", Sight(subject, entry.id))
    if settings.compensate is not None:
        # By the time of a compensation the action has completed, so that its own output is there too.
        sight = Sight(subject, entry.id, sees_itself=True)
        yield from _check_value(dict(settings.compensate.inputs), f"{pointer}/compensate/inputs", sight)
    if settings.skip_if is not None:
        yield from Sight(subject, entry.id).check_expression(settings.skip_if, f"{pointer}/skip_if")


def _check_value(value: Json, pointer: str, sight: Sight) -> Iterator[Problem]:
    for found in find_texts(value, pointer):
        yield from _unreadable(found)
        for reference in found.references:
            yield from sight.check(reference, found.pointer)


def _unreadable(found: FoundText) -> Iterator[Problem]:
    """Yield what looks like a reference and is none: an error where one was clearly meant, else a warning."""
    for index, part in enumerate(found.parts):
        if isinstance(part, Unreadable):
            following = found.parts[index + 1 : index + 2]
            is_meant = index == 0 or (following and isinstance(following[0], str) and following[0].startswith("$"))
            severity: Severity = "error" if is_meant else "warning"
            yield Problem(found.pointer, "invalid-reference", f"This is not a reference: {part.message}", severity)


def _check_condition(edge: EdgeEntry, kind: object, ref: object, subject: GraphSubject) -> Iterator[Problem]:
    if kind == ConditionType.ERROR or not isinstance(ref, str):
        return
    pointer = f"{edge.pointer}/conditional/ref"
    found = next(find_texts(ref, pointer), FoundText(pointer, (ref,)))
    yield from _unreadable(found)
    if not found.references:
        message = f"A condition needs a reference, such as !ref($.output.result); got {ref!r}, which never changes"
        yield Problem(pointer, "condition-without-reference", message)
    for reference in found.references:
        if not reference.is_definite:
            message = f"{reference.text} gives a list, which is always true; a condition asks about one value"
            yield Problem(pointer, "condition-on-list", message)
        yield from Sight(subject, edge.source, edge_source=edge.source).check(reference, pointer)
    if kind == ConditionType.MATCH and edge.conditional is not None and "value" not in edge.conditional:
        message = "This condition has no value; it matches null and missing"
        yield Problem(f"{edge.pointer}/conditional", "match-without-value", message, "warning")
