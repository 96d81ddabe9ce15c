"""``wk.approvals``: approvals as the host application sees and decides them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from workflowkit.base.scope import Id, Scope, id_text, scope_or

if TYPE_CHECKING:
    from workflowkit.runtime.approvals import Approval, Approvals


@dataclass(frozen=True, slots=True)
class Inbox:
    """The approvals of an installation, for code that is trusted to know who its people are."""

    _approvals: Callable[[], Approvals]
    _scope: Scope

    def list(
        self,
        *,
        status: str | None = "open",
        assignee: Id | None = None,
        limit: int = 100,
        before: str | None = None,
        scope: Scope | None = None,
    ) -> list[Approval]:
        """Return up to ``limit`` approvals, newest first, those behind the id ``before``; with ``None`` of any status.

        Raises ``ValueError`` for a status that does not exist.
        """
        from workflowkit.engine.approvals import Status
        from workflowkit.store.approvals import ApprovalFilter

        wanted = ApprovalFilter(
            None if status is None else Status(status), None if assignee is None else id_text(assignee)
        )
        return self._approvals().find(scope_or(scope, self._scope), limit=limit, before=before, wanted=wanted)

    def get(self, approval_id: str, *, scope: Scope | None = None) -> Approval:
        """Return an approval. Raises ``NotFound``."""
        return self._approvals().get(scope_or(scope, self._scope), approval_id)

    def decide(
        self,
        approval_id: str,
        decision: Literal["approved", "rejected"],
        *,
        actor: Id,
        comment: str = "",
        data: Mapping[str, Any] | None = None,
        scope: Scope | None = None,
    ) -> Approval:
        """Decide in the name of ``actor``, who must be one of those who are asked, if anybody in particular is.

        Raises ``NotFound``, ``Forbidden`` for another actor, ``Conflict`` if it is decided or the actor has decided
        before, ``Gone`` if its time is over or its run has ended, ``InvalidForm`` for data that does not fit the form.
        """
        from workflowkit.engine.approvals import Verdict
        from workflowkit.runtime.approvals import Choice

        choice = Choice(id_text(actor), Verdict(decision), comment, None if data is None else dict(data))
        return self._approvals().decide(scope_or(scope, self._scope), approval_id, choice)
