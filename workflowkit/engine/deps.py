"""``ctx.deps``: what the application provides to its handlers, made when first used and closed with the attempt."""

from __future__ import annotations

import contextlib
import inspect
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from workflowkit.base.errors import NonRetriableError
from workflowkit.engine.interrupts import shielded


@dataclass(frozen=True, slots=True)
class Provider:
    """One dependency: a value, or what makes one for each attempt."""

    value: Any = None
    factory: Callable[[], Any] | None = None

    @classmethod
    def of(cls, given: Any) -> Provider:
        """Return the provider that something stands for: what can be called makes values, anything else is one."""
        if not callable(given):
            return cls(value=given)
        if inspect.isasyncgenfunction(given):
            return cls(factory=contextlib.asynccontextmanager(given))
        return cls(factory=contextlib.contextmanager(given) if inspect.isgeneratorfunction(given) else given)


class Deps:
    """The dependencies of one attempt, as attributes. What an asynchronous factory makes has to be awaited.

    Branches of a handler share them: what they share must bear that.
    """

    __slots__ = ("_is_async", "_lock", "_made", "_pending", "_providers", "_stack")

    def __init__(self, providers: Mapping[str, Provider], *, is_async: bool = False) -> None:
        stack = contextlib.AsyncExitStack() if is_async else contextlib.ExitStack()
        for name, value in {
            "_providers": providers, "_is_async": is_async, "_lock": threading.RLock(), "_made": {}, "_pending": [],
            "_stack": stack,
        }.items():  # fmt: skip
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        if name in self._made:
            return self._made[name]
        if name not in self._providers:
            there = ", ".join(sorted({*self._providers, *self._made})) or "none"
            raise AttributeError(f"nothing is provided as {name!r}; there are: {there}")
        # SAFETY: no interrupt comes between the making of something and the note that it is to be closed.
        with shielded(), self._lock:
            if name not in self._made:
                self._made[name] = self._make(name, self._providers[name])
            return self._made[name]

    def __setattr__(self, name: str, value: Any) -> None:
        """Add a dependency to this attempt; it is nobody's to close."""
        if name.startswith("_"):
            raise AttributeError(f"the name of a dependency does not begin with an underscore: {name!r}")
        self._made[name] = value

    def __dir__(self) -> list[str]:
        return sorted({*self._providers, *self._made})

    def _make(self, name: str, provider: Provider) -> Any:
        if provider.factory is None:
            return provider.value
        thing = provider.factory()
        if self._is_async and (inspect.isawaitable(thing) or hasattr(type(thing), "__aenter__")):
            import asyncio

            task = asyncio.ensure_future(self._enter_awaited(thing))
            self._pending.append(task)
            return task
        if inspect.iscoroutine(thing):
            thing.close()
        if inspect.isawaitable(thing) or _is_async_only(thing):
            raise NonRetriableError(f"{name!r} is provided by something asynchronous: it takes an async handler")
        return self._enter(thing)

    def _enter(self, thing: Any) -> Any:
        if hasattr(type(thing), "__enter__"):
            return self._stack.enter_context(thing)
        if callable(close := getattr(thing, "close", None)):
            self._stack.callback(close)
        return thing

    async def _enter_awaited(self, thing: Any) -> Any:
        if inspect.isawaitable(thing):
            thing = await thing
        if hasattr(type(thing), "__aenter__"):
            return await self._stack.enter_async_context(thing)
        if callable(close := getattr(thing, "aclose", None)):
            self._stack.push_async_callback(close)
            return thing
        return self._enter(thing)

    def close(self, error: BaseException | None) -> None:
        """Close what was made, the last first. Context managers are told of ``error``, what the attempt ended with."""
        stack: contextlib.ExitStack = self._stack
        stack.__exit__(*_exc_info(error))

    async def aclose(self, error: BaseException | None) -> None:
        """``close``, for an asynchronous handler."""
        import asyncio

        for task in self._pending:
            task.cancel()
        if self._pending:
            await asyncio.wait(self._pending)  # raises nothing: an error is the handler's, if it wanted to know
        stack: contextlib.AsyncExitStack = self._stack
        await stack.__aexit__(*_exc_info(error))


def _is_async_only(thing: Any) -> bool:
    return hasattr(type(thing), "__aenter__") and not hasattr(type(thing), "__enter__")


def _exc_info(error: BaseException | None) -> tuple[Any, Any, Any]:
    return (None, None, None) if error is None else (type(error), error, error.__traceback__)
