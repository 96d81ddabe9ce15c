"""One ``ctx.step.approval``: the wait for decisions, and the mails to those who are asked."""

from __future__ import annotations

import logging
from typing import Any

from workflowkit.base.errors import NonRetriableError, StepError, SuspendInterrupt
from workflowkit.base.ids import idempotency_key, timed_id
from workflowkit.engine.approvals import NOBODY_NAMED, ApprovalRequest, Letter, expired
from workflowkit.engine.failures import failed_by
from workflowkit.engine.session import StepSession
from workflowkit.engine.waits import APPROVAL_SIGNALS, Wait, WaitKind

_log = logging.getLogger("workflowkit.action")

#: How often a mail is tried again whose sending has failed. The approval itself does not depend on it.
MAIL_RETRIES = 4


class Asking:
    """The step of an approval, as one attempt of its handler meets it.

    Raises ``NonRetriableError`` for a step that cannot be opened, and for one that ``names_nobody``, unless it was
    opened by code that let it.
    """

    def __init__(
        self, session: StepSession, step_id: str, request: ApprovalRequest, timeout_ms: int, *, names_nobody: bool
    ) -> None:
        self._session = session
        # SAFETY: S18 — what people are asked is stored and sent, and stands in the keys of steps.
        self._request: ApprovalRequest = request if session.mask is None else session.mask.value(request)
        self._key = session.begin(step_id, WaitKind.APPROVAL.value)
        #: What it came to, if it has ended.
        self.result: dict[str, Any] | None = None
        session.pass_parts(self._key)
        if (hit := session.result(self._key, step_id)) is not None:
            self.result = hit.output or expired()
            return
        opened = session.open_wait(self._key)
        if opened is None and names_nobody:
            # An approval without assignees is for everybody: a look-up that finds nobody must not be that.
            raise NonRetriableError(NOBODY_NAMED)
        self._wait = opened or self._new_wait(timeout_ms)
        # The end was fixed when the wait began, and the times of reminders follow from it.
        self._begun_at_ms = self._wait.until_ms - timeout_ms
        session.begin_wait(self._wait)

    def letters(self) -> list[Letter]:
        """Return the mails that are due by now: the invitation, and the last reminder whose time has come.

        Before there is any, the approval is made durable.
        """
        if self.result is not None:
            return []
        invited = self._session.invitations.invited(self._request.assignees)
        if invited:
            self._session.open_now()
        due = [number for number, at_ms in enumerate(self._mail_times()) if at_ms <= self._session.now_ms()]
        return [self._letter(assignee, number) for number in sorted({0, *due[-1:]}) for assignee in invited]

    def send(self, letter: Letter) -> None:
        """Send a mail, once. One that cannot be sent is logged, and the approval goes on."""
        session = self._session
        part = session.begin_part(self._key, _part(letter.assignee, letter.reminder))
        try:
            if session.result(part, letter.title) is not None:
                return
            with session.inside(part) as attempt:
                try:
                    is_sent = session.invitations.send(letter)
                except Exception as error:
                    failure: Exception | None = error
                else:
                    failure = None
            if failure is None:
                session.record(part, attempt, {"is_sent": is_sent})
                return
            raise session.record_failure(part, letter.title, attempt, failed_by(failure), MAIL_RETRIES)
        except StepError as error:
            _log.warning("run %s: no mail about approval %s: %s", session.run_id, letter.approval_id, error)

    def settle(self) -> dict[str, Any]:
        """Return what the approval came to. Raises ``SuspendInterrupt`` until then."""
        if self.result is not None:
            return self.result
        now_ms, next_ms = self._session.now_ms(), self._wait.until_ms
        if self._session.invitations.invited(self._request.assignees):
            next_ms = min([next_ms, *(at_ms for at_ms in self._mail_times() if at_ms > now_ms)])
        self._session.note_blocked(next_ms)
        raise SuspendInterrupt

    def _mail_times(self) -> list[int]:
        return [self._begun_at_ms, *(self._begun_at_ms + after_ms for after_ms in self._request.reminders_ms)]

    def _new_wait(self, timeout_ms: int) -> Wait:
        session, now_ms = self._session, self._session.now_ms()
        approval_id = timed_id(now_ms, session.run_id, self._key)
        name = f"{APPROVAL_SIGNALS}{approval_id}"
        return Wait(self._key, WaitKind.APPROVAL, now_ms + timeout_ms, name, data=self._request)

    def _letter(self, assignee: str, reminder: int) -> Letter:
        approval_id = self._wait.name.removeprefix(APPROVAL_SIGNALS)
        key = idempotency_key(self._session.run_id, f"{self._key} {_part(assignee, reminder)}")
        request = self._request
        return Letter(
            approval_id, assignee, request.title, request.description, self._wait.until_ms, reminder, key
        )  # fmt: skip


def _part(assignee: str, reminder: int) -> str:
    return f"reminder {reminder} {assignee}" if reminder else f"mail {assignee}"
