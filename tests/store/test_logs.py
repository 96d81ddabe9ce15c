"""What handlers log is kept with the run: once, by step and attempt, and no more than so much."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime

from workflowkit.base.jsonvalue import loads
from workflowkit.base.limits import Limits
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.contrib.encryption import EncryptionMiddleware
from workflowkit.definition.model import SOURCE
from workflowkit.engine.context import StepContext
from workflowkit.engine.extensions import Extensions
from workflowkit.store import loglines
from workflowkit.store.loglines import LineFilter, LogLine


@contextmanager
def a_talking_runtime(database_url: str, handler: Any, **options: Any) -> Iterator[Harness]:
    """Open a runtime with a workflow of one step, ``a``, that is ``handler``, and start a run of it."""
    registry = a_registry()
    registry.action("talk", retries=2)(handler)
    document = a_workflow().action("a", "talk").edge(SOURCE, "a").trigger("test/happened").document()
    with a_runtime(database_url, registry=registry, **options) as harness:
        harness.deploy(document)
        harness.send("test/happened")
        harness.drain()
        yield harness


def lines(harness: Harness, scope: Scope = DEFAULT_SCOPE, **where: Any) -> list[LogLine]:
    """Return what is kept of the only run."""
    harness.runtime.logs.flush()
    with harness.runtime.database.read() as tx:
        return loglines.find(tx, scope, harness.run()["id"], LineFilter(**where), limit=1000)


def test_lines_are_kept_with_step_attempt_and_level_in_their_order(database_url: str) -> None:
    def talk(ctx: StepContext) -> None:
        ctx.logger.info("attempt %d", ctx.attempt)
        ctx.logger.debug("not kept")
        if ctx.attempt == 0:
            ctx.logger.warning("the bank is away")
            raise RuntimeError("away")

    with a_talking_runtime(database_url, talk) as harness:
        harness.skip(3600)
        assert harness.run()["status"] == "completed"
        found = [(line.step_key, line.attempt, line.level, line.message) for line in lines(harness)]
        assert found == [
            ("a", 1, logging.INFO, "attempt 0"),
            ("a", 1, logging.WARNING, "the bank is away"),
            ("a", 2, logging.INFO, "attempt 1"),
        ]
        assert [line.message for line in lines(harness, attempt=2)] == ["attempt 1"]
        assert [line.message for line in lines(harness, level=logging.WARNING)] == ["the bank is away"]
        assert lines(harness, step="b") == []
        assert lines(harness, Scope(DEFAULT_SCOPE.environment, "other")) == []


def test_a_line_before_the_first_of_three_steps_is_kept_once_and_not_four_times(database_url: str) -> None:
    def talk(ctx: StepContext) -> None:
        ctx.logger.info("before")
        for name in ("one", "two", "three"):
            ctx.step.run(name, lambda: ctx.logger.info("inside"))
            ctx.step.sleep(f"after-{name}", "1m")
        ctx.logger.info("after")

    with a_talking_runtime(database_url, talk) as harness:
        for _ in range(3):
            harness.skip(61)
        assert harness.run()["status"] == "completed"
        found = [(line.step_key, line.message) for line in lines(harness)]
        assert found == [
            ("a", "before"), ("a/one", "inside"), ("a/two", "inside"), ("a/three", "inside"), ("a", "after"),
        ]  # fmt: skip
        assert [line.step_key for line in lines(harness, step="a/two")] == ["a/two"]
        assert len(lines(harness, step="a")) == 5


def test_of_a_run_that_says_too_much_the_first_lines_are_kept_and_the_last_says_so(database_url: str) -> None:
    def talk(ctx: StepContext) -> None:
        for number in range(50):
            ctx.logger.info("%04d", number)
            if number in (10, 30):
                harness.runtime.logs.flush()

    limits = Limits(run_log_bytes=100, log_line_chars=3)
    registry = a_registry()
    registry.action("talk")(talk)
    with a_runtime(database_url, registry=registry, limits=limits) as harness:
        harness.deploy(a_workflow().action("a", "talk").edge(SOURCE, "a").trigger("test/happened").document())
        harness.send("test/happened")
        harness.drain()
        found = [line.message for line in lines(harness)]
        assert found[:3] == ["000", "000", "000"], "lines are cut off"
        assert len(found) == 34
        assert "run_log_bytes" in found[-1]
        assert harness.rows("SELECT sum(size_bytes) AS n FROM log_lines") == [{"n": 100}]


def test_a_traceback_and_a_line_that_cannot_be_formatted_are_kept_as_text(sqlite_url: str) -> None:
    def talk(ctx: StepContext) -> None:
        try:
            raise ValueError("no such order")
        except ValueError:
            ctx.logger.exception("it failed")
        ctx.logger.info("%d", "three\0")

    with a_talking_runtime(sqlite_url, talk) as harness:
        failed, odd = lines(harness)
        assert failed.level == logging.ERROR
        assert failed.message.startswith("it failed\nTraceback")
        assert failed.message.endswith("ValueError: no such order")
        assert odd.message == "%d ('three\\x00',)"


@pytest.mark.parametrize(("level", "kept"), [("debug", 3), ("warning", 1), ("off", 0)])
def test_the_level_is_a_setting_and_not_that_of_the_process(sqlite_url: str, level: str, kept: int) -> None:
    def talk(ctx: StepContext) -> None:
        ctx.logger.debug("d")
        ctx.logger.info("i")
        ctx.logger.error("e")

    logging.getLogger("workflowkit.action").setLevel(logging.CRITICAL)
    try:
        with a_talking_runtime(sqlite_url, talk, run_log_level=level) as harness:
            assert len(lines(harness)) == kept
    finally:
        logging.getLogger("workflowkit.action").setLevel(logging.NOTSET)


def test_lines_are_encrypted_where_values_are(database_url: str) -> None:
    def talk(ctx: StepContext) -> None:
        ctx.logger.info("the card is 4242")

    extensions = Extensions()
    extensions.use(EncryptionMiddleware("a passphrase of some length"))
    with a_talking_runtime(database_url, talk, extensions=extensions) as harness:
        assert [line.message for line in lines(harness)] == ["the card is 4242"]
        (stored,) = harness.rows("SELECT message FROM log_lines")
        assert "4242" not in stored["message"]


def test_what_is_logged_costs_the_step_no_commit(database_url: str) -> None:
    from workflowkit.base import failpoints

    def talk(ctx: StepContext) -> None:
        ctx.logger.info("hello")

    passed: list[str] = []
    stop = failpoints.listen(passed.append)
    with a_talking_runtime(database_url, talk) as harness:
        harness.runtime.logs.stop()
    stop()
    commits = [name.partition(".")[0] for name in passed if name.endswith("after_commit")]
    assert [name for name in commits if name in ("match", "claim", "record", "step")] == ["match", "record"]
    assert commits.count("log") == 1


@pytest.mark.parametrize(
    ("say", "kept"),
    [
        (lambda logger: logger.info("bad \udc80"), "bad \\udc80"),
        (lambda logger: logger.info("%s", "bad \ud83d"), "bad \\ud83d"),
        (lambda logger: logger.info("bad \0"), "bad \\0"),
        (lambda logger: logger.log(2**80, "loud"), "loud"),
    ],
)
def test_a_line_that_no_database_takes_as_it_is_costs_no_other_line(database_url: str, say: Any, kept: str) -> None:
    def talk(ctx: StepContext) -> None:
        say(ctx.logger) if ctx.event["data"].get("bad") else ctx.logger.info("fine")

    with _two_tenants(database_url, talk) as harness:
        harness.runtime.logs.flush()
        rows = harness.rows("SELECT message FROM log_lines")
        assert sorted(loads(row["message"]) for row in rows) == sorted(["fine", kept, "fine"])


def test_a_line_that_cannot_be_written_loses_itself_only(
    database_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def talk(ctx: StepContext) -> None:
        ctx.logger.info("bad" if ctx.event["data"].get("bad") else "fine")

    def append(tx: Any, scope: Scope, written: list[LogLine], **options: Any) -> None:
        if any(line.message == "bad" for line in written):
            raise ValueError("no such line")
        kept(tx, scope, written, **options)

    kept = loglines.append
    with _two_tenants(database_url, talk) as harness:
        monkeypatch.setattr(loglines, "append", append)
        harness.runtime.logs.flush()
        assert [loads(row["message"]) for row in harness.rows("SELECT message FROM log_lines")] == ["fine"] * 2
        assert "was lost" in caplog.text


def test_what_is_no_level_is_not_kept(database_url: str) -> None:
    said: list[type[Exception]] = []

    def talk(ctx: StepContext) -> None:
        try:
            ctx.logger.log(45.5, "half")  # type: ignore[arg-type]
        except TypeError as error:
            said.append(type(error))

    with a_talking_runtime(database_url, talk) as harness:
        assert lines(harness) == []
        assert said == [TypeError]


@contextmanager
def _two_tenants(database_url: str, handler: Any) -> Iterator[Harness]:
    """Let runs of two tenants talk, one of them with ``bad`` data; nothing of it has been written yet."""
    registry, other = a_registry(), Scope(DEFAULT_SCOPE.environment, "acme")
    registry.action("talk")(handler)
    document = a_workflow().action("a", "talk").edge(SOURCE, "a").trigger("test/happened").document()
    with a_runtime(database_url, registry=registry) as harness:
        harness.runtime.logs._start = lambda: None  # type: ignore[method-assign]
        harness.deploy(document)
        harness.deploy(document, scope=other)
        harness.send("test/happened")
        harness.send("test/happened", scope=other, data={"bad": True})
        harness.send("test/happened", scope=other)
        harness.drain()
        yield harness
