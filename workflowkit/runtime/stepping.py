"""The transaction of a step that a running handler has made: its result is durable before the handler goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from workflowkit.base.clock import sleep
from workflowkit.base.errors import LeaseInterrupt, StoreUnavailable
from workflowkit.base.links import Links
from workflowkit.engine.channels import Message
from workflowkit.engine.facts import ErrorInfo, Fact, FactKind, undo_detail
from workflowkit.engine.memo import CALLBACK_STEP
from workflowkit.engine.outcome import EmittedEvent
from workflowkit.engine.recorder import Undone
from workflowkit.engine.waits import Wait
from workflowkit.runtime.callbacks import new_callback
from workflowkit.runtime.emitting import Emitting
from workflowkit.runtime.hints import Dispatcher
from workflowkit.runtime.inviting import MailInvitations
from workflowkit.runtime.position import Batch, Claim, Opening, refresh
from workflowkit.runtime.publishing import Publishing
from workflowkit.runtime.suspending import SUSPEND_TRIES
from workflowkit.runtime.waiting import Waiting
from workflowkit.runtime.waking import Waking
from workflowkit.store import journal, runs, steps
from workflowkit.store.database import Database
from workflowkit.store.runs import RunRecord
from workflowkit.store.transactions import Transaction

_log = logging.getLogger(__name__)

#: Pauses between tries to record a result while the database is away; the lease ends the trying.
RECORD_PAUSES_SECONDS = (0.1, 0.5, 2.0, 5.0)


class Stepping:
    """What recording the steps of handlers needs, for one process."""

    def __init__(
        self,
        database: Database,
        emitting: Emitting,
        waiting: Waiting,
        dispatcher: Dispatcher,
        links: Links,
        invitations: MailInvitations,
        publishing: Publishing,
        waking: Waking,
    ) -> None:
        self.waking = waking
        self.publishing = publishing
        self.links = links
        self.invitations = invitations
        self.database = database
        self.emitting = emitting
        self.waiting = waiting
        self.dispatcher = dispatcher

    def recorder(self, claim: Claim, may_go_on: Callable[[], bool]) -> StepRecorder:
        """Return the recorder of one attempt; ``may_go_on`` is asked after each step."""
        return StepRecorder(self, claim, may_go_on)


class StepRecorder:
    """The ``engine.session.Recorder`` of one attempt of a step."""

    def __init__(self, stepping: Stepping, claim: Claim, may_go_on: Callable[[], bool]) -> None:
        self._stepping = stepping
        self._claim = claim
        self._may_go_on = may_go_on

    def hands_over(self) -> bool:
        """Tell whether the run is frozen, or this worker has done enough for it."""
        # SAFETY: I11 — the run's row was read in the transaction that recorded the step before.
        return self._claim.position.run.paused_at_ms is not None or not self._may_go_on()

    def completed(
        self,
        key: str,
        attempt: int,
        output: object,
        events: tuple[EmittedEvent, ...] = (),
        messages: tuple[Message, ...] = (),
        *,
        undone: str | None = None,
    ) -> Fact:
        """Record a result, with the events that the step sends, and the messages that it publishes."""
        scope, publishing = self._claim.position.run.scope, self._stepping.publishing
        fact = Fact(FactKind.COMPLETED, key, attempt, output, detail=undo_detail(undone))
        return self._record(fact, events, after=lambda tx: publishing.join(tx, scope, messages))

    def publish(self, message: Message) -> None:
        """Publish a message now; one that cannot be is dropped, for a run goes on without."""
        try:
            self._stepping.publishing.send(self._claim.position.run.scope, message)
        except StoreUnavailable as error:
            _log.warning("run %s: a message is not published: %s", self._claim.lease.run_id, error)

    def signal(self, name: str, data: object) -> str:
        """Resume the run of the same tenant that waits for a signal, in a transaction of its own."""
        return self._stepping.waking.signal(self._claim.position.run.scope, name, data)

    def failed(self, key: str, attempt: int, error: ErrorInfo, told: object = None) -> Fact:
        """Record that a step has failed for good."""
        return self._record(Fact(FactKind.FAILED, key, attempt, told, error))

    def news(self) -> Sequence[Fact]:
        """Return what others have recorded of the run since this attempt's last transaction."""
        run = self._claim.position.run
        with self._stepping.database.read() as tx:
            return journal.load(tx, run.id, after_revision=run.revision)

    def undone(self) -> Undone:
        """Return the run that this one undoes, which has ended."""
        run_id = self._claim.position.run.parent_run_id
        if run_id is None:
            return Undone()
        with self._stepping.database.read() as tx:
            return Undone(run_id, journal.load(tx, run_id))

    def retry(self, key: str, attempt: int, error: ErrorInfo, retry_at_ms: int) -> Fact:
        """Record that an attempt of a step failed and that there will be another."""
        return self._record(Fact(FactKind.RETRY, key, attempt, error=error, retry_at_ms=retry_at_ms))

    def callback(self, key: str, until_ms: int) -> Fact:
        """Record a URL that can be called until then."""
        output: dict[str, object] = {}
        fact = Fact(FactKind.COMPLETED, key, 1, output, detail={"kind": CALLBACK_STEP})
        links = self._stepping.links
        return self._record(
            fact, before=lambda tx: output.update(new_callback(tx, self._claim.position.run, key, until_ms, links))
        )

    @property
    def invitations(self) -> MailInvitations:
        """Mails to people whom this run asks."""
        return self._stepping.invitations.within(self._claim.position.run.scope)

    def opened(self, wait: Wait) -> Wait:
        """Store a wait while the handler goes on; return it as it is stored."""
        stepping, claim = self._stepping, self._claim
        openings: list[Opening] = []
        stored: list[Wait] = []
        facts: list[Fact] = []

        def write(tx: Transaction) -> tuple[str, ...]:
            batch = Batch()
            begun = stepping.waiting.begin(tx, batch, claim.position, claim.lease.step_key, [wait])
            batch.journal += journal.rows_of(claim.position.run.id, claim.position.run.revision, begun.facts)
            batch.write(tx)
            openings[:], stored[:], facts[:] = begun.openings, begun.waits, begun.facts
            return ()

        for _ in range(SUSPEND_TRIES - 1):
            try:
                self._transact(write, None)
                break
            except stepping.database.integrity_error:
                known = [fact for fact in self._all_known() if fact.step == wait.key]
                if known:
                    # SAFETY: I2 — it is there already: an earlier try had committed, and only its answer was lost.
                    claim.position.memos.absorb(known)
                    return Wait.from_detail(wait.key, known[0].detail or {})
                # SAFETY: I5 I17 — it is another run that has begun to wait for the same signal: now it is seen.
        else:
            self._transact(write, None)
        claim.position.memos.absorb(facts)
        if openings:
            stepping.dispatcher.execute([opening.hint for opening in openings])
        return stored[0]

    def _record(
        self,
        fact: Fact,
        events: tuple[EmittedEvent, ...] = (),
        *,
        before: Callable[[Transaction], None] = lambda tx: None,
        after: Callable[[Transaction], None] = lambda tx: None,
    ) -> Fact:
        run = self._claim.position.run
        recorded: list[Fact] = []

        def write(tx: Transaction) -> tuple[str, ...]:
            stamped = replace(fact, at_ms=tx.now_ms)
            recorded[:] = [stamped]
            position = self._claim.position
            before(tx)
            journal.insert(tx, journal.rows_of(run.id, position.run.revision, recorded))
            event_ids = self._stepping.emitting.emit(tx, position.run, events)
            after(tx)
            return event_ids

        try:
            self._transact(write, fact)
        except self._stepping.database.integrity_error:
            # SAFETY: I2 F8 — it is there already: an earlier try had committed, and only its answer was lost.
            recorded[:] = [self._known(fact)]
        return recorded[0]

    def _known(self, fact: Fact) -> Fact:
        return next(known for known in self._all_known() if known.step == fact.step and known.kind is fact.kind)

    def _all_known(self) -> Sequence[Fact]:
        """Return all facts of the run."""
        with self._stepping.database.read() as tx:
            facts = journal.load(tx, self._claim.lease.run_id)
        self._claim.position.is_stale = True
        return facts

    def _transact(self, write: Callable[[Transaction], tuple[str, ...]], fact: Fact | None) -> None:
        """Run the transaction, trying again while the database is away. Raises ``LeaseInterrupt``."""
        for pause_seconds in RECORD_PAUSES_SECONDS:
            try:
                return self._once(write, fact)
            except StoreUnavailable as error:
                _log.warning("run %s: cannot record a step: %s", self._claim.lease.run_id, error)
                sleep(pause_seconds)
        try:
            return self._once(write, fact)
        except StoreUnavailable:
            raise LeaseInterrupt from None

    def _once(self, write: Callable[[Transaction], tuple[str, ...]], fact: Fact | None) -> None:
        stepping, claim = self._stepping, self._claim
        position, lease = claim.position, claim.lease
        with stepping.database.transaction("step") as tx:
            locked = runs.lock(tx, lease.run_id)
            has_ended = locked is not None and locked.status.is_terminal
            # SAFETY: I2 I11 I13 — nothing is recorded for a run that has ended, or by an attempt that lost its lease.
            if locked is None or not (has_ended or steps.holds(tx, lease)):
                raise LeaseInterrupt
            event_ids: tuple[str, ...] = ()
            if has_ended:
                _note_ignored(tx, locked, fact)
            else:
                refresh(tx, position, locked)
                position.is_stale = True
                event_ids = write(tx)
        if has_ended:
            raise LeaseInterrupt
        position.is_stale = False
        if event_ids:
            stepping.dispatcher.match(event_ids)


def _note_ignored(tx: Transaction, run: RunRecord, fact: Fact | None) -> None:
    """Keep the result of a step that came after the run had ended, as a note and never as a success."""
    if fact is not None:
        # SAFETY: I11 — a late result changes nothing.
        note = Fact(FactKind.IGNORED, fact.step, fact.attempt, fact.output, fact.error, at_ms=tx.now_ms)
        journal.insert(tx, journal.rows_of(run.id, run.revision, [note]))
