"""``ctx.step`` of an asynchronous handler."""

# Overloads go from what is known best to what is known least, and what is both is said by the first.
# mypy: disable-error-code="overload-overlap"

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, cast, overload

from workflowkit.base.errors import SuspendInterrupt
from workflowkit.base.httpcall import Response
from workflowkit.base.scope import Id
from workflowkit.engine.approvals import ANYBODY
from workflowkit.engine.failures import failed_by
from workflowkit.engine.memo import RUN_STEP
from workflowkit.engine.outcome import Failed
from workflowkit.engine.outputtypes import output_type_of
from workflowkit.engine.ownkeywords import check_own_keywords
from workflowkit.engine.steptools import (
    NOT_RECEIVED,
    Events,
    Invocable,
    StepTools,
    check_named,
    http_call,
    invoked,
    unnamed,
)
from workflowkit.engine.waitspecs import Duration, OnCancel
from workflowkit.typeschema import to_json

if TYPE_CHECKING:
    from workflowkit.engine.resulttypes import (
        AnyResult,
        Items,
        Keyed,
        Object,
        Objects,
        OrAwaitable,
        Other,
        OwnKeywords,
        P,
        PlainJson,
        Record,
        Retried,
        Text,
        Ts,
        Typed,
        Undone,
    )
    from workflowkit.registry import Function

_Method = TypeVar("_Method", bound=Callable[..., Awaitable[Any]])


def _held(method: _Method) -> _Method:
    """Let a step that waits hold its task, and not end the others: the loop notices when nothing can go on."""

    @functools.wraps(method)
    async def held(self: AsyncSteps, *args: Any, **kwargs: Any) -> Any:
        try:
            return await method(self, *args, **kwargs)
        except SuspendInterrupt:
            await self.hold()
            raise

    return cast("_Method", held)


