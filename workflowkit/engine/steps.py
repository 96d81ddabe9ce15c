"""``ctx.step``: what a handler does durably. Each step is executed until it succeeds, and its result is kept.

A handler is entered again, from its first line, whenever something it waited for has happened; steps that have a result
give it back at once. So everything that must not happen twice, and everything that may come out differently the next
time (the clock, chance, a query), belongs inside a step.

Ids are the author's, unique per handler; repeats are told apart by the order in which they are reached (``page``,
``page:1``, ...), so give a step in a loop its item's key: ``ctx.step.run("page", load, cursor, key=cursor)``.
"""

# Overloads go from what is known best to what is known least, and what is both is said by the first.
# mypy: disable-error-code="overload-overlap"

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Unpack, overload

from workflowkit.base.errors import NonRetriableError
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


class Steps(StepTools):
    """The steps of a synchronous handler."""

    __slots__ = ()

    # See ``resulttypes``. First a function of which nothing is known; then without keywords of the step, by results.
    @overload
    def run(
        self, step_id: str, function: Callable[[*Ts], AnyResult], *args: *Ts, **own: Unpack[OwnKeywords[Any]]
    ) -> Any: ...
    @overload
    def run(self, step_id: str, function: Callable[P, AnyResult], *args: P.args, **kwargs: P.kwargs) -> Any: ...
    @overload
    def run(
        self, step_id: str, function: Callable[P, Sequence[Record]], *args: P.args, **kwargs: P.kwargs
    ) -> Objects: ...
    @overload
    def run(self, step_id: str, function: Callable[P, PlainJson], *args: P.args, **kwargs: P.kwargs) -> PlainJson: ...
    @overload
    def run(self, step_id: str, function: Callable[P, Items], *args: P.args, **kwargs: P.kwargs) -> list[Any]: ...
    @overload
    def run(self, step_id: str, function: Callable[P, Record], *args: P.args, **kwargs: P.kwargs) -> Object: ...
    @overload
    def run(
        self, step_id: str, function: Callable[P, Record | None], *args: P.args, **kwargs: P.kwargs
    ) -> Object | None: ...
    @overload
    def run(self, step_id: str, function: Callable[P, Text], *args: P.args, **kwargs: P.kwargs) -> str: ...
    @overload
    def run(
        self, step_id: str, function: Callable[P, Text | None], *args: P.args, **kwargs: P.kwargs
    ) -> str | None: ...
    @overload
    def run(self, step_id: str, function: Callable[P, Other], *args: P.args, **kwargs: P.kwargs) -> Other: ...
    # With a key.
    @overload
    def run(
        self, step_id: str, function: Callable[[*Ts], Sequence[Record]], *args: *Ts, **own: Unpack[Keyed[Objects]]
    ) -> Objects: ...
    @overload
    def run(
        self, step_id: str, function: Callable[[*Ts], PlainJson], *args: *Ts, **own: Unpack[Keyed[PlainJson]]
    ) -> PlainJson: ...
    @overload
    def run(
        self, step_id: str, function: Callable[[*Ts], Items], *args: *Ts, **own: Unpack[Keyed[list[Any]]]
    ) -> list[Any]: ...
    @overload
    def run(
        self, step_id: str, function: Callable[[*Ts], Record], *args: *Ts, **own: Unpack[Keyed[Object]]
    ) -> Object: ...
    @overload
    def run(
        self, step_id: str, function: Callable[[*Ts], Record | None], *args: *Ts, **own: Unpack[Keyed[Object | None]]
    ) -> Object | None: ...
    @overload
    def run(self, step_id: str, function: Callable[[*Ts], Text], *args: *Ts, **own: Unpack[Keyed[str]]) -> str: ...
    @overload
    def run(
        self, step_id: str, function: Callable[[*Ts], Text | None], *args: *Ts, **own: Unpack[Keyed[str | None]]
    ) -> str | None: ...
    @overload
    def run(
        self, step_id: str, function: Callable[[*Ts], Other], *args: *Ts, **own: Unpack[Keyed[object]]
    ) -> Other: ...
    # With retries and no key.
    @overload
    def run(
        self, step_id: str, function: Callable[[*Ts], Sequence[Record]], *args: *Ts, **own: Unpack[Retried[Objects]]
    ) -> Objects: ...
    @overload
    def run(
        self, step_id: str, function: Callable[[*Ts], PlainJson], *args: *Ts, **own: Unpack[Retried[PlainJson]]
    ) -> PlainJson: ...
    @overload
    def run(
        self, step_id: str, function: Callable[[*Ts], Items], *args: *Ts, **own: Unpack[Retried[list[Any]]]
    ) -> list[Any]: ...
    @overload
    def run(
        self, step_id: str, function: Callable[[*Ts], Record], *args: *Ts, **own: Unpack[Retried[Object]]
    ) -> Object: ...
    @overload
    def run(
        self, step_id: str, function: Callable[[*Ts], Record | None], *args: *Ts, **own: Unpack[Retried[Object | None]]
    ) -> Object | None: ...
    @overload
    def run(self, step_id: str, function: Callable[[*Ts], Text], *args: *Ts, **own: Unpack[Retried[str]]) -> str: ...
    @overload
    def run(
        self, step_id: str, function: Callable[[*Ts], Text | None], *args: *Ts, **own: Unpack[Retried[str | None]]
    ) -> str | None: ...
    @overload
    def run(
        self, step_id: str, function: Callable[[*Ts], Other], *args: *Ts, **own: Unpack[Retried[object]]
    ) -> Other: ...
    # With nothing but what undoes it.
    @overload
    def run(
        self, step_id: str, function: Callable[[*Ts], Sequence[Record]], *args: *Ts, **own: Unpack[Undone[Objects]]
    ) -> Objects: ...
    @overload
    def run(
        self, step_id: str, function: Callable[[*Ts], PlainJson], *args: *Ts, **own: Unpack[Undone[PlainJson]]
    ) -> PlainJson: ...
    @overload
    def run(
        self, step_id: str, function: Callable[[*Ts], Items], *args: *Ts, **own: Unpack[Undone[list[Any]]]
    ) -> list[Any]: ...
    @overload
    def run(
        self, step_id: str, function: Callable[[*Ts], Record], *args: *Ts, **own: Unpack[Undone[Object]]
    ) -> Object: ...
    @overload
    def run(
        self, step_id: str, function: Callable[[*Ts], Record | None], *args: *Ts, **own: Unpack[Undone[Object | None]]
    ) -> Object | None: ...
    @overload
    def run(self, step_id: str, function: Callable[[*Ts], Text], *args: *Ts, **own: Unpack[Undone[str]]) -> str: ...
    @overload
    def run(
        self, step_id: str, function: Callable[[*Ts], Text | None], *args: *Ts, **own: Unpack[Undone[str | None]]
    ) -> str | None: ...
    @overload
    def run(
        self, step_id: str, function: Callable[[*Ts], Other], *args: *Ts, **own: Unpack[Undone[object]]
    ) -> Other: ...
    # Of a choice mypy takes also a lambda with a default, ``lambda item=item: ...``, as there are in loops.
    @overload
    def run(
        self, step_id: str, function: Callable[[], Other] | Callable[[], type[Other]],
        **own: Unpack[OwnKeywords[object]],
    ) -> Other: ...  # fmt: skip
    # With a type that reads the result back.
    @overload
    def run(
        self, step_id: str, function: Callable[[*Ts], object] | Callable[[*Ts], AnyResult],
        *args: *Ts, output_type: type[Typed], **own: Unpack[OwnKeywords[Typed]],
    ) -> Typed: ...  # fmt: skip
    @overload
    def run(
        self, step_id: str, function: Callable[[*Ts], object] | Callable[[*Ts], AnyResult],
        *args: *Ts, output_type: Any, **own: Unpack[OwnKeywords[Any]],
    ) -> Any: ...  # fmt: skip
    def run(  # type: ignore[misc]  # knows the keywords that no ParamSpec can have beside it
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
        """Execute ``function(*args, **kwargs)`` until it returns, at most ``retries`` times more than once.

        In a loop, give each step the ``key`` of its item: then it is the same step again wherever the item stands.
        Gives its result as JSON has it (a tuple comes back as a list), or as ``output_type`` (a dataclass, pydantic
        model, ``TypedDict`` or another type), in this attempt of the handler and all later ones. ``retries`` is the
        handler's own if not given. ``compensate``, in functions only, is called with the result, as a step, if the run
        fails or is cancelled later. Raises ``StepError`` once the last attempt has failed.
        """
        check_named(step_id, function)
        if key is not None:
            step_id = self._session.keyed(step_id, key)
        kind = output_type_of(step_id, output_type)
        if compensate is not None:
            self._session.check_undoable(step_id)
        own_key = self._session.begin(step_id, RUN_STEP)
        if (hit := self._session.result(own_key, step_id)) is not None:
            return self._done(own_key, self._recall(kind, step_id, hit.output), compensate)
        if inspect.iscoroutinefunction(function):
            raise NonRetriableError(f"step {step_id!r}: an async function in a handler that is not: make it async")
        own = {"key": key, "retries": retries, "output_type": output_type, "compensate": compensate}
        check_own_keywords(step_id, function, args, kwargs, **own)
        with self._session.inside(own_key) as attempt:
            body = self._session.body(own_key, function)
            if self._session.hooks is not None:
                self._session.hooks.before_step(step_id)
            try:
                value = body(*args, **kwargs)
            except Exception as error:
                failure: Exception | None = error
            else:
                failure = None
        if failure is not None:
            raise self._fail(own_key, step_id, attempt, failed_by(failure), failure, retries) from failure
        undone = None if compensate is None else RUN_STEP
        kept = self._keep(own_key, step_id, attempt, kind.write(value), retries, undone)
        return self._done(own_key, kind.read(step_id, kept), compensate)

    def _keep(self, key: str, step_id: str, attempt: int, value: Any, retries: int | None, undone: str | None) -> Any:
        """Record what a step returned."""
        plain, hooks = self._plain(value), self._session.hooks
        if hooks is not None and not isinstance(plain, Failed):
            plain = self._plain(hooks.step_output(step_id, plain))
        if isinstance(plain, Failed):
            raise self._fail(key, step_id, attempt, plain, None, retries)
        kept = self._session.record(key, attempt, plain, undone=undone)
        if hooks is not None:
            hooks.after_step(step_id)
        return kept

    def _fail(
        self, key: str, step_id: str, attempt: int, failed: Failed, error: Exception | None, retries: int | None
    ) -> Exception:
        """Record that an attempt of a step failed; return what the handler gets to see of it."""
        if self._session.hooks is not None:
            self._session.hooks.after_step(step_id, self._failure(attempt, failed, error, retries))
        return self._session.record_failure(key, step_id, attempt, failed, retries)

    def fetch(
        self,
        step_id: str,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        json: Any = None,
        body: Any = None,
        timeout: Duration | None = None,
        expected_status: Sequence[int] | None = None,
        retries: int | None = None,
        key: str | int | None = None,
    ) -> Response:
        """Send an HTTP request as a step; return ``{"status", "headers", "body", "body_format"}``.

        ``json`` is sent as JSON; text in ``body`` as it is, an object in it as a form if the content type says so.
        Private networks are out of reach, and answers have a maximal size. A status that is not expected (by default,
        outside of 200 to 299) fails the attempt: for good if asking again cannot help, until the time in Retry-After if
        the service says one. Requests that change something carry an Idempotency-Key, the same in every attempt.
        ``key`` is for loops. Raises ``StepError`` like ``run``.
        """
        call = http_call(method, url, headers, query, json, body, timeout, expected_status)
        return self.run(step_id, self._fetch, call, key=key, retries=retries)

    def sleep(self, step_id: str, duration: Duration) -> None:
        """Go on after ``duration``: seconds, text such as ``"30s"`` or ``"7d"``, or a ``timedelta``; at most 366 days.

        Nothing is held meanwhile: no worker, no memory. The end is fixed when the step is first reached.
        """
        self._settle(*self._sleep(step_id, self._after(duration)))

    def sleep_until(self, step_id: str, when: datetime | str) -> None:
        """Go on at ``when``, a ``datetime`` with a time zone or RFC 3339 text; at once if that has passed."""
        self._settle(*self._sleep(step_id, self._until(when)))

    def wait_for_event(
        self,
        step_id: str,
        event: str,
        *,
        timeout: Duration,
        if_: str | None = None,
        match: str | None = None,
        equals: tuple[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        lookback: Duration | None = None,
    ) -> dict[str, Any] | None:
        """Wait for an event of this name; return it, or ``None`` after ``timeout``.

        ``if_`` is an expression over ``event``, which started the run, and ``async``, the one that came; ``match`` is a
        path at which the two must be equal, ``equals`` a path in the one that came and the value that must stand there.
        Values from elsewhere are ``params``, which ``if_`` reads as ``params.name``: they are never read as text of it.
        Events from before the step was reached do not count, but for those up to ``lookback`` before.
        """
        found: dict[str, Any] | None = self._settle(
            *self._event(
                step_id, event, if_=if_, match=match, equals=equals, params=params, timeout=timeout, lookback=lookback
            )
        )
        return found

    def wait_for_signal(self, step_id: str, signal: str, *, timeout: Duration) -> Any:
        """Wait for ``wk.signal(signal, data)``; return the data, or ``None`` after ``timeout``.

        A signal resumes one run. Raises ``StepError`` (cause ``signal-taken``) where another run waits for it already.
        """
        return self._settle(*self._signal(step_id, signal, timeout))

    def approval(
        self,
        step_id: str,
        title: str,
        *,
        timeout: Duration,
        description: str = "",
        form: Mapping[str, Any] | None = None,
        assignees: Id | Sequence[Id] = ANYBODY,
        needed: int = 1,
        reject_on: str = "any",
        reminders: Sequence[Duration] = (),
    ) -> dict[str, Any]:
        """Ask people; return ``{"status", "decisions", "data"}`` once they have decided, or after ``timeout``.

        ``status`` is ``approved``, ``rejected`` or ``expired``; ``data`` is what whoever decided it entered into
        ``form``, the JSON Schema of an object. ``needed`` of the ``assignees`` have to approve; one rejection rejects,
        or with ``reject_on="all"`` so many that not enough are left. Each assignee has a link of their own, which is
        in the event ``workflow/approval.requested``, and in a mail to those that are e-mail addresses. With
        ``assignees`` left out, whoever may decide approvals is asked; if they are empty, the step fails. ``reminders``
        are durations from the beginning.
        """
        asking = self._ask(
            step_id, title, timeout=timeout, description=description, form=form, assignees=assignees, needed=needed,
            reject_on=reject_on, reminders=reminders,
        )  # fmt: skip
        for letter in asking.letters():
            asking.send(letter)
        return asking.settle()

    def create_callback(self, step_id: str, *, timeout: Duration) -> dict[str, Any]:
        """Make a URL that somebody else calls when something is done; return ``{"id", "url", "expires_at"}``.

        It takes one POST with JSON, until ``timeout`` has passed. What comes before the wait begins is kept.
        """
        return self._new_callback(step_id, timeout)

    def wait_for_callback(self, step_id: str, callback_id: str) -> dict[str, Any]:
        """Wait until the URL of a callback is called; return ``{"received", "data"}``.

        ``received`` is false if it was not called in time. Raises ``StepError`` (cause ``callback-unknown``) for an id
        that this tenant has no callback of.
        """
        return self._settle(*self._callback(step_id, callback_id)) or dict(NOT_RECEIVED)

    def callback(self, step_id: str, *, timeout: Duration) -> Callback:
        """Make a URL, and a ``wait()`` for it to be called: ``create_callback`` and ``wait_for_callback`` together."""
        made = self._new_callback(step_id, timeout)
        return Callback(made["id"], made["url"], made["expires_at"], self, f"{step_id} wait")

    @overload
    def invoke(
        self, step_id: str, function: Invocable | str, data: Any = ..., *,
        timeout: Duration | None = ..., on_cancel: OnCancel = ..., output_type: type[Typed],
    ) -> Typed: ...  # fmt: skip
    @overload
    def invoke(
        self, step_id: str, function: Function[..., Coroutine[Any, Any, Typed]], data: Any = ..., *,
        timeout: Duration | None = ..., on_cancel: OnCancel = ..., output_type: None = ...,
    ) -> Typed: ...  # fmt: skip
    @overload
    def invoke(
        self, step_id: str, function: Function[..., Typed], data: Any = ..., *,
        timeout: Duration | None = ..., on_cancel: OnCancel = ..., output_type: None = ...,
    ) -> Typed: ...  # fmt: skip
    @overload
    def invoke(
        self, step_id: str, function: Invocable | str, data: Any = ..., *,
        timeout: Duration | None = ..., on_cancel: OnCancel = ..., output_type: Any = ...,
    ) -> Any: ...  # fmt: skip
    def invoke(
        self,
        step_id: str,
        function: Invocable | str,
        data: Any = None,
        *,
        timeout: Duration | None = None,
        on_cancel: OnCancel = "cancel",
        output_type: Any = None,
    ) -> Any:
        """Run another function, or a workflow by its id, and return its output.

        The output is of the function's own ``output_type``, or of the one given here. It runs on its own, with its own
        retries. Raises ``StepError``, without trying again, if it does not exist, could not start, failed, was
        cancelled, or has not ended after ``timeout`` (it then goes on). Where this run ends before it, by being
        cancelled for example, it is cancelled too, or left alone with ``"abandon"``.
        """
        output = self._settle(*self._run(step_id, function, data, timeout, on_cancel))
        return invoked(step_id, output, function, output_type)

    def publish(self, step_id: str, topic: str, data: Any = None, *, channel: str | None = None) -> None:
        """Publish a message once, however often the handler is entered: see ``ctx.publish``.

        It is published if and only if the step is recorded.
        """
        self._publish(step_id, topic, data, channel)

    def send_signal(self, step_id: str, signal: str, data: Any = None) -> str | None:
        """Resume the run that waits for a signal; return its id.

        Raises ``StepError``, without trying again, if none waits (cause ``not-found``) or the wait has ended
        (``conflict``). In memory nobody is resumed, and nothing returned.
        """
        return self.run(step_id, self._session.send_signal, signal, to_json(data))

    def send_event(self, step_id: str, events: Events) -> list[str]:
        """Send one event or several, once; return their ids in order."""
        return self._send(step_id, events)


@dataclass(frozen=True, slots=True)
class Callback:
    """A URL that can be called once, before ``expires_at``, and the wait for that."""

    id: str
    url: str
    expires_at: str
    _steps: Steps = field(repr=False)
    _wait_id: str = field(repr=False)

    def wait(self) -> dict[str, Any]:
        """Wait until the URL is called: see ``Steps.wait_for_callback``."""
        return self._steps.wait_for_callback(self._wait_id, self.id)
