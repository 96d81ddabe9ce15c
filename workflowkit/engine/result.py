"""How a run ended; and what a completed one gives: what its document says, held to the schema that it promises."""

from __future__ import annotations

from dataclasses import dataclass

from workflowkit.base.errors import LimitExceeded, WorkflowKitError
from workflowkit.base.jsonvalue import size_bytes
from workflowkit.base.limits import DEFAULT_LIMITS
from workflowkit.definition.model import Json, Workflow
from workflowkit.definition.output import evaluate_output
from workflowkit.definition.references import ReferenceScope, Template
from workflowkit.definition.writtenschema import schema_problems
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.states import RunStatus

#: The code of a run whose output breaks the ``outputs`` schema of its document.
OUTPUT_MISMATCH = "output-mismatch"


@dataclass(frozen=True, slots=True)
class Finish:
    """How a run ended. ``output`` is ``None`` unless it completed, ``error`` unless it failed."""

    status: RunStatus
    output: Json = None
    error: ErrorInfo | None = None


def completion(workflow: Workflow, scope: ReferenceScope, reached: Json, *, is_stopped: bool) -> Finish:
    """Return the end of a run whose steps all did what they should: now its output has to be right, too.

    ``reached`` is what its last steps gave, or with ``is_stopped`` the step that ended it.
    """
    output = reached
    try:
        if workflow.output is not None and not is_stopped:
            output = _written(workflow.output, scope)
        broken = () if workflow.outputs_schema is None else schema_problems(workflow.outputs_schema, output)
    except WorkflowKitError as error:
        return _failed(type(error).__name__, error.code, f"the output of the run: {error.message}")
    if broken:
        message = "; ".join(f"{problem.pointer or '/'}: {problem.message}" for problem in broken[:5])
        return _failed("OutputMismatch", OUTPUT_MISMATCH, f"the output of the run breaks its schema: {message}")
    return Finish(RunStatus.COMPLETED, output=output)


def _written(template: Template, scope: ReferenceScope) -> Json:
    output = evaluate_output(template, scope)
    if (size := size_bytes(output)) > DEFAULT_LIMITS.output_bytes:
        raise LimitExceeded("output_bytes", DEFAULT_LIMITS.output_bytes, size)
    return output


def _failed(name: str, code: str, message: str) -> Finish:
    return Finish(RunStatus.FAILED, error=ErrorInfo(name, message, code, retryable=False))
