"""Check the JSON Schemas that a document has itself: of the event's data, and of the output."""

from __future__ import annotations

from collections.abc import Iterator

from workflowkit.base.errors import DefinitionError, Problem
from workflowkit.definition.checks.subject import Subject
from workflowkit.definition.writtenschema import WrittenSchema


def check_schemas(subject: Subject) -> Iterator[Problem]:
    """Yield what is wrong with the schemas."""
    for key in ("inputs", "outputs"):
        schema = subject.document.get(key)
        if isinstance(schema, dict | bool):
            try:
                WrittenSchema(schema, subject.limits)
            except DefinitionError as error:
                yield from (Problem(f"/{key}{each.pointer}", each.code, each.message) for each in error.problems)
