"""Set: build an object out of references and fixed values, for later actions to refer to."""

from __future__ import annotations

from typing import Any

from workflowkit.registry import action


@action("set", name="Set values", category="Data", icon="braces", retries=0, external=False)
def set_values(**values: Any) -> dict[str, Any]:
    """Put values together under names of your choice: the output has exactly the inputs as given."""
    return values
