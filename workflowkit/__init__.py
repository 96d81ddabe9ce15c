"""Workflow Kit for Python: user-defined, durable workflows inside your own product.

This is the whole public interface, beside ``workflowkit.testing``; everything else is private. Names are imported when
they are first used: ``pytest`` and the command line import this package on their way to something small.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workflowkit.app import WorkflowKit
    from workflowkit.base.errors import (
        ActionError,
        DefinitionError,
        InvalidInput,
        LimitExceeded,
        MiddlewareError,
        NonRetriableError,
        Problem,
        RetryAfterError,
        StepError,
        WorkflowKitError,
    )
    from workflowkit.base.limits import Limits
    from workflowkit.base.scope import Scope
    from workflowkit.base.secretstore import SecretStore
    from workflowkit.base.settings import Settings
    from workflowkit.client import Client
    from workflowkit.definition.trigger_values import Cron, Event
    from workflowkit.engine.context import AsyncStepContext, StepContext
    from workflowkit.engine.middleware import Failure, Middleware, SkippedNode
    from workflowkit.engine.optionlists import OptionsContext
    from workflowkit.registry import Field, Function, action
    from workflowkit.runtime.hosts import HostUser

__version__ = "0.1.0"

__all__ = [
    "ActionError",
    "AsyncStepContext",
    "Client",
    "Cron",
    "DefinitionError",
    "Event",
    "Failure",
    "Field",
    "Function",
    "HostUser",
    "InvalidInput",
    "LimitExceeded",
    "Limits",
    "Middleware",
    "MiddlewareError",
    "NonRetriableError",
    "OptionsContext",
    "Problem",
    "RetryAfterError",
    "Scope",
    "SecretStore",
    "Settings",
    "SkippedNode",
    "StepContext",
    "StepError",
    "WorkflowKit",
    "WorkflowKitError",
    "action",
]

#: Where the names are, for when they are used.
_HOMES = {
    "workflowkit.app": ("WorkflowKit",),
    "workflowkit.client": ("Client",),
    "workflowkit.base.errors": (
        "ActionError",
        "DefinitionError",
        "InvalidInput",
        "LimitExceeded",
        "MiddlewareError",
        "NonRetriableError",
        "Problem",
        "RetryAfterError",
        "StepError",
        "WorkflowKitError",
    ),
    "workflowkit.base.limits": ("Limits",),
    "workflowkit.base.scope": ("Scope",),
    "workflowkit.base.secretstore": ("SecretStore",),
    "workflowkit.base.settings": ("Settings",),
    "workflowkit.definition.trigger_values": (
        "Cron",
        "Event",
    ),
    "workflowkit.engine.context": (
        "AsyncStepContext",
        "StepContext",
    ),
    "workflowkit.engine.middleware": (
        "Failure",
        "Middleware",
        "SkippedNode",
    ),
    "workflowkit.engine.optionlists": ("OptionsContext",),
    "workflowkit.registry": (
        "Field",
        "Function",
        "action",
    ),
    "workflowkit.runtime.hosts": ("HostUser",),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            value = globals()[name] = getattr(import_module(module), name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
