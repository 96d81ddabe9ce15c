"""``WorkflowKit.engine``: an application's workflows in memory, with its actions, settings and extensions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from workflowkit.actionconfig import action_config
from workflowkit.base.errors import InvalidInput
from workflowkit.base.secretstore import FixedSecrets
from workflowkit.base.settings import Settings
from workflowkit.definition import build, parse
from workflowkit.definition.model import Workflow
from workflowkit.engine.extensions import Extensions
from workflowkit.engine.local import Given, LocalOptions, LocalResult, StepRecord, run
from workflowkit.engine.localchildren import WithFunctions
from workflowkit.registry import Function, Registry


class LocalEngine:
    """Runs documents in memory: no database, no broker, and waiting time is skipped."""

    def __init__(self, registry: Registry, settings: Settings, extensions: Extensions) -> None:
        self._registry = registry
        self._settings = settings
        self._extensions = extensions

    def run(
        self,
        document: Mapping[str, Any] | Function[..., Any],
        event: Given,
        *,
        secrets: Mapping[str, str] | None = None,
    ) -> LocalResult:
        """Run a document or a function for an event, or for those of a batch; functions that it invokes run too.

        What follows its end is executed too: compensations, and what handles a failure or a cancellation.
        ``secrets`` are the values, by name, of the secrets that the document refers to. Raises ``DefinitionError`` with
        all problems if the document is not valid, ``InvalidInput`` for Python that is registered as no function.
        """
        if isinstance(document, Function):
            return self.run_parsed(build(document.document), event, secrets=secrets)
        if callable(document):
            name = getattr(document, "__name__", type(document).__name__)
            message = f"{name} is no function of an application: register it with @wk.function({name!r}, ...)"
            raise InvalidInput.at("", "invalid-value", message)
        return self.run_parsed(parse(document, self._registry, self._settings.limits), event, secrets=secrets)

    def run_parsed(
        self, workflow: Workflow, event: Given, *, on_step: Callable[[StepRecord], None] | None = None,
        secrets: Mapping[str, str] | None = None,
    ) -> LocalResult:  # fmt: skip
        """Run a workflow for an event; ``on_step`` is called with each step as soon as it is settled."""
        settings = self._settings
        options = LocalOptions(
            config=action_config(settings), extensions=self._extensions, limits=settings.limits, on_step=on_step,
            secrets=FixedSecrets(secrets or {}), is_followed=True,
        )  # fmt: skip
        options = replace(options, outside=WithFunctions(self._registry, options))
        return run(workflow, event, self._registry, options=options)
