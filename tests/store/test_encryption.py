"""Encryption at rest: no table, file, log or message has a plain value; workers with the key see nothing else."""

from __future__ import annotations

import base64
import json
import logging
from collections import deque
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis
import services
import sqlalchemy as sa
from asking import ADA, PUBLIC_URL, SECRET_KEY, decide
from builders import a_workflow
from functions import Code, happen, output_of
from runtimes import Harness, a_registry, a_runtime

from workflowkit import AsyncStepContext, Event, StepContext, StepError, WorkflowKit
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.base.sealing import MARKER
from workflowkit.contrib.encryption import EncryptionMiddleware
from workflowkit.engine.extensions import Extensions
from workflowkit.runtime.rerunning import Again
from workflowkit.store import queries, schema

OLD, NEW = "the old passphrase", "the new passphrase"
CANARY = "canary-7f3a91"


def with_keys(key: str = OLD, **options: Any) -> Extensions:
    extensions = Extensions()
    extensions.use(EncryptionMiddleware(key, **options))
    return extensions


def dump(harness: Harness) -> str:
    """Return everything that is in the database, as text."""
    rows = []
    with harness.runtime.database.read() as tx:
        for table in schema.metadata.sorted_tables:
            rows += [f"{table.name} {tuple(row)}" for row in tx.connection.execute(sa.select(table))]
    return "\n".join(rows)


def files_of(harness: Harness) -> bytes:
    """Return the bytes of the database's files, where it has some."""
    database = harness.runtime.database.engine.url.database or ""
    if harness.runtime.database.is_postgresql:
        return b""
    return b"".join(path.read_bytes() for path in Path(database).parent.glob(Path(database).name + "*"))


class Carrier:
    """Functions and actions through whose every stored value the canary passes."""

    def __init__(self) -> None:
        self.code = Code()
        self.seen: set[tuple[str, Any]] = set()
        self._declare_child()
        self._declare_function()

        @self.code.registry.action("carry")
        def carry(ctx: StepContext, value: Any = None) -> Any:
            self.seen.add((ctx.step.node_id, value))
            return {"carried": value}

    def _declare_child(self) -> None:
        @self.code.function("child", triggers=[])
        def child(ctx: StepContext) -> Any:
            self.seen.add(("child", ctx.event["data"]["encrypted"]))
            return [CANARY]

        @self.code.function("failing", trigger={"event": "test/secret"}, retries=0, on_failure=self._heard)
        def failing(ctx: StepContext) -> None:
            ctx.step.run("kept", lambda: CANARY)
            raise RuntimeError("without a word about it")

    def _heard(self, ctx: StepContext) -> str:
        told = ctx.event["data"]["event"]["data"]["encrypted"]
        self.seen.add(("heard", told))
        return str(told)

    def _declare_function(self) -> None:
        @self.code.function()
        def fn(ctx: StepContext) -> Any:
            value = ctx.event["data"]["encrypted"]
            self.seen.add(("fn", value))
            first = ctx.step.run("first", lambda: {"value": value})
            ctx.step.send_event("tell", {"name": "test/secret", "data": {"encrypted": value}})
            ctx.step.sleep("nap", 60)
            reply = ctx.step.wait_for_event("reply", "test/reply", timeout="1d")
            signalled = ctx.step.wait_for_signal("signal", "test-signal", timeout="1d")
            invoked = ctx.step.invoke("child", "shop/child", {"encrypted": value})
            ctx.send_event("test/last", {"encrypted": [value]})
            assert reply is not None
            return [first, reply["data"]["encrypted"], signalled, invoked]


def _live(harness: Harness) -> None:
    """Let runs begin, wait for everything there is, and end."""
    harness.deploy(_document())
    happen(harness, {"encrypted": CANARY})
    harness.skip(60)
    happen(harness, {"encrypted": CANARY}, name="test/reply")
    harness.runtime.waking.signal(DEFAULT_SCOPE, "test-signal", {"value": CANARY})
    harness.drain()


