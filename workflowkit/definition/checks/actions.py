"""Check each action against its kind: that it exists, its inputs as written, its settings, and the edges below it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from workflowkit.base.errors import ExpressionError, LimitExceeded, Problem
from workflowkit.base.jsonvalue import child_pointer
from workflowkit.definition.catalogue import ActionType
from workflowkit.definition.checks.subject import Subject
from workflowkit.definition.contract import InputContract, contract_of
from workflowkit.definition.inputs import rule_template
from workflowkit.definition.jsvalues import Json, deep_equal
from workflowkit.definition.model import SOURCE, ConditionType, JoinMode, OnError
from workflowkit.definition.outline import SETTING_NAMES, ActionEntry, EdgeEntry
from workflowkit.definition.references import find_texts, references_in
from workflowkit.definition.schema import Violation, shown, violations

MAX_TIMEOUT_SECONDS = 24 * 3600

# What the schema says of a value whatever its references turn out to be; of an object or list that holds some ...
_CERTAIN_OF_CONTAINER = frozenset(
    {"type", "required", "additionalProperties", "minItems", "maxItems", "minProperties", "maxProperties"}
)
# ... and of a text with references inside, which will be a text.
_CERTAIN_OF_TEXT = frozenset({"type"})


def check_actions(subject: Subject) -> Iterator[Problem]:
    """Yield what is wrong with each action taken by itself."""
    for entry in subject.parts.actions:
        yield from _check_settings(entry, subject)
        yield from _check_error_edges(entry, subject)
        if not entry.kind:
            continue
        action = subject.catalogue.get(entry.kind)
        if action is None:
            yield _unknown_kind(entry, subject)
            continue
        yield from _check_inputs(entry, contract_of(action.inputs), subject)
        yield from _check_offered_edges(entry, action, subject)
    for edge in subject.outgoing.get(SOURCE, ()):
        if _is_error_edge(edge):
            message = "The trigger cannot fail, so this edge is never taken"
            yield Problem(f"{edge.pointer}/conditional/type", "unexpected-error-edge", message)


def _unknown_kind(entry: ActionEntry, subject: Subject) -> Problem:
    from difflib import get_close_matches  # only for documents that are wrong

    close = get_close_matches(entry.kind, list(subject.catalogue.kinds()), n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    message = f"Workflow instance references unknown action kind: {entry.kind}{hint}"
    return Problem(f"{entry.pointer}/kind", "unknown-kind", message)


# --- inputs


def _check_inputs(entry: ActionEntry, contract: InputContract, subject: Subject) -> Iterator[Problem]:
    pointer = f"{entry.pointer}/inputs"
    for name in entry.inputs:
        if name not in contract.properties and not contract.welcomes_any:
            message = f"Action '{entry.id}' does not know the input '{name}'" + _fate(contract)
            yield Problem(child_pointer(pointer, name), "unknown-input", message, "warning")
    inputs = dict(entry.inputs)
    if not contract.written.is_valid(inputs):
        for violation in violations(contract.written, inputs):
            if _is_certain(violation):
                yield _input_problem(entry, violation, contract)
    for name in contract.logic & entry.inputs.keys():
        yield from _check_rule(entry, name, entry.inputs[name], subject)


def _fate(contract: InputContract) -> str:
    return "" if contract.is_open else "; it is left out"


def _is_certain(violation: Violation) -> bool:
    """Return whether the complaint stands whatever the references in the value will give (D9)."""
    found = list(find_texts(violation.value))
    if not any(text.references for text in found):
        return True
    if isinstance(violation.value, str):
        return found[0].whole is None and violation.keyword in _CERTAIN_OF_TEXT
    return violation.keyword in _CERTAIN_OF_CONTAINER


def _input_problem(entry: ActionEntry, violation: Violation, contract: InputContract) -> Problem:
    pointer = f"{entry.pointer}/inputs{violation.pointer}"
    if not violation.path:
        absent = [name for name in contract.properties if name in contract.required and name not in entry.inputs]
        name = next((name for name in absent if violation.message == f'Missing "{name}"'), None)
        if name is None:
            return Problem(pointer, "invalid-input", f"Action '{entry.id}' has invalid inputs: {violation.message}")
        return Problem(pointer, "missing-input", f"Action '{entry.id}' needs the input '{name}'")
    inner = f" (at {violation.pointer})" if len(violation.path) > 1 else ""
    message = f"Action '{entry.id}' has an invalid input for '{violation.path[0]}': {violation.message}{inner}"
    return Problem(pointer, "invalid-input", message)


def _check_rule(entry: ActionEntry, name: str, rule: Json, subject: Subject) -> Iterator[Problem]:
    """Yield what is wrong with a JSON Logic rule: an object with one operator, or a boolean or a reference to one."""
    pointer = child_pointer(f"{entry.pointer}/inputs", name)
    code, reason = "invalid-rule", ""
    if rule == {}:
        code, reason = "empty-rule", "the rule is empty"
    elif not (isinstance(rule, bool) or (isinstance(rule, dict) and len(rule) == 1) or references_in(rule)):
        reason = f"Expected a rule, an object with one operator, got {shown(rule)}"
    else:
        try:
            rule_template(rule, subject.limits)
        except ExpressionError as error:
            reason = error.message
        except LimitExceeded as error:
            code, reason = error.code, error.message
    if reason:
        yield Problem(pointer, code, f"Action '{entry.id}' has an invalid input for '{name}': {reason}")


# --- settings


def _check_settings(entry: ActionEntry, subject: Subject) -> Iterator[Problem]:
    pointer, settings, written = f"{entry.pointer}/settings", entry.settings, entry.written_settings
    for name in written.keys() - SETTING_NAMES:
        message = f"Action '{entry.id}' has a setting that means nothing: {name}"
        yield Problem(child_pointer(pointer, name), "unknown-setting", message, "warning")
    # What the schema cannot say of a text; numbers and the form of texts are the schema's.
    if isinstance(written.get("timeout"), str) and (settings.timeout_seconds or 0) > MAX_TIMEOUT_SECONDS:
        message = f"timeout: Expected at most 24 hours, got {written['timeout']}"
        yield Problem(f"{pointer}/timeout", "invalid-value", message)
    if settings.on_error is OnError.FALLBACK and "fallback" not in written:
        message = f"Action '{entry.id}' falls back on error, but has no fallback"
        yield Problem(f"{pointer}/on_error", "missing-fallback", message)
    if "fallback" in written and settings.on_error is not OnError.FALLBACK:
        message = f"Action '{entry.id}' has a fallback, but its on_error is {settings.on_error}"
        yield Problem(f"{pointer}/fallback", "unused-fallback", message, "warning")
    incoming = subject.incoming_counts.get(entry.id, 0)
    if settings.join is JoinMode.N_OF and settings.join_count > incoming:
        message = f"Action '{entry.id}' waits for {settings.join_count} edges, but only {incoming} lead to it"
        yield Problem(f"{pointer}/join/n_of", "impossible-join", message)


# --- edges


def _check_error_edges(entry: ActionEntry, subject: Subject) -> Iterator[Problem]:
    error_edges = [edge for edge in subject.outgoing.get(entry.id, ()) if _is_error_edge(edge)]
    branches = entry.settings.on_error is OnError.BRANCH
    if branches and not error_edges:
        message = f"Action '{entry.id}' branches on error, but no edge of type error leaves it"
        yield Problem(f"{entry.pointer}/settings/on_error", "missing-error-edge", message)
    for edge in () if branches else error_edges:
        message = f"This edge is never taken: set on_error of action '{entry.id}' to branch"
        yield Problem(f"{edge.pointer}/conditional/type", "unexpected-error-edge", message)


def _is_error_edge(edge: EdgeEntry) -> bool:
    return edge.conditional is not None and edge.conditional.get("type") == ConditionType.ERROR


def _check_offered_edges(entry: ActionEntry, action: ActionType, subject: Subject) -> Iterator[Problem]:
    if action.edges.allow_add:
        return
    offered = [_asked(edge.conditional) for edge in action.edges.edges]
    for edge in subject.outgoing.get(entry.id, ()):
        asked = None if edge.conditional is None else _asked(edge.conditional)
        if not _is_error_edge(edge) and not any(deep_equal(asked, each) for each in offered):
            names = ", ".join(each.name for each in action.edges.edges) or "none"
            message = f"Below action '{entry.id}' ({entry.kind}) only these edges are foreseen: {names}"
            yield Problem(edge.pointer, "edge-not-offered", message, "warning")


def _asked(conditional: Mapping[str, Json]) -> dict[str, Json]:
    return {key: conditional.get(key) for key in ("type", "ref", "value")}
