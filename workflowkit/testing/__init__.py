"""Tests of workflows and functions: stubs for the world outside, no waiting, golden traces (docs/testing.md).

Names are imported when they are first used: pytest loads the plugin that stands here in every session of every project
that has this package installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workflowkit.base.errors import InvalidStub, Unstubbed
    from workflowkit.testing.golden import assert_golden
    from workflowkit.testing.outside import Call
    from workflowkit.testing.result import OpenedStep, RunResult
    from workflowkit.testing.scenario import Scenario, run, run_step
    from workflowkit.testing.stubs import EventStub, Real, Timeout, in_turn, stub

_HOMES = {
    "workflowkit.base.errors": ("InvalidStub", "Unstubbed"),
    "workflowkit.testing.golden": ("assert_golden",),
    "workflowkit.testing.outside": ("Call",),
    "workflowkit.testing.result": ("OpenedStep", "RunResult"),
    "workflowkit.testing.scenario": ("Scenario", "run", "run_step"),
    "workflowkit.testing.stubs": ("EventStub", "Real", "Timeout", "in_turn", "stub"),
}

__all__ = [
    "Call",
    "EventStub",
    "InvalidStub",
    "OpenedStep",
    "Real",
    "RunResult",
    "Scenario",
    "Timeout",
    "Unstubbed",
    "assert_golden",
    "in_turn",
    "run",
    "run_step",
    "stub",
]


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            value = globals()[name] = getattr(import_module(module), name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
