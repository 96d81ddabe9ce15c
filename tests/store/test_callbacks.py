"""Callbacks: a URL that is made before it is needed, called once, and kept until somebody asks."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from asking import PUBLIC_URL, durable, output, start
from builders import a_workflow
from runtimes import Harness, a_runtime, at_once

from workflowkit.base import failpoints
from workflowkit.base.errors import Conflict, Gone, InvalidInput, LimitExceeded, NotFound
from workflowkit.base.failpoints import FailpointReached
from workflowkit.base.jsonvalue import dumps, loads
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.engine.context import AsyncStepContext, StepContext


class Partner:
    """Whoever is given the URL."""

    def __init__(self) -> None:
        self.urls: list[str] = []
        self.has_url = threading.Event()

    def order(self, url: str) -> str:
        self.urls.append(url)
        self.has_url.set()
        return "ordered"

    @property
    def token(self) -> str:
        return self.urls[-1].rpartition("/")[2]


def _handler(partner: Partner, before_wait: Any = None) -> Any:
    def handler(ctx: StepContext) -> Any:
        done = ctx.step.callback("done", timeout="1h")
        ctx.step.run("order", partner.order, done.url)
        if before_wait is not None:
            ctx.step.run("before", before_wait)
        return done.wait()

    return handler


def _call(harness: Harness, token: str, data: Any = None) -> str:
    return harness.runtime.callbacks.receive(token, data)


def test_a_callback_resumes_the_run_with_what_was_sent(database_url: str) -> None:
    partner = Partner()
    with a_runtime(database_url, durable(_handler(partner)), public_url=PUBLIC_URL) as harness:
        start(harness)
        assert harness.run()["status"] == "waiting"
        assert partner.urls == [f"{PUBLIC_URL}/c/{partner.token}"]
        assert len(partner.token) == 52
        _call(harness, partner.token, {"file": "x.pdf"})
        assert output(harness, "d") == {"received": True, "data": {"file": "x.pdf"}}
        assert len(partner.urls) == 1


def test_null_is_received_too(database_url: str) -> None:
    partner = Partner()
    with a_runtime(database_url, durable(_handler(partner))) as harness:
        start(harness)
        _call(harness, partner.token, None)
        assert output(harness, "d") == {"received": True, "data": None}


def test_a_callback_that_comes_before_the_wait_is_kept(database_url: str) -> None:
    partner = Partner()
    with a_runtime(database_url) as harness:
        handler = _handler(partner, before_wait=lambda: _call(harness, partner.token, 7))
        harness.registry.action("durable", retries=0)(handler)
        start(harness)
        assert output(harness, "d") == {"received": True, "data": 7}
        with pytest.raises(Conflict):
            _call(harness, partner.token, 8)


def test_a_callback_that_nobody_calls_times_out_at_its_own_time(database_url: str) -> None:
    partner = Partner()
    with a_runtime(database_url, durable(_handler(partner))) as harness:
        start(harness)
        harness.skip(3599)
        assert harness.run()["status"] == "waiting"
        harness.clock.advance(seconds=1)
        with pytest.raises(Gone):
            _call(harness, partner.token)
        harness.skip(0)
        assert output(harness, "d") == {"received": False, "data": None}


def test_in_branches_too_the_time_is_the_callback_s_own(database_url: str) -> None:
    def handler(ctx: StepContext) -> Any:
        done = ctx.step.callback("done", timeout="1h")

        def other() -> str:
            ctx.step.sleep("nap", 60)
            return "slept"

        return ctx.group.parallel([done.wait, other])

    with a_runtime(database_url, durable(handler)) as harness:
        start(harness)
        harness.skip(60)
        harness.skip(3540)
        assert output(harness, "d") == [{"received": False, "data": None}, "slept"]


def test_of_two_calls_at_the_same_moment_one_is_received(database_url: str) -> None:
    partner = Partner()
    with a_runtime(database_url, durable(_handler(partner))) as harness:
        start(harness)
        outcomes = at_once(*[lambda: _call(harness, partner.token, 1)] * 3)
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "Conflict", "str"]
        assert output(harness, "d")["received"] is True


def test_a_call_while_the_wait_begins_is_not_missed(database_url: str) -> None:
    partner = Partner()
    with a_runtime(database_url, durable(_handler(partner))) as harness:
        harness.deploy(a_workflow().action("d", kind="durable").path("$source", "d").trigger("test/now").document())
        # Called at every place where the process commits or is about to, until one finds the URL made.
        called: list[str] = []

        def call(name: str) -> None:
            if partner.urls and not called and name == "step.after_commit":
                called.append(name)
                _call(harness, partner.token, "in between")

        stop = failpoints.listen(call)
        try:
            harness.send("test/now")
            harness.drain()
        finally:
            stop()
        assert called
        assert output(harness, "d") == {"received": True, "data": "in between"}


def test_a_call_and_the_beginning_of_the_wait_race_and_neither_is_lost(database_url: str) -> None:
    partner = Partner()
    with a_runtime(database_url, durable(_handler(partner))) as harness:
        harness.deploy(a_workflow().action("d", kind="durable").path("$source", "d").trigger("test/now").document())
        harness.send("test/now")

        def call() -> str:
            assert partner.has_url.wait(60)
            return _call(harness, partner.token, "raced")

        outcomes = at_once(harness.drain, call)
        assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)], outcomes
        harness.skip(5)
        assert output(harness, "d") == {"received": True, "data": "raced"}


def test_only_a_hash_of_the_secret_is_stored_besides_the_step_s_output(database_url: str) -> None:
    partner = Partner()
    with a_runtime(database_url, durable(_handler(partner))) as harness:
        start(harness)
        for table in ("callbacks", "waits", "runs", "steps"):
            assert partner.token not in str(harness.rows(f"SELECT * FROM {table}")), table


def test_tokens_that_are_none_are_not_found(database_url: str) -> None:
    partner = Partner()
    with a_runtime(database_url, durable(_handler(partner))) as harness:
        start(harness)
        for token in ("", "x", partner.token[:-1], partner.token.lower(), partner.token + "A", "A" * 52, "é" * 52):
            with pytest.raises(NotFound):
                _call(harness, token)


def test_what_cannot_be_stored_is_refused_and_the_url_stays_good(database_url: str) -> None:
    partner = Partner()
    with a_runtime(database_url, durable(_handler(partner))) as harness:
        start(harness)
        with pytest.raises(LimitExceeded):
            _call(harness, partner.token, "x" * 600_000)
        with pytest.raises(InvalidInput):
            _call(harness, partner.token, "\0")
        _call(harness, partner.token, "fine")
        assert output(harness, "d")["data"] == "fine"


def test_the_callback_of_a_run_that_has_ended_is_gone(database_url: str) -> None:
    partner = Partner()
    with a_runtime(database_url, durable(_handler(partner))) as harness:
        start(harness)
        harness.runtime.control.cancel(DEFAULT_SCOPE, harness.run()["id"])
        with pytest.raises(Gone):
            _call(harness, partner.token)


def _document() -> dict[str, Any]:
    return (
        a_workflow()
        .action("cb", "builtin:create_callback", {"timeout": "1h"})
        .action("order", inputs={"value": "!ref($.state.cb.url)"})
        .action("wait", "builtin:wait_for_callback", {"callback": "!ref($.state.cb.id)"})
        .action("yes", inputs={"value": "!ref($.state.wait.data)"})
        .action("no", inputs={"value": "late"})
        .path("$source", "cb", "order", "wait")
        .trigger("test/happened")
        .document()
    )


def _edges() -> list[dict[str, Any]]:
    ref = "!ref($.output.received)"
    return [
        {"from": "wait", "to": "yes", "conditional": {"type": "if", "ref": ref}},
        {"from": "wait", "to": "no", "conditional": {"type": "else", "ref": ref}},
    ]


@pytest.mark.parametrize("is_called", [True, False])
def test_in_a_document_the_url_is_made_in_one_action_and_waited_for_in_another(
    database_url: str, is_called: bool
) -> None:
    document = _document()
    with a_runtime(database_url) as harness:
        harness.deploy(document | {"edges": document["edges"] + _edges()})
        harness.send("test/happened")
        harness.drain()
        (row,) = harness.rows("SELECT data FROM journal WHERE step_key = 'order' AND kind = 'completed'")
        token = dumps(loads(row["data"])).partition("/c/")[2][:52]
        if is_called:
            _call(harness, token, [1, 2])
        else:
            harness.skip(3600)
        harness.drain()
        run = harness.run()
        assert loads(run["output"]) == ({"yes": [1, 2]} if is_called else {"no": "late"})


def test_waiting_for_a_callback_that_is_none_fails_the_step(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        document = a_workflow().action("w", "builtin:wait_for_callback", {"callback": "no such id"})
        harness.deploy(document.path("$source", "w").trigger("test/happened").document())
        harness.send("test/happened")
        harness.drain()
        run = harness.run()
        assert run["status"] == "failed"
        assert "there is no callback 'no such id'" in run["error"]


def test_a_callback_of_another_tenant_is_none(database_url: str) -> None:
    other = Scope("default", "other")
    partner = Partner()
    with a_runtime(database_url, durable(_handler(partner))) as harness:
        start(harness, scope=other)
        (callback,) = harness.rows("SELECT id FROM callbacks")
        document = a_workflow().action("w", "builtin:wait_for_callback", {"callback": callback["id"]})
        harness.deploy(document.path("$source", "w").trigger("test/steals").document(), "steals")
        harness.send("test/steals")
        harness.drain()
        (thief,) = harness.rows("SELECT status FROM runs WHERE workflow_id = 'steals'")
        assert thief["status"] == "failed"


def test_async_handlers_have_callbacks_likewise(database_url: str) -> None:
    partner = Partner()

    async def handler(ctx: AsyncStepContext) -> Any:
        first, second = await asyncio.gather(
            ctx.step.callback("first", timeout="1h"), ctx.step.callback("second", timeout="1h")
        )
        partner.urls[:] = [first.url, second.url]
        return await asyncio.gather(first.wait(), second.wait())

    with a_runtime(database_url, durable(handler)) as harness:
        start(harness)
        for number, url in enumerate([*partner.urls]):
            _call(harness, url.rpartition("/")[2], number)
            harness.drain()
        assert [each["data"] for each in output(harness, "d")] == [0, 1]


def test_a_crash_between_a_call_and_its_wake_up_loses_nothing(database_url: str, tmp_path: Path) -> None:
    partner = Partner()
    with a_runtime(database_url, durable(_handler(partner))) as harness:
        start(harness)
        failpoints.arm(f"callback.after_commit:raise:1:{tmp_path / 'hits'}")
        try:
            with pytest.raises(FailpointReached):
                _call(harness, partner.token, 1)
        finally:
            failpoints.arm("")
        assert not harness.dispatcher.waiting
        harness.skip(5)
        assert output(harness, "d") == {"received": True, "data": 1}


def test_a_handler_that_fails_after_making_the_url_has_the_same_when_it_is_entered_again(database_url: str) -> None:
    urls: list[str] = []

    def handler(ctx: StepContext) -> Any:
        done = ctx.step.callback("done", timeout="1h")
        urls.append(done.url)
        if len(urls) == 1:
            raise RuntimeError("not now")
        return done.wait()

    with a_runtime(database_url, durable(handler, retries=1)) as harness:
        start(harness)
        harness.skip(120)
        assert len(urls) == 2
        assert len(set(urls)) == 1
        _call(harness, urls[0].rpartition("/")[2], 1)
        assert output(harness, "d")["received"] is True
