from __future__ import annotations

import email
import email.policy
import logging
import socketserver
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from workflowkit.base.errors import ActionError, InvalidInput, LimitExceeded, NonRetriableError
from workflowkit.base.mail import Mailbox, parse_mail_url, parse_mailboxes
from workflowkit.engine.context import ActionConfig, RunInfo, StepContext, StepInfo
from workflowkit.registry import Registry, load_builtin_actions

KEY = "0123456789abcdef"


def send_email(email_url: str, *, key: str = KEY, sender: str = "Shop <shop@example.com>", **inputs: Any) -> Any:
    context = StepContext(
        event={"name": "test", "data": {}},
        run=RunInfo("r1", "w1", "v1", "default", "default"),
        step=StepInfo("a1", "a1", "send_email", "mail"),
        attempt=0,
        idempotency_key=key,
        state={},
        workflow={},
        config=ActionConfig(email_url=email_url, email_from=sender),
    )
    registry = Registry()
    load_builtin_actions(registry)
    spec = registry.get("send_email")
    assert spec is not None
    return spec.handler(context, **{"to": "ada@example.org", "subject": "Hello", "body": "Text"} | inputs)


def read_message(path: Path) -> EmailMessage:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def refusal(error: InvalidInput) -> tuple[str, str]:
    (problem,) = error.problems
    return problem.code, problem.pointer


