"""Lists of options for forms: asks the functions of ``options=``, within bounds, whatever they do.

A function is called in a thread of its own. It is interrupted when its time is over, and left alone if it does not
react; as long as it goes on it keeps one of the few places that there are.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Awaitable, Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any

from workflowkit.base.errors import ActionError, DeadlineInterrupt, InvalidInput, OptionsFailed
from workflowkit.base.jsonvalue import check_json, dumps, loads, size_bytes
from workflowkit.base.limits import Limits
from workflowkit.base.masking import Mask
from workflowkit.base.places import Places
from workflowkit.base.scope import Scope
from workflowkit.base.secretstore import SecretStore
from workflowkit.definition.inputs import put_secret
from workflowkit.definition.secrets import secret_uses
from workflowkit.engine.deps import Deps, Provider
from workflowkit.engine.failures import message_of
from workflowkit.engine.interrupts import Guard
from workflowkit.engine.stepsecrets import read_secrets
from workflowkit.registry.optionsource import OptionSource

_log = logging.getLogger("workflowkit.options")

#: How long a function that was interrupted may take to end before it is left alone.
ENDING_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class OptionsContext:
    """For whom options are listed: the ``ctx`` of a function that lists them.

    ``deps`` is what the application provides (``wk.provide``), closed when the function has returned.
    """

    environment: str
    tenant: str
    deps: Deps


@dataclass(frozen=True, slots=True)
class Option:
    """A value to choose, and what it is called."""

    value: str | int | float
    label: str


@dataclass(frozen=True, slots=True)
class OptionList:
    """Options in the function's order; ``is_complete`` unless there were more than the limits let through."""

    options: tuple[Option, ...]
    is_complete: bool

    def as_dict(self) -> dict[str, Any]:
        return {"items": [asdict(option) for option in self.options], "is_complete": self.is_complete}


class OptionLists:
    """Makes the lists of one process. ``providers`` are what ``deps`` has, ``secrets`` the values of secrets."""

    def __init__(self, limits: Limits, providers: Mapping[str, Provider], secrets: SecretStore | None = None) -> None:
        self._limits = limits
        self._secrets = secrets
        self._providers = providers
        self._places = Places(limits, "option_lists", "tenant_option_lists")

    def list(self, source: OptionSource, scope: Scope, inputs: Mapping[str, Any], search: str = "") -> OptionList:
        """Return the options for a tenant, given what is known of the inputs. Blocks ``options_seconds`` at most.

        References to secrets, at their places, are replaced by the values, and values by the names in what comes back.
        Raises ``InvalidInput`` for inputs that are missing or do not fit, ``OptionsFailed`` if the function fails or
        takes too long, ``TooManyAtOnce`` if too many are at work.
        """
        known, mask = self._opened(source, scope, inputs)
        try:
            arguments = source.arguments(known, search)
        except InvalidInput as refused:
            # SAFETY: S18 — what does not fit is shown, and may be the value.
            raise refused if mask is None else _masked_input(refused, mask) from None
        answer: Future[OptionList] = Future()
        leave = self._places.take(scope)

        def work() -> None:
            try:
                options = self._guarded(source, scope, arguments)
            except BaseException as error:  # also sys.exit(): whoever waits is told
                leave()
                answer.set_exception(error)
            else:
                leave()
                answer.set_result(options)

        try:
            threading.Thread(target=work, name="workflowkit-options", daemon=True).start()
        except RuntimeError:
            leave()
            raise
        seconds = self._limits.options_seconds
        try:
            error = answer.exception(seconds + ENDING_SECONDS)
        except TimeoutError:
            error = DeadlineInterrupt()  # it does not react, or only hangs in a call to something else
        if error is None:
            return answer.result() if mask is None else _masked(answer.result(), mask)
        # SAFETY: S18 — a chain of errors would be shown with their messages wherever this one is logged.
        raise _refusal(source, error, seconds, mask) from (error if mask is None else None)

    def _opened(
        self, source: OptionSource, scope: Scope, inputs: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], Mask | None]:
        """Return the inputs with the values of secrets, and what hides these again, if there are some."""
        known = {name: inputs[name] for name in source.depends_on if name in inputs}
        uses = secret_uses(known, source.schema)
        if self._secrets is None or not uses:
            return inputs, None
        try:
            values = read_secrets(self._secrets, scope, (use.name for use in uses))
        except ActionError as error:
            raise OptionsFailed(error.message) from None
        opened = loads(dumps(known))
        for use in uses:
            put_secret(opened, use, values[use.name])
        return opened, Mask(values)

    def _guarded(self, source: OptionSource, scope: Scope, arguments: dict[str, Any]) -> OptionList:
        guard = Guard()
        try:
            guard.arm(self._limits.options_seconds)
            return self._called(source, scope, arguments, guard)
        finally:
            guard.disarm()

    def _called(self, source: OptionSource, scope: Scope, arguments: dict[str, Any], guard: Guard) -> OptionList:
        deps = Deps(self._providers, is_async=source.is_async)
        context = OptionsContext(scope.environment, scope.tenant, deps)
        positional = (context,) if source.takes_context else ()
        if source.is_async:
            return _awaited(self._read_awaited(source.handler(*positional, **arguments), deps), guard)
        try:
            options = self._read(source.handler(*positional, **arguments))
        except BaseException as error:
            deps.close(error)
            raise
        deps.close(None)
        return options

    async def _read_awaited(self, coroutine: Awaitable[Any], deps: Deps) -> OptionList:
        try:
            options = self._read(await coroutine)
        except BaseException as error:
            await deps.aclose(error)
            raise
        await deps.aclose(None)
        return options

    def _read(self, returned: Iterable[Any]) -> OptionList:
        if isinstance(returned, str | bytes | Mapping):
            raise TypeError(f"options are a list, got {type(returned).__name__}")
        limits, size = self._limits, 0
        found: list[Option] = []
        for given in islice(returned, limits.options + 1):
            option = _option(given)
            size += size_bytes(asdict(option))
            if len(found) == limits.options or size > limits.options_bytes:
                return OptionList(tuple(found), is_complete=False)
            found.append(option)
        return OptionList(tuple(found), is_complete=True)


