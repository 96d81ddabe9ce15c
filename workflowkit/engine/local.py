"""Run a workflow here and now, in memory: no database, no broker, and waiting time is skipped.

The same planner and executor as in production, one step at a time: of the steps that are due, the first by rank. For
tests, scripts and ``workflowkit run``. Nothing is stored, and events that actions send start no further runs. What
cancels a run, and what follows its end, is in ``localends``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from typing import Any, Protocol, TypeAlias

from workflowkit.base.clock import FakeClock, SystemClock
from workflowkit.base.errors import InvalidInput, NotFound, WorkflowKitError
from workflowkit.base.ids import derived_id, idempotency_key, new_id
from workflowkit.base.jsonvalue import check_json, dumps, loads
from workflowkit.base.scope import DEFAULT_SCOPE, FUNCTION_PREFIX
from workflowkit.definition import build
from workflowkit.definition.inputs import resolve_inputs
from workflowkit.definition.model import SOURCE, Node, Workflow
from workflowkit.engine.context import RunInfo, StepInfo, context_for
from workflowkit.engine.ends import NAME_OF_STATUS, told_of
from workflowkit.engine.executor import execute
from workflowkit.engine.extensions import skipped_node
from workflowkit.engine.facts import Fact, FactKind
from workflowkit.engine.failurelog import Place, log_failed
from workflowkit.engine.failures import failed_by
from workflowkit.engine.hooks import WillRetry
from workflowkit.engine.localends import (
    Cut,
    Past,
    Told,
    Watch,
    follow,
    handler_of,
    items_to_undo,
    undo,
)
from workflowkit.engine.localjournal import LocalJournal
from workflowkit.engine.localloops import ItemRun, LocalLoops
from workflowkit.engine.localnews import Teller
from workflowkit.engine.localoptions import Budget
from workflowkit.engine.localoptions import LocalOptions as LocalOptions
from workflowkit.engine.localresult import LocalResult as LocalResult
from workflowkit.engine.localresult import StepRecord as StepRecord
from workflowkit.engine.localsession import LocalRecorder, LocalSession
from workflowkit.engine.localwaits import LocalWaits
from workflowkit.engine.loops import Item, plan_loop
from workflowkit.engine.masked import MaskedRecorder, masked_outcome
from workflowkit.engine.memo import Memo, Memos
from workflowkit.engine.outcome import Attempted, Failed, Succeeded, Suspended
from workflowkit.engine.outside import Held, LocalAttempt
from workflowkit.engine.planner import Decision, begin, cancel, settle
from workflowkit.engine.progress import Finish, Progress
from workflowkit.engine.recorder import Undone
from workflowkit.engine.retry import backoff_of, may_retry, restricted
from workflowkit.engine.states import RunStatus, StepStatus
from workflowkit.engine.stepsecrets import AttemptSecrets, open_secrets
from workflowkit.engine.surroundings import NO_SURROUNDINGS, Surroundings, seen_from
from workflowkit.engine.waits import Wait
from workflowkit.registry import ActionSpec
from workflowkit.registry.functions import Function, is_function_kind

#: Stands for the version where there is none: the document was never published.
LOCAL_VERSION = "local"


#: An event, or those of a batch.
Given: TypeAlias = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Actions(Protocol):
    """Where the actions of a run are: a ``Registry``."""

    @property
    def functions(self) -> Mapping[str, Function[..., Any]]: ...

    def executable(self, kind: str) -> ActionSpec | None: ...

    def undoes_itself(self, kind: str) -> bool: ...


def run(
    workflow: Workflow,
    event: Given,
    registry: Actions,
    *,
    clock: FakeClock | None = None,
    options: LocalOptions | None = None,
) -> LocalResult:
    """Run a workflow for an event ``{"name", "data", ...}``, whose ``id`` and ``ts`` are made up if they are missing;
    one that takes batches also for a list of events.

    ``clock`` (default: one that starts now) jumps to whatever comes next, so nothing waits but the actions themselves.
    Raises ``InvalidInput`` if the event is no JSON object, or for events that are no batch of the workflow;
    ``LimitExceeded`` past the bounds, ``StopInterrupt`` when the switch is thrown.
    """
    clock, options = clock or FakeClock(SystemClock().now_ms()), options or LocalOptions()
    if isinstance(event, Mapping):
        return _LocalRun(workflow, _complete(event, clock), registry, clock, options).run()
    events = tuple(_complete(each, clock) for each in _batch(event, workflow))
    around = NO_SURROUNDINGS.with_events(events)
    within = _Within(Budget(options.bounds, clock.now_ms()), around, events=events, is_whole=True)
    return _LocalRun(workflow, events[0], registry, clock, options, within).run()


@dataclass(frozen=True, slots=True)
class _Within:
    """Where a run stands among those that are executed with it.

    ``around`` is what it sees of the run that it is a part of, ``events`` are those of the batch that started it, if
    one did; ``path`` is which part of the document it executes if that follows an end, ``undoes`` the run that it
    undoes. ``watch`` is what cancels it, if that is not its own. The times of its result count from ``told_from_ms``:
    for the run of an item, the beginning of the loop's run.
    """

    budget: Budget
    around: Surroundings = NO_SURROUNDINGS
    path: str = ""
    undoes: Past | None = None
    watch: Watch | None = None
    told_from_ms: int | None = None
    events: tuple[dict[str, Any], ...] = ()
    #: Whether it is a run of its own, and no part of another one.
    is_whole: bool = False


class _LocalRun:
    """One run on its way."""

    def __init__(
        self,
        workflow: Workflow,
        event: dict[str, Any],
        registry: Actions,
        clock: FakeClock,
        options: LocalOptions,
        within: _Within | None = None,
    ) -> None:
        within = within or _Within(Budget(options.bounds, clock.now_ms()), is_whole=True)
        self._id = options.run_id or new_id(clock.now_ms())
        self._workflow, self._event, self._registry = workflow, event, registry
        self._workflow_id = _id_of(workflow)
        self._clock, self._options, self._limits = clock, options, options.limits
        self._within, self._budget = within, within.budget
        self._told_from_ms = clock.now_ms() if within.told_from_ms is None else within.told_from_ms
        self._due: list[tuple[int, int, str]] = []  # (due at ms, rank, node id)
        self._attempts: dict[str, int] = {}
        self._inputs: dict[str, dict[str, Any]] = {}
        self._records: dict[str, StepRecord] = {}
        self._order: list[str] = []
        self._memos = Memos()
        self._teller = Teller(options.on_news)
        self._reason: str | None = None
        self._watch = within.watch or Watch(
            workflow, event, options.outside, clock.now_ms(), self._limits, within.path,
            is_armed=options.is_followed and not within.path,
        )  # fmt: skip
        self._journal = LocalJournal(self._id, clock, self._watch)
        self._over: Past | None = None
        self._loops = LocalLoops()
        self._waits = LocalWaits(options.outside, self._loops)

    def run(self) -> LocalResult:
        progress, decision = self._begin()
        self._follow(decision)
        self._teller.followed(decision, progress)
        while decision.finish is None and self._options.until not in self._records:
            due_ms = self._due[0][0] if self._due else None
            if (cut := self._watch.cut_before(due_ms, self._waits.held)) is not None:
                decision = self._cancel(progress, cut)
                break
            if not self._due or self._is_stuck():
                break
            due_ms, _, node_id = heappop(self._due)
            self._clock.advance_to(due_ms)
            self._options.switch.check()
            self._budget.use(self._clock.now_ms())
            self._teller.running(node_id)
            decision = self._step(progress, self._workflow.nodes[node_id])
            self._follow(decision)
            self._teller.followed(decision, progress, node_id)
        past = self._over = self._past(progress)
        result = self._result(progress, decision.finish)
        return result if decision.finish is None else self._followed(result, past, decision.finish)

    def _is_stuck(self) -> bool:
        """Tell whether no step can begin: an event has cancelled the run, while nobody executes what came before."""
        return bool(self._waits.held) and self._watch.is_cut(self._clock.now_ms())

    def _cancel(self, progress: Progress, cut: Cut) -> Decision:
        self._clock.advance_to(max(self._clock.now_ms(), cut.at_ms))
        self._waits.give_up()
        self._reason = cut.reason
        decision = cancel(progress, self._clock.now_ms(), cut.reason)
        self._follow(decision)
        self._teller.followed(decision, progress)
        return decision

    def _followed(self, result: LocalResult, past: Past, finish: Finish) -> LocalResult:
        """Return the result with what followed the end of the run."""
        options, is_undoing = self._options, self._within.undoes is not None
        is_alone = options.until is not None or options.state is not None
        if not options.is_followed or is_alone or is_undoing or finish.status not in NAME_OF_STATUS:
            return result

        def tell(name: str, target: str, at_ms: int) -> tuple[Told, LocalResult | None]:
            info = self._run_info()
            data = told_of(info.id, info.workflow_id, LOCAL_VERSION, self._event, finish, self._reason, self._limits)
            event = {"id": f"{self._id}.handler", "name": name, "data": data, "ts": at_ms}
            function = self._registry.functions.get(target)
            if function is None:
                return Told(target, event), None
            within = _Within(self._budget, path=handler_of(self._workflow, finish.status)[0], is_whole=True)
            run = self._inside(build(function.document), event, at_ms, derived_id(self._id, target), within)
            return Told(target, event), run.run()

        found = follow(
            past, finish, self._event, self._part, self._clock.now_ms(), self._registry.undoes_itself,
            tell if self._within.is_whole else None, self._limits,
        )  # fmt: skip
        held = tuple(each for part in (found.compensations, found.handler) if part is not None for each in part.held)
        return replace(
            result, compensations=found.compensations, handler=found.handler, told=found.told, held=result.held + held
        )

    def _past(self, progress: Progress) -> Past:
        undone, facts, items = self._memos.undone, tuple(self._journal.facts), dict(self._loops.runs)
        return Past(self._id, self._workflow, progress, undone, self._within.around, facts, items)

    def _part(
        self, graph: Workflow, around: Surroundings, path: str, begins_ms: int, undoes: Past | None = None
    ) -> LocalResult:
        """Execute what follows the end of this run, or of the run of an item."""
        run_id = derived_id(self._id if undoes is None else undoes.run_id, path)
        return self._inside(graph, self._event, begins_ms, run_id, _Within(self._budget, around, path, undoes)).run()

    def _inside(
        self, graph: Workflow, event: dict[str, Any], begins_ms: int, run_id: str, within: _Within
    ) -> _LocalRun:
        """Return a run that this one executes to its end before it goes on, on a clock of its own."""
        options = replace(self._options, on_step=None, on_news=None, until=None, state=None, run_id=run_id)
        if event is self._event:
            within = replace(within, events=self._within.events)
        return _LocalRun(graph, event, self._registry, FakeClock(begins_ms), options, within)

    def _begin(self) -> tuple[Progress, Decision]:
        now_ms, alone = self._clock.now_ms(), self._options.until
        if self._options.state is None or alone is None:
            return begin(self._workflow, self._event, now_ms, self._within.around)
        progress = Progress(self._workflow, self._event, self._within.around)
        progress.outputs.update(self._options.state)
        progress.mark_ready(alone)
        return progress, Decision(ready=(alone,))

    def _step(self, progress: Progress, node: Node) -> Decision:
        """Make one attempt at a step and decide what follows from it."""
        attempt = self._attempts[node.id] = self._attempts.get(node.id, 0) + 1
        memo = self._memos.of(node.id)
        memo.attempt = attempt
        for fact in self._waits.ended(memo, self._clock.now_ms()):
            memo.absorb(self._journal.keep(fact))
        outcome = self._perform(progress, node, memo, attempt - memo.free_attempts)
        if outcome is None:
            return Decision()
        decision = settle(
            progress,
            node.id,
            attempt,
            outcome,
            retries=self._retries(node),
            free_attempts=memo.free_attempts,
            now_ms=self._clock.now_ms(),
            jitter=0.0,
        )
        if isinstance(outcome, Succeeded) and decision.facts[0].kind is FactKind.COMPLETED:
            ids = self._journal.send(node.id, outcome.events)
            if outcome.on_sent is not None:
                outcome.on_sent(ids, None)
        return decision

    def _retries(self, node: Node) -> int:
        if node.retries is not None:
            return node.retries
        spec = self._registry.executable(node.kind)
        return 0 if spec is None else spec.retries

    def _perform(self, progress: Progress, node: Node, memo: Memo, number: int) -> Succeeded | Failed | None:
        """Return what an attempt came to; ``None`` if the step waits for something."""
        spec = self._registry.executable(node.kind)
        if spec is None:
            return failed_by(NotFound(f"no action of kind {node.kind!r} is registered"))
        self._inputs.pop(node.id, None)
        try:
            inputs = resolve_inputs(node, spec, progress.scope())
            self._inputs[node.id] = loads(dumps(inputs))  # the handler may change what it is given
            opened = open_secrets(self._options.secrets, DEFAULT_SCOPE, node, spec, inputs)
        except WorkflowKitError as error:
            return failed_by(error)
        attempt, session = self._attempt(progress, node, spec, inputs, number, opened)
        outcome = self._options.outside.attempt(attempt)
        if session.broken is not None:
            raise session.broken
        held = session.withheld or ([outcome] if isinstance(outcome, Held) else [])
        if held or isinstance(outcome, Held):
            self._waits.held += held
            return None
        if opened.mask is not None:
            outcome = masked_outcome(outcome, opened.mask)
        if not isinstance(outcome, Suspended):
            return outcome
        for wait in outcome.waits:
            memo.open[wait.key] = wait
            self._journal.keep(self._waits.begin(attempt, wait))
        self._suspend(node, memo, outcome.resume_at_ms)
        return None

    def _suspend(self, node: Node, memo: Memo, resume_at_ms: int | None) -> None:
        """Let a handler wait, and enter it again when the first of its waits is over."""
        memo.absorb(Fact(FactKind.SUSPENDED, node.id, self._attempts[node.id]))
        due_ms = self._waits.next_due_ms(memo)
        if due_ms is None and not memo.open:
            due_ms = resume_at_ms
        if due_ms is not None:
            self._enqueue(node.id, max(self._clock.now_ms(), due_ms))

    def _attempt(
        self,
        progress: Progress,
        node: Node,
        spec: ActionSpec,
        inputs: dict[str, Any],
        number: int,
        opened: AttemptSecrets,
    ) -> tuple[LocalAttempt, LocalSession]:
        mask, options, limits, now_ms = opened.mask, self._options, self._limits, self._clock.now_ms

        def open_wait(wait: Wait) -> None:
            session.guarded(lambda: self._journal.keep(self._waits.begin(attempt, wait)))

        undoes = self._within.undoes
        undone = Undone() if undoes is None else Undone(undoes.run_id, undoes.facts)
        recorder = LocalRecorder(self._journal, now_ms, open_wait, undone)
        session = LocalSession(
            node.id, self._memos.of(node.id), recorder if mask is None else MaskedRecorder(recorder, mask), now_ms,
            lambda: 0.0, secrets=opened,
            retries=self._retries(node), backoff=backoff_of(node.backoff), run_id=self._id, limits=limits,
            hooks=options.extensions.hooks(spec, self._will_retry(node)),
            is_function=is_function_kind(node.kind) or spec.undoes_steps,
        )  # fmt: skip
        context = context_for(
            spec.is_async,
            event=self._event,
            run=self._run_info(),
            step=StepInfo(node.id, node.id, node.kind, node.name),
            attempt=number - 1,
            idempotency_key=idempotency_key(self._id, node.id),
            state=progress.state,
            workflow=self._workflow.document,
            config=options.config,
            limits=limits,
            session=session,
            events=self._within.events,
        )
        timeout_seconds = self._budget.at_most(
            spec.timeout_seconds if node.timeout_seconds is None else node.timeout_seconds
        )

        def call(action: ActionSpec) -> Attempted:
            if node.body is not None:
                return self._loop(progress, node, inputs)
            with options.switch.guard() as guard:
                made = execute(action, context, inputs, deadline_seconds=timeout_seconds, guard=guard, limits=limits)
            if isinstance(made, Failed) and session.broken is None:
                place = Place(self._id, node.id, number - 1)
                log_failed(place, made, is_final=not self._will_retry(node)(made), mask=mask)
            return made

        attempt = LocalAttempt(node, spec, inputs, context, now_ms(), self._budget.started_ms, call, self._within.path)
        session.answer = lambda key: options.outside.step(attempt, key)
        session.amend = self._journal.amend
        session.permit = lambda key, request: options.outside.fetch(attempt, key, request)
        return attempt, session

    def _loop(self, progress: Progress, node: Node, inputs: dict[str, Any]) -> Attempted:
        memo, now_ms = self._memos.of(node.id), self._clock.now_ms()
        if (undoes := self._within.undoes) is None:
            return self._loops.attempt(
                node, memo, lambda: plan_loop(inputs, self._limits), now_ms,
                lambda item, at_ms: self._item(progress, node, item, at_ms),
            )  # fmt: skip
        plan, done = items_to_undo(undoes.items.get(node.id, ()), self._registry.undoes_itself)
        return self._loops.attempt(
            node, memo, lambda: plan, now_ms, lambda item, at_ms: self._undo_item(done[item.key], item, at_ms)
        )

    def _undo_item(self, done: ItemRun, item: Item, begins_ms: int) -> ItemRun:
        """Execute the compensations of one item of a loop."""
        error = self._within.around.roots["error"]
        result = undo(done.past, error, self._part, begins_ms, self._registry.undoes_itself)
        assert result is not None  # noqa: S101 - else the item would not be among those to be undone
        self._waits.held += result.held
        return ItemRun(item, result, result.started_ms + result.skipped_ms, done.past)

    def _item(self, progress: Progress, node: Node, item: Item, begins_ms: int) -> ItemRun:
        """Execute one item of a loop to its end."""
        assert node.body is not None  # noqa: S101 - it is a loop
        seen = self._within.around.inside(seen_from(self._workflow, progress.outputs, node.id), None)
        run_id = derived_id(self._id, node.id, item.key)
        around = seen.inside({}, item.given())
        within = _Within(self._budget, around, self._within.path, None, self._watch, self._told_from_ms)
        run = self._inside(node.body, self._event, begins_ms, run_id, within)
        result = run.run()
        self._journal.events += result.events
        self._journal.messages += result.messages
        self._waits.held += result.held
        assert run._over is not None  # noqa: S101 - it has begun
        return ItemRun(item, result, run._clock.now_ms(), run._over)

    def _run_info(self) -> RunInfo:
        scope = DEFAULT_SCOPE
        return RunInfo(self._id, self._workflow_id, LOCAL_VERSION, scope.environment, scope.tenant)

    def _will_retry(self, node: Node) -> WillRetry:
        def will_retry(failed: Failed) -> bool:
            counted = self._attempts[node.id] - self._memos.of(node.id).free_attempts
            return may_retry(counted, restricted(failed, node.retry_on), retries=self._retries(node))

        return will_retry

    def _follow(self, decision: Decision) -> None:
        for fact in decision.facts:
            self._journal.keep(fact)
            if fact.kind is FactKind.RETRY and fact.retry_at_ms is not None:
                self._enqueue(fact.step, fact.retry_at_ms)
            elif fact.step != SOURCE:
                self._record(fact)
            if fact.kind is FactKind.SKIPPED:
                self._tell_of_skip(self._workflow.nodes[fact.step], fact)
        for node_id in decision.ready:
            self._enqueue(node_id, self._clock.now_ms())

    def _tell_of_skip(self, node: Node, fact: Fact) -> None:
        spec = self._registry.executable(node.kind)
        self._options.extensions.skipped(spec, lambda: skipped_node(self._run_info(), node, fact))

    def _enqueue(self, node_id: str, due_ms: int) -> None:
        heappush(self._due, (due_ms, self._workflow.nodes[node_id].rank, node_id))

    def _record(self, fact: Fact) -> None:
        node = self._workflow.nodes[fact.step]
        attempts = self._attempts.get(node.id, 0)
        record = self._records[node.id] = StepRecord(
            id=node.id,
            kind=node.kind,
            name=node.name,
            status=StepStatus(fact.kind.value),
            inputs=self._inputs.get(node.id),
            output=fact.output,
            error=fact.error,
            attempts=attempts,
            reason=fact.reason,
        )
        if fact.kind in (FactKind.COMPLETED, FactKind.FAILED):
            self._order.append(node.id)
        if self._options.on_step is not None:
            self._options.on_step(record)

    def _result(self, progress: Progress, finish: Finish | None) -> LocalResult:
        for node_id in self._attempts.keys() - self._records.keys():
            if self._waits.held:
                self._records[node_id] = self._held(self._workflow.nodes[node_id])
        if finish is None:
            finish = Finish(RunStatus.WAITING if self._waits.held else RunStatus.RUNNING)
        return LocalResult(
            status=finish.status,
            output=finish.output,
            error=finish.error,
            steps=tuple(self._records[node_id] for node_id in self._workflow.nodes if node_id in self._records),
            order=tuple(self._order),
            events=tuple(self._journal.events),
            held=tuple(self._waits.held),
            edges=dict(progress.edges),
            facts=tuple(self._journal.facts),
            started_ms=self._told_from_ms,
            skipped_ms=self._clock.now_ms() - self._told_from_ms,
            passes=self._budget.passes,
            items=dict(self._loops.runs),
            messages=tuple(self._journal.messages),
            reason=self._reason,
        )

    def _held(self, node: Node) -> StepRecord:
        attempts, inputs = self._attempts[node.id], self._inputs.get(node.id)
        return StepRecord(node.id, node.kind, node.name, StepStatus.WAITING, inputs, None, None, attempts)


def _id_of(workflow: Workflow) -> str:
    """Return the id of a function; of a document, which was never published, its name."""
    first = next(iter(workflow.nodes.values()), None)
    if first is None or not is_function_kind(first.kind):
        return workflow.name
    return first.kind.removeprefix(FUNCTION_PREFIX)


def _batch(events: Sequence[Mapping[str, Any]], workflow: Workflow) -> Sequence[Mapping[str, Any]]:
    """Return events that a batch of the workflow may have. Raises ``InvalidInput``."""
    batch = workflow.settings.flow.batch
    if isinstance(events, str | bytes) or not isinstance(events, Sequence):
        raise InvalidInput.at("", "wrong-type", "an event must be a JSON object")
    if batch is None:
        message = "a list of events starts one run only of what has a batch in its settings"
        raise InvalidInput.at("", "wrong-type", message)
    if not 0 < len(events) <= batch.max_size:
        message = f"a batch has 1 to {batch.max_size} events (max_size), not {len(events)}"
        raise InvalidInput.at("", "invalid-value", message)
    return events


def _complete(event: Mapping[str, Any], clock: FakeClock) -> dict[str, Any]:
    """Return a copy of the event with the fields that intake would have added."""
    if not isinstance(event, Mapping):
        raise InvalidInput.at("", "wrong-type", "an event must be a JSON object")
    complete = dict(event)
    check_json(complete)
    now_ms = clock.now_ms()
    given = {key: value for key, value in complete.items() if value is not None}
    return complete | {"id": given.get("id", new_id(now_ms)), "ts": given.get("ts", now_ms)}
