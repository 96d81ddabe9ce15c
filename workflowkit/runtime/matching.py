"""Accepted events become runs. One transaction for a batch of events; repeating it changes nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from workflowkit.base.errors import WorkflowKitError
from workflowkit.base.limits import Limits
from workflowkit.base.scope import Scope
from workflowkit.base.sealing import ValueUnreadable
from workflowkit.definition.output import refused_inputs
from workflowkit.definition.settings.workflow import NO_FLOW_CONTROL
from workflowkit.engine.states import RunStatus
from workflowkit.flow.decision import SkipReason
from workflowkit.runtime.admission import Admitting
from workflowkit.runtime.cancelling import find_missed
from workflowkit.runtime.cause import CANCELLED_BY_EVENT, Cause, cancel_timer
from workflowkit.runtime.ending import Ending
from workflowkit.runtime.firstturn import FirstTurn
from workflowkit.runtime.flowstate import NotLocked
from workflowkit.runtime.hints import place_hint
from workflowkit.runtime.position import Batch, Claim, Opening, Schedule, start_run
from workflowkit.runtime.recently import Recently
from workflowkit.runtime.repeated import controls_of, may_start, run_id_of
from workflowkit.runtime.starting import START_FAILED, Candidate
from workflowkit.runtime.versions import Versions
from workflowkit.runtime.waiting import behind
from workflowkit.runtime.waking import Awaited, find_awaiting, receive
from workflowkit.runtime.watches import listens_after
from workflowkit.store import decisions, events, subscriptions
from workflowkit.store.database import Database
from workflowkit.store.decisions import DecisionRecord
from workflowkit.store.events import EventRecord
from workflowkit.store.pauses import Hold, first_of, hold_of, holds_of
from workflowkit.store.runs import RunRecord
from workflowkit.store.subscriptions import Listening, TriggerRow
from workflowkit.store.transactions import Transaction
from workflowkit.store.waits import State
from workflowkit.triggers import Subscription, match, patterns_for

_log = logging.getLogger(__name__)

DEPTH_EXCEEDED = "depth-exceeded"
#: An event is addressed to a workflow that does not exist, is not published, or is switched off.
TARGET_MISSING, TARGET_UNPUBLISHED, TARGET_DISABLED = "target-missing", "target-unpublished", "target-disabled"
#: An event is addressed to a workflow whose ``inputs`` its data does not fit.
INPUTS_REFUSED = "inputs-refused"
#: How often a batch is tried that other workers match at the same moment.
MATCH_TRIES = 5
#: What is archived, disabled, paused or drained starts no run.
HELD = {
    Hold.ARCHIVE: SkipReason.ARCHIVED.value, Hold.DISABLE: SkipReason.DISABLED.value,
    Hold.PAUSE: SkipReason.PAUSED.value, Hold.DRAIN: SkipReason.DRAINED.value,
}  # fmt: skip


@dataclass(slots=True)
class Matched:
    """What a batch of events came to: a first step for this worker, and the openings that others may take too.

    ``awaited`` are those of the events that runs wait for, ``told`` the events that tell of runs which ended at once,
    ``candidates`` those that flow control is to decide about; ``starting`` has the ids of the runs of all of them.
    With ``is_for_others``, no step is for this worker.
    """

    is_for_others: bool = False
    claim: Claim | None = None
    openings: list[Opening] = field(default_factory=list)
    awaited: list[Awaited] = field(default_factory=list)
    told: list[EventRecord] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)
    starting: set[str] = field(default_factory=set)
    event_ids: list[str] = field(default_factory=list)

    @property
    def may_claim(self) -> bool:
        return self.claim is None and not self.is_for_others


class Matching:
    """Turns pending events into runs, or into decisions that say why not."""

    def __init__(
        self,
        database: Database,
        versions: Versions,
        schedule: Schedule,
        limits: Limits,
        ending: Ending,
        admitting: Admitting,
    ) -> None:
        self._database = database
        self._admitting = admitting
        self._versions = versions
        self._schedule = schedule
        self._limits = limits
        self._ending = ending
        #: Workflows whose states of flow control others change as well.
        self._contended = Recently()

    def match(self, event_ids: Sequence[str], *, is_for_others: bool = False) -> Matched:
        """Match those of the events that are still pending. The caller performs the claim and sees to the openings.

        The events are not locked: where another worker is faster with one of them, the run it started is there already
        and the whole batch fails; what is still pending then is tried again.
        """
        for _ in range(MATCH_TRIES):
            try:
                found = self._match_at_once(event_ids, is_for_others) if self._database.is_postgresql else None
                return found or self._match(event_ids, is_for_others)
            except self._database.integrity_error:
                continue
        return Matched()  # others are at them; the relay repeats what they leave

    def put_off(self, event_id: str, *, by_ms: int) -> None:
        """Let an event that cannot be matched wait: another version of the code may know what to do with it."""
        with self._database.transaction("match") as tx:
            events.put_off(tx, event_id, wake_at_ms=tx.now_ms + by_ms)

    def _match_at_once(self, event_ids: Sequence[str], is_for_others: bool) -> Matched | None:
        """Match without locking the events, in one statement that commits by itself if it can be; PostgreSQL only.

        ``None`` where that does not do. Each event ends in a row that only one can insert: whoever comes second fails
        as a whole. Where states of flow control were not used by others just now, they are only read; the statement
        fails if they change meanwhile.
        """
        with self._database.statement("match") as tx:
            matched, batch = self._decide(tx, event_ids, is_for_others)
            if matched.awaited or matched.told or not batch.is_one_statement():
                return None
            if not matched.candidates:
                batch.write(tx)
                return matched
            if not self._is_contended(tx, matched):
                try:
                    return self._admit_at_once(tx, matched, batch)
                except NotLocked:
                    pass
        with self._database.transaction("match") as tx:
            self._admit(tx, matched, batch)
            self._write(tx, matched, batch)
            return matched

    def _admit_at_once(self, tx: Transaction, matched: Matched, batch: Batch) -> Matched | None:
        try:
            first = self._admit(tx, matched, batch, is_locked=False)
            if matched.told or not batch.is_one_statement():
                return None
            if first is None:
                batch.write(tx)
            else:
                self._start_first(tx, matched, batch, first)
        except self._database.integrity_error:
            for each in matched.candidates:
                if each.place.has_states:
                    self._contended.note(each.place.owner, now_ms=tx.now_ms)
            raise
        return matched

    def _start_first(self, tx: Transaction, matched: Matched, batch: Batch, first: FirstTurn) -> None:
        """Write everything, and start a step that would have to wait if it need not."""
        matched.claim = first.begin(tx, batch, self._schedule)
        self._admitting.note(tx, first)
        if matched.claim is None:
            return
        # Whoever has queued something that waits looks again after the commit: slots may be given back meanwhile.
        matched.claim.position.others_wait = first.leaves(batch)
        if not matched.claim.position.others_wait:
            hint = place_hint(first.lane.place, first.lane.queue)
            matched.openings = [opening for opening in matched.openings if opening.hint != hint]

    def _is_contended(self, tx: Transaction, matched: Matched) -> bool:
        return any(self._contended.has(each.place.owner, now_ms=tx.now_ms) for each in matched.candidates)

    def _match(self, event_ids: Sequence[str], is_for_others: bool) -> Matched:
        with self._database.transaction("match") as tx:
            if self._database.is_postgresql:
                # SAFETY: I20 — locked: no event can take a unit of a rate, or a place in a batch, twice.
                event_ids = events.lock_pending(tx, event_ids)
            matched, batch = self._decide(tx, event_ids, is_for_others)
            if matched.awaited:  # locks steps: before states of flow control, and lanes
                hints = receive(tx, matched.awaited, wake_at_ms=tx.now_ms + self._schedule.grace_ms)
                matched.openings += [Opening(hint) for hint in hints]
            if matched.candidates:
                self._admit(tx, matched, batch)
            self._write(tx, matched, batch)
            return matched

    def _write(self, tx: Transaction, matched: Matched, batch: Batch) -> None:
        batch.write(tx)
        for record in matched.told:
            matched.event_ids += self._ending.tell(tx, [record])

    def _admit(
        self, tx: Transaction, matched: Matched, batch: Batch, *, is_locked: bool = True
    ) -> FirstTurn | None:  # fmt: skip
        """Decide about the candidates; return the step among them that may start in the statement that writes all."""
        may_claim = matched.may_claim
        begun = self._admitting.admit(tx, matched.candidates, may_claim=may_claim, is_locked=is_locked)
        batch.extend(begun.batch)
        matched.claim = matched.claim or begun.claim
        matched.openings += begun.openings
        for run, event in begun.ended:
            matched.told += self._ending.told_of_new(tx, run, event)
        return begun.first if matched.may_claim else None

    def _decide(self, tx: Transaction, event_ids: Sequence[str], is_for_others: bool) -> tuple[Matched, Batch]:
        pending = _readable(tx, events.pending(tx, event_ids))
        matched, batch = Matched(is_for_others), Batch(matched_events=[(record.id,) for record in pending])
        for scope, records in _by_scope(pending).items():
            self._match_scope(tx, scope, records, batch, matched)
        return matched, batch

    def _match_scope(
        self, tx: Transaction, scope: Scope, records: Sequence[EventRecord], batch: Batch, matched: Matched
    ) -> None:
        for record in records:
            if record.target is not None:
                self._match_target(tx, record, record.target, batch, matched)
        open_records = [record for record in records if record.target is None]
        patterns = sorted({pattern for record in open_records for pattern in patterns_for(record.name, record.webhook)})
        if not patterns:
            return
        listening_here = subscriptions.load(tx, scope, patterns)
        for record in open_records:
            self._find_awaiting(tx, record, listening_here.wait_paths, matched)
            self._match_event(tx, record, listening_here, batch, matched)

    def _match_event(
        self, tx: Transaction, record: EventRecord, listening_here: Listening, batch: Batch, matched: Matched
    ) -> None:
        listening = _subscriptions(record, listening_here.triggers)
        if record.depth > self._limits.emitted_event_depth:
            for each in listening:
                _skip(batch, record, each.workflow_id, DEPTH_EXCEEDED, _too_deep(self._limits), tx)
            return
        for found in match(record.as_json(), listening, now_ms=tx.now_ms, limits=self._limits):
            workflow_id, detail = found.subscription.workflow_id, found.detail
            reason: str | None = found.reason
            hold = hold_of(listening_here.holds, workflow_id)
            if found.started and hold is not None:
                reason, detail = HELD[hold], ""
            elif found.started:
                reason, detail = self._start_run(tx, record, found.subscription, batch, matched)
            if reason is not None:
                _skip(batch, record, workflow_id, reason, detail, tx)

    def _find_awaiting(
        self, tx: Transaction, record: EventRecord, wait_paths: Mapping[str, Sequence[str]], matched: Matched
    ) -> None:
        for name in patterns_for(record.name) if wait_paths else ():
            awaited = find_awaiting(tx, record, name, wait_paths.get(name, ()), self._limits)
            if awaited is not None:
                matched.awaited.append(awaited)

    def _match_target(self, tx: Transaction, record: EventRecord, target: str, batch: Batch, matched: Matched) -> None:
        """Start the one workflow that an event is addressed to, whatever its triggers."""
        found = subscriptions.load_target(tx, record.scope, target)
        reason: str | None
        if record.depth > self._limits.emitted_event_depth:
            reason, detail = DEPTH_EXCEEDED, _too_deep(self._limits)
        elif found is None:
            reason, detail = TARGET_MISSING, ""
        elif found.is_archived:
            reason, detail = HELD[Hold.ARCHIVE], ""
        elif found.version is None:
            reason, detail = TARGET_UNPUBLISHED, ""
        elif not found.is_enabled:
            # What is replayed came by a trigger, and can be replayed once more.
            reason, detail = TARGET_DISABLED if record.duplicate_of is None else HELD[Hold.DISABLE], ""
        elif (hold := first_of(holds_of(tx, record.scope, target))) is not None:
            reason, detail = HELD[hold], ""
        else:
            reason, detail = self._start_run(tx, record, Subscription(target, str(found.version), ()), batch, matched)
        if reason is not None:
            _skip(batch, record, target, reason, detail, tx)

    def _start_run(
        self, tx: Transaction, record: EventRecord, subscription: Subscription, batch: Batch, matched: Matched
    ) -> tuple[str | None, str]:
        """Start a run, or return the reason and detail of why that cannot be: one event must not stop the others."""
        version = int(subscription.version_id)
        event = events.opened(tx, record)
        try:
            workflow = self._versions.load(tx, record.scope, subscription.workflow_id, version)
            # What is replayed came by a trigger.
            is_by_hand = record.target is not None and record.duplicate_of is None
            refused = refused_inputs(workflow, event.data) if is_by_hand else None
        except WorkflowKitError as error:
            return START_FAILED, error.message
        if refused is not None:
            return INPUTS_REFUSED, refused
        flow = controls_of(record, workflow.settings.flow)
        run_id = run_id_of(record, subscription.workflow_id, flow)
        if run_id in matched.starting or not may_start(tx, event, subscription.workflow_id, flow, self._limits):
            return SkipReason.DUPLICATE.value, ""
        matched.starting.add(run_id)
        if workflow.settings.flow != NO_FLOW_CONTROL:
            matched.candidates.append(
                self._admitting.candidate(event, subscription.workflow_id, version, workflow)
            )  # fmt: skip
            return None, ""
        if self._admitting.is_backlog_full(tx, event, subscription.workflow_id, version, workflow):
            return SkipReason.BACKLOG_FULL.value, ""
        run = RunRecord(
            # SAFETY: I1 — the id follows from event and workflow: no event can start a workflow twice.
            id=run_id, scope=record.scope,
            workflow_id=subscription.workflow_id, version=version, event_id=record.id, status=RunStatus.QUEUED,
            revision=0, created_at_ms=tx.now_ms, depth=record.depth,
        )  # fmt: skip
        own = Batch()
        try:
            claim, openings = start_run(
                own, run, workflow, event.as_json(), self._schedule,
                # What may have been cancelled already is looked at once more, when it is claimed.
                now_ms=tx.now_ms, claim=matched.may_claim and not workflow.settings.cancel_on,
                due_at_ms=record.starts_at_ms,
                queued_at_ms=max(record.received_at_ms, record.starts_at_ms or 0),
            )  # fmt: skip
            _cancel_missed(tx, own, self._limits)
        except WorkflowKitError as error:
            return START_FAILED, error.message
        except Exception as error:
            # A fault of ours: it must stop this run only, not the events of others that came with it.
            _log.exception("workflow %s could not be started by event %s", subscription.workflow_id, record.id)
            return START_FAILED, type(error).__name__
        batch.extend(own)
        matched.told += self._ending.told_of_new(tx, own.runs[0], event.as_json())
        matched.claim = matched.claim or claim
        matched.openings += openings
        return None, ""


def _cancel_missed(tx: Transaction, batch: Batch, limits: Limits) -> None:
    """Let an event cancel the run of a batch that came after the run's own and before the run."""
    if not batch.waits:
        return
    (run,) = batch.runs
    paths = {row.wait_key: path for row, (_, _, path) in zip(batch.waits, batch.lookups, strict=True)}
    after = dict.fromkeys(paths, behind(listens_after(run, tx.now_ms)))
    missed = find_missed(tx, batch.waits, paths, run, after, limits)
    if missed.listener is not None:
        row = missed.listener
        received = replace(row, state=State.RECEIVED, result=missed.event_id, resolved_at_ms=tx.now_ms)
        batch.waits[batch.waits.index(row)] = received
        cause = Cause(CANCELLED_BY_EVENT, event_id=missed.event_id)
        batch.timers.append(cancel_timer(run.scope, run.id, cause, due_at_ms=tx.now_ms))


