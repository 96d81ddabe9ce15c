"""Code functions over a runtime that a test drives: register, sync, send, let time pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Unpack

from runtimes import Harness, a_registry, a_runtime

from workflowkit.base.jsonvalue import loads
from workflowkit.registry import Function, FunctionOptions, Registry, define_function
from workflowkit.runtime.functions import App, Synced

ENVIRONMENT = "default"
STARTED = "test/happened"


class Code:
    """The functions of an application, as its modules would register them."""

    def __init__(self, version: str | None = None, *, app_id: str = "shop", registry: Registry | None = None) -> None:
        self.app_id, self.version = app_id, version
        self.registry = registry or a_registry()

    def function(
        self, function_id: str = "fn", **options: Unpack[FunctionOptions]
    ) -> Callable[[Callable[..., Any]], Function[..., Any]]:
        """Register a function that ``test/happened`` starts, unless the options say otherwise."""
        if not {"trigger", "triggers"} & options.keys():
            options["trigger"] = {"event": STARTED}

        def register(handler: Callable[..., Any]) -> Function[..., Any]:
            made = define_function(self.app_id, function_id, handler, options, app_version=self.version)
            self.registry.add_function(made)
            return made

        return register

    def app(self) -> App:
        own = {id: made for id, made in self.registry.functions.items() if id.startswith(f"{self.app_id}/")}
        return App(self.app_id, self.version, own)

    def sync(self, harness: Harness, **options: Any) -> Synced:
        return harness.runtime.functions.sync(ENVIRONMENT, self.app(), **options)

    @contextmanager
    def running(self, database_url: str, **settings: Any) -> Iterator[Harness]:
        """Open a runtime that has synced these functions."""
        with a_runtime(database_url, self.registry, **settings) as harness:
            self.sync(harness)
            yield harness


def happen(harness: Harness, data: Any = None, name: str = STARTED, **fields: Any) -> str:
    """Send the event that starts functions, and let everything happen that can now."""
    event_id = harness.send(name, data, **fields)
    harness.drain()
    return event_id


def output_of(harness: Harness, workflow_id: str = "shop/fn") -> Any:
    """Return the output of the only run of a function, which must have completed."""
    (run,) = harness.rows("SELECT * FROM runs WHERE workflow_id = :id", id=workflow_id)
    assert run["status"] == "completed", run
    return None if run["output"] is None else loads(run["output"])
