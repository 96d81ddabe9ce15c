"""Action kinds: how they are declared, found and described.

Nothing here runs an action; that is ``engine.executor``.
"""

from workflowkit.registry.catalogue import Registry
from workflowkit.registry.loading import load_builtin_actions, load_directory, load_entry_points
from workflowkit.registry.spec import ActionOptions, ActionSpec, EdgeOptions, PredefinedEdge, action, define
from workflowkit.typeschema import Field

__all__ = [
    "ActionOptions",
    "ActionSpec",
    "EdgeOptions",
    "Field",
    "PredefinedEdge",
    "Registry",
    "action",
    "define",
    "load_builtin_actions",
    "load_directory",
    "load_entry_points",
]
