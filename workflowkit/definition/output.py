"""What a run or the body of a loop gives: its ``output`` with the references resolved; and values held to a schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflowkit.definition.jsvalues import Json
from workflowkit.definition.references import ReferenceScope, Template, present
from workflowkit.definition.writtenschema import schema_problems

if TYPE_CHECKING:
    from workflowkit.definition.model import Workflow


def evaluate_output(template: Template, scope: ReferenceScope) -> Json:
    """Return the output as JSON that shares nothing with ``scope``; what references do not find is null.

    Raises ``LimitExceeded`` if it would take more than the limits of references allow.
    """
    return present(template.resolve(scope))


def refused_inputs(workflow: Workflow, data: Json) -> str | None:
    """Return why a workflow does not take ``data`` as its event's, naming each place; ``None`` if it does.

    Raises ``DefinitionError`` if its schema cannot be used.
    """
    if workflow.inputs_schema is None:
        return None
    problems = schema_problems(workflow.inputs_schema, data, "/data")
    return "; ".join(f"{problem.pointer}: {problem.message}" for problem in problems[:5]) or None
