"""Keyword arguments of ``ctx.step.run`` that the function it calls has too: whom they are for must not be guessed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from workflowkit.base.errors import NonRetriableError

_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def check_own_keywords(
    step_id: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], **own: Any
) -> None:
    """Raise ``NonRetriableError`` if one of ``own``, those of the step that are given, may be meant for ``function``.

    It may not where the function has its parameter of that name already, by its place or from ``functools.partial``.
    """
    given = [name for name, value in own.items() if value is not None]
    if not given:
        return
    try:
        signature = inspect.signature(function)
        known = {*signature.bind_partial(*args, **kwargs).arguments, *_preset(function)}
    except (TypeError, ValueError):  # nothing is known of it, or it cannot be called like this, and will say so
        return
    for name in given:
        parameter = signature.parameters.get(name)
        if parameter is None or name in known or parameter.kind in _VARIADIC:
            continue
        raise NonRetriableError(
            f"step {step_id!r}: {name}= is an argument of the step, and the function has a parameter {name!r} too. "
            f"Give it to the function with functools.partial(function, {name}=...)"
        )


def _preset(function: Callable[..., Any]) -> set[str]:
    names: set[str] = set()
    while isinstance(function, partial):
        names |= function.keywords.keys()
        function = function.func
    return names
