"""Check references and conditions: that they can be read, and that what they look at is there by then (D8)."""

from __future__ import annotations

from collections.abc import Iterator

from workflowkit.base.errors import Problem, Severity
from workflowkit.definition.checks.outputs import may_lead
from workflowkit.definition.checks.subject import Subject
from workflowkit.definition.jsonpath import Path
from workflowkit.definition.model import SOURCE, ConditionType, OnError
from workflowkit.definition.outline import EdgeEntry
from workflowkit.definition.references import ROOTS, FoundText, Reference, Unreadable, find_texts


def check_references(subject: Subject) -> Iterator[Problem]:
    """Yield what is wrong with the references in inputs and in conditions."""
    for entry in subject.parts.actions:
        for found in find_texts(dict(entry.inputs), f"{entry.pointer}/inputs"):
            yield from _unreadable(found)
            for reference in found.references:
                yield from _Place(subject, found.pointer, entry.id, None).check(reference)
    for edge in subject.edges:
        if edge.conditional is not None:
            yield from _check_condition(edge, edge.conditional.get("type"), edge.conditional.get("ref"), subject)


def _unreadable(found: FoundText) -> Iterator[Problem]:
    """Yield what looks like a reference and is none: an error where one was clearly meant, else a warning."""
    for index, part in enumerate(found.parts):
        if isinstance(part, Unreadable):
            following = found.parts[index + 1 : index + 2]
            is_meant = index == 0 or (following and isinstance(following[0], str) and following[0].startswith("$"))
            severity: Severity = "error" if is_meant else "warning"
            yield Problem(found.pointer, "invalid-reference", f"This is not a reference: {part.message}", severity)


def _check_condition(edge: EdgeEntry, kind: object, ref: object, subject: Subject) -> Iterator[Problem]:
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
        yield from _Place(subject, pointer, edge.source, edge.source).check(reference)
    if kind == ConditionType.MATCH and edge.conditional is not None and "value" not in edge.conditional:
        message = "This condition has no value; it matches null and missing"
        yield Problem(f"{edge.pointer}/conditional", "match-without-value", message, "warning")


class _Place:
    """Where a reference stands: in an action's inputs, or in the condition of an edge below one (``edge_source``)."""

    def __init__(self, subject: Subject, pointer: str, node_id: str, edge_source: str | None) -> None:
        self._subject = subject
        self._pointer = pointer
        self._node_id = node_id
        self._edge_source = edge_source

    def check(self, reference: Reference) -> Iterator[Problem]:
        if reference.root not in ROOTS:
            yield self._problem("unknown-root", f"{reference.text} begins with none of $.event, $.state and $.output")
        elif reference.root == "state":
            yield from self._check_state(reference)
        elif reference.root == "output":
            yield from self._check_output(reference)

    def _check_output(self, reference: Reference) -> Iterator[Problem]:
        if self._edge_source is None:
            message = f"{reference.text}: $.output is for the conditions of edges; here write $.state.<action id>"
            yield self._problem("unknown-root", message)
        elif self._edge_source == SOURCE:
            yield self._problem("unknown-root", f"{reference.text}: the trigger has no output; use $.event")
        else:
            yield from self._check_path(self._edge_source, reference.path, reference)

    def _check_state(self, reference: Reference) -> Iterator[Problem]:
        action, lineage = reference.action, self._subject.lineage
        if action is None:
            message = f"{reference.text} must name an action: $.state.<action id>"
            yield self._problem("unknown-reference", message)
        elif action not in self._subject.nodes:
            yield self._problem("unknown-reference", f"{reference.text}: there is no action {action!r}")
        else:
            if lineage.knows(action) and lineage.knows(self._node_id) and action != self._edge_source:
                yield from self._check_order(action, reference)
            yield from self._check_path(action, reference.path, reference)

    def _check_order(self, action: str, reference: Reference) -> Iterator[Problem]:
        lineage, here = self._subject.lineage, self._node_id
        if not lineage.is_ancestor(action, here):
            message = f"{reference.text}: action {action!r} does not come before {here!r} on any path"
            yield self._problem("not-an-ancestor", message)
        elif lineage.may_be_skipped(action, here):
            message = f"{reference.text}: action {action!r} may have been skipped; the value is then missing"
            yield self._problem("maybe-skipped", message, is_error=False)

    def _check_path(self, action: str, path: Path, reference: Reference) -> Iterator[Problem]:
        action_type = self._subject.action_of(action)
        handles_errors = self._subject.nodes[action].settings.on_error is not OnError.FAIL
        if action_type is None or action_type.outputs is None or handles_errors:
            return
        if not may_lead(action_type.outputs, path.keys):
            message = f"{reference.text}: the output of {action!r} ({action_type.kind}) declares nothing there"
            yield self._problem("unknown-path", message, is_error=False)

    def _problem(self, code: str, message: str, *, is_error: bool = True) -> Problem:
        return Problem(self._pointer, code, message, "error" if is_error else "warning")
