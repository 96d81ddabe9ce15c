"""What undoes an action by itself: ``compensate=``, an action beside it that no document can name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workflowkit.base.errors import DefinitionError, Problem
from workflowkit.typeschema import read_signature

if TYPE_CHECKING:
    from workflowkit.registry.spec import ActionSpec

#: Kinds with this prefix undo what the rest of the kind names: no document may have one.
UNDO_PREFIX = "undo:"
#: The input that has what the action returned.
OUTPUT_INPUT = "output"


def compensation_of(spec: ActionSpec, handler: Callable[..., Any]) -> ActionSpec:
    """Return the action that undoes ``spec`` by calling ``handler``: on the same queue, with the same retries.

    Its inputs are those of the step that it undoes, as far as the handler has parameters of their names, and
    ``output``. Raises ``DefinitionError`` for a handler with other parameters.
    """
    label = f"{spec.kind} (compensate)"
    signature = read_signature(handler, label=label)
    own, known = signature.inputs.get("properties", {}), spec.inputs.get("properties", {})
    if OUTPUT_INPUT in known:
        raise _refused(spec, f"the action has an input of its own that is called {OUTPUT_INPUT!r}")
    is_open = bool(spec.inputs.get("additionalProperties"))
    if unknown := [name for name in own if name not in known and name != OUTPUT_INPUT and not is_open]:
        raise _refused(spec, f"has parameters that are neither inputs of the action nor output: {', '.join(unknown)}")
    takes_all = signature.binding.names is None
    taken = {**known, **own} if takes_all else own
    inputs = {
        **spec.inputs,
        "properties": {name: known.get(name, own.get(name, {})) for name in {**taken, OUTPUT_INPUT: {}}},
        "required": [name for name in spec.inputs.get("required", ()) if name in taken],
    }
    return replace(
        spec,
        kind=UNDO_PREFIX + spec.kind,
        handler=handler,
        name=f"{spec.name}: undo",
        description=signature.docstring.summary,
        inputs=inputs,
        outputs=signature.outputs,
        concurrency=None,
        is_async=signature.is_async,
        takes_context=signature.takes_context,
        binding=signature.binding,
        rehearsal=None,
    )


def _refused(spec: ActionSpec, message: str) -> DefinitionError:
    return DefinitionError([Problem("/compensate", "invalid-action", f"action {spec.kind!r}, compensate: {message}")])
