"""Edge conditions: whether an edge is taken once its source has completed.

Decided once per run and stored (I8); this module only computes. The types are those of the TypeScript kit with its
JavaScript truth: ``if`` and ``else`` ask for truth, ``match`` for equality by content.
"""

from __future__ import annotations

from functools import lru_cache

from workflowkit.definition.jsonpath import Budget
from workflowkit.definition.jsvalues import MISSING, Json, unpaid
from workflowkit.definition.jsvalues import deep_equal as deep_equal
from workflowkit.definition.jsvalues import js_truthy as js_truthy
from workflowkit.definition.model import Condition, ConditionType
from workflowkit.definition.references import (
    Reference,
    ReferenceScope,
    Template,
    compile_template,
    whole_reference,
)


def edge_taken(condition: Condition | None, scope: ReferenceScope) -> bool:
    """Return whether an edge is taken; ``scope.output`` is what the edge's source returned.

    A missing value is false, and in ``match`` equal to null. An ``error`` edge is not taken here: it belongs to sources
    that failed, and those are the planner's to judge. Raises ``LimitExceeded`` if references inside a longer text would
    make it longer than ``resolved_chars``; a condition that is one reference never raises in a valid workflow.
    """
    if condition is None:
        return True
    if condition.type is ConditionType.ERROR:
        return False
    value = _value(condition.ref, scope)
    if condition.type is ConditionType.MATCH:
        return deep_equal(None if value is MISSING else value, condition.value, unpaid)
    return js_truthy(value) is (condition.type is ConditionType.IF)


def _value(ref: str, scope: ReferenceScope) -> Json:
    whole, template = _compiled(ref)
    if whole is not None:
        return whole.find(scope, Budget())  # looked at only, so it need not be a copy
    return template.resolve(scope)


@lru_cache(maxsize=4096)
def _compiled(ref: str) -> tuple[Reference | None, Template]:
    return whole_reference(ref), compile_template(ref)
