"""Several middlewares as one: each hook is called on all of them, in the order of their registration."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from workflowkit.base.errors import MiddlewareError, WorkflowKitError
from workflowkit.engine.middleware import Middleware, MiddlewareFactory


class Chain:
    """The instances of one attempt. Whatever a hook raises comes out as ``MiddlewareError``, but for interrupts."""

    __slots__ = ("_members",)

    def __init__(self, members: Sequence[Middleware]) -> None:
        self._members = members

    @classmethod
    def made(cls, factories: Iterable[MiddlewareFactory]) -> Chain:
        """Make an instance of each."""
        return cls([_made(factory) for factory in factories])

    @property
    def is_empty(self) -> bool:
        return not self._members

    def introduce(self, ctx: Any) -> None:
        """Tell all of them whose attempt it is."""
        for member in self._members:
            member.ctx = ctx

    def each(self, hook: str, *arguments: Any) -> None:
        """Call a hook that returns nothing."""
        for member in self._members:
            with _named(member, hook):
                _plain(getattr(member, hook)(*arguments))

    def fold(self, hook: str, value: Any, *before: Any, keep_none: bool = False) -> Any:
        """Hand a value from one to the next; return what the last one makes of it.

        With ``keep_none`` a hook that returns ``None`` leaves it as it is.
        """
        for member in self._members:
            with _named(member, hook):
                returned = _plain(getattr(member, hook)(*before, value))
            value = value if keep_none and returned is None else returned
        return value

    def replies(self, hook: str, *arguments: Any) -> Iterator[Any]:
        """Call a hook and yield what each returns."""
        for member in self._members:
            with _named(member, hook):
                returned = _plain(getattr(member, hook)(*arguments))
            yield returned

    async def each_awaited(self, hook: str, *arguments: Any) -> None:
        """``each``, for hooks that may be coroutines."""
        for member in self._members:
            with _named(member, hook):
                returned = getattr(member, hook)(*arguments)
                if inspect.isawaitable(returned):
                    await returned

    async def fold_awaited(self, hook: str, value: Any, *before: Any) -> Any:
        """``fold``, for hooks that may be coroutines."""
        for member in self._members:
            with _named(member, hook):
                value = getattr(member, hook)(*before, value)
                if inspect.isawaitable(value):
                    value = await value
        return value


def _made(factory: MiddlewareFactory) -> Middleware:
    name = getattr(factory, "__name__", type(factory).__name__)
    with _failing(name, "__init__"):
        member = factory()
        if not isinstance(member, Middleware):
            raise TypeError(f"makes no Middleware but {type(member).__name__}")
    return member


def _plain(returned: Any) -> Any:
    if inspect.iscoroutine(returned):
        returned.close()
        raise TypeError("a coroutine, where none can be awaited")
    return returned


def _named(member: Middleware, hook: str) -> contextlib.AbstractContextManager[None]:
    return _failing(type(member).__name__, hook)


@contextlib.contextmanager
def _failing(name: str, hook: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        # An error that says it is for good stays so; anything else may go better the next time.
        is_final = isinstance(error, WorkflowKitError) and not error.retryable
        raise MiddlewareError(name, hook, error, retryable=not is_final) from error
