"""What people are asked, and what their decisions come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from workflowkit.base.clock import rfc3339
from workflowkit.base.errors import DefinitionError, InvalidInput, NonRetriableError
from workflowkit.base.jsonvalue import check_json, size_bytes
from workflowkit.base.limits import Limits
from workflowkit.definition.writtenschema import WrittenSchema
from workflowkit.engine.waitspecs import seconds_of

#: In place of who is asked: nobody in particular. It is not JSON, so that nothing that is looked up can come out as it.
ANYBODY: Final[Any] = object()
NOBODY_NAMED: Final = "assignees: given, and nobody is in it; leave it out to ask whoever may decide approvals"


class Status(StrEnum):
    """Where an approval is. All but the first are final."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    """The run ended before it was decided."""


class Verdict(StrEnum):
    """What one person decides."""

    APPROVED = "approved"
    REJECTED = "rejected"


class RejectOn(StrEnum):
    """What it takes to reject: one rejection, or so many that not enough people are left who could approve."""

    ANY = "any"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Decision:
    """What one person has decided. ``data`` is what they entered into the form, if they approved."""

    actor: str
    verdict: Verdict
    comment: str
    data: Any
    at_ms: int

    def as_dict(self) -> dict[str, Any]:
        return {
            "actor": self.actor,
            "decision": self.verdict.value,
            "comment": self.comment,
            "data": self.data,
            "at": rfc3339(self.at_ms),
        }


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """What people are asked. ``form`` is the JSON Schema of an object, or ``None``.

    Without ``assignees`` whoever may decide approvals of the tenant is asked. ``needed`` of them have to approve.
    ``reminders_ms`` count from the beginning.
    """

    title: str
    description: str = ""
    form: Mapping[str, Any] | None = None
    assignees: tuple[str, ...] = ()
    needed: int = 1
    reject_on: RejectOn = RejectOn.ANY
    reminders_ms: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail to one of those who are asked. ``key`` identifies it; ``reminder`` counts from 1, 0 is the invitation."""

    approval_id: str
    assignee: str
    title: str
    description: str
    expires_at_ms: int
    reminder: int
    key: str


def expired() -> dict[str, Any]:
    """Return the result of an approval that nobody has decided in time."""
    return result_of(Status.EXPIRED, ())


def result_of(status: Status, decisions: Sequence[Decision]) -> dict[str, Any]:
    """Return what a handler gets: how it ended, who decided what, and the form's data of the decision that did it."""
    is_decided = status in (Status.APPROVED, Status.REJECTED)
    return {
        "status": status.value,
        "decisions": [decision.as_dict() for decision in decisions],
        "data": decisions[-1].data if is_decided and decisions else None,
    }


def tally(request: ApprovalRequest, decisions: Sequence[Decision]) -> Status:
    """Return what the decisions so far come to."""
    approvals = sum(decision.verdict is Verdict.APPROVED for decision in decisions)
    if approvals >= request.needed:
        return Status.APPROVED
    if approvals == len(decisions):
        return Status.OPEN
    if request.reject_on is RejectOn.ANY:
        return Status.REJECTED
    undecided = set(request.assignees) - {decision.actor for decision in decisions}
    return Status.REJECTED if approvals + len(undecided) < request.needed else Status.OPEN


def approval_request(
    title: Any,
    *,
    description: Any,
    form: Any,
    assignees: Any,
    needed: Any,
    reject_on: Any,
    reminders: Any,
    limits: Limits,
) -> ApprovalRequest:
    """Return what a handler wants to ask, checked. Raises ``NonRetriableError``.

    Of ``assignees`` that are empty (``is_empty``) this says nothing: it depends on whether they are asked already.
    """
    _check_text(title, "title", limits.approval_title_chars, least=1)
    _check_text(description, "description", limits.approval_text_chars)
    listed = _assignees(assignees, limits)
    if type(needed) is not int or not 1 <= needed <= (len(listed) or limits.approval_assignees):
        raise NonRetriableError(f"needed: a whole number from 1 to the number of assignees; got {needed!r}")
    if reject_on not in [*RejectOn]:
        raise NonRetriableError(f"reject_on: 'any' or 'all'; got {reject_on!r}")
    if not isinstance(reminders, list | tuple) or len(reminders) > limits.approval_reminders:
        raise NonRetriableError(f"reminders: a list of at most {limits.approval_reminders} durations")
    _check_form(form, limits)
    after_ms = sorted({round(1000 * seconds_of(each, "reminders")) for each in reminders})
    return ApprovalRequest(title, description, form, listed, needed, RejectOn(reject_on), tuple(after_ms))


def is_empty(given: Any) -> bool:
    """Tell whether those who are asked were to be somebody in particular, and are nobody: null, no text, no list."""
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, list | tuple):
        return listed is None
    return all(isinstance(each, str) and not each.strip() for each in listed)


def _assignees(given: Any, limits: Limits) -> tuple[str, ...]:
    if given is ANYBODY or is_empty(given):
        return ()
    listed = [given] if isinstance(given, str | int | UUID) else given
    if not isinstance(listed, list | tuple):
        raise NonRetriableError(f"assignees: text, or a list of texts; got {given!r}")
    # Ids of an application's own people may be numbers, as in HostUser.
    texts: list[Any] = [str(each) if type(each) in (int, UUID) else each for each in listed]
    for each in texts:
        _check_text(each, "assignees", limits.event_id_chars, least=1)
    unique = tuple(dict.fromkeys(each.strip() for each in texts if each.strip()))
    if len(unique) > limits.approval_assignees:
        raise NonRetriableError(f"limit approval_assignees exceeded: at most {limits.approval_assignees}")
    return unique


def _check_text(text: Any, what: str, most: int, *, least: int = 0) -> None:
    if not isinstance(text, str) or not least <= len(text) <= most:
        raise NonRetriableError(f"{what}: text of {least} to {most} characters")
    try:
        check_json(text)
    except InvalidInput as error:
        raise NonRetriableError(f"{what}: {error.message}") from error


def _check_form(form: Any, limits: Limits) -> None:
    if form is None:
        return
    if not isinstance(form, Mapping) or form.get("type") != "object":
        raise NonRetriableError("form: the JSON Schema of an object, with the fields as its properties")
    try:
        check_json(form)
        if (size := size_bytes(form)) > limits.approval_form_bytes:
            raise NonRetriableError(f"limit approval_form_bytes exceeded: at most {limits.approval_form_bytes}, {size}")
        WrittenSchema(form, limits)
    except (InvalidInput, DefinitionError) as error:
        raise NonRetriableError(f"form: {error.message}") from error
