"""Functions of apps as actions of documents: which are offered, and what a document says to one.

Functions trust whoever calls them, and a document is anybody's who may write one. So an installation says which of them
are actions (``Settings.app_actions``); a dev server offers all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from workflowkit.base.scope import APP_TENANT, FUNCTION_SEPARATOR, Scope
from workflowkit.base.settings import Settings
from workflowkit.definition.patterns import is_listed
from workflowkit.definition.secrets import without_places
from workflowkit.engine.context import StepContext
from workflowkit.inngest.events import ENDS_HERE
from workflowkit.inngest.naming import slug_of
from workflowkit.registry import APP_PREFIX, ActionSpec
from workflowkit.store import apps
from workflowkit.store.apps import FunctionRecord
from workflowkit.store.database import Database

#: The step in which the function runs.
_STEP = "call"
_ANY_DATA: dict[str, Any] = {"type": "object", "title": "Data", "description": "What the function finds in its event."}
#: Most functions that are offered at once.
_MOST = 1_000


class AppActions:
    """The functions of an environment's apps that documents may use. ``database`` is asked for when it is needed."""

    def __init__(self, database: Callable[[], Database], settings: Settings) -> None:
        self._database, self._environment = database, settings.environment
        self._offered = settings.app_actions or (("*",) if settings.dev_apps else ())

    def get(self, function_id: str) -> ActionSpec | None:
        """Return the action of a function that is offered, and that an app has; ``None`` if there is none."""
        if not is_listed(self._offered, function_id):
            return None
        found = self._find(limit=1, function_id=function_id)
        return _spec(found[0].id, found[0].document) if found and _is_action(found[0]) else None

    def executable(self, function_id: str) -> ActionSpec | None:
        """Return what runs a function, whether an app has it now or not; ``None`` if it is not offered any more."""
        return _spec(function_id, {}) if is_listed(self._offered, function_id) else None

    def all(self) -> list[ActionSpec]:
        """Return the actions of all functions that are offered, sorted by kind."""
        found = self._find(limit=_MOST) if self._offered else []
        return [
            _spec(each.id, each.document) for each in found if _is_action(each) and is_listed(self._offered, each.id)
        ]

    def _find(self, *, limit: int, function_id: str | None = None) -> list[FunctionRecord]:
        with self._database().read() as tx:
            return apps.find_functions(tx, Scope(self._environment, APP_TENANT), limit=limit, function_id=function_id)


def _is_action(record: FunctionRecord) -> bool:
    """Tell whether a function is an app's, is in force, and does not follow the end of runs."""
    document = record.document
    triggers = [each.get("event") for each in document.get("triggers", ())]
    follows = bool(triggers) and all(event in ENDS_HERE for event in triggers)
    return record.enabled and "url" in document["metadata"] and not follows


def _spec(function_id: str, document: Mapping[str, Any]) -> ActionSpec:
    def call(ctx: StepContext, data: dict[str, Any] | None = None) -> Any:
        return ctx.step.invoke(_STEP, function_id, data)

    schema = document.get("inputs")
    # SAFETY: S18 — what a function is given becomes an event, which is stored: it has no place for a secret.
    data = {**_ANY_DATA, **without_places(schema)} if isinstance(schema, dict) else _ANY_DATA
    return ActionSpec(
        kind=f"{APP_PREFIX}{function_id}",
        handler=call,
        name=str(document.get("name") or slug_of(function_id)),
        description=f"The function {slug_of(function_id)} of an app. It runs by itself; if it fails, so does the step.",
        category=function_id.partition(FUNCTION_SEPARATOR)[0],
        inputs={
            "type": "object",
            "properties": {"data": data},
            "required": ["data"] if data.get("required") else [],
            "additionalProperties": False,
        },
        # Its function has tried again as often as it may.
        retries=0,
    )
