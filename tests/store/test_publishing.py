"""Messages of handlers: plain ones each time, durable ones once, and none of an attempt that came too late."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime

from workflowkit.base import failpoints
from workflowkit.base.errors import LimitExceeded
from workflowkit.base.jsonvalue import loads
from workflowkit.base.limits import Limits
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.engine.channels import new_message
from workflowkit.engine.context import AsyncStepContext, StepContext
from workflowkit.registry import Registry
from workflowkit.store import messages


def _registry(handler: Any) -> Registry:
    registry = a_registry()
    registry.action("speaker", retries=4)(handler)
    return registry


def _start(harness: Harness, kind: str = "speaker", **inputs: Any) -> str:
    document = a_workflow().action("d", kind=kind, inputs=inputs).path("$source", "d").trigger("go").document()
    harness.deploy(document)
    harness.send("go")
    harness.drain()
    return str(harness.run()["id"])


def _published(harness: Harness) -> list[tuple[str, str, Any]]:
    rows = harness.rows("SELECT channel, topic, data FROM messages ORDER BY seq")
    return [(row["channel"], row["topic"], loads(row["data"])) for row in rows]


def test_a_plain_message_is_published_each_time_and_a_durable_one_once(database_url: str) -> None:
    def speaker(ctx: StepContext) -> None:
        ctx.publish("progress", {"attempt": ctx.attempt})
        ctx.step.publish("told", "progress", "once")
        if ctx.attempt < 2:
            raise RuntimeError("again")

    with a_runtime(database_url, _registry(speaker), limits=Limits(replay_seconds=100_000)) as harness:
        run_id = _start(harness)
        for _ in range(2):
            harness.skip(3600)
        assert harness.run()["status"] == "completed"
        channel = f"run:{run_id}"
        assert _published(harness) == [
            (channel, "progress", {"attempt": 0}),
            (channel, "progress", "once"),
            (channel, "progress", {"attempt": 1}),
            (channel, "progress", {"attempt": 2}),
        ]


def test_a_handler_that_waits_publishes_durable_messages_in_their_order(database_url: str) -> None:
    def speaker(ctx: StepContext) -> None:
        ctx.step.publish("begun", "progress", 1, channel="thread:7")
        ctx.step.sleep("nap", "1h")
        ctx.step.publish("rested", "progress", 2, channel="thread:7")

    with a_runtime(database_url, _registry(speaker), limits=Limits(replay_seconds=100_000)) as harness:
        _start(harness)
        assert _published(harness) == [("thread:7", "progress", 1)]
        harness.skip(3601)
        assert _published(harness) == [("thread:7", "progress", 1), ("thread:7", "progress", 2)]


def test_asynchronous_handlers_publish_too(database_url: str) -> None:
    async def speaker(ctx: AsyncStepContext) -> None:
        ctx.publish("plain", None)
        await ctx.step.publish("told", "durable", [1, 2])

    with a_runtime(database_url, _registry(speaker)) as harness:
        channel = f"run:{_start(harness)}"
        assert _published(harness) == [(channel, "plain", None), (channel, "durable", [1, 2])]


def test_a_message_and_the_step_that_publishes_it_are_one_commit(database_url: str) -> None:
    seen: list[int] = []

    def speaker(ctx: StepContext) -> None:
        ctx.step.publish("told", "progress", 1)

    with a_runtime(database_url, _registry(speaker)) as harness:
        # What others see just before the commit: nothing, as long as the step is not recorded.
        def look(name: str) -> None:
            if name == "step.before_commit":
                seen.append(len(_published(harness)))

        stop = failpoints.listen(look)
        try:
            _start(harness)
        finally:
            stop()
        assert seen == [0]
        assert len(_published(harness)) == 1
        assert ("completed", "d/told") in harness.journal()


def test_what_cannot_be_published_fails_the_step_with_the_reason(sqlite_url: str) -> None:
    def speaker(ctx: StepContext) -> None:
        ctx.publish("$status", 1)

    with a_runtime(sqlite_url, _registry(speaker)) as harness:
        _start(harness)
        assert _published(harness) == []
        assert "topic" in harness.rows("SELECT data FROM journal WHERE kind = 'failed'")[0]["data"]


def test_a_message_may_be_as_large_as_the_limit_says(sqlite_url: str) -> None:
    with a_runtime(sqlite_url) as harness:
        publishing = harness.runtime.publishing
        publishing.publish(DEFAULT_SCOPE, "room", "news", "x" * (512 * 1024 - 2))
        with pytest.raises(LimitExceeded, match="message_bytes"):
            publishing.publish(DEFAULT_SCOPE, "room", "news", "x" * (512 * 1024 - 1))
        assert len(_published(harness)) == 1


def test_the_action_publishes_to_the_run_or_to_a_channel(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        run_id = _start(harness, "publish_update", topic="progress", data={"percent": 40})
        assert _published(harness) == [(f"run:{run_id}", "progress", {"percent": 40})]
        assert loads(harness.run()["output"])["d"] == {"channel": f"run:{run_id}", "topic": "progress"}


def test_who_has_seen_a_number_has_seen_all_before_it(postgres_url: str) -> None:
    """Numbers of a sequence become visible in any order; those of a channel in theirs."""
    with a_runtime(postgres_url) as harness:
        publishing, database = harness.runtime.publishing, harness.runtime.database
        publishing.publish(DEFAULT_SCOPE, "hall", "news", "the first of this minute, which plans its timer")
        with ThreadPoolExecutor(1) as other:
            with database.transaction("message") as tx:
                publishing.join(tx, DEFAULT_SCOPE, [new_message("room", "news", "first")])
                later = other.submit(publishing.publish, DEFAULT_SCOPE, "room", "news", "second")
                # Another channel waits for nobody; so by now the other thread could have been done, too.
                publishing.publish(DEFAULT_SCOPE, "hall", "news", "elsewhere")
                assert not later.done()
                with database.read() as seen:
                    assert messages.find_after(seen, DEFAULT_SCOPE, "room", after=0, most=9) == []
            later.result(timeout=30)
        with database.read() as seen:
            found = messages.find_after(seen, DEFAULT_SCOPE, "room", after=0, most=9)
        assert [row.data for row in found] == ["first", "second"]
