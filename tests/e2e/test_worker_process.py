"""A worker as users start it: it waits for the tables, says so once, and logs as it was told to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import services

from workflowkit import Settings, WorkflowKit

APP = """
import logging

from workflowkit import Event, WorkflowKit

wk = WorkflowKit("shop")


@wk.function("greet", trigger=Event("user/created"))
def greet(ctx):
    logging.getLogger("shop").info("hello from a step")
    ctx.logger.info("hello from its logger")
    logging.getLogger("shop").debug("all the details")
    return "done"
"""


@contextmanager
def a_worker(home: Path, url: str, *options: str) -> Iterator[Path]:
    """Run ``workflowkit worker``; give the file with what it writes to standard error."""
    home.joinpath("shop.py").write_text(APP)
    log = home / "worker.log"
    command = [sys.executable, "-m", "workflowkit", "worker", "shop:wk", "--concurrency", "2", *options]
    environment = {**os.environ, "WORKFLOWKIT_DATABASE_URL": url}
    with log.open("wb") as file, subprocess.Popen(command, cwd=home, stderr=file, env=environment) as process:
        try:
            yield log
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def count(wk: WorkflowKit, what: str) -> int:
    with wk.runtime.database.read() as tx:
        return int(tx.connection.exec_driver_sql(f"SELECT count(*) FROM {what}").scalar_one())


def says(log: Path, text: str) -> bool:
    return services.wait_until(lambda: text in log.read_text(), timeout_seconds=60)


@pytest.mark.parametrize("level", ["info", "warning"])
def test_a_worker_waits_for_the_tables_and_logs_as_it_was_told_to(tmp_path: Path, level: str) -> None:
    url = f"sqlite:///{tmp_path / 'kit.db'}"
    with a_worker(tmp_path, url, "--log-level", level) as log:
        assert says(log, "waiting: the database has no tables of this version: run `workflowkit migrate`")
        wk = WorkflowKit("sender", settings=Settings(database_url=url))
        wk.migrate()
        wk.send({"name": "user/created", "data": {}})

        assert services.wait_until(
            lambda: bool(count(wk, "runs WHERE status = 'completed'")) or _again(wk),
            timeout_seconds=60,
            poll_seconds=0.5,
        )
        text = log.read_text()
        wk.stop()

    assert ("hello from a step" in text) is (level == "info")
    assert "all the details" not in text
    assert "Traceback" not in text
    assert text.count("waiting: ") == 1


def test_a_worker_logs_as_json_for_whatever_collects_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'kit.db'}"
    wk = WorkflowKit("sender", settings=Settings(database_url=url))
    wk.migrate()
    with a_worker(tmp_path, url, "--log-format", "json") as log:
        assert services.wait_until(
            lambda: bool(count(wk, "runs WHERE status = 'completed'")) or _again(wk),
            timeout_seconds=60,
            poll_seconds=0.5,
        )
    wk.stop()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    (said,) = [line for line in lines if line["message"] == "hello from its logger"][:1]
    assert (said["level"], said["logger"], said["attempt"]) == ("info", "workflowkit.action", 0)
    assert {"at", "run_id", "step"} <= said.keys()


def _again(wk: WorkflowKit) -> bool:
    """Send once more: an event that came before the function was published starts nothing."""
    wk.send({"name": "user/created", "data": {}})
    return False


def test_a_process_with_a_worker_of_its_own_waits_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    wk = WorkflowKit("shop", settings=Settings(database_url=f"sqlite:///{tmp_path / 'kit.db'}"))
    wk.start(concurrency=1)
    try:
        assert services.wait_until(lambda: "run `workflowkit migrate`" in caplog.text, timeout_seconds=60)
        assert not [record for record in caplog.records if record.exc_info]
        wk.migrate()
        assert services.wait_until(lambda: bool(count(wk, "workers")), timeout_seconds=60)
    finally:
        wk.stop()