class SmtpServer:
    """Speaks enough SMTP to take mail; ``replies`` overrides the answer to a command, or to one with its argument."""

    def __init__(self, **replies: str) -> None:
        self.replies = {command.replace("_", " "): answer for command, answer in replies.items()}
        self.commands: list[str] = []
        self.messages: list[bytes] = []
        commands, messages, overrides = self.commands, self.messages, self.replies

        class Session(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.say(overrides.get("GREETING", "220 ready"))
                while line := self.rfile.readline().decode().strip():
                    commands.append(line)
                    verb = line.split(" ")[0].upper()
                    usual = {"EHLO": "250-test\r\n250 AUTH PLAIN", "DATA": "354 go", "QUIT": "221 bye"}.get(
                        verb, "250 ok"
                    )
                    answer = overrides.get(line, overrides.get(verb, usual))
                    if answer:
                        self.say(answer)
                    if verb == "DATA" and answer.startswith("354"):
                        messages.append(b"".join(iter(self.rfile.readline, b".\r\n")))
                        self.say(overrides.get("END", "250 queued"))
                    if verb == "QUIT" or answer.startswith("421"):
                        return

            def say(self, answer: str) -> None:
                self.wfile.write(answer.encode() + b"\r\n")

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"smtp://{self.address}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> SmtpServer:
        self._thread.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def mail_directory(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "new" / "mail"
    yield directory
    assert {path.suffix for path in directory.glob("*")} <= {".eml"}


def test_a_mail_is_written_to_a_file_of_its_own(mail_directory: Path) -> None:
    output = send_email(
        f"file://{mail_directory}",
        to=["Ada Lovelace <ada@example.org>", "bob@example.org"],
        cc="Zoë <zoe@bücher.example>, bob@example.org",
        reply_to="orders@example.com",
        subject="Größe 5 €",
        body="Hello\n.\nÜ",
        html="<p>Hello</p>",
    )
    recipients = ["ada@example.org", "bob@example.org", "zoe@xn--bcher-kva.example"]
    assert output == {"message_id": f"<{KEY}@example.com>", "to": recipients, "refused": []}
    message = read_message(mail_directory / f"{KEY}.eml")
    assert message["From"] == "Shop <shop@example.com>"
    assert message["To"] == "Ada Lovelace <ada@example.org>, bob@example.org"
    assert message["Cc"] == "Zoë <zoe@xn--bcher-kva.example>, bob@example.org"
    assert message["Reply-To"] == "orders@example.com"
    assert message["Subject"] == "Größe 5 €"
    assert message["Message-ID"] == f"<{KEY}@example.com>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime is not None
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert plain.get_content().splitlines() == ["Hello", ".", "Ü"]
    assert html is not None
    assert html.get_content().splitlines() == ["<p>Hello</p>"]


def test_a_repeated_attempt_replaces_its_file(mail_directory: Path) -> None:
    for body in ("first", "second"):
        send_email(f"file://{mail_directory}", body=body)
    send_email(f"file://{mail_directory}", key="other", body="third")
    assert read_message(mail_directory / f"{KEY}.eml").get_content().strip() == "second"
    assert sorted(path.name for path in mail_directory.iterdir()) == [f"{KEY}.eml", "other.eml"]


def test_a_key_cannot_leave_the_directory(mail_directory: Path) -> None:
    with pytest.raises(ValueError, match="key"):
        send_email(f"file://{mail_directory}", key="../escape")


def test_a_directory_that_cannot_be_written_fails_without_naming_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ActionError, match="cannot write") as caught:
        send_email(f"file://{tmp_path}/file/mail")
    assert str(tmp_path) not in caught.value.message


def test_a_mail_is_logged_with_every_line_marked(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        send_email("console://", body="Hello\n2026-01-01 ERROR forged\r\n\rforged")
    (record,) = caplog.records
    head, *lines = record.getMessage().splitlines()
    assert head == "e-mail, not sent:"
    assert "  | Subject: Hello" in lines
    assert [line for line in lines if not line.startswith("  | ")] == []


@pytest.mark.parametrize(
    "subject", ["a\nBcc: eve@example.org", "a\r\n\r\nbody", "a\rb", "a\x0bb", "a\x85b", "a\u2028b"]
)
def test_a_subject_cannot_start_another_header(subject: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        send_email("console://", subject=subject)
    assert refusal(caught.value) == ("header-injection", "/inputs/subject")


@pytest.mark.parametrize("field", ["to", "cc", "reply_to"])
@pytest.mark.parametrize("address", ["a@b.example\nBcc: eve@example.org", "A\r\nX: y <a@b.example>", "a@b.example\0"])
def test_an_address_cannot_start_another_header(field: str, address: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        send_email("console://", **{field: address})
    assert refusal(caught.value) == ("header-injection", f"/inputs/{field}")


@pytest.mark.parametrize(
    "address",
    [
        "ada",
        "@example.org",
        "ada@",
        "ada@-example.org",
        "ada@example..org",
        "ada@example.org.",
        ".ada@example.org",
        "a..b@example.org",
        "ada@[127.0.0.1]",
        '"a b"@example.org',
        "ada lovelace@example.org",
        "ada@example.org eve@example.org",
        "ada@example.org)eve@example.org",
        "ada@example.org; eve@example.org",
        "ada@exam ple.org",
        "ada@eve@example.org",
        "ada@example.org <eve@example.org>",
        "Ada <ada@example.org",
        "Ada ada@example.org>",
        "Ada <<ada@example.org>>",
        '"Ada <ada@example.org>',
        "ada@example.org, , eve@example.org",
        "group: ada@example.org;",
        "zoë@example.org",
        "a" * 65 + "@example.org",
        "ada@" + "a" * 64 + ".org",
        "ada@" + "é" * 300 + ".org",
        "-oQ/tmp -X/tmp/x@example.org",
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        send_email("console://", to=["bob@example.org", address])
    assert refusal(caught.value) == ("invalid-address", "/inputs/to")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ada@example.org", [("ada@example.org", "")]),
        (
            " Ada Lovelace  <ada+x@sub.example.org> , b@localhost,",
            [("ada+x@sub.example.org", "Ada Lovelace"), ("b@localhost", "")],
        ),
        (r'"Lovelace, \"Ada\"" <ada@example.org>', [("ada@example.org", 'Lovelace, "Ada"')]),
        ("<ada@example.org>", [("ada@example.org", "")]),
        ("Zoë <zoe@bücher.example>", [("zoe@xn--bcher-kva.example", "Zoë")]),
        ("   ", []),
    ],
)
def test_addresses_are_read_with_their_names(text: str, found: list[tuple[str, str]]) -> None:
    assert parse_mailboxes(text, "") == tuple(Mailbox(*pair) for pair in found)


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "text", [" " * 300_000, '"' + "\\" * 300_000, "a" * 300_000, "a." * 150_000 + "@", "<" * 300_000]
)
def test_hostile_addresses_cost_time_in_proportion_to_their_length(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_mailboxes([text], "")


@pytest.mark.parametrize("to", ["", " ", []])
def test_somebody_must_get_the_mail(to: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        send_email("console://", to=to)
    assert refusal(caught.value) == ("no-recipient", "/inputs/to")


def test_a_mail_goes_to_so_many_recipients_only() -> None:
    with pytest.raises(LimitExceeded, match="email_recipients exceeded: at most 50, got 51"):
        send_email("console://", to=[f"u{number}@example.org" for number in range(51)])


def test_a_mail_is_handed_to_an_smtp_server() -> None:
    with SmtpServer() as server:
        output = send_email(server.url, to="ada@example.org, bob@example.org", body="Hello\n.\nend")
    assert output["to"] == ["ada@example.org", "bob@example.org"]
    assert [command.partition(" size=")[0] for command in server.commands] == [
        "ehlo example.com",
        "mail FROM:<shop@example.com>",
        "rcpt TO:<ada@example.org>",
        "rcpt TO:<bob@example.org>",
        "data",
        "quit",
    ]
    (raw,) = server.messages
    assert b"Message-ID: <" + KEY.encode() + b"@example.com>\r\n" in raw
    assert b"\r\n\r\nHello\r\n..\r\nend\r\n" in raw


def test_user_and_password_are_sent_when_the_url_has_them() -> None:
    with SmtpServer(AUTH="235 welcome") as server:
        send_email(f"smtp://u%40x:p%2Fw@{server.address}?tls=none")
    assert server.commands[1] == "AUTH PLAIN AHVAeABwL3c="


def test_a_password_is_never_sent_in_the_clear_unless_told_to() -> None:
    with SmtpServer() as server, pytest.raises(NonRetriableError, match="STARTTLS"):
        send_email(f"smtp://user:secret@{server.address}")
    assert not any("AUTH" in command for command in server.commands)


@pytest.mark.parametrize(
    ("replies", "retryable", "words"),
    [
        ({"GREETING": "421 busy"}, True, "421"),
        ({"GREETING": "554 go away"}, False, "554"),
        ({"MAIL": "451 later"}, True, "451"),
        ({"MAIL": "550 no"}, False, "550"),
        ({"RCPT": "450 greylisted"}, True, "refused every recipient"),
        ({"RCPT": "550 unknown"}, False, "refused every recipient"),
        ({"DATA": "452 full"}, True, "452"),
        ({"END": "554 spam"}, False, "554"),
        ({"MAIL": "no smtp"}, True, "answered -1"),
    ],
)
def test_the_answer_of_the_server_decides_whether_to_try_again(
    replies: dict[str, str], retryable: bool, words: str
) -> None:
    with SmtpServer(**replies) as server, pytest.raises(ActionError, match=words) as caught:
        send_email(server.url)
    assert caught.value.retryable is retryable


def test_wrong_credentials_fail_at_once_and_do_not_show() -> None:
    with SmtpServer(AUTH="535 wrong") as server, pytest.raises(NonRetriableError) as caught:
        send_email(f"smtp://user:secret@{server.address}?tls=none")
    assert caught.value.message == "the mail server answered 535"


def test_a_server_that_is_away_is_worth_another_try() -> None:
    with SmtpServer() as server:
        pass
    with pytest.raises(ActionError, match=r"cannot hand the mail over to 127\.0\.0\.1") as caught:
        send_email(server.url)
    assert caught.value.retryable


def test_recipients_that_are_refused_among_others_are_named() -> None:
    refused = {"rcpt TO:<bob@example.org>": "550 unknown"}
    with SmtpServer(**refused) as server:
        output = send_email(server.url, to=["ada@example.org", "bob@example.org"])
    assert (output["to"], output["refused"]) == (["ada@example.org"], ["bob@example.org"])
    assert len(server.messages) == 1


@pytest.mark.parametrize("goodbye", ["500 what?", "421 shutting down", ""])
def test_a_server_that_fails_at_saying_goodbye_has_the_mail(goodbye: str) -> None:
    with SmtpServer(QUIT=goodbye) as server:
        send_email(server.url)
    assert len(server.messages) == 1


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port", "starttls"),
    [
        ("smtp://mail.example", "smtp", "mail.example", 25, False),
        ("smtp://mail.example?tls=starttls", "smtp", "mail.example", 25, True),
        ("smtp://u:p@mail.example", "smtp", "mail.example", 587, True),
        ("smtp://u:p@mail.example:2525?tls=none", "smtp", "mail.example", 2525, False),
        ("smtps://u:p@mail.example", "smtps", "mail.example", 465, False),
    ],
)
def test_an_email_url_says_how_to_connect(url: str, scheme: str, host: str, port: int, starttls: bool) -> None:
    server = parse_mail_url(url)
    assert (server.scheme, server.host, server.port, server.starttls) == (scheme, host, port, starttls)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.example",
        "http://mail.example",
        "smtp://",
        "smtp://u:secret@",
        "smtp://u:se/cret@mail.example",
        "smtp://u:secret@mail.example:port",
        "smtp://u:secret@mail.example?tls=maybe",
        "smtps://u:secret@mail.example?tls=none",
        "smtp://u:secret@mail.example?timeout=5",
        "file://relative/secret",
        "file://",
    ],
)
def test_an_email_url_that_is_wrong_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(NonRetriableError, match="e-mail settings are wrong") as caught:
        send_email(url)
    assert "cret" not in caught.value.message
    assert "secret" not in repr(parse_mail_url("smtp://u:secret@mail.example"))
