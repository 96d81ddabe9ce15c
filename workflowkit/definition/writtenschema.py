"""JSON Schemas that come from documents and forms: whoever wrote them may not keep a process busy (S24).

Schemas of registered actions are code, and are compiled without this.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from workflowkit.base.errors import LimitExceeded, Problem
from workflowkit.base.jsonvalue import canonical, loads
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.schema import Schema, Violation, compile_schema, first_violations, violations
from workflowkit.definition.schemacost import SchemaCost, sizes_of
from workflowkit.definition.schemanodes import MAX_PATTERN_BYTES

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

#: How long it may take to tell all that is wrong with a value. Making one error takes 5,000 times as long as the check.
_MOST_TOLD_MICROSECONDS = 1_000_000
_MOST_PROBLEMS = 100


class WrittenSchema:
    """A compiled schema, and what it may cost.

    Raises ``DefinitionError``, whose pointers lead into the schema, for one that cannot be used or costs too much.
    """

    def __init__(self, schema: Schema, limits: Limits = DEFAULT_LIMITS) -> None:
        self._cost = SchemaCost(schema, limits)
        self._validator: Draft202012Validator = compile_schema(schema, max_pattern_bytes=MAX_PATTERN_BYTES)
        self._has_forms = any(mark in canonical(schema) for mark in (b'"anyOf"', b'"oneOf"'))

    def problems(self, value: Json, pointer: str = "") -> list[Problem]:
        """Return where ``value``, which stands at ``pointer``, breaks the schema: the first hundred places.

        Of a large value one place is told, or that it is wrong at all. One that would cost more than ``schema_checks``
        is not looked at, and is wrong (``limit-exceeded``).
        """
        try:
            sizes = sizes_of(value)
            self._cost.check(sizes)
        except LimitExceeded as error:
            message = f"This is too much to be held against its JSON Schema: {error.message}"
            return [Problem(pointer, error.code, message)]
        if self._validator.is_valid(value):
            return []
        return [
            Problem(f"{pointer}{violation.pointer}", violation.code, violation.message)
            for violation in self._told(value, sizes)
        ]

    def _told(self, value: Json, sizes: list[int]) -> list[Violation]:
        # SAFETY: S24 — all errors are made before the first can be read, and those of alternatives with them.
        if self._cost.told(sizes) <= _MOST_TOLD_MICROSECONDS:
            return [*islice(violations(self._validator, value), _MOST_PROBLEMS)]
        if not self._has_forms:
            return [*first_violations(self._validator, value)]
        return [Violation((), "", "This breaks its JSON Schema, and is too large to tell where", value)]


def schema_problems(schema: Schema, value: Json, pointer: str = "") -> list[Problem]:
    """Return where a value breaks the schema of a document or a form; ``pointer`` is where it stands.

    Raises ``DefinitionError`` if the schema cannot be used.
    """
    return _compiled(canonical(dict(schema) if isinstance(schema, Mapping) else schema)).problems(value, pointer)


@lru_cache(maxsize=256)
def _compiled(schema_json: bytes) -> WrittenSchema:
    schema: Any = loads(schema_json)
    return WrittenSchema(schema)
