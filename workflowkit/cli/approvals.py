"""``workflowkit approvals``: what people are asked, listed and decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from workflowkit.base.clock import rfc3339
from workflowkit.cli import documents
from workflowkit.cli.output import INVALID, dim, emit_json, mark, plain, status, table
from workflowkit.cli.send import json_argument
from workflowkit.cli.target import opened, scope_of, scope_options

if TYPE_CHECKING:
    from workflowkit.runtime.approvals import Approval

STATUSES = ("open", "approved", "rejected", "expired", "cancelled")
#: In whose name somebody decides who works on the database itself.
OPERATOR = "operator"
#: What a status looks like, in the words of runs.
_LOOKS = {"open": "waiting", "approved": "completed", "rejected": "failed", "expired": "skipped"}

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON as the API does, for programs.")


@click.group("approvals", short_help="List approvals, and decide them.")
def command() -> None:
    """List what people are asked, and decide, directly in the database."""


@command.command("list")
@click.option("--status", "wanted", type=click.Choice(STATUSES), help="Only those that are so.")
@click.option("--assignee", metavar="NAME", help="Only those that ask this person.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many.")
@scope_options
@json_option
def list_approvals(
    wanted: str | None, assignee: str | None, limit: int, environment: str, tenant: str, as_json: bool
) -> None:
    """List approvals, newest first.

    \b
    workflowkit approvals list --status open --assignee ada@example.com
    """
    with opened() as wk:
        scope = scope_of(environment, tenant)
        found = wk.approvals.list(status=wanted, assignee=assignee, limit=limit, scope=scope)
    if as_json:
        from workflowkit.api import views

        emit_json({"items": [views.approval(approval) for approval in found]})
    elif found:
        click.echo(table(map(_row, found), headers=("", "approval", "title", "status", "decided", "until", "run")))
    else:
        click.echo("no approvals")


def _deciding(command: Any) -> Any:
    """Give a command what both decisions take."""
    for option in (
        json_option,
        scope_options,
        click.option("--actor", metavar="NAME", help=f"In whose name, of those who are asked. Default: {OPERATOR}."),
        click.option("--comment", metavar="TEXT", default="", help="Why."),
        click.argument("approval_id", metavar="APPROVAL"),
    ):
        command = option(command)
    return command


@command.command("approve")
@click.option("--data", metavar="JSON", help="What the form asks for.")
@_deciding
def approve(data: str | None, **options: Any) -> None:
    """Approve.

    \b
    workflowkit approvals approve 01M817AXWA8Z4RDV7ZWESCAWYM --data '{"amount": 7}'
    """
    try:
        value = None if data is None else json_argument(data)
    except documents.InvalidDocument as error:
        documents.echo_problems(error.source, error.problems)
        click.get_current_context().exit(INVALID)
    _decide("approved", value, **options)


@command.command("reject")
@_deciding
def reject(**options: Any) -> None:
    """Reject.

    \b
    workflowkit approvals reject 01M817AXWA8Z4RDV7ZWESCAWYM --comment "not this time"
    """
    _decide("rejected", None, **options)


def _decide(
    verdict: Literal["approved", "rejected"], data: Any, *, approval_id: str, comment: str, actor: str | None,
    environment: str, tenant: str, as_json: bool,
) -> None:  # fmt: skip
    from workflowkit.engine.approvals import Verdict
    from workflowkit.runtime.approvals import Choice

    choice = Choice(actor or OPERATOR, Verdict(verdict), comment, data, must_be_assigned=actor is not None)
    with opened(writes=True) as wk:
        decided = wk.runtime.approvals.decide(scope_of(environment, tenant), approval_id, choice)
    if as_json:
        from workflowkit.api import views

        emit_json(views.approval(decided))
    else:
        click.echo(f"{_status(decided.status.value)} {plain(decided.record.request.title)} {dim(_count(decided))}")


def _row(approval: Approval) -> tuple[str, ...]:
    record = approval.record
    return (
        mark(_LOOKS.get(approval.status.value, approval.status.value)),
        record.id,
        plain(record.request.title),
        _status(approval.status.value),
        dim(_count(approval)),
        dim(rfc3339(record.expires_at_ms)),
        dim(record.run_id),
    )


def _status(word: str) -> str:
    return status(_LOOKS.get(word, word), text=word)


def _count(approval: Approval) -> str:
    approvals = sum(decision.verdict.value == "approved" for decision in approval.decisions)
    return f"{approvals} of {approval.record.request.needed}"
