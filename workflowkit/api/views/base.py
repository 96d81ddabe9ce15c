"""What all records are shown as, and the problems that come with some."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from workflowkit.base.errors import Problem

Shown = dict[str, Any]


def problems(found: Iterable[Problem]) -> list[dict[str, str]]:
    """Show problems."""
    return [problem.as_dict() for problem in found]
