"""Middleware that writes down which of its hooks is called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from workflowkit import Middleware

#: Hooks that return what goes on in place of their last argument.
FOLDED = frozenset({"transform_output", "transform_memoized", "transform_step_output"})
HOOKS = tuple(name for name in vars(Middleware) if not name.startswith("_") and name != "ctx")


def recorder(calls: list[str], mark: str = "") -> type[Middleware]:
    """Return a middleware whose hooks append their names to ``calls``, with the id of the step and ``mark``."""

    def hook(name: str) -> Callable[..., Any]:
        def called(self: Middleware, *arguments: Any) -> Any:
            step = f" {arguments[0]}" if "step" in name or name == "transform_memoized" else ""
            calls.append(f"{name}{step}{mark}")
            return arguments[-1] if name in FOLDED else None

        return called

    return type(f"Recorder{mark}", (Middleware,), {name: hook(name) for name in HOOKS})


def raising(hook: str, error: Exception) -> type[Middleware]:
    """Return a middleware named ``Broken`` one of whose hooks raises."""

    def called(_self: Middleware, *_arguments: Any) -> Any:
        raise error

    return type("Broken", (Middleware,), {hook: called})


def by_mark(calls: Sequence[str], hook: str) -> list[str]:
    """Return the marks with which a hook was called, in order."""
    return [call.rpartition("#")[2] for call in calls if call.startswith((f"{hook}#", f"{hook} "))]
