"""Making workflows: drafts that may be wrong, versions that may not, and the switch.

Each public method that changes something is one transaction. A document is validated before the transaction opens, and
never executed: nothing in it is evaluated here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workflowkit import definition
from workflowkit.base import ids, jsonvalue
from workflowkit.base.errors import (
    DefinitionError,
    InvalidInput,
    LimitExceeded,
    Problem,
    StaleRevision,
    WorkflowArchived,
)
from workflowkit.base.limits import Limits
from workflowkit.base.scope import Scope, check_tenant
from workflowkit.definition import ActionCatalogue
from workflowkit.definition.eventdata import EventSchemas
from workflowkit.definition.limitrules import check_shared_limits
from workflowkit.definition.model import Json, Workflow
from workflowkit.flow.concurrency import Owner
from workflowkit.runtime.auditing import PROGRAM, Act, By
from workflowkit.runtime.auditing import note as enter
from workflowkit.runtime.inforce import (
    Published,
    built,
    correct_triggers,
    flow_of,
    limit_heights,
    put_limits_in_force,
    put_triggers_in_force,
    renew_triggers,
)
from workflowkit.runtime.tenantchecks import TenantChecks
from workflowkit.store import workflows as rows
from workflowkit.store.database import Database
from workflowkit.store.transactions import Transaction
from workflowkit.store.workflows import DraftRecord, VersionRecord, WorkflowRecord

#: Larger than any version number.
_NEWEST = 2**62
_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_NAME_MAX_CHARS = 200


@dataclass(frozen=True, slots=True)
class _Said:
    """Who publishes a version, and what they say about it; functions that are synced have neither."""

    actor: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Authoring:
    """The workflows of an installation, as their authors see them."""

    database: Database
    actions: ActionCatalogue
    limits: Limits
    events: EventSchemas
    tenants: TenantChecks

    def create(self, scope: Scope, document: Json, *, workflow_id: str | None = None) -> WorkflowRecord:
        """Add a workflow with a first draft. It is enabled, and starts nothing until it is published.

        Raises ``AlreadyExists``; ``InvalidInput`` and ``LimitExceeded`` with pointers ``/id`` and ``/document``.
        """
        check_tenant(scope)
        if workflow_id is not None:
            _check_id(workflow_id)
        self._check_document(document)
        with self.database.transaction("draft") as tx:
            return _create(tx, scope, workflow_id, document)

    def duplicate(
        self, scope: Scope, workflow_id: str, *, name: str | None = None, new_id: str | None = None
    ) -> WorkflowRecord:
        """Add a workflow whose first draft is the present one of another workflow, under a ``name`` of its own.

        Nothing else is taken over: it has no versions and no pauses, and starts nothing until it is published. Raises
        ``NotFound``, ``AlreadyExists``; ``InvalidInput`` and ``LimitExceeded`` with pointers ``/id`` and ``/name``.
        """
        if new_id is not None:
            _check_id(new_id)
        if name is not None:
            _check_name(name)
        with self.database.transaction("draft") as tx:
            document = rows.get_draft(tx, scope, workflow_id).document
            if name is not None:
                document = {**document, "name": name}
                self._check_document(document, pointer="/name")
            return _create(tx, scope, new_id, document)

    def get(self, scope: Scope, workflow_id: str) -> WorkflowRecord:
        """Return a workflow. Raises ``NotFound``."""
        with self.database.read() as tx:
            return rows.get(tx, scope, workflow_id)

    def find(self, scope: Scope, *, limit: int, after: str = "", archived: bool | None = False) -> list[WorkflowRecord]:
        """Return up to ``limit`` workflows in order of id, those behind the id ``after``.

        ``archived`` says whether those that are archived are wanted, or others; ``None``: all.
        """
        with self.database.read() as tx:
            return rows.find(tx, scope, limit=limit, after=after, archived=archived)

    def get_draft(self, scope: Scope, workflow_id: str) -> DraftRecord:
        """Return the draft of a workflow. Raises ``NotFound``."""
        with self.database.read() as tx:
            return rows.get_draft(tx, scope, workflow_id)

    def update_draft(self, scope: Scope, workflow_id: str, document: Json, *, revision: int) -> DraftRecord:
        """Replace a draft that is still at ``revision``.

        Saving what is stored already changes nothing and never conflicts, so that a client may send an edit again
        whose answer it did not get. Raises ``NotFound``, ``StaleRevision``, ``WorkflowArchived``, ``InvalidInput``,
        ``LimitExceeded``.
        """
        self._check_document(document)
        with self.database.transaction("draft") as tx:
            workflow = rows.lock(tx, scope, workflow_id)
            draft = rows.get_draft(tx, scope, workflow_id)
            if jsonvalue.canonical(draft.document) == jsonvalue.canonical(document):
                return draft
            _check_not_archived(workflow)
            name = _name_of(document, workflow_id)
            if not rows.replace_draft(tx, scope, workflow_id, name=name, document=document, revision=revision):
                raise StaleRevision(f"the draft is at revision {draft.revision}, the edit was based on {revision}")
            return rows.get_draft(tx, scope, workflow_id)

    def validate(self, document: Json, scope: Scope, *, may_share_limits: bool = True) -> list[Problem]:
        """Return everything that is wrong with a document, sorted by place. Nothing is stored or executed.

        What this tenant may not be started by, secrets and webhooks that it does not have, and limits that are shared
        with other tenants, where whoever would publish it may not share them, come last.
        """
        found = definition.validate(document, self.actions, self.limits, self.events)
        return [*found, *self.tenants.check(document, scope), *_unshared(document, may_share_limits)]

    def publish(
        self, scope: Scope, workflow_id: str, *, revision: int | None = None, note: str | None = None,
        by: By = PROGRAM, may_share_limits: bool = True,
    ) -> Published:  # fmt: skip
        """Make the draft the version that new runs execute. Idempotent: the published document makes no new version.

        ``revision`` is the draft the author has seen; ``StaleRevision`` if it is another by now. The version keeps who
        publishes it, and the ``note``. ``may_share_limits`` says whether they may hold up other tenants by a limit of
        concurrency. Raises ``NotFound``, ``WorkflowArchived``, ``LimitExceeded`` with the pointer ``/note``, and
        ``DefinitionError`` with all problems if the draft has an error; then nothing changes.
        """
        said = self._said(note, by)
        seen = self.get_draft(scope, workflow_id)
        # Asks the application, which may take its time: not under a lock.
        refused = [*self.tenants.check(seen.document, scope), *_unshared(seen.document, may_share_limits)]
        # Validated under the workflow's lock, so that what was validated is what is published.
        with self.database.transaction("publish") as tx:
            workflow = rows.lock(tx, scope, workflow_id)
            _check_not_archived(workflow)
            draft = rows.get_draft(tx, scope, workflow_id)
            if revision is not None and revision != draft.revision:
                raise StaleRevision(f"the draft is at revision {draft.revision}, not {revision}")
            if draft.revision != seen.revision:
                raise StaleRevision("the draft was changed while it was looked over: publish it again")
            published = self._publish(tx, scope, workflow, draft.document, self.actions, refused, said)
            _note(tx, scope, by, published)
            put_limits_in_force(tx, scope, [published])
        return published

    def deploy(
        self, scope: Scope, workflow_id: str, document: Json, *, note: str | None = None, by: By = PROGRAM
    ) -> Published:
        """Create the workflow or replace its draft, whatever it is, and publish: for programs that own a workflow.

        Idempotent, also where the workflow is archived. Raises what ``create`` and ``publish`` raise.
        """
        said = self._said(note, by)
        check_tenant(scope)
        _check_id(workflow_id)
        self._check_document(document)
        # A program may do what it keeps its tenants from, and come before what they store: said, and not refused.
        unknown = [replace(each, severity="warning") for each in self.tenants.check(document, scope)]
        with self.database.transaction("publish") as tx:
            published = self.put(tx, scope, workflow_id, document, self.actions, unknown, said)
            _note(tx, scope, by, published)
            put_limits_in_force(tx, scope, [published])
        return published

    def put(
        self, tx: Transaction, scope: Scope, workflow_id: str, document: Json, actions: ActionCatalogue,
        also: Sequence[Problem] = (), said: _Said | None = None,
    ) -> Published:  # fmt: skip
        """Do what ``deploy`` does within a transaction, for an id of any form and a document with these actions.

        But for what queues: at its end the caller lets that follow (``put_limits_in_force``).
        """
        name = _name_of(document, workflow_id)
        # Several processes of one application do this at the same moment: the row's lock lets them take turns.
        rows.create_missing(tx, scope, workflow_id, name=name, document=document)
        workflow = rows.lock(tx, scope, workflow_id)
        draft = rows.get_draft(tx, scope, workflow_id)
        is_new = jsonvalue.canonical(draft.document) != jsonvalue.canonical(document)
        if is_new and not workflow.is_archived:
            rows.replace_draft(tx, scope, workflow_id, name=name, document=document, revision=draft.revision)
        return self._publish(tx, scope, workflow, document, actions, also, said or _Said())

    def set_enabled(self, scope: Scope, workflow_id: str, enabled: bool, *, by: By = PROGRAM) -> WorkflowRecord:
        """Switch a workflow on or off for events that are matched from now on. Idempotent.

        Raises ``NotFound``, ``WorkflowArchived``.
        """
        with self.database.transaction("enable") as tx:
            before = rows.lock(tx, scope, workflow_id)
            _check_not_archived(before)
            after = self.switch(tx, scope, workflow_id, enabled=enabled)
            if before.enabled != enabled:
                act = Act.WORKFLOW_ENABLED if enabled else Act.WORKFLOW_DISABLED
                enter(tx, scope, by, act, f"workflow:{workflow_id}")
            return after

    def switch(self, tx: Transaction, scope: Scope, workflow_id: str, *, enabled: bool) -> WorkflowRecord:
        """Do what ``set_enabled`` does within a transaction."""
        workflow = rows.lock(tx, scope, workflow_id)
        if workflow.enabled != enabled:
            rows.set_enabled(tx, scope, workflow_id, enabled)
            renew_triggers(tx, scope, replace(workflow, enabled=enabled))
        else:
            correct_triggers(tx, scope, workflow)
        return rows.get(tx, scope, workflow_id)

    def retire(self, tx: Transaction, scope: Scope, workflow_id: str) -> None:
        """Switch a function off that is gone: of no event is told that it starts nothing."""
        workflow = self.switch(tx, scope, workflow_id, enabled=False)
        rows.replace_triggers(tx, scope, workflow_id, version=workflow.published_version or 0, triggers=())

    def archive(self, scope: Scope, workflow_id: str, *, by: By = PROGRAM) -> WorkflowRecord:
        """Put a workflow away: it starts no runs and is not changed, those there are go on to their end. Idempotent.

        Everything of it is kept. Raises ``NotFound``.
        """
        return self._put_away(scope, workflow_id, is_archived=True, by=by)

    def restore(self, scope: Scope, workflow_id: str, *, by: By = PROGRAM) -> WorkflowRecord:
        """Bring a workflow back as it was when it was archived. Idempotent. Raises ``NotFound``."""
        return self._put_away(scope, workflow_id, is_archived=False, by=by)

    def _put_away(self, scope: Scope, workflow_id: str, *, is_archived: bool, by: By) -> WorkflowRecord:
        with self.database.transaction("enable") as tx:
            before = rows.lock(tx, scope, workflow_id)
            if before.is_archived == is_archived:
                correct_triggers(tx, scope, before)
                return before
            archived_at_ms = tx.now_ms if is_archived else None
            rows.set_archived(tx, scope, workflow_id, archived_at_ms)
            renew_triggers(tx, scope, replace(before, archived_at_ms=archived_at_ms))
            act = Act.WORKFLOW_ARCHIVED if is_archived else Act.WORKFLOW_RESTORED
            enter(tx, scope, by, act, f"workflow:{workflow_id}")
            return rows.get(tx, scope, workflow_id)

    def get_version(self, scope: Scope, workflow_id: str, version: int) -> VersionRecord:
        """Return a published version. Raises ``NotFound``."""
        with self.database.read() as tx:
            return rows.get_version(tx, scope, workflow_id, version)

    def find_versions(
        self, scope: Scope, workflow_id: str, *, limit: int, before: int | None = None
    ) -> list[VersionRecord]:
        """Return up to ``limit`` versions, newest first. Raises ``NotFound`` if there is no such workflow."""
        with self.database.read() as tx:
            rows.get(tx, scope, workflow_id)
            return rows.find_versions(tx, scope, workflow_id, limit=limit, before=before or _NEWEST)

    def _publish(
        self, tx: Transaction, scope: Scope, workflow: WorkflowRecord, document: Json, actions: ActionCatalogue,
        also: Sequence[Problem], said: _Said,
    ) -> Published:  # fmt: skip
        problems = [*definition.validate(document, actions, self.limits, self.events), *also]
        if any(problem.severity == "error" for problem in problems):
            raise DefinitionError(problems)
        current = workflow.published_version
        before: Workflow | None = None
        if current is not None:
            published = rows.get_version(tx, scope, workflow.id, current)
            if jsonvalue.canonical(published.document) == jsonvalue.canonical(document):
                correct_triggers(tx, scope, workflow)
                # Whoever published it may have been older code, which knows nothing of how high limits are.
                same = built(document)
                return Published(
                    published, created=False, warnings=tuple(problems),
                    ceilings={} if same is None else limit_heights(same, same, Owner(scope, workflow.id)),
                )  # fmt: skip
            before = built(published.document)
        _check_not_archived(workflow)
        version, parsed = (current or 0) + 1, definition.build(document)
        rows.insert_version(
            tx, scope, workflow.id, version=version, execution_hash=parsed.hash, document=document,
            published_by=said.actor, note=said.note,
        )  # fmt: skip
        put_triggers_in_force(tx, scope, replace(workflow, published_version=version), parsed)
        return Published(
            rows.get_version(tx, scope, workflow.id, version), created=True, warnings=tuple(problems),
            ceilings=limit_heights(before, parsed, Owner(scope, workflow.id)),
            rates=(flow_of(before), parsed.settings.flow),
        )  # fmt: skip

    def _said(self, note: str | None, by: By) -> _Said:
        """Return what a version keeps of its publishing. Raises ``InvalidInput``, ``LimitExceeded``."""
        text, most = (note or "").strip(), self.limits.version_note_chars
        jsonvalue.check_json(text)
        if len(text) > most:
            raise LimitExceeded("version_note_chars", most, len(text), pointer="/note")
        return _Said(by.actor, text or None)

    def _check_document(self, document: Any, *, pointer: str = "/document") -> None:
        """Refuse what cannot even be a draft. Anything else an author may save and repair later."""
        if not isinstance(document, dict):
            raise InvalidInput.at(pointer, "invalid-type", "a workflow document is a JSON object")
        most = self.limits.document_bytes
        try:
            jsonvalue.check_json(document, max_depth=self.limits.json_depth, max_bytes=most)
        except LimitExceeded as error:
            raise LimitExceeded("document_bytes", most, pointer=pointer) from error
        if (size_bytes := jsonvalue.size_bytes(document)) > most:
            raise LimitExceeded("document_bytes", most, size_bytes, pointer=pointer)


def _create(tx: Transaction, scope: Scope, workflow_id: str | None, document: Json) -> WorkflowRecord:
    own_id = workflow_id or ids.new_id(tx.now_ms).lower()
    rows.create(tx, scope, own_id, name=_name_of(document, own_id), document=document)
    return rows.get(tx, scope, own_id)


def _note(tx: Transaction, scope: Scope, by: By, published: Published) -> None:
    if published.created:
        version = published.version
        detail: dict[str, Json] = {"version": version.version}
        if version.note is not None:
            detail["note"] = version.note
        enter(tx, scope, by, Act.WORKFLOW_PUBLISHED, f"workflow:{version.workflow_id}", detail)


def _check_not_archived(workflow: WorkflowRecord) -> None:
    if workflow.is_archived:
        raise WorkflowArchived(workflow.id)


def _unshared(document: Json, may_share_limits: bool) -> list[Problem]:
    # Where anybody could share a limit, one tenant could hold up another: by a run that counts, and waits for a year.
    return [] if may_share_limits else check_shared_limits(document)


def _check_id(workflow_id: str) -> None:
    if not _ID.fullmatch(workflow_id):
        message = "an id has 1 to 64 of a-z, 0-9, dot, hyphen and underscore, and begins with a letter or digit"
        raise InvalidInput.at("/id", "invalid-value", message)


def _check_name(name: str) -> None:
    if not 1 <= len(name) <= _NAME_MAX_CHARS:
        raise InvalidInput.at("/name", "invalid-value", f"a name has 1 to {_NAME_MAX_CHARS} characters")


def _name_of(document: Mapping[str, Any], workflow_id: str) -> str:
    """Return what lists show: the document's name, or the id while it has none."""
    name = document.get("name")
    return name[:_NAME_MAX_CHARS] if isinstance(name, str) and name else workflow_id