class AsyncSteps(StepTools):
    """The steps of an asynchronous handler: ``Steps``, awaited. ``asyncio.gather`` runs several side by side."""

    __slots__ = ()

    # See ``resulttypes``. First a function of which nothing is known; then without keywords of the step, by results.
    @overload
    async def run(
        self, step_id: str, function: Callable[[*Ts], OrAwaitable[AnyResult]],
        *args: *Ts, **own: Unpack[OwnKeywords[Any]],
    ) -> Any: ...  # fmt: skip
    @overload
    async def run(
        self, step_id: str, function: Callable[P, OrAwaitable[AnyResult]], *args: P.args, **kwargs: P.kwargs
    ) -> Any: ...
    @overload
    async def run(
        self, step_id: str, function: Callable[P, OrAwaitable[Sequence[Record]]], *args: P.args, **kwargs: P.kwargs
    ) -> Objects: ...
    @overload
    async def run(
        self, step_id: str, function: Callable[P, OrAwaitable[PlainJson]], *args: P.args, **kwargs: P.kwargs
    ) -> PlainJson: ...
    @overload
    async def run(
        self, step_id: str, function: Callable[P, OrAwaitable[Items]], *args: P.args, **kwargs: P.kwargs
    ) -> list[Any]: ...
    @overload
    async def run(
        self, step_id: str, function: Callable[P, OrAwaitable[Record]], *args: P.args, **kwargs: P.kwargs
    ) -> Object: ...
    @overload
    async def run(
        self, step_id: str, function: Callable[P, OrAwaitable[Record | None]], *args: P.args, **kwargs: P.kwargs
    ) -> Object | None: ...
    @overload
    async def run(
        self, step_id: str, function: Callable[P, OrAwaitable[Text]], *args: P.args, **kwargs: P.kwargs
    ) -> str: ...
    @overload
    async def run(
        self, step_id: str, function: Callable[P, OrAwaitable[Text | None]], *args: P.args, **kwargs: P.kwargs
    ) -> str | None: ...
    @overload
    async def run(
        self, step_id: str, function: Callable[P, OrAwaitable[Other]], *args: P.args, **kwargs: P.kwargs
    ) -> Other: ...
    # With a key.
    @overload
    async def run(
        self, step_id: str, function: Callable[[*Ts], OrAwaitable[Sequence[Record]]],
        *args: *Ts, **own: Unpack[Keyed[Objects]],
    ) -> Objects: ...  # fmt: skip
    @overload
    async def run(
        self, step_id: str, function: Callable[[*Ts], OrAwaitable[PlainJson]],
        *args: *Ts, **own: Unpack[Keyed[PlainJson]],
    ) -> PlainJson: ...  # fmt: skip
    @overload
    async def run(
        self, step_id: str, function: Callable[[*Ts], OrAwaitable[Items]], *args: *Ts, **own: Unpack[Keyed[list[Any]]]
    ) -> list[Any]: ...
    @overload
    async def run(
        self, step_id: str, function: Callable[[*Ts], OrAwaitable[Record]], *args: *Ts, **own: Unpack[Keyed[Object]]
    ) -> Object: ...
    @overload
    async def run(
        self, step_id: str, function: Callable[[*Ts], OrAwaitable[Record | None]],
        *args: *Ts, **own: Unpack[Keyed[Object | None]],
    ) -> Object | None: ...  # fmt: skip
    @overload
    async def run(
        self, step_id: str, function: Callable[[*Ts], OrAwaitable[Text]], *args: *Ts, **own: Unpack[Keyed[str]]
    ) -> str: ...
    @overload
    async def run(
        self, step_id: str, function: Callable[[*Ts], OrAwaitable[Text | None]],
        *args: *Ts, **own: Unpack[Keyed[str | None]],
    ) -> str | None: ...  # fmt: skip
    @overload
    async def run(
        self, step_id: str, function: Callable[[*Ts], OrAwaitable[Other]], *args: *Ts, **own: Unpack[Keyed[object]]
    ) -> Other: ...
    # With retries and no key.
    @overload
    async def run(
        self, step_id: str, function: Callable[[*Ts], OrAwaitable[Sequence[Record]]],
        *args: *Ts, **own: Unpack[Retried[Objects]],
    ) -> Objects: ...  # fmt: skip
    @overload
    async def run(
        self, step_id: str, function: Callable[[*Ts], OrAwaitable[PlainJson]],
        *args: *Ts, **own: Unpack[Retried[PlainJson]],
    ) -> PlainJson: ...  # fmt: skip
    @overload
    async def run(
        self, step_id: str, function: Callable[[*Ts], OrAwaitable[Items]], *args: *Ts, **own: Unpack[Retried[list[Any]]]
    ) -> list[Any]: ...
    @overload
    async def run(
        self, step_id: str, function: Callable[[*Ts], OrAwaitable[Record]], *args: *Ts, **own: Unpack[Retried[Object]]
    ) -> Object: ...
    @overload
    async def run(
        self, step_id: str, function: Callable[[*Ts], OrAwaitable[Record | None]],
        *args: *Ts, **own: Unpack[Retried[Object | None]],
    ) -> Object | None: ...  # fmt: skip
    @overload
    async def run(
        self, step_id: str, function: Callable[[*Ts], OrAwaitable[Text]], *args: *Ts, **own: Unpack[Retried[str]]
    ) -> str: ...
    @overload
    async def run(
        self, step_id: str, function: Callable[[*Ts], OrAwaitable[Text | None]],
        *args: *Ts, **own: Unpack[Retried[str | None]],
    ) -> str | None: ...  # fmt: skip
    @overload
    async def run(
        self, step_id: str, function: Callable[[*Ts], OrAwaitable[Other]], *args: *Ts, **own: Unpack[Retried[object]]
    ) -> Other: ...
    # With nothing but what undoes it.
    @overload
    async def run(
        self, step_id: str, function: Callable[[*Ts], OrAwaitable[Sequence[Record]]],
        *args: *Ts, **own: Unpack[Undone[Objects]],
    ) -> Objects: ...  # fmt: skip
    @overload
    async def run(
        self, step_id: str, function: Callable[[*Ts], OrAwaitable[PlainJson]],
        *args: *Ts, **own: Unpack[Undone[PlainJson]],
    ) -> PlainJson: ...  # fmt: skip
    @overload
    async def run(
        self, step_id: str, function: Callable[[*Ts], OrAwaitable[Items]], *args: *Ts, **own: Unpack[Undone[list[Any]]]
    ) -> list[Any]: ...
    @overload
    async def run(
        self, step_id: str, function: Callable[[*Ts], OrAwaitable[Record]], *args: *Ts, **own: Unpack[Undone[Object]]
    ) -> Object: ...
    @overload
    async def run(
        self, step_id: str, function: Callable[[*Ts], OrAwaitable[Record | None]],
        *args: *Ts, **own: Unpack[Undone[Object | None]],
    ) -> Object | None: ...  # fmt: skip
    @overload
    async def run(
        self, step_id: str, function: Callable[[*Ts], OrAwaitable[Text]], *args: *Ts, **own: Unpack[Undone[str]]
    ) -> str: ...
    @overload
    async def run(
        self, step_id: str, function: Callable[[*Ts], OrAwaitable[Text | None]],
        *args: *Ts, **own: Unpack[Undone[str | None]],
    ) -> str | None: ...  # fmt: skip
    @overload
    async def run(
        self, step_id: str, function: Callable[[*Ts], OrAwaitable[Other]], *args: *Ts, **own: Unpack[Undone[object]]
    ) -> Other: ...
    # Of a choice mypy takes also a lambda with a default, ``lambda item=item: ...``, as there are in loops.
    @overload
    async def run(
        self, step_id: str, function: Callable[[], OrAwaitable[Other]] | Callable[[], type[Other]],
        **own: Unpack[OwnKeywords[object]],
    ) -> Other: ...  # fmt: skip
    # With a type that reads the result back.
    @overload
    async def run(
        self, step_id: str, function: Callable[[*Ts], object] | Callable[[*Ts], AnyResult],
        *args: *Ts, output_type: type[Typed], **own: Unpack[OwnKeywords[Typed]],
    ) -> Typed: ...  # fmt: skip
    @overload
    async def run(
        self, step_id: str, function: Callable[[*Ts], object] | Callable[[*Ts], AnyResult],
        *args: *Ts, output_type: Any, **own: Unpack[OwnKeywords[Any]],
    ) -> Any: ...  # fmt: skip
    @_held  # type: ignore[misc]  # knows the keywords that no ParamSpec can have beside it
    async def run(
        self,
        step_id: str,
        function: Callable[..., Any] = unnamed,
        *args: Any,
        key: str | int | None = None,
        retries: int | None = None,
        output_type: Any = None,
        compensate: Callable[[Any], Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Execute ``function(*args, **kwargs)``, awaiting what it returns: see ``Steps.run``."""
        check_named(step_id, function)
        if key is not None:
            step_id = self._session.keyed(step_id, key)
        kind = output_type_of(step_id, output_type)
        if compensate is not None:
            self._session.check_undoable(step_id)
        own_key = self._session.begin(step_id, RUN_STEP)
        if (hit := self._session.result(own_key, step_id)) is not None:
            return self._done(own_key, self._recall(kind, step_id, hit.output), compensate)
        own = {"key": key, "retries": retries, "output_type": output_type, "compensate": compensate}
        check_own_keywords(step_id, function, args, kwargs, **own)
        with self._session.inside(own_key) as attempt:
            body = self._session.body(own_key, function)
            if self._session.hooks is not None:
                await self._session.hooks.before_step_awaited(step_id)
            try:
                value = body(*args, **kwargs)
                if hasattr(value, "__await__"):
                    value = await value
            except Exception as error:
                failure: Exception | None = error
            else:
                failure = None
        if failure is not None:
            raise await self._fail(own_key, step_id, attempt, failed_by(failure), failure, retries) from failure
        undone = None if compensate is None else RUN_STEP
        kept = await self._keep(own_key, step_id, attempt, kind.write(value), retries, undone)
        return self._done(own_key, kind.read(step_id, kept), compensate)

    async def _keep(
        self, key: str, step_id: str, attempt: int, value: Any, retries: int | None, undone: str | None
    ) -> Any:
        """Record what a step returned."""
        plain, hooks = self._plain(value), self._session.hooks
        if hooks is not None and not isinstance(plain, Failed):
            with self._session.working():
                plain = self._plain(await hooks.step_output_awaited(step_id, plain))
        if isinstance(plain, Failed):
            raise await self._fail(key, step_id, attempt, plain, None, retries)
        kept = self._session.record(key, attempt, plain, undone=undone)
        if hooks is not None:
            with self._session.working():
                await hooks.after_step_awaited(step_id)
        return kept

    async def _fail(
        self, key: str, step_id: str, attempt: int, failed: Failed, error: Exception | None, retries: int | None
    ) -> Exception:
        """Record that an attempt of a step failed; return what the handler gets to see of it."""
        if self._session.hooks is not None:
            with self._session.working():
                failure = self._failure(attempt, failed, error, retries)
                await self._session.hooks.after_step_awaited(step_id, failure)
        return self._session.record_failure(key, step_id, attempt, failed, retries)

    async def fetch(
        self,
        step_id: str,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        json: Any = None,
        body: Any = None,
        timeout: Duration | None = None,  # noqa: ASYNC109 - of the request, not of the call
        expected_status: Sequence[int] | None = None,
        retries: int | None = None,
        key: str | int | None = None,
    ) -> Response:
        """See ``Steps.fetch``. The request is sent from a thread: other tasks of the handler go on meanwhile."""
        import asyncio

        call = http_call(method, url, headers, query, json, body, timeout, expected_status)
        answer: Response = await self.run(step_id, asyncio.to_thread, self._fetch, call, key=key, retries=retries)
        return answer

    @_held
    async def sleep(self, step_id: str, duration: Duration) -> None:
        """See ``Steps.sleep``."""
        self._settle(*self._sleep(step_id, self._after(duration)))

    @_held
    async def sleep_until(self, step_id: str, when: datetime | str) -> None:
        """See ``Steps.sleep_until``."""
        self._settle(*self._sleep(step_id, self._until(when)))

    @_held
    async def wait_for_event(
        self,
        step_id: str,
        event: str,
        *,
        timeout: Duration,  # noqa: ASYNC109 - not of the call: the wait ends by itself
        if_: str | None = None,
        match: str | None = None,
        equals: tuple[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        lookback: Duration | None = None,
    ) -> dict[str, Any] | None:
        """See ``Steps.wait_for_event``."""
        found: dict[str, Any] | None = self._settle(
            *self._event(
                step_id, event, if_=if_, match=match, equals=equals, params=params, timeout=timeout, lookback=lookback
            )
        )
        return found

    @_held
    async def wait_for_signal(self, step_id: str, signal: str, *, timeout: Duration) -> Any:  # noqa: ASYNC109
        """See ``Steps.wait_for_signal``."""
        return self._settle(*self._signal(step_id, signal, timeout))

    @_held
    async def approval(
        self,
        step_id: str,
        title: str,
        *,
        timeout: Duration,  # noqa: ASYNC109 - not of the call: the wait ends by itself
        description: str = "",
        form: Mapping[str, Any] | None = None,
        assignees: Id | Sequence[Id] = ANYBODY,
        needed: int = 1,
        reject_on: str = "any",
        reminders: Sequence[Duration] = (),
    ) -> dict[str, Any]:
        """See ``Steps.approval``."""
        import asyncio

        asking = self._ask(
            step_id, title, timeout=timeout, description=description, form=form, assignees=assignees, needed=needed,
            reject_on=reject_on, reminders=reminders,
        )  # fmt: skip
        for letter in asking.letters():
            await asyncio.to_thread(asking.send, letter)  # mail servers take their time
        return asking.settle()

    @_held
    async def create_callback(self, step_id: str, *, timeout: Duration) -> dict[str, Any]:  # noqa: ASYNC109
        """See ``Steps.create_callback``."""
        return self._new_callback(step_id, timeout)

    @_held
    async def wait_for_callback(self, step_id: str, callback_id: str) -> dict[str, Any]:
        """See ``Steps.wait_for_callback``."""
        return self._settle(*self._callback(step_id, callback_id)) or dict(NOT_RECEIVED)

    @_held
    async def callback(self, step_id: str, *, timeout: Duration) -> AsyncCallback:  # noqa: ASYNC109
        """See ``Steps.callback``; ``wait()`` is awaited."""
        made = self._new_callback(step_id, timeout)
        return AsyncCallback(made["id"], made["url"], made["expires_at"], self, f"{step_id} wait")

    @overload
    async def invoke(
        self, step_id: str, function: Invocable | str, data: Any = ..., *,
        timeout: Duration | None = ..., on_cancel: OnCancel = ..., output_type: type[Typed],  # noqa: ASYNC109
    ) -> Typed: ...  # fmt: skip
    @overload
    async def invoke(
        self, step_id: str, function: Function[..., Coroutine[Any, Any, Typed]], data: Any = ..., *,
        timeout: Duration | None = ..., on_cancel: OnCancel = ..., output_type: None = ...,  # noqa: ASYNC109
    ) -> Typed: ...  # fmt: skip
    @overload
    async def invoke(
        self, step_id: str, function: Function[..., Typed], data: Any = ..., *,
        timeout: Duration | None = ..., on_cancel: OnCancel = ..., output_type: None = ...,  # noqa: ASYNC109
    ) -> Typed: ...  # fmt: skip
    @overload
    async def invoke(
        self, step_id: str, function: Invocable | str, data: Any = ..., *,
        timeout: Duration | None = ..., on_cancel: OnCancel = ..., output_type: Any = ...,  # noqa: ASYNC109
    ) -> Any: ...  # fmt: skip
    @_held
    async def invoke(
        self,
        step_id: str,
        function: Invocable | str,
        data: Any = None,
        *,
        timeout: Duration | None = None,  # noqa: ASYNC109
        on_cancel: OnCancel = "cancel",
        output_type: Any = None,
    ) -> Any:
        """See ``Steps.invoke``."""
        output = self._settle(*self._run(step_id, function, data, timeout, on_cancel))
        return invoked(step_id, output, function, output_type)

    @_held
    async def publish(self, step_id: str, topic: str, data: Any = None, *, channel: str | None = None) -> None:
        """See ``Steps.publish``."""
        self._publish(step_id, topic, data, channel)

    async def send_signal(self, step_id: str, signal: str, data: Any = None) -> str | None:
        """See ``Steps.send_signal``."""
        import asyncio

        return await self.run(step_id, asyncio.to_thread, self._session.send_signal, signal, to_json(data))

    @_held
    async def send_event(self, step_id: str, events: Events) -> list[str]:
        """See ``Steps.send_event``."""
        return self._send(step_id, events)

    async def hold(self) -> None:
        """Never return. The waits that have begun are made durable if other tasks of the handler go on."""
        import asyncio

        session = self._session
        if session.is_closing or not session.holds_tasks:
            return
        if len(asyncio.all_tasks()) > 1:
            session.open_now()
        session.held += 1
        await asyncio.get_running_loop().create_future()


@dataclass(frozen=True, slots=True)
class AsyncCallback:
    """A URL that can be called once, before ``expires_at``, and the wait for that."""

    id: str
    url: str
    expires_at: str
    _steps: AsyncSteps = field(repr=False)
    _wait_id: str = field(repr=False)

    async def wait(self) -> dict[str, Any]:
        """Wait until the URL is called: see ``Steps.wait_for_callback``."""
        return await self._steps.wait_for_callback(self._wait_id, self.id)
