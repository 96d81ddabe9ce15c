"""Workflow documents: their format, what is wrong with them, and the values that runs are made of.

Pure, and knows no other part of the package than ``base``. ``parse`` is for whoever runs a document, ``validate`` for
whoever edits one, ``build`` for a version that was validated when it was published.
"""

from workflowkit.definition.build import build
from workflowkit.definition.catalogue import ActionCatalogue, ActionType
from workflowkit.definition.hashing import execution_hash
from workflowkit.definition.validate import load_json, parse, parse_settings, parse_triggers, validate

__all__ = [
    "ActionCatalogue",
    "ActionType",
    "build",
    "execution_hash",
    "load_json",
    "parse",
    "parse_settings",
    "parse_triggers",
    "validate",
]