def _readable(tx: Transaction, records: list[EventRecord]) -> list[EventRecord]:
    """Return the events without those that are encrypted with keys which other workers have: they stay pending."""
    if tx.sealing is None:
        return records
    readable = []
    for record in records:
        try:
            events.opened(tx, record)
            readable.append(record)
        except ValueUnreadable as error:
            _log.warning("event %s is left to others: %s", record.id, error)
    return readable


def _by_scope(records: Iterable[EventRecord]) -> dict[Scope, list[EventRecord]]:
    grouped: dict[Scope, list[EventRecord]] = {}
    for record in records:
        grouped.setdefault(record.scope, []).append(record)
    return grouped


def _subscriptions(record: EventRecord, triggers: Sequence[TriggerRow]) -> list[Subscription]:
    """Return one subscription per workflow that listens to this event, with the conditions of all its triggers (E6)."""
    patterns = set(patterns_for(record.name, record.webhook))
    conditions: dict[tuple[str, int], list[str | None]] = {}
    for row in triggers:
        if row.pattern in patterns:
            conditions.setdefault((row.workflow_id, row.version), []).append(row.condition)
    return [
        Subscription(workflow_id, str(version), tuple(texts)) for (workflow_id, version), texts in conditions.items()
    ]


def _too_deep(limits: Limits) -> str:
    return f"limit emitted_event_depth exceeded: at most {limits.emitted_event_depth}"


def _skip(
    batch: Batch, record: EventRecord, workflow_id: str, reason: str, detail: str | None, tx: Transaction
) -> None:
    other_id = record.duplicate_of if reason == SkipReason.DUPLICATE else None
    decision = DecisionRecord(record.id, workflow_id, reason, detail, tx.now_ms, other_id)
    batch.decisions.append(decisions.row_of(record.scope, decision))
