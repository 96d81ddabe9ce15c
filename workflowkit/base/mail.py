"""Writing an e-mail and handing it over: to an SMTP server, to a directory, or to the log.

Whoever chooses the texts and recipients is not trusted: what would end a header line is refused, and addresses are held
against a strict syntax. Where mail goes (``email_url``) is the operator's choice and trusted.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from workflowkit.base.clock import SystemClock
from workflowkit.base.errors import ActionError, InvalidInput, LimitExceeded, NonRetriableError

if TYPE_CHECKING:
    import logging
    from email.message import EmailMessage
    from smtplib import SMTP

MAX_RECIPIENTS = 50
SMTP_TIMEOUT_SECONDS = 30.0

_SCHEMES = ("console", "file", "smtp", "smtps")
_DEFAULT_PORTS = {"smtp": 25, "smtps": 465}
_TLS_MODES = ("starttls", "none")
_HEADER_BREAKING = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
# Dot-atom and host name of RFC 5321, section 4.1.2; quoted local parts and address literals are legal and never honest.
_LOCAL_PART = re.compile(r"(?=.{1,64}\Z)[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
#: ``a@b``, ``Name <a@b>`` or ``"Name" <a@b>``, up to the next comma or the end. Never goes back, so it is linear.
_MAILBOX = re.compile(
    r"""
    \s*+
    (?: (?: " (?P<quoted> (?: [^"\\] | \\. )*+ ) " \s*+ | (?P<plain> [^"<>@,;:\\]*+ ) ) < (?P<bracketed> [^<>\s]++ ) >
      | (?P<bare> [^<>\s,;"]++ )
    )
    \s*+ (?: , \s*+ | \Z )
    """,
    re.VERBOSE,
)
_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One address with the name it is shown under, if any."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Mail:
    """What is to be sent. ``key`` identifies the mail: sending it again gives the same ``Message-ID``."""

    key: str
    sender: Mailbox
    to: tuple[Mailbox, ...]
    subject: str
    text: str
    html: str | None = None
    cc: tuple[Mailbox, ...] = ()
    reply_to: tuple[Mailbox, ...] = ()

    @property
    def message_id(self) -> str:
        return f"<{self.key}@{self.sender.address.rpartition('@')[2]}>"

    @property
    def recipients(self) -> list[str]:
        """Every address the mail goes to, each once."""
        return list(dict.fromkeys(mailbox.address for mailbox in (*self.to, *self.cc)))


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over; ``password`` never shows in a representation."""

    scheme: str
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    starttls: bool = False
    directory: str = ""


def parse_mail_url(url: str) -> MailServer:
    """Read ``console://``, ``file:///directory``, ``smtp://user:password@host:587?tls=starttls`` or ``smtps://…``.

    With ``smtp`` and a user the connection is encrypted unless the URL says ``tls=none``. Raises ``ValueError``, which
    never quotes the URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("the e-mail URL is not valid; special characters of a password are written as %XX") from None
    if parts.scheme not in _SCHEMES:
        raise ValueError(f"an e-mail URL starts with one of {', '.join(_SCHEMES)}")
    if parts.scheme == "console":
        return MailServer("console")
    if parts.scheme == "file":
        if parts.netloc or not parts.path:
            raise ValueError("an e-mail directory is written file:///absolute/path")
        return MailServer("file", directory=unquote(parts.path))
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    user, tls = unquote(parts.username or ""), options.pop("tls", None)
    if not parts.hostname or options or tls not in (*_TLS_MODES, None) or (tls and parts.scheme == "smtps"):
        raise ValueError(
            "an e-mail server is written smtp://user:password@host:port?tls=starttls, or smtps://… without tls"
        )
    return MailServer(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port or (587 if user and parts.scheme == "smtp" else _DEFAULT_PORTS[parts.scheme]),
        user=user,
        password=unquote(parts.password or ""),
        starttls=parts.scheme == "smtp" and (tls == "starttls" or (tls is None and bool(user))),
    )


def parse_mailboxes(texts: str | Sequence[str], pointer: str) -> tuple[Mailbox, ...]:
    """Read addresses, each ``a@b.example`` or ``Name <a@b.example>``; one text may hold several, with commas between.

    Raises ``InvalidInput`` at ``pointer`` for what is no address.
    """
    if isinstance(texts, str):
        texts = [texts] if texts.strip() else []
    return tuple(mailbox for text in texts for mailbox in _mailboxes_in(text, pointer))


def check_line(text: str, pointer: str) -> None:
    """Raise ``InvalidInput`` if ``text`` would not stay on one header line."""
    if _HEADER_BREAKING.search(text):
        raise InvalidInput.at(pointer, "header-injection", "must not contain line breaks or control characters")


def deliver(
    mail: Mail, server: MailServer, logger: logging.Logger | logging.LoggerAdapter[logging.Logger]
) -> list[str]:
    """Hand the mail over and return the recipients the server refused, if it accepted others.

    Raises ``ActionError`` when trying again may help, ``NonRetriableError`` when the server refuses for good,
    ``LimitExceeded`` for too many recipients. Repeating it may deliver twice; the ``Message-ID`` is then the same.
    """
    if len(mail.recipients) > MAX_RECIPIENTS:
        raise LimitExceeded("email_recipients", MAX_RECIPIENTS, len(mail.recipients))
    message = _composed(mail)
    if server.scheme == "console":
        # Every line is marked, so that no text can pass for a log line of its own.
        logger.info("e-mail, not sent:\n%s", "\n".join(f"  | {line}" for line in message.as_string().splitlines()))
        return []
    if server.scheme == "file":
        _write(mail, message, Path(server.directory))
        return []
    refused = _send(message, mail, server)
    if refused:
        logger.warning("the mail server refused %d of %d recipients", len(refused), len(mail.recipients))
    return list(refused)


def _mailboxes_in(text: str, pointer: str) -> Iterator[Mailbox]:
    check_line(text, pointer)
    position = 0
    while position < len(text) or position == 0:
        found = _MAILBOX.match(text, position)
        address = _ascii_domain(found["bracketed"] or found["bare"]) if found else ""
        if found is None or not _is_address(address):
            shown = text[position:][:100].strip()
            raise InvalidInput.at(pointer, "invalid-address", f"{shown!a} is no e-mail address")
        name = (found["quoted"] or found["plain"] or "").strip()
        yield Mailbox(address, re.sub(r"\\(.)", r"\1", name))
        position = found.end()


def _is_address(text: str) -> bool:
    local_part, _, domain = text.rpartition("@")
    return (
        bool(_LOCAL_PART.fullmatch(local_part)) and len(domain) <= 253 and all(map(_LABEL.fullmatch, domain.split(".")))
    )


def _ascii_domain(address: str) -> str:
    local_part, at, domain = address.rpartition("@")
    if domain.isascii() or len(domain) > 253:
        return address
    import idna  # large tables, for few addresses

    try:
        return local_part + at + idna.encode(domain, uts46=True, std3_rules=True).decode()
    except idna.IDNAError:
        return address


def _composed(mail: Mail) -> EmailMessage:
    from email.headerregistry import Address
    from email.message import EmailMessage
    from email.policy import SMTP
    from email.utils import formatdate

    message = EmailMessage(policy=SMTP)
    lists = {"From": (mail.sender,), "To": mail.to, "Cc": mail.cc, "Reply-To": mail.reply_to}
    for header, mailboxes in lists.items():
        if mailboxes:
            message[header] = [Address(mailbox.name, addr_spec=mailbox.address) for mailbox in mailboxes]
    message["Subject"] = mail.subject
    message["Date"] = formatdate(SystemClock().now_ms() / 1000)
    message["Message-ID"] = mail.message_id
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: vacation replies stay away
    message.set_content(mail.text)
    if mail.html is not None:
        message.add_alternative(mail.html, subtype="html")
    return message


def _write(mail: Mail, message: EmailMessage, directory: Path) -> None:
    if _KEY.fullmatch(mail.key) is None:
        raise ValueError("the key of a mail is letters, digits, - and _")
    partial = directory / f".{mail.key}-{os.getpid()}-{threading.get_ident()}.part"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(message.as_bytes())
        os.replace(partial, directory / f"{mail.key}.eml")
    except OSError as error:
        raise ActionError(f"cannot write the e-mail to its directory: {error.strerror}") from error


def _send(message: EmailMessage, mail: Mail, server: MailServer) -> Mapping[str, object]:
    import smtplib

    try:
        connection = _connected(server, mail.sender.address.rpartition("@")[2])
        try:
            refused = connection.send_message(message, from_addr=mail.sender.address, to_addrs=mail.recipients)
        except BaseException:
            connection.close()
            raise
        # The mail is accepted: a server that fails at saying goodbye must not have it sent again.
        with contextlib.suppress(OSError, smtplib.SMTPException):
            connection.quit()
        return refused
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        raise _failure(min(codes), f"the mail server refused every recipient: {max(codes)}") from error
    except smtplib.SMTPResponseException as error:
        raise _failure(error.smtp_code, f"the mail server answered {error.smtp_code}") from error
    except smtplib.SMTPNotSupportedError as error:
        raise NonRetriableError(f"the mail server cannot do what is needed: {error}") from error
    except (OSError, smtplib.SMTPException) as error:
        raise ActionError(f"cannot hand the mail over to {server.host}: {error}") from error


def _connected(server: MailServer, own_name: str) -> SMTP:
    """Return a session that is encrypted and authenticated as the server's URL says."""
    import smtplib
    import ssl

    tls = ssl.create_default_context()
    # An own name saves smtplib from asking the name server for this machine's, which may take many seconds.
    if server.scheme == "smtps":
        connection: SMTP = smtplib.SMTP_SSL(
            server.host, server.port, own_name, timeout=SMTP_TIMEOUT_SECONDS, context=tls
        )
    else:
        connection = smtplib.SMTP(server.host, server.port, own_name, timeout=SMTP_TIMEOUT_SECONDS)
    try:
        if server.starttls:
            connection.starttls(context=tls)
        if server.user:
            connection.login(server.user, server.password)
    except BaseException:
        connection.close()
        raise
    return connection


def _failure(code: int, message: str) -> ActionError:
    """RFC 5321, section 4.2.1: 4yz asks to try again, 5yz not to."""
    return NonRetriableError(message) if 500 <= code < 600 else ActionError(message)
