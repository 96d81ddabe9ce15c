"""If: take one way or the other, by a JSON Logic condition.

References in the condition are data for the rule and never part of it, so nothing in an event can change what is asked.
The engine evaluates the rule while it resolves the inputs (``"format": "json-logic"``); the handler gets its value.
"""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from workflowkit.definition.jsonlogic import logic_truthy
from workflowkit.registry import Field, action


class Decision(TypedDict):
    """Whether the condition held, by JSON Logic's own truth."""

    result: bool


@action(
    "builtin:if",
    name="If",
    category="Flow",
    icon="split",
    edges={
        "allowAdd": False,
        "edges": [
            {"name": "True", "conditional": {"type": "if", "ref": "!ref($.output.result)"}},
            {"name": "False", "conditional": {"type": "else", "ref": "!ref($.output.result)"}},
        ],
    },
    retries=0,
    external=False,
)
def builtin_if(condition: Annotated[Any, Field(format="json-logic", widget="condition")]) -> Decision:
    """Continue on one of two ways, depending on a condition.

    Args:
        condition: What has to hold. Choose a value of the event or of an earlier step, and what it is compared with.
    """
    return {"result": logic_truthy(condition)}
