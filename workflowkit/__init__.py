"""Workflow Kit for Python: user-defined, durable workflows inside your own product.

This is the whole public interface; everything else is private.
"""

from workflowkit.app import WorkflowKit
from workflowkit.base.errors import (
    ActionError,
    DefinitionError,
    InvalidInput,
    LimitExceeded,
    NonRetriableError,
    Problem,
    RetryAfterError,
    StepError,
    WorkflowKitError,
)
from workflowkit.base.limits import Limits
from workflowkit.base.scope import Scope
from workflowkit.base.settings import Settings
from workflowkit.definition.trigger_values import Cron, Event
from workflowkit.engine.context import AsyncStepContext, StepContext
from workflowkit.registry import Field, Function, action

__version__ = "0.1.0"

__all__ = [
    "ActionError",
    "AsyncStepContext",
    "Cron",
    "DefinitionError",
    "Event",
    "Field",
    "Function",
    "InvalidInput",
    "LimitExceeded",
    "Limits",
    "NonRetriableError",
    "Problem",
    "RetryAfterError",
    "Scope",
    "Settings",
    "StepContext",
    "StepError",
    "WorkflowKit",
    "WorkflowKitError",
    "action",
]
