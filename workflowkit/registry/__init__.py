"""Action kinds: how they are declared, found and described.

Nothing here runs an action; that is ``engine.executor``.
"""

from workflowkit.registry.catalogue import APP_PREFIX, REMOTE_PREFIX, Registry
from workflowkit.registry.durations import DurationInput, DurationText
from workflowkit.registry.functionoptions import FunctionOptions, endpoint_options, is_endpoint
from workflowkit.registry.functions import Function, define_function, follower_ids
from workflowkit.registry.loading import load_builtin_actions, load_directory, load_entry_points
from workflowkit.registry.spec import (
    ActionOptions,
    ActionSpec,
    EdgeOptions,
    PredefinedEdge,
    action,
    check_named,
    define,
)
from workflowkit.typeschema import Field

__all__ = [
    "APP_PREFIX",
    "REMOTE_PREFIX",
    "ActionOptions",
    "ActionSpec",
    "DurationInput",
    "DurationText",
    "EdgeOptions",
    "Field",
    "Function",
    "FunctionOptions",
    "PredefinedEdge",
    "Registry",
    "action",
    "check_named",
    "define",
    "define_function",
    "endpoint_options",
    "follower_ids",
    "is_endpoint",
    "load_builtin_actions",
    "load_directory",
    "load_entry_points",
]
