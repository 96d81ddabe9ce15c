"""Approval: ask people, and go on by what they decide."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict

from workflowkit.engine.approvals import ANYBODY
from workflowkit.registry import DurationInput, DurationText, Field, action

if TYPE_CHECKING:
    from workflowkit.engine.context import StepContext
    from workflowkit.engine.optionlists import OptionsContext


class Decided(TypedDict):
    """How it ended, who decided what, and what whoever decided it entered into the form."""

    status: Literal["approved", "rejected", "expired"]
    decisions: list[dict[str, Any]]
    data: Annotated[dict[str, Any] | None, Field(schema_from="form")]


_Text = Annotated[str, Field(min_length=1)]
_Texts = Annotated[list[_Text], Field(min_items=1)]


def list_people(ctx: OptionsContext, search: str) -> Iterable[tuple[str, str]]:
    """Whom an approval may ask, unless the application says otherwise: the tenant's users."""
    return ctx.users(search)


def _way(name: str, status: str) -> dict[str, Any]:
    return {"name": name, "conditional": {"type": "match", "ref": "!ref($.output.status)", "value": status}}


@action(
    "builtin:approval",
    name="Ask for approval",
    category="People",
    icon="user-check",
    retries=0,
    edges=[_way("Approved", "approved"), _way("Rejected", "rejected"), _way("Expired", "expired")],
    options={"assignees": list_people},
    external=False,
)
def approval(
    ctx: StepContext,
    title: Annotated[str, Field(min_length=1, max_length=200)],
    timeout: Annotated[DurationInput, Field(examples=("7d",))] = "7d",
    description: Annotated[str, Field(widget="textarea")] = "",
    assignees: Annotated[_Text | _Texts | None, Field(examples=("ada@example.com",), not_empty=True)] = ANYBODY,
    form: Annotated[dict[str, Any] | None, Field(title="Form", widget="form", format="json-schema")] = None,
    needed: Annotated[int, Field(title="Approvals needed", minimum=1)] = 1,
    reject_on: Annotated[Literal["any", "all"], Field(title="Reject on")] = "any",
    reminders: Annotated[list[DurationText] | None, Field(examples=("1d", "3d"))] = None,
) -> Decided:
    """Wait until people have approved or rejected, or until the time for it is over.

    Each of those who are asked has a link of their own; those that are e-mail addresses get it by mail.

    Args:
        title: What is to be decided, in one line.
        timeout: How long to wait at most, such as 7d; up to 366 days.
        description: What one has to know for it.
        assignees: Who is asked. Nobody here: whoever may decide approvals. A reference that is empty: the step fails.
        form: What is to be entered with an approval.
        needed: How many of those who are asked have to approve.
        reject_on: One rejection rejects (any), or so many that not enough are left who could approve (all).
        reminders: When to remind those who have not decided, counted from the beginning.
    """
    decided: Decided = ctx.step.approval(  # type: ignore[assignment]  # as the journal has it
        "approval",
        title,
        timeout=timeout,
        description=description,
        assignees=assignees,  # type: ignore[arg-type]  # null is refused there, as what is empty
        form=form,
        needed=needed,
        reject_on=reject_on,
        reminders=reminders or (),
    )
    return decided
