"""What an action's handler is told about its step, and what it may ask for: the ``ctx`` of a handler."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workflowkit.base.errors import LimitExceeded
from workflowkit.base.ids import derived_id, started_run_id
from workflowkit.base.jsonvalue import dumps, loads
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.base.netguard import NetworkPolicy
from workflowkit.engine.asyncsteps import AsyncSteps
from workflowkit.engine.channels import new_message, run_channel
from workflowkit.engine.compensations import AsyncCompensations, Compensations
from workflowkit.engine.deps import Deps
from workflowkit.engine.group import AsyncGroup, Group
from workflowkit.engine.memo import Memo
from workflowkit.engine.newslogger import LineKeeper, NewsLogger
from workflowkit.engine.outcome import EmittedEvent
from workflowkit.engine.session import StepSession
from workflowkit.engine.steps import Steps
from workflowkit.engine.steptools import StepInfo as StepInfo
from workflowkit.engine.waitspecs import addressed_event, emitted_event

Logger = logging.Logger | logging.LoggerAdapter[logging.Logger]

_logger = logging.getLogger("workflowkit.action")


@dataclass(frozen=True, slots=True)
class RunInfo:
    """The run a step belongs to. ``version`` is the version of the workflow that the run executes."""

    id: str
    workflow_id: str
    version: str
    environment: str
    tenant: str


@dataclass(frozen=True, slots=True)
class ActionConfig:
    """What an installation sets for its actions.

    ``email_url`` is ``console://`` (log the mail), ``file:///directory``, or ``smtp(s)://user:password@host:port``.
    """

    email_url: str = field(default="console://", repr=False)
    email_from: str = "workflows@localhost"
    network: NetworkPolicy = field(default_factory=NetworkPolicy)


class StepContext:
    """The step as its handler sees it.

    Everything that is read from it is the handler's own copy: changing it changes nothing for other steps. Not to be
    used after the handler has returned.
    """

    __slots__ = (
        "_event",
        "_event_copy",
        "_events",
        "_keeper",
        "_limits",
        "_logger",
        "attempt",
        "compensations",
        "config",
        "emitted",
        "group",
        "idempotency_key",
        "is_stopped",
        "run",
        "session",
        "state",
        "step",
        "stop_output",
        "workflow",
    )

    def __init__(
        self,
        *,
        event: Mapping[str, Any],
        run: RunInfo,
        step: StepInfo,
        attempt: int,
        idempotency_key: str,
        state: Mapping[str, Any],
        workflow: Mapping[str, Any],
        config: ActionConfig,
        logger: Logger | None = None,
        limits: Limits = DEFAULT_LIMITS,
        session: StepSession | None = None,
        events: Sequence[Mapping[str, Any]] = (),
        keeper: LineKeeper | None = None,
    ) -> None:
        self.run = run
        #: What the handler may have done durably: outside of a run, nothing.
        self.session = session or StepSession(step.node_id, Memo(), None, lambda: 0, lambda: 0.0)
        #: Opens steps of its own, and says which step this is (``key``, ``node_id``, ``kind``, ``name``).
        self.step = Steps(step, self.session, config.network)
        #: Runs parts of the handler side by side.
        self.group = Group(self.session)
        #: How a function is undone, besides ``compensate=`` of its steps.
        self.compensations = Compensations(self.session)
        #: Counts from 0.
        self.attempt = attempt
        #: The same in every attempt of this step, and in no other step: for services that refuse doubles.
        self.idempotency_key = idempotency_key
        self.config = config
        #: What ``send_event`` has collected, in order.
        self.emitted: list[EmittedEvent] = []
        #: Whether ``stop`` was called.
        self.is_stopped = False
        #: What ``stop`` was called with.
        self.stop_output: Any = None
        #: The outputs of finished steps by node id.
        self.state: Mapping[str, Any] = _Copies(state)
        #: The workflow document that the run executes.
        self.workflow: Mapping[str, Any] = _Copies(workflow)
        self._event = event
        self._event_copy: dict[str, Any] | None = None
        self._events = events
        self._logger, self._limits, self._keeper = logger, limits, keeper

    @property
    def event(self) -> dict[str, Any]:
        """The event that started the run: ``id``, ``name``, ``data``, ``ts`` (ms) and, if sent, ``v`` and ``user``."""
        if self._event_copy is None:
            self._event_copy = dict(loads(dumps(dict(self._event))))
        return self._event_copy

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events that started the run, in order of arrival: one, unless the workflow takes batches."""
        return loads(dumps(list(self._events))) if self._events else [self.event]

    @property
    def logger(self) -> Logger:
        """A logger whose records carry ``run_id``, ``step`` and ``attempt``.

        It is silent while a handler that is entered again passes what earlier attempts have done: a line before or
        between steps is logged once, not once for each time that the handler is entered. What it says is also kept
        with the run, from the level ``run_log_level`` upwards.
        """
        if self._logger is None:
            extra = {"run_id": self.run.id, "step": self.step.key, "attempt": self.attempt}
            self._logger = NewsLogger(_logger, extra, self.session, self._keeper)
        return self._logger

    @property
    def deps(self) -> Deps:
        """What the application provides (``wk.provide``), by name: made on first use, closed with the attempt."""
        return _NO_DEPS if self.session.hooks is None else self.session.hooks.deps

    def secret(self, name: str) -> str:
        """Return the value of a secret of the run's tenant: in code functions only, and anew in each attempt.

        What is recorded, sent or logged of the attempt from then on has the secret's name in place of the value.
        Actions take secrets as inputs. Raises ``SecretMissing`` where the tenant has none of this name, and
        ``ActionError`` where the secrets cannot be read.
        """
        return self.session.secret(name)

    def send_event(
        self, name: str, data: Mapping[str, Any], *, id: str | None = None, ts_ms: int | None = None
    ) -> None:
        """Send an event when this step is done: stored together with its result, and not at all if the step fails.

        ``id`` makes it a duplicate of any event with the same id; ``ts_ms`` defaults to the time of storing. Raises
        ``InvalidInput`` for a bad or reserved name and for data that is no JSON, ``LimitExceeded`` for too much.
        """
        events: list[dict[str, Any]] = [{"name": name, "data": data, "id": id, "ts": ts_ms}]
        if self.session.hooks is not None:
            events = self.session.hooks.before_send(events)
        for event in events:
            if len(self.emitted) >= self._limits.events_per_step:
                raise LimitExceeded("events_per_step", self._limits.events_per_step, len(self.emitted) + 1)
            event_id, at_ms = event.get("id"), event.get("ts")
            self.emitted.append(
                emitted_event(event["name"], event["data"], event_id=event_id, ts_ms=at_ms, limits=self._limits)
            )

    def publish(self, topic: str, data: Any = None, *, channel: str | None = None) -> None:
        """Publish a message now to those who follow a topic: of the run's own channel, or of ``channel``.

        Not durable: it is published each time that the handler comes here, also when it is entered again, and if the
        attempt fails; ``ctx.step.publish`` publishes once. Raises ``InvalidInput`` for bad names and for data that is
        no JSON, ``LimitExceeded`` for too much.
        """
        self.session.publish(new_message(channel or run_channel(self.run.id), topic, data, self._limits))

    def start_run(self, workflow_id: str, data: Mapping[str, Any]) -> str:
        """Start a run of another workflow when this step is done, and not at all if it fails; return the run's id.

        ``data`` is that of the event which starts it. Whether the workflow exists and takes the data shows only then:
        in the run, or in a decision about the event. Raises ``InvalidInput`` for data that is no JSON,
        ``LimitExceeded`` for too much.
        """
        if len(self.emitted) >= self._limits.events_per_step:
            raise LimitExceeded("events_per_step", self._limits.events_per_step, len(self.emitted) + 1)
        event_id = derived_id(self.run.id, "start", self.step.key, str(len(self.emitted)))
        self.emitted.append(addressed_event(workflow_id, data, own_id=event_id, limits=self._limits))
        return started_run_id(event_id, workflow_id)

    def stop(self, output: Any = None) -> None:
        """End the whole run as completed once the handler returns; ``output`` is this step's and the run's output.

        What the handler itself returns is then ignored. Other steps that have not started are cancelled.
        """
        self.is_stopped, self.stop_output = True, output


