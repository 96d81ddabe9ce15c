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
        Problem(f"{pointer}{violation.pointer}", "invalid-value", violation.message)
        for violation in violations(validator, value)
    ]


@lru_cache(maxsize=256)
def _validator(schema_json: bytes) -> Draft202012Validator:
    schema: Any = loads(schema_json)
    return compile_schema(schema)
