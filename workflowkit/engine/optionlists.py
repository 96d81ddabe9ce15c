"""Lists of options for forms: asks the functions of ``options=``, within bounds, whatever they do.

A function is called in a thread of its own. It is interrupted when its time is over, and left alone if it does not
react; as long as it goes on it keeps one of the few places that there are.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from typing import Any, TypeAlias, cast

from workflowkit.base.errors import ActionError, DeadlineInterrupt, OptionsFailed
from workflowkit.base.jsonvalue import check_json, dumps, loads, size_bytes
from workflowkit.base.limits import Limits
from workflowkit.base.masking import Mask
from workflowkit.base.places import Places
from workflowkit.base.scope import Scope
from workflowkit.base.secretstore import SecretStore
from workflowkit.definition.inputs import put_secret
from workflowkit.definition.secrets import secret_uses
from workflowkit.engine.deps import Deps, Provider
from workflowkit.engine.interrupts import Guard, shielded
from workflowkit.engine.optionrequest import OptionRequest
from workflowkit.engine.stepsecrets import read_secrets
from workflowkit.registry.optionsource import OptionSource

#: How long a function that was interrupted may take to end before it is left alone.
ENDING_SECONDS = 1.0

#: Finds users of a tenant by a text: pairs of the name that they log in with and what they are called.
FindUsers: TypeAlias = Callable[[str], Iterable[tuple[str, str]]]


def no_users(search: str) -> Iterable[tuple[str, str]]:
    """Find nobody: for callers who may not know them, and where people are users of something else."""
    return ()


@dataclass(frozen=True, slots=True)
class OptionsContext:
    """For whom options are listed: the ``ctx`` of a function that lists them.

    ``deps`` is what the application provides (``wk.provide``), closed when the function has returned.
    """

    environment: str
    tenant: str
    deps: Deps
    _find_users: FindUsers = field(default=no_users, repr=False)

    def users(self, search: str = "") -> Iterable[tuple[str, str]]:
        """Return the tenant's users who can log in to Workflow Kit: pairs of login name and what they are called.

        Those in whose name or label ``search`` is found, by name. Nobody where people log in to the application, and
        for embed tokens.
        """
        return self._find_users(search)


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

    def list(
        self,
        source: OptionSource,
        scope: Scope,
        inputs: Mapping[str, Any],
        search: str = "",
        find_users: FindUsers = no_users,
        within: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> OptionList:
        """Return the options for a tenant, given what is known of the inputs. Blocks ``options_seconds`` at most.

        The function is called on a thread of its own, ``within`` a context that is opened there.

        References to secrets, at their places, are replaced by the values, and values by the names in what comes back.
        Raises ``InvalidInput`` for inputs that are missing or do not fit, ``OptionsFailed`` if the function fails or
        takes too long, ``TooManyAtOnce`` if too many are at work.
        """
        request = OptionRequest(source, scope, inputs, search, find_users, within)
        if not self._has_secrets(request):
            request.arguments = source.arguments(inputs, search)
        answer: Future[OptionList] = Future()
        leave = self._places.take(scope)

        def work() -> None:
            try:
                options = self._guarded(request)
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
        mask = request.mask
        if error is None:
            return answer.result() if mask is None else _masked(answer.result(), mask)
        # SAFETY: S18 — a chain of errors would be shown with their messages wherever this one is logged.
        raise request.refusal(error, seconds) from (error if mask is None and not request.is_ours(error) else None)

    def _has_secrets(self, request: OptionRequest) -> bool:
        return self._secrets is not None and bool(secret_uses(request.known, request.source.schema))

    def _opened(self, request: OptionRequest) -> Mapping[str, Any]:
        """Return the inputs with the values of secrets; from then on the request knows what hides these again."""
        assert self._secrets is not None  # noqa: S101 - there are secrets
        uses = secret_uses(request.known, request.source.schema)
        try:
            # Not interrupted: it may be a transaction of ours.
            with shielded():
                values = read_secrets(self._secrets, request.scope, (use.name for use in uses))
        except ActionError as error:
            raise OptionsFailed(error.message) from None
        request.mask = Mask(values)
        opened = loads(dumps(request.known))
        for use in uses:
            put_secret(opened, use, values[use.name])
        return cast(Mapping[str, Any], opened)

    def _guarded(self, request: OptionRequest) -> OptionList:
        guard = Guard()
        try:
            guard.arm(self._limits.options_seconds)
            if request.arguments is None:
                # A vault of the application may hang like the function itself: it is asked within the same bounds.
                request.arguments = request.source.arguments(self._opened(request), request.search)
            with request.within():
                return self._called(request, request.arguments, guard)
        finally:
            guard.disarm()

    def _called(self, request: OptionRequest, arguments: dict[str, Any], guard: Guard) -> OptionList:
        source, scope = request.source, request.scope
        deps = Deps(self._providers, is_async=source.is_async)
        context = OptionsContext(scope.environment, scope.tenant, deps, request.find_users)
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


def _masked(options: OptionList, mask: Mask) -> OptionList:
    shown = tuple(Option(mask.value(each.value), mask.text(each.label)) for each in options.options)
    return replace(options, options=shown)