_NO_DEPS = Deps({})


class _Copies(Mapping[str, Any]):
    """A mapping that hands out copies of its values, made on first use."""

    __slots__ = ("_copies", "_source")

    def __init__(self, source: Mapping[str, Any]) -> None:
        self._source = source
        self._copies: dict[str, Any] = {}

    def __getitem__(self, key: str) -> Any:
        if key not in self._copies:
            value = self._source[key]
            self._copies[key] = loads(dumps(value)) if isinstance(value, dict | list) else value
        return self._copies[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._source)

    def __len__(self) -> int:
        return len(self._source)


class AsyncStepContext(StepContext):
    """The step as an asynchronous handler sees it: what ``step`` and ``group`` do is awaited."""

    __slots__ = ()

    step: AsyncSteps  # type: ignore[assignment]  # the same names, awaited
    group: AsyncGroup  # type: ignore[assignment]
    compensations: AsyncCompensations  # type: ignore[assignment]

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        self.step = AsyncSteps(fields["step"], self.session, self.config.network)
        self.group = AsyncGroup(self.session)
        self.compensations = AsyncCompensations(self.session, self.step)

    async def secret(self, name: str) -> str:  # type: ignore[override]  # the same, awaited
        """Return the value of a secret of the run's tenant: see ``StepContext.secret``."""
        import asyncio

        with self.session.working():  # else a step that waits beside it might end the attempt
            return await asyncio.to_thread(self.session.secret, name)


def context_over(context: StepContext, session: StepSession, run: RunInfo) -> StepContext:
    """Return the context of the same step with other steps, in another run."""
    return type(context)(
        event=context._event, run=run, step=context.step.info, attempt=context.attempt, events=context._events,
        idempotency_key=context.idempotency_key, state=context.state, workflow=context.workflow, config=context.config,
        limits=context._limits, session=session, keeper=context._keeper,
    )  # fmt: skip


def context_for(is_async: bool, **fields: Any) -> StepContext:
    """Return the context that a handler of this form gets."""
    return AsyncStepContext(**fields) if is_async else StepContext(**fields)
