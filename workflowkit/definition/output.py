"""What a run or the body of a loop gives: its ``output`` with the references resolved; and values held to a schema."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from workflowkit.base.errors import Problem
from workflowkit.base.jsonvalue import canonical, loads
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.references import ReferenceScope, Template, present
from workflowkit.definition.schema import Schema, compile_schema, violations

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

    from workflowkit.definition.model import Workflow


def evaluate_output(template: Template, scope: ReferenceScope) -> Json:
    """Return the output as JSON that shares nothing with ``scope``; what references do not find is null.

    Raises ``LimitExceeded`` if it would take more than the limits of references allow.
    """
    return present(template.resolve(scope))


def schema_problems(schema: Schema, value: Json, pointer: str = "") -> list[Problem]:
    """Return where a value breaks a workflow's ``inputs`` or ``outputs`` schema; ``pointer`` is where it stands.

    Raises ``DefinitionError`` if the schema cannot be used.
    """
    validator = _validator(canonical(dict(schema) if isinstance(schema, Mapping) else schema))
    if validator.is_valid(value):
        return []
    return [
        Problem(f"{pointer}{violation.pointer}", violation.code, violation.message)
        for violation in violations(validator, value)
    ]


def refused_inputs(workflow: Workflow, data: Json) -> str | None:
    """Return why a workflow does not take ``data`` as its event's, naming each place; ``None`` if it does.

    Raises ``DefinitionError`` if its schema cannot be used.
    """
    if workflow.inputs_schema is None:
        return None
    problems = schema_problems(workflow.inputs_schema, data, "/data")
    return "; ".join(f"{problem.pointer}: {problem.message}" for problem in problems[:5]) or None


@lru_cache(maxsize=256)
def _validator(schema_json: bytes) -> Draft202012Validator:
    schema: Any = loads(schema_json)
    return compile_schema(schema)
