"""Mails to those who are asked for an approval: to assignees that are e-mail addresses, with the link of each."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from workflowkit.base.clock import rfc3339
from workflowkit.base.errors import InvalidInput, NonRetriableError
from workflowkit.base.links import Links
from workflowkit.base.mail import Mail, Mailbox, deliver, parse_mail_url, parse_mailboxes
from workflowkit.base.scope import Scope
from workflowkit.engine.approvals import Letter, Status
from workflowkit.store import approvals
from workflowkit.store.database import Database

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MailInvitations:
    """Sends mails for one tenant; ``engine.session.Invitations``.

    Nobody is invited unless the installation has a mail server or directory, a public URL, and a key for links: a link
    in a log would be in the wrong hands.
    """

    database: Database
    links: Links
    email_url: str = field(default="console://", repr=False)
    email_from: str = ""
    scope: Scope | None = None

    def within(self, scope: Scope) -> MailInvitations:
        """Return the same for a tenant."""
        return replace(self, scope=scope)

    def invited(self, assignees: Sequence[str]) -> tuple[str, ...]:
        """Return the assignees that are e-mail addresses, if mail can be sent."""
        if not assignees or self.email_url.startswith("console:") or not self.links.can_invite:
            return ()
        return tuple(each for each in assignees if _mailbox(each) is not None)

    def send(self, letter: Letter) -> bool:
        """Send a mail unless its reader has decided, or nothing is left to decide.

        Raises ``ActionError`` when trying again may help, ``NonRetriableError`` when it cannot.
        """
        mailbox, link = _mailbox(letter.assignee), self.links.approval(letter.approval_id, letter.assignee)
        if mailbox is None or link is None or not self._is_needed(letter):
            return False
        try:
            server = parse_mail_url(self.email_url)
        except ValueError as error:
            raise NonRetriableError(f"this installation's e-mail settings are wrong: {error}") from None
        sender = parse_mailboxes(self.email_from, "")[0]
        mail = Mail(letter.key, sender, (mailbox,), _subject(letter), _text(letter, link))
        return not deliver(mail, server, _log)

    def _is_needed(self, letter: Letter) -> bool:
        assert self.scope is not None  # noqa: S101 - made by ``within``
        with self.database.read() as tx:
            record = approvals.get(tx, self.scope, letter.approval_id)
            decisions = approvals.decisions(tx, self.scope, letter.approval_id)
        is_open = record.status_at(self.database.now_ms()) is Status.OPEN
        return is_open and all(decision.actor != letter.assignee for decision in decisions)


def _mailbox(assignee: str) -> Mailbox | None:
    try:
        found = parse_mailboxes(assignee, "")
    except InvalidInput:
        return None
    return found[0] if len(found) == 1 else None


def _subject(letter: Letter) -> str:
    # Line breaks would end the header; everything else of the title is the author's affair.
    title = " ".join(letter.title.split())
    return f"Reminder: {title}" if letter.reminder else title


def _text(letter: Letter, link: str) -> str:
    about = f"{letter.description}\n\n" if letter.description else ""
    return (
        f"{letter.title}\n\n{about}Your decision is asked for until {rfc3339(letter.expires_at_ms)}.\n"
        f"This link is yours alone, and can be used once:\n\n{link}\n"
    )
