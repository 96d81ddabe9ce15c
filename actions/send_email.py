"""Send e-mail: hand a message over to the installation's mail server, or to a file or the log during development."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypedDict

from workflowkit.base.errors import InvalidInput, NonRetriableError, Problem
from workflowkit.registry import Field, action

if TYPE_CHECKING:
    from workflowkit.base.mail import Mail
    from workflowkit.engine.context import StepContext


class Sent(TypedDict):
    """The message as it was accepted. ``refused`` lists recipients that the mail server turned away."""

    message_id: str
    to: list[str]
    refused: list[str]


def rehearse(
    ctx: StepContext,
    to: str | list[str],
    subject: str,
    body: str = "",
    cc: str | list[str] | None = None,
    reply_to: str | None = None,
    html: str | None = None,
) -> Sent:
    """Check a message as ``send_email`` does, and send nothing."""
    mail = _mail(ctx, to, subject, body, cc, reply_to, html)
    return {"message_id": mail.message_id, "to": list(mail.recipients), "refused": []}


@action("send_email", name="Send an e-mail", category="Communication", icon="mail", dry_run=rehearse)
def send_email(
    ctx: StepContext,
    to: Annotated[str | list[str], Field(title="To", examples=("Ada <ada@example.com>",))],
    subject: Annotated[str, Field(max_length=500)],
    body: Annotated[str, Field(widget="textarea")] = "",
    cc: Annotated[str | list[str] | None, Field(title="Copy to")] = None,
    reply_to: Annotated[str | None, Field(title="Reply to")] = None,
    html: Annotated[str | None, Field(title="HTML body", widget="textarea")] = None,
) -> Sent:
    """Send an e-mail to one or several people.

    A repeated attempt sends the same message with the same Message-ID, so that mail programs can drop the double.

    Args:
        to: Addresses, as a list or with commas between them.
        subject: One line.
        body: The message as plain text.
        cc: Addresses of those who get a copy.
        reply_to: Where answers go; by default to the sender.
        html: The same message as HTML, for mail programs that show it.
    """
    from workflowkit.base.mail import deliver, parse_mail_url

    mail = _mail(ctx, to, subject, body, cc, reply_to, html)
    try:
        server = parse_mail_url(ctx.config.email_url)
    except ValueError as error:
        raise NonRetriableError(f"this installation's e-mail settings are wrong: {error}") from None
    refused = deliver(mail, server, ctx.logger)
    accepted = [address for address in mail.recipients if address not in refused]
    return {"message_id": mail.message_id, "to": accepted, "refused": refused}


def _mail(
    ctx: StepContext,
    to: str | list[str],
    subject: str,
    body: str,
    cc: str | list[str] | None,
    reply_to: str | None,
    html: str | None,
) -> Mail:
    """Return the message, checked. Raises ``InvalidInput``."""
    from workflowkit.base.mail import Mail, check_line, parse_mailboxes

    check_line(subject, "/inputs/subject")
    recipients = parse_mailboxes(to, "/inputs/to")
    if not recipients:
        raise InvalidInput([Problem("/inputs/to", "no-recipient", "at least one address is needed")])
    return Mail(
        key=ctx.idempotency_key,
        sender=parse_mailboxes(ctx.config.email_from, "")[0],
        to=recipients,
        subject=subject,
        text=body,
        html=html,
        cc=parse_mailboxes(cc or [], "/inputs/cc"),
        reply_to=parse_mailboxes(reply_to or [], "/inputs/reply_to"),
    )
