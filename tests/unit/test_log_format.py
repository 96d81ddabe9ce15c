"""Logs as JSON: each record one line, whatever is in it."""

from __future__ import annotations

import json
import logging
import os
import socket
import sys

import pytest

from workflowkit.cli.logformat import JsonFormatter, gunicorn_logging
from workflowkit.cli.processes import LOG_FORMAT_VARIABLE
from workflowkit.cli.webserver import Server, ServerOptions


def line_of(record: logging.LogRecord) -> dict[str, object]:
    text = JsonFormatter().format(record)
    assert "\n" not in text
    parsed: dict[str, object] = json.loads(text)
    return parsed


def test_a_record_says_when_what_and_of_which_step() -> None:
    record = logging.LogRecord("workflowkit.action", logging.WARNING, "", 0, "looking for %s\nx %s", ("tea", 2), None)
    record.created = 1_750_000_000.25
    record.run_id, record.step, record.attempt, record.of = "R1", "a", 0, {"set"}
    assert line_of(record) == {
        "at": "2025-06-15T15:06:40.250Z", "level": "warning", "logger": "workflowkit.action",
        "message": "looking for tea\nx 2", "run_id": "R1", "step": "a", "attempt": 0, "of": "{'set'}",
    }  # fmt: skip


class _Mute:
    def __str__(self) -> str:
        raise ValueError("no text")


def test_what_has_no_json_form_is_text_and_the_line_stays() -> None:
    file = os.fsdecode(b"caf\xe9.txt")
    record = logging.LogRecord("x", logging.INFO, "", 0, "reading %s", (file,), None)
    itself: list[object] = []
    itself.append(itself)
    record.total, record.itself, record.mute, record.step, record.attempt = 2**70, itself, _Mute(), "a", 1
    line = line_of(record)
    assert (line["message"], line["total"], line["itself"]) == ("reading caf\\udce9.txt", str(2**70), "[[...]]")
    assert (line["mute"], line["step"], line["attempt"]) == ("<_Mute>", "a", 1)


def test_an_exception_is_in_the_line_and_nothing_that_comes_along_takes_the_place_of_our_own() -> None:
    try:
        raise ValueError("no tea")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "failed", (), sys.exc_info())
    record.level = record.at = "theirs"
    line = line_of(record)
    assert str(line["error"]).endswith("ValueError: no tea")
    assert line["level"] == "error"
    assert line["at"] != "theirs"


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_the_web_server_logs_like_the_rest_of_its_process(monkeypatch: pytest.MonkeyPatch, log_format: str) -> None:
    monkeypatch.setenv(LOG_FORMAT_VARIABLE, log_format)

    class Nothing:
        def load(self) -> None: ...
        def start(self) -> None: ...
        def stop(self) -> None: ...

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = Server(Nothing(), listener, ServerOptions(log_level="info"))  # type: ignore[arg-type]
    expected = gunicorn_logging("info") if log_format == "json" else {}
    assert server.cfg.logconfig_dict == expected
