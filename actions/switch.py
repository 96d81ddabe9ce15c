"""Switch: take the ways whose value matches.

The output is the value itself; each outgoing edge compares it with a value of its own
(``{"type": "match", "ref": "!ref($.output.result)", "value": "gold"}``).
"""

from __future__ import annotations

from typing import Any, TypedDict

from workflowkit.registry import action


class Choice(TypedDict):
    """The value that the ways are compared with."""

    result: Any


@action("switch", name="Switch", category="Flow", icon="signpost", retries=0, external=False)
def switch(value: Any) -> Choice:
    """Continue on every way whose value equals the given one.

    Args:
        value: What the ways are compared with, such as !ref($.event.data.plan).
    """
    return {"result": value}
