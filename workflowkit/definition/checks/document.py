"""Check a document against the JSON Schema that editors and other tools use too: ``schemas/workflow.schema.json``."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, reduce
from typing import TYPE_CHECKING, Any

from workflowkit.assets import asset_dir
from workflowkit.base.errors import Problem
from workflowkit.base.jsonvalue import child_pointer, loads
from workflowkit.base.scope import is_function_kind
from workflowkit.base.spelling import hint
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.model import ConditionType
from workflowkit.definition.schema import Violation, compile_schema, shown, violations
from workflowkit.definition.settings.triggers import TRIGGER_KINDS

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

_CODES = {"type": "invalid-type", "required": "missing-key"}
#: The keys of which an object has exactly one, by where it stands.
_ALTERNATIVES = {
    "trigger": TRIGGER_KINDS,
    "triggers": TRIGGER_KINDS,
    "on_failure": ("workflow", "actions"),
    "on_cancel": ("workflow", "actions"),
}
#: Where a document says what follows the end of its runs.
_FOLLOWERS = frozenset(("settings", name, "workflow") for name in ("on_failure", "on_cancel"))


def check_document(document: Json) -> Iterator[Problem]:
    """Yield what the schema of workflows refuses."""
    validator = _validator()
    if validator.is_valid(document):
        return
    for violation in violations(validator, document):
        if _is_follower(violation, document):
            continue
        if violation.keyword == "enum" and violation.path[-2:] == ("conditional", "type"):
            yield _unknown_condition(violation)
        elif violation.keyword == "oneOf":
            yield from _alternatives(violation)
        elif violation.keyword == "additionalProperties":
            yield from _unknown_keys(violation)
        else:
            code = _CODES.get(violation.keyword, "invalid-value")
            subject = f"{violation.path[-1]}: " if violation.path and isinstance(violation.path[-1], str) else ""
            yield Problem(violation.pointer, code, f"{subject}{violation.message}")


def _is_follower(violation: Violation, document: Json) -> bool:
    """Tell whether a function of the application is what follows the end of one.

    SAFETY: a user's document names no function there: it has actions, and none whose kind is a function.
    """
    if violation.keyword != "pattern" or tuple(violation.path) not in _FOLLOWERS:
        return False
    actions = document.get("actions") if isinstance(document, dict) else None
    kinds = [each.get("kind") if isinstance(each, dict) else None for each in actions] if actions else []
    return bool(kinds) and all(isinstance(kind, str) and is_function_kind(kind) for kind in kinds)


@lru_cache(maxsize=1)
def _schema() -> Any:
    return loads((asset_dir("schemas") / "workflow.schema.json").read_bytes())


@lru_cache(maxsize=1)
def _validator() -> Draft202012Validator:
    return compile_schema(_schema())


def _unknown_keys(violation: Violation) -> Iterator[Problem]:
    """Yield the keys that a rule of the settings does not have: without what they were meant for it holds for more."""
    rule = reduce(lambda here, step: here[step], violation.schema_path[:-1], _schema())
    place = next(step for step in reversed(violation.path) if isinstance(step, str))
    for name in violation.value.keys() - rule["properties"].keys():
        message = f"{place}: There is no key '{name}' here{hint(name, rule['properties'])}"
        yield Problem(child_pointer(violation.pointer, name), "unknown-setting", message)


def _alternatives(violation: Violation) -> Iterator[Problem]:
    place = next(step for step in reversed(violation.path) if isinstance(step, str))
    names = _ALTERNATIVES[place]
    if not isinstance(violation.value, dict):
        return  # of the wrong type, which is a problem of its own
    there = [name for name in names if name in violation.value]
    if len(there) > 1:
        message = f"{place}: Expected exactly one of the keys {', '.join(names)}, got {' and '.join(there)}"
        yield Problem(violation.pointer, "conflicting-keys", message)
    elif there:
        yield Problem(violation.pointer, "missing-key", f'{place}: Missing "edges"')
    else:
        yield Problem(violation.pointer, "missing-key", f"{place}: Missing one of the keys {', '.join(names)}")


def _unknown_condition(violation: Violation) -> Problem:
    known = ", ".join(ConditionType)
    return Problem(
        violation.pointer,
        "unknown-condition-type",
        f"unknown condition type {shown(violation.value)}; known are {known}",
    )