def _option(given: Any) -> Option:
    """Return what one entry means: a value, a pair of value and label, or an object with both.

    Raises ``TypeError`` for anything else, ``InvalidInput`` for texts and numbers that JSON does not have.
    """
    match given:
        case str() | int() | float():
            value, label = given, given
        case (value, label):
            pass
        case {"value": value}:
            label = given.get("label", value)
        case _:
            raise TypeError(f"an option is a value, (value, label), or an object with both; got {given!r}")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError(f"the value of an option is text or a number, got {value!r}")
    option = Option(value, str(label))
    check_json(asdict(option))
    return option


def _awaited(work: Any, guard: Guard) -> OptionList:
    """Return what a coroutine returns, in an event loop of its own; it is cancelled when the guard is interrupted."""
    import asyncio  # 100 ms, and few of these functions are asynchronous

    async def supervised() -> OptionList:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None  # noqa: S101 - we are inside of it

        def cancel() -> None:
            with suppress(RuntimeError):  # the loop is closed: the coroutine has ended
                loop.call_soon_threadsafe(task.cancel)

        guard.cancel_with(cancel)
        options: OptionList = await work
        return options

    try:
        return asyncio.run(supervised())
    except asyncio.CancelledError:
        if guard.reason is not None:
            raise guard.reason from None
        raise


def _masked_input(error: InvalidInput, mask: Mask) -> InvalidInput:
    return InvalidInput(replace(problem, message=mask.text(problem.message)) for problem in error.problems)


def _masked(options: OptionList, mask: Mask) -> OptionList:
    shown = tuple(Option(mask.value(each.value), mask.text(each.label)) for each in options.options)
    return replace(options, options=shown)


def _refusal(source: OptionSource, error: BaseException, seconds: float, mask: Mask | None) -> OptionsFailed:
    """Return what is told of a failure: what the function says on purpose, and nothing of what went wrong inside."""
    name = source.input
    if isinstance(error, DeadlineInterrupt):
        _log.warning("the options of %r took longer than %g seconds", name, seconds)
        return OptionsFailed(f"the options of {name!r} took longer than {seconds:g} seconds")
    if isinstance(error, ActionError):
        return OptionsFailed(error.message if mask is None else mask.text(error.message))
    if mask is None:
        _log.error("the options of %r cannot be listed", name, exc_info=error)
    else:
        said = mask.text(f"{type(error).__name__}: {message_of(error)}")
        _log.error("the options of %r cannot be listed: %s", name, said)
    return OptionsFailed(f"the options of {name!r} cannot be listed at the moment")
