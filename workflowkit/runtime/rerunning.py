"""Running a run again: all of it, or from one of its steps on. The earlier run stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from workflowkit.base.errors import Conflict, InvalidData, InvalidInput, LimitExceeded, NotFound, WorkflowArchived
from workflowkit.base.ids import new_id
from workflowkit.base.jsonvalue import check_json, size_bytes
from workflowkit.base.limits import Limits
from workflowkit.base.scope import Scope
from workflowkit.definition.model import Workflow
from workflowkit.definition.writtenschema import schema_problems
from workflowkit.engine.again import Kept, Place, keep, read_place
from workflowkit.engine.states import RunStatus
from workflowkit.runtime import lockqueue
from workflowkit.runtime.auditing import PROGRAM, Act, By, note
from workflowkit.runtime.ending import Ending
from workflowkit.runtime.flowstate import States, singleton_of
from workflowkit.runtime.hints import Dispatcher, hint
from workflowkit.runtime.loops import has_items
from workflowkit.runtime.position import Batch, Schedule, events_of, start_run
from workflowkit.runtime.rights import May, Need, Repeated, asked_otherwise, asks_people, version_needs
from workflowkit.runtime.runflow import flow_of
from workflowkit.runtime.versions import Versions
from workflowkit.store import approvals, children, events, journal, pauses, runs, subscriptions
from workflowkit.store.database import Database
from workflowkit.store.events import EventGone, EventRecord
from workflowkit.store.pauses import Hold
from workflowkit.store.runs import RunRecord
from workflowkit.store.steps import HELD_UP
from workflowkit.store.transactions import Transaction

#: What ``version`` may say instead of a number.
ORIGINAL, LATEST = "original", "latest"


@dataclass(frozen=True, slots=True)
class Again:
    """How a run is to be repeated.

    ``from_step`` is where to begin (``engine.again.Place``), all of it if absent; ``inputs`` what that step is given
    instead of what its document says; ``data`` the data of the event, if other than the original's; ``version`` a
    number, ``original`` or ``latest``.
    """

    from_step: str | None = None
    inputs: Mapping[str, Any] | None = None
    data: Mapping[str, Any] | None = None
    version: int | str = ORIGINAL


@dataclass(frozen=True, slots=True)
class Editable:
    """What it takes to edit something of a run that is repeated: the inputs of its first step, and its data."""

    version: int
    inputs: tuple[Need, ...]
    data: tuple[Need, ...]


class Drained(Conflict):
    """What a run is of is drained: no run of it begins."""


class Rerunning:
    """Repeats runs of a tenant."""

    def __init__(
        self,
        database: Database,
        versions: Versions,
        schedule: Schedule,
        dispatcher: Dispatcher,
        ending: Ending,
        limits: Limits,
    ) -> None:
        self._database = database
        self._versions = versions
        self._schedule = schedule
        self._dispatcher = dispatcher
        self._ending = ending
        self._limits = limits

    def rerun(self, scope: Scope, run_id: str, again: Again = Again(), *, by: By = PROGRAM, may: May = None) -> str:
        """Start a new run that repeats an earlier one, as somebody wishes who ``may`` do something; return its id.

        Who it is stays with the run, and in the audit log if something was edited.

        Raises ``NotFound``; ``InvalidInput`` with pointers ``/from_step``, ``/inputs``, ``/data``, ``/version``;
        ``Forbidden`` with the same; ``InvalidData`` for data that the workflow does not take; ``LimitExceeded``;
        ``Conflict`` where only a part of a run can be repeated with its parent, where what is to be
        kept is gone, and where no run begins because of a drain or because the workflow is archived.
        """
        place = self._check(again)
        with self._database.transaction("rerun") as tx:
            new_id, openings, told = self.start(tx, scope, run_id, again, place=place, actor=by.actor, may=may)
            edited = [name for name in ("inputs", "data") if getattr(again, name) is not None]
            if edited:
                detail = {"of": run_id, "from_step": again.from_step, "edited": edited}
                note(tx, scope, by, Act.RUN_REPEATED, f"run:{new_id}", detail)
        hint(self._dispatcher, openings, told)
        return new_id

    def editable(self, scope: Scope, run_id: str, again: Again) -> Editable:
        """Return what it takes to edit something of a run that is repeated like this. Raises what ``rerun`` raises."""
        place = self._check(again)
        with self._database.read() as tx:
            original = runs.load_in_scope(tx, scope, run_id)
            if original is None:
                raise NotFound(f"no run {run_id}")
            version = self._version(tx, original, again.version)
            repeated = self._repeated(tx, original, version, place)
        return Editable(version, tuple(repeated.needs_of_inputs()), tuple(repeated.needs_of_data()))

    def start(
        self,
        tx: Transaction,
        scope: Scope,
        run_id: str,
        again: Again,
        *,
        place: Place | None = None,
        actor: str | None = None,
        may: May = None,
    ) -> tuple[str, list[Any], Any]:
        """Add the new run in the caller's transaction; return its id, and the steps and events to hint.

        Raises what ``rerun`` raises, ``Drained`` before anything is written. Locks the row of the original against
        being deleted, then those of the items that are kept; changes of them are not waited for. As long as there is
        that row, its events are kept, and as long as the new run goes on, so are these rows.
        """
        # SAFETY: I2 I6 — who deletes old runs looks once more after having locked a row: it is gone, or it stays.
        original = runs.keep_in_scope(tx, scope, run_id)
        if original is None:
            raise NotFound(f"no run {run_id}")
        if original.path is not None:
            raise Conflict("a part of a run cannot be repeated by itself: repeat the run from the step that began it")
        holds = pauses.holds_of(tx, scope, original.workflow_id)
        if Hold.ARCHIVE in holds:
            raise WorkflowArchived(original.workflow_id)
        if Hold.DRAIN in holds:
            raise Drained(f"workflow {original.workflow_id!r} starts no runs for now: {', '.join(sorted(holds))}")
        version = self._version(tx, original, again.version)
        workflow = self._versions.load(tx, scope, original.workflow_id, version)
        if may is not None:
            self._check_may(tx, original, version, again, place, may)
        if again.data is not None and (schema := workflow.inputs_schema) is not None:
            _check_data(schema, again.data)
        kept = self._kept(tx, original, workflow, version, place)
        try:
            event, together = self._event(tx, original, again), events_of(tx, original)
        except EventGone as error:
            raise Conflict("an event that started the run is gone") from error
        run = replace(
            original, id=new_id(tx.now_ms), status=RunStatus.QUEUED, revision=0, created_at_ms=tx.now_ms,
            version=version, event_id=event.id, rerun_of=original.id, rerun_by=actor, started_at_ms=None,
            paused_at_ms=tx.now_ms if Hold.PAUSE in holds else None,
            parent_run_id=None, parent_step=None, parent_wait=None, input=_input(again, place),
            flow=None if (flow := flow_of(original)) is None else flow.again(tx.now_ms).as_json(),
        )  # fmt: skip
        batch, states = Batch(), States(tx)
        key = None if flow is None or flow.singleton is None else singleton_of(scope, run.workflow_id, flow.singleton)
        # SAFETY: I20 — it has the lock from here on, or begins once it gets it.
        may_begin = key is None or lockqueue.enter(states, key, run.id)
        _, openings = start_run(
            batch,
            run,
            workflow,
            event.as_json(),
            self._schedule,
            now_ms=tx.now_ms,
            claim=False,
            kept=kept,
            together=together,
            due_at_ms=None if may_begin else HELD_UP,
        )
        if not batch.runs[0].status.is_terminal:
            states.write(batch)
            if key is not None and not may_begin:
                batch.runs[0] = replace(batch.runs[0], status=RunStatus.QUEUED)
                lockqueue.wait(tx, key, scope, run.id)
        batch.write(tx)
        told = self._ending.tell(tx, self._ending.told_of_new(tx, batch.runs[0], event.as_json()))
        return run.id, [opening.hint for opening in openings], told

    def _check(self, again: Again) -> Place | None:
        for name, value in (("inputs", again.inputs), ("data", again.data)):
            if value is not None:
                if not isinstance(value, dict):
                    raise InvalidInput.at(f"/{name}", "not-an-object", "must be a JSON object")
                check_json(value, max_depth=self._limits.json_depth)
                if (size := size_bytes(value)) > self._limits.event_bytes:
                    raise LimitExceeded("event_bytes", self._limits.event_bytes, size, pointer=f"/{name}")
        if again.from_step is None:
            if again.inputs is not None:
                raise InvalidInput.at("/inputs", "conflicting-keys", "they are those of from_step, which is missing")
            return None
        place = read_place(again.from_step)
        if place is None:
            raise InvalidInput.at("/from_step", "invalid-value", "a step is written invoice, welcome/load or each[key]")
        if again.inputs is not None and (place.step is not None or place.item is not None):
            raise InvalidInput.at("/inputs", "conflicting-keys", "only the inputs of a whole step can be replaced")
        return place

    def _check_may(
        self, tx: Transaction, original: RunRecord, version: int, again: Again, place: Place | None, may: frozenset[str]
    ) -> None:
        """Raise ``Forbidden`` if it takes more than somebody may do."""
        for need in version_needs(version, original.version, published_version(tx, original)):
            need.check(may)
        is_of_another = place is not None and version != original.version
        if again.inputs is None and again.data is None and not is_of_another:
            return
        repeated = self._repeated(tx, original, version, place)
        needs = [*(() if again.inputs is None else repeated.needs_of_inputs())]
        if is_of_another:
            before = self._versions.load(tx, original.scope, original.workflow_id, original.version)
            needs += repeated.needs_of_kept(before)
        needs += () if again.data is None else repeated.needs_of_data()
        for need in needs:
            need.check(may)

    def _repeated(self, tx: Transaction, original: RunRecord, version: int, place: Place | None) -> Repeated:
        scope, workflow_id, published = original.scope, original.workflow_id, published_version(tx, original)
        workflow = self._versions.load(tx, scope, workflow_id, version)
        asks = asks_people(workflow) or approvals.has_asked(tx, scope, workflow_id, original.id)
        if not asks and published not in (None, version):
            assert published is not None  # noqa: S101 - for the reader of types
            asks = asks_people(self._versions.load(tx, scope, workflow_id, published))
        return Repeated(workflow, place, version == published, asks)

    def _version(self, tx: Transaction, original: RunRecord, version: int | str) -> int:
        if version == ORIGINAL:
            return original.version
        return chosen_version(tx, original, version, "a version is its number, original or latest")

    def _kept(
        self, tx: Transaction, original: RunRecord, workflow: Workflow, version: int, place: Place | None
    ) -> Kept:
        if place is None:
            return Kept()
        node = workflow.nodes.get(place.node)
        if node is None or (place.item is not None and node.body is None):
            raise InvalidInput.at("/from_step", "unknown-action", f"the version has no such step: {place.node}")
        facts = journal.load(tx, original.id)
        if place.step is not None and not any(fact.step == f"{place.node}/{place.step}" for fact in facts):
            raise InvalidInput.at("/from_step", "unknown-action", f"the run never came to step {place.step!r}")
        if place.item is not None and not has_items(facts, place.node, children.keep(tx, original.id, place.node)):
            message = f"the items of {place.node!r} which are not to be repeated are not kept by this run"
            raise Conflict(message)
        if version == original.version:
            return keep(workflow, facts, place)
        # A decision is about what was asked, and by whom it was to be made: where that differs, people are asked again.
        before = self._versions.load(tx, original.scope, original.workflow_id, original.version)
        return keep(workflow, facts, place, asked_otherwise(before, workflow), before=before)

    def _event(self, tx: Transaction, original: RunRecord, again: Again) -> EventRecord:
        event = events.opened(tx, events.load(tx, original.event_id))
        if again.data is None:
            return event
        edited = replace(
            event, id=new_id(tx.now_ms), event_id=None, data=again.data, ts_ms=tx.now_ms, received_at_ms=tx.now_ms,
            duplicate_of=None, target=original.workflow_id,
        )  # fmt: skip
        events.insert_matched(tx, edited)
        return edited


def published_version(tx: Transaction, run: RunRecord) -> int | None:
    """Return the published version of a run's workflow; ``None`` if it is gone, or nothing is published."""
    found = subscriptions.load_target(tx, run.scope, run.workflow_id)
    return None if found is None else found.version


def chosen_version(tx: Transaction, run: RunRecord, version: int | str, otherwise: str) -> int:
    """Return the version of a run's workflow that a number or ``latest`` means.

    Raises ``InvalidInput`` with the pointer ``/version`` and the message ``otherwise``, also where none is published.
    """
    if isinstance(version, int):
        return version
    published = published_version(tx, run)
    if version != LATEST or published is None:
        raise InvalidInput.at("/version", "invalid-value", otherwise)
    return published


def _check_data(schema: Any, data: Any) -> None:
    if problems := schema_problems(schema, data, "/data"):
        raise InvalidData(problems)


def _input(again: Again, place: Place | None) -> dict[str, Any] | None:
    """Return what is noted with the new run about how it differs (``engine.again.changes_of``)."""
    if place is None:
        return None
    said: dict[str, Any] = {}
    if again.inputs is not None:
        said["inputs"] = {place.node: dict(again.inputs)}
    if place.item is not None:
        said["items"] = {place.node: [place.item]}
    return {"again": said} if said else None