def _document() -> dict[str, Any]:
    document = a_workflow().trigger("test/happened")
    document.action("a", "carry", {"value": "!ref($.event.data.encrypted)"}, cache={"key": "k", "ttl": "1h"})
    document.action("b", "carry", {"value": "!ref($.state.a.carried)"}).edge("$source", "a")
    document.edge_if("a", "b", "!ref($.output.carried)")
    loop = {
        "id": "each",
        "kind": "builtin:for_each",
        "inputs": {"items": ["!ref($.state.b.carried)", "plain"]},
        "body": {
            "actions": [{"id": "c", "kind": "carry", "inputs": {"value": "!ref($.item)"}}],
            "edges": [{"from": "$source", "to": "c"}],
        },
    }
    written = document.document()
    written["actions"].append(loop)
    written["edges"].append({"from": "b", "to": "each"})
    return written


def test_no_plain_value_is_in_any_table_file_log_or_message(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    carrier = Carrier()
    with a_runtime(database_url, carrier.code.registry, extensions=with_keys()) as harness:
        messages: list[Any] = []
        harness.dispatcher.waiting = Noting(messages)
        carrier.code.sync(harness)
        _live(harness)

        statuses = {row["workflow_id"]: row["status"] for row in harness.rows("SELECT workflow_id, status FROM runs")}
        expected = dict.fromkeys(["shop/fn", "shop/child", "shop/failing-failure", "test"], "completed")
        assert statuses == {**expected, "shop/failing": "failed"}
        assert carrier.seen == {*((who, CANARY) for who in ["a", "b", "c", "fn", "child", "heard"]), ("c", "plain")}
        assert output_of_opened(harness, "shop/fn") == [{"value": CANARY}, CANARY, {"value": CANARY}, [CANARY]]

        text = dump(harness)
        assert text.count(MARKER) > 15
        assert CANARY not in text
        assert len(messages) > 5
        assert CANARY not in repr(messages)
    assert CANARY not in caplog.text


class Noting(deque[Any]):
    """Keeps every hint, which is all that a broker ever carries."""

    def __init__(self, messages: list[Any]) -> None:
        super().__init__()
        self._messages = messages

    def append(self, message: Any) -> None:
        self._messages.append(message)
        super().append(message)


def output_of_opened(harness: Harness, workflow_id: str) -> Any:
    (row,) = harness.rows("SELECT id FROM runs WHERE workflow_id = :id", id=workflow_id)
    with harness.runtime.database.read() as tx:
        return queries.get_run(tx, DEFAULT_SCOPE, row["id"]).output


def test_the_files_of_a_sqlite_database_have_no_plain_value(sqlite_url: str) -> None:
    code = Code()

    @code.function()
    def fn(ctx: StepContext) -> str:
        return f"{ctx.event['data']['encrypted']} {ctx.step.run('first', lambda: CANARY)}"

    with a_runtime(sqlite_url, code.registry, extensions=with_keys()) as harness:
        code.sync(harness)
        happen(harness, {"encrypted": CANARY})
        assert output_of_opened(harness, "shop/fn") == f"{CANARY} {CANARY}"
        content = files_of(harness)
    assert MARKER.encode() in content
    assert CANARY.encode() not in content


def test_without_encryption_the_same_dump_is_full_of_it(database_url: str) -> None:
    carrier = Carrier()
    with a_runtime(database_url, carrier.code.registry) as harness:
        carrier.code.sync(harness)
        _live(harness)
        assert dump(harness).count(CANARY) > 20


def test_conditions_of_triggers_and_waits_do_not_see_the_field(database_url: str) -> None:
    code = Code()

    @code.function("seeing", trigger={"event": "test/happened", "if": f"event.data.encrypted == '{CANARY}'"})
    def seeing(ctx: StepContext) -> None: ...

    @code.function()
    def fn(ctx: StepContext) -> Any:
        by_field = ctx.step.wait_for_event("one", "test/reply", match="data.encrypted", timeout=60)
        by_id = ctx.step.wait_for_event("two", "test/reply", match="data.id", timeout=60)
        return [by_field, None if by_id is None else by_id["data"]["encrypted"]]

    with a_runtime(database_url, code.registry, extensions=with_keys()) as harness:
        code.sync(harness)
        happen(harness, {"encrypted": CANARY, "id": 7})
        happen(harness, {"encrypted": CANARY, "id": 7}, name="test/reply")
        harness.skip(60)
        happen(harness, {"encrypted": CANARY, "id": 7}, name="test/reply")
        assert harness.column("SELECT workflow_id FROM runs") == ["shop/fn"]
        assert output_of_opened(harness, "shop/fn") == [None, CANARY]


# --- rotation


def _sleeper() -> Code:
    code = Code()

    @code.function()
    def fn(ctx: StepContext) -> Any:
        kept = [ctx.event["data"]["encrypted"]]
        for day in range(1, 4):
            kept.append(ctx.step.run(f"day {day}", lambda day=day: f"{CANARY} {day}"))
            ctx.step.sleep(f"night {day}", "1d")
        return kept

    return code


def _keys_in(harness: Harness) -> int:
    text = dump(harness)
    return len({part.partition('"')[0] for part in text.split('"key":"')[1:]})


def test_three_phases_of_rotation_lose_no_run_that_sleeps_meanwhile(database_url: str) -> None:
    code, day = _sleeper(), 86_400
    with a_runtime(database_url, code.registry, extensions=with_keys(OLD)) as harness:
        code.sync(harness)
        old = harness.runtime
        happen(harness, {"encrypted": CANARY})

        # Everybody learns the new key; while that is rolled out, old and new processes work side by side.
        learning = harness.new_process(extensions=with_keys(OLD, fallback=[NEW]))
        _next_day(harness, learning)
        happen(harness, {"encrypted": CANARY})
        assert _keys_in(harness) == 1

        # Everybody uses it. A process of the phase before reads what is written now.
        switched = harness.new_process(extensions=with_keys(NEW, fallback=[OLD]))
        _next_day(harness, switched)
        assert _keys_in(harness) == 2
        harness.clock.advance(seconds=day)
        harness.runtime.relay.tick()
        while harness.deliver(learning):
            pass

        # The old key goes once the runs have ended that began with it.
        _next_day(harness, switched)
        rows = harness.rows("SELECT id, status FROM runs")
        assert [row["status"] for row in rows] == ["completed", "completed"]
        happen_in(harness, switched)
        dropped = harness.new_process(extensions=with_keys(NEW))
        for _ in range(3):
            _next_day(harness, dropped)
        assert set(harness.column("SELECT status FROM runs")) == {"completed"}
        assert CANARY not in dump(harness)
        assert old is harness.runtime


def _next_day(harness: Harness, process: Any) -> None:
    harness.clock.advance(seconds=86_400)
    harness.runtime.relay.tick()
    while harness.deliver(process):
        pass


def happen_in(harness: Harness, process: Any) -> None:
    process.intake.send(DEFAULT_SCOPE, [{"name": "test/happened", "data": {"encrypted": CANARY}}])
    while harness.deliver(process):
        pass


def test_a_worker_without_the_key_leaves_runs_and_events_to_others(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    code = _sleeper()
    with a_runtime(database_url, code.registry, extensions=with_keys(OLD)) as harness:
        code.sync(harness)
        mistaken = harness.new_process(extensions=with_keys(NEW))
        happen(harness, {"encrypted": CANARY})
        harness.send("test/happened", {"encrypted": CANARY})
        for _ in range(2):
            _next_day(harness, mistaken)
        assert harness.column("SELECT status FROM runs") == ["waiting"]
        assert "is left to others: a value is encrypted with the key" in caplog.text
        for _ in range(4):
            harness.skip(86_400)
        assert harness.column("SELECT status FROM runs") == ["completed"] * 2


def test_a_process_without_the_key_cancels_and_signals_all_the_same(database_url: str) -> None:
    code = Code()

    @code.function()
    def fn(ctx: StepContext) -> Any:
        ctx.step.run("first", lambda: CANARY)
        return ctx.step.wait_for_signal("signal", "test-signal", timeout="1d")

    with a_runtime(database_url, code.registry, extensions=with_keys(OLD)) as harness:
        code.sync(harness)
        keyless, mistaken = harness.new_process(extensions=Extensions()), harness.new_process(extensions=with_keys(NEW))
        for process in (keyless, mistaken):
            happen(harness, {"encrypted": CANARY})
            (row,) = harness.rows("SELECT id FROM runs WHERE status = 'waiting'")
            assert process.control.cancel(DEFAULT_SCOPE, row["id"]).value == "cancelled"
            harness.clock.advance(seconds=1)
        happen(harness, {"encrypted": CANARY})
        keyless.waking.signal(DEFAULT_SCOPE, "test-signal", "plain")
        harness.drain()
        statuses = harness.column("SELECT status FROM runs ORDER BY id")
        assert sorted(statuses) == ["cancelled", "cancelled", "completed"]
        assert CANARY not in dump(harness)


def test_the_way_out_reads_what_is_encrypted_and_writes_plain(database_url: str) -> None:
    code = _sleeper()
    with a_runtime(database_url, code.registry, extensions=with_keys(OLD)) as harness:
        code.sync(harness)
        happen(harness, {"encrypted": CANARY})
        leaving = harness.new_process(extensions=with_keys(OLD, decrypt_only=True))
        for _ in range(3):
            _next_day(harness, leaving)
        assert output_of(harness) == [CANARY, *(f"{CANARY} {day}" for day in (1, 2, 3))]


def test_a_repeated_run_and_the_items_of_a_loop_see_what_was_encrypted(database_url: str) -> None:
    registry, seen = a_registry(), list[Any]()

    @registry.action("see")
    def see(value: Any) -> Any:
        seen.append(value)
        return value

    document = a_workflow().trigger("test/happened").document()
    document["actions"] = [
        {
            "id": "each",
            "kind": "builtin:for_each",
            "inputs": {"items": "!ref($.event.data.encrypted)"},
            "body": {
                "actions": [{"id": "x", "kind": "see", "inputs": {"value": "!ref($.item)"}}],
                "edges": [{"from": "$source", "to": "x"}],
            },
        }
    ]
    document["edges"] = [{"from": "$source", "to": "each"}]
    with a_runtime(database_url, registry, extensions=with_keys()) as harness:
        harness.deploy(document)
        happen(harness, {"encrypted": [CANARY, {"v": CANARY}]})
        (row,) = harness.rows("SELECT id FROM runs WHERE path IS NULL")
        harness.runtime.rerunning.rerun(DEFAULT_SCOPE, row["id"])
        harness.drain()
        assert set(harness.column("SELECT status FROM runs")) == {"completed"}
        assert CANARY not in dump(harness)
    assert seen == [CANARY, {"v": CANARY}] * 2


def test_asynchronous_steps_and_failures_for_good_are_encrypted_too(database_url: str) -> None:
    code = Code()

    @code.function()
    async def fn(ctx: AsyncStepContext) -> Any:
        first = await ctx.step.run("first", lambda: CANARY)
        try:
            await ctx.step.run("second", lambda: 1 / 0, retries=0)
        except StepError as error:
            return [first, error.name]

    with a_runtime(database_url, code.registry, extensions=with_keys()) as harness:
        code.sync(harness)
        happen(harness)
        assert output_of_opened(harness, "shop/fn") == [CANARY, "ZeroDivisionError"]
        assert CANARY not in dump(harness)


def test_what_people_enter_and_what_callbacks_bring_is_encrypted(database_url: str) -> None:
    urls: list[str] = []
    code = Code()

    @code.function()
    def fn(ctx: StepContext) -> Any:
        callback = ctx.step.create_callback("partner", timeout="1d")
        urls.append(callback["url"])
        form = {"type": "object", "properties": {"reason": {"type": "string"}}}
        decided = ctx.step.approval("ask", title="Refund?", assignees=[ADA], form=form, timeout="1d")
        answer = ctx.step.wait_for_callback("answer", callback["id"])
        return [decided["data"]["reason"], answer["data"]]

    links = {"public_url": PUBLIC_URL, "secret_key": SECRET_KEY}
    with a_runtime(database_url, code.registry, extensions=with_keys(), **links) as harness:
        code.sync(harness)
        happen(harness)
        (approval,) = harness.runtime.approvals.find(DEFAULT_SCOPE, limit=1)
        decided = decide(harness, approval.record.id, data={"reason": CANARY})
        assert decided.decisions[0].data == {"reason": CANARY}
        harness.drain()
        harness.runtime.callbacks.receive(urls[0].rpartition("/")[2], {"file": CANARY})
        harness.drain()
        assert output_of_opened(harness, "shop/fn") == [CANARY, {"file": CANARY}]
        (again,) = harness.runtime.approvals.find(DEFAULT_SCOPE, limit=1)
        assert again.decisions[0].data == {"reason": CANARY}
        assert CANARY not in dump(harness)


def test_a_run_that_is_repeated_with_edited_inputs_keeps_them_encrypted(database_url: str) -> None:
    document = a_workflow().trigger("test/happened").action("a", inputs={"value": "!ref($.event.data.encrypted)"})
    document.action("b", inputs={"value": "!ref($.state.a)"}).path("$source", "a", "b")
    with a_runtime(database_url, extensions=with_keys()) as harness:
        harness.deploy(document.document())
        happen(harness, {"encrypted": CANARY})
        (row,) = harness.rows("SELECT id FROM runs")
        rerun = harness.runtime.rerunning.rerun
        edited, kept = {"value": f"{CANARY} edited"}, {"encrypted": f"{CANARY} sent"}
        ids = [
            rerun(DEFAULT_SCOPE, row["id"], Again(from_step="b")),
            rerun(DEFAULT_SCOPE, row["id"], Again(from_step="b", inputs=edited)),
            rerun(DEFAULT_SCOPE, row["id"], Again(data=kept)),
        ]
        harness.drain()
        assert CANARY not in dump(harness)
        with harness.runtime.database.read() as tx:
            outputs = [queries.get_run(tx, DEFAULT_SCOPE, each).output for each in ids]
        assert outputs == [{"b": CANARY}, {"b": f"{CANARY} edited"}, {"b": f"{CANARY} sent"}]


def test_no_key_of_redis_has_a_plain_value(postgres_url: str, redis_url: str) -> None:
    wk = WorkflowKit("shop", database_url=postgres_url, broker_url=redis_url)
    wk.use(EncryptionMiddleware(OLD))

    @wk.function("fn", trigger=Event("test/happened"))
    def fn(ctx: StepContext) -> Any:
        return [ctx.step.run("first", lambda: CANARY), ctx.event["data"]["encrypted"]]

    seen: list[str] = []
    with closing(redis.Redis.from_url(redis_url)) as client:
        wk.sync()
        (accepted,) = wk.send({"name": "test/happened", "data": {"encrypted": CANARY}})
        assert services.wait_until(lambda: accepted.id in _content(client), timeout_seconds=60)
        seen.append(_content(client))
        wk.start(concurrency=2)
        assert services.wait_until(lambda: _statuses(wk) == ["completed"], timeout_seconds=60)
        seen.append(_content(client))
        wk.stop()
    assert CANARY not in "".join(seen)


def _content(client: redis.Redis) -> str:
    """Return everything that Redis holds, as text."""
    read: dict[Any, Callable[[Any], object]] = {
        b"string": client.get,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": client.smembers,
        b"hash": client.hgetall,
        b"zset": lambda key: client.zrange(key, 0, -1),
    }
    text = ""
    for key in client.scan_iter():
        reader = read.get(client.type(key))
        text += f"{key!r} {reader(key) if reader is not None else ''!r}\n"
        for message in client.lrange(key, 0, -1) if client.type(key) == b"list" else []:
            text += base64.b64decode(json.loads(message)["body"]).decode()
    return text


def _statuses(wk: WorkflowKit) -> list[str]:
    with wk.runtime.database.read() as tx:
        return [run.status.value for run in queries.find_runs(tx, DEFAULT_SCOPE, queries.RunFilter(), limit=9)]
