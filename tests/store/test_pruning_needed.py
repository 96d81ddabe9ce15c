"""What an unfinished run may still read is never deleted, however old it is and whoever deletes meanwhile."""

from __future__ import annotations

import re
from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime

from workflowkit.base.errors import Conflict, NotFound
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.contrib.encryption import EncryptionMiddleware
from workflowkit.engine.context import StepContext
from workflowkit.engine.extensions import Extensions
from workflowkit.engine.states import RunStatus
from workflowkit.registry import Registry
from workflowkit.runtime.jobs import NewJob
from workflowkit.runtime.pausing import Target
from workflowkit.runtime.pruning import Counted, Kept, Pruning
from workflowkit.runtime.rerunning import Again
from workflowkit.store import events
from workflowkit.store import pruning as rows
from workflowkit.store.jobs import JobKind
from workflowkit.store.statements import Sql

DAY = 86_400.0
TEST = Target(DEFAULT_SCOPE, "test")


def prune(harness: Harness, runs_days: int | None = 10, events_days: int | None = 10) -> Counted:
    return Pruning(harness.new_process().database, Kept(runs_days, events_days)).run()


def rerun(harness: Harness, run_id: str, **again: Any) -> str:
    new_id = harness.runtime.rerunning.rerun(DEFAULT_SCOPE, run_id, Again(**again))
    harness.drain()
    return new_id


def first_run(harness: Harness) -> str:
    return str(harness.rows("SELECT id FROM runs WHERE parent_run_id IS NULL ORDER BY created_at_ms, id")[0]["id"])


def status(harness: Harness, run_id: str) -> Any:
    return harness.rows("SELECT status FROM runs WHERE id = :id", id=run_id)[0]["status"]


def quick() -> dict[str, Any]:
    return a_workflow().action("a", "noop").path("$source", "a").trigger("test/happened").document()


def start(harness: Harness, document: dict[str, Any], count: int = 1, **data: Any) -> None:
    harness.deploy(document)
    for number in range(count):
        harness.send("test/happened", {"n": number + 1, **data})
        harness.drain()


# --- events


def waiting(**inputs: Any) -> dict[str, Any]:
    wait = {"event": "test/paid", "timeout": "300d", **inputs}
    steps = a_workflow().action("w", "builtin:wait_for_event", wait)
    return steps.path("$source", "w").trigger("test/happened").document() | {"output": "!ref($.state.w.event.data.n)"}


@pytest.mark.parametrize("is_encrypted", [False, True])
def test_an_event_that_a_wait_has_received_stays_until_it_was_read(database_url: str, is_encrypted: bool) -> None:
    extensions = Extensions()
    if is_encrypted:
        extensions.use(EncryptionMiddleware("a long passphrase"))
    with a_runtime(database_url, extensions=extensions) as harness:
        start(harness, waiting())
        harness.runtime.pausing.pause(TEST)
        harness.skip(0)
        harness.send("test/paid", {"n": 7})
        harness.send("test/paid", {"n": 8})
        harness.drain()
        harness.skip(2 * DAY)
        assert prune(harness, events_days=1) == Counted(events=1)
        harness.runtime.pausing.resume(TEST)
        harness.skip(120)
        assert harness.run()["status"] == "completed"
        if not is_encrypted:
            assert harness.run()["output"] == "7"
        assert prune(harness, runs_days=None, events_days=1) == Counted(events=1)  # the run has it in its journal


def test_so_does_one_that_was_there_before_the_wait(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(waiting(lookback="5d"))
        event_id = harness.send("test/paid", {"n": 7})
        harness.drain()
        harness.skip(2 * DAY)
        harness.send("test/happened")
        harness.drain()
        assert harness.run()["output"] == "7"
        assert harness.rows("SELECT event_id FROM waits") == [{"event_id": event_id}]


def test_who_takes_an_event_up_keeps_it_from_being_deleted(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        event_id = harness.send("test/paid")
        harness.drain()
        harness.skip(11 * DAY)
        with harness.runtime.database.transaction("timer") as tx:
            assert events.keep(tx, event_id)
            assert prune(harness) == Counted()
        with harness.new_process().database.transaction("prune") as pruning:
            pruning.rows(Sql("SELECT id FROM events {skip_locked}"))
            with harness.runtime.database.transaction("timer") as tx:
                assert not events.keep(tx, event_id)  # and does not wait
        assert prune(harness) == Counted(events=1)


def test_a_wait_whose_event_is_gone_fails_with_that(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        start(harness, waiting())
        harness.runtime.pausing.pause(TEST)
        harness.skip(0)
        harness.send("test/paid", {"n": 7})
        harness.drain()
        with harness.runtime.database.transaction("timer") as tx:
            tx.run(Sql("DELETE FROM events WHERE name = 'test/paid'"))
        harness.runtime.pausing.resume(TEST)
        harness.skip(120)
        assert harness.run()["status"] == "failed"
        assert "is gone" in harness.run()["error"]


# --- runs that are repeated


def batched() -> tuple[Registry, list[Any], dict[str, Any]]:
    registry, seen = a_registry(), []

    @registry.action("nap")
    def nap(ctx: StepContext) -> None:
        ctx.step.sleep("nap", "5d")

    @registry.action("see")
    def see(ctx: StepContext) -> None:
        seen.append([event["data"]["n"] for event in ctx.events])

    steps = a_workflow().action("n", "nap").action("s", "see").path("$source", "n", "s").trigger("test/happened")
    return registry, seen, steps.settings(batch={"max_size": 3, "timeout": "1m"}).document()


def test_a_run_that_is_repeated_stays_until_that_has_ended(database_url: str) -> None:
    registry, seen, document = batched()
    with a_runtime(database_url, registry) as harness:
        start(harness, document, count=3)
        harness.skip(5 * DAY + 1)
        first = first_run(harness)
        harness.skip(8 * DAY)
        rerun(harness, first)
        harness.skip(3 * DAY)
        assert prune(harness) == Counted()
        harness.skip(2 * DAY + 1)
        assert seen == [[1, 2, 3]] * 2
        assert prune(harness) == Counted(runs=1)


def test_a_batch_keeps_its_events_as_long_as_any_run_has_them(database_url: str) -> None:
    registry, seen, document = batched()
    with a_runtime(database_url, registry) as harness:
        start(harness, document, count=3)
        harness.skip(5 * DAY + 1)
        second = rerun(harness, first_run(harness))
        harness.skip(5 * DAY + 1)
        harness.skip(6 * DAY)
        assert prune(harness) == Counted(runs=1)  # the first; the second is not as old
        third = rerun(harness, second)
        harness.skip(5 * DAY + 1)
        assert prune(harness) == Counted(runs=1)
        assert seen == [[1, 2, 3]] * 3
        assert status(harness, third) == "completed"
        harness.skip(11 * DAY)
        assert prune(harness) == Counted(runs=1, events=3)
        assert harness.rows("SELECT * FROM collections") == harness.rows("SELECT * FROM collected_events") == []


def test_a_batch_whose_events_are_gone_is_not_repeated(database_url: str) -> None:
    registry, _, document = batched()
    with a_runtime(database_url, registry) as harness:
        start(harness, document, count=3)
        harness.skip(5 * DAY + 1)
        with harness.runtime.database.transaction("timer") as tx:
            tx.run(Sql("DELETE FROM collected_events"))
        with pytest.raises(Conflict, match="is gone"):
            rerun(harness, first_run(harness))


def looping() -> tuple[Registry, list[Any], dict[str, Any]]:
    registry, calls = a_registry(), []

    @registry.action("work")
    def work(value: Any = None) -> Any:
        calls.append(value)
        return value

    inputs = {"items": "!ref($.event.data.items)", "key": "item"}
    document = a_workflow().action("each", "builtin:for_each", inputs).path("$source", "each").trigger("test/happened")
    written = document.document()
    body = a_workflow().action("w", "work", {"value": "!ref($.item)"}).path("$source", "w")
    written["actions"][0]["body"] = body.document()
    return registry, calls, written


def test_items_that_are_not_repeated_stay_until_the_loop_has_begun(database_url: str) -> None:
    registry, calls, document = looping()
    with a_runtime(database_url, registry) as harness:
        start(harness, document, items=["x", "y", "z"])
        first = first_run(harness)
        harness.skip(9 * DAY)
        harness.runtime.pausing.pause(TEST)
        harness.skip(0)
        again = rerun(harness, first, from_step="each[y]")
        harness.skip(2 * DAY)
        assert prune(harness) == Counted()
        harness.runtime.pausing.resume(TEST)
        harness.skip(10)
        assert calls == ["x", "y", "z", "y"]
        assert status(harness, again) == "completed"
        assert prune(harness) == Counted(runs=4)


FIRST_ITEM = "id = (SELECT min(id) FROM runs WHERE parent_run_id IS NOT NULL)"


@pytest.mark.parametrize(
    "lost", ["parent_run_id IS NOT NULL", "rerun_of IS NULL AND parent_run_id IS NULL", FIRST_ITEM]
)
def test_if_they_are_gone_all_the_same_the_loop_fails_and_repeats_none(database_url: str, lost: str) -> None:
    registry, calls, document = looping()
    with a_runtime(database_url, registry) as harness:
        start(harness, document, items=["x", "y", "z"])
        harness.runtime.pausing.pause(TEST)
        harness.skip(0)
        again = rerun(harness, first_run(harness), from_step="each[y]")
        with harness.runtime.database.transaction("timer") as tx:
            tx.run(Sql(f"DELETE FROM runs WHERE finished_at_ms IS NOT NULL AND {lost}"))
        harness.runtime.pausing.resume(TEST)
        harness.skip(10)
        assert calls == ["x", "y", "z"]
        assert (
            "not to be repeated are gone" in harness.rows("SELECT error FROM runs WHERE id = :id", id=again)[0]["error"]
        )


def test_nor_can_they_be_asked_for(database_url: str) -> None:
    registry, calls, document = looping()
    with a_runtime(database_url, registry) as harness:
        start(harness, document, items=["x", "y", "z"])
        with harness.runtime.database.transaction("timer") as tx:
            tx.run(Sql("DELETE FROM runs WHERE parent_run_id IS NOT NULL"))
        with pytest.raises(Conflict, match="not kept by this run"):
            rerun(harness, first_run(harness), from_step="each[y]")
        rerun(harness, first_run(harness), from_step="each")
        assert calls == ["x", "y", "z"] * 2


def test_items_are_repeated_of_the_run_that_has_executed_them_only(database_url: str) -> None:
    registry, calls, document = looping()
    document["actions"].append({"id": "last", "kind": "noop"})
    document["edges"].append({"from": "each", "to": "last"})
    with a_runtime(database_url, registry) as harness:
        start(harness, document, items=["x", "y"])
        second = rerun(harness, first_run(harness), from_step="last")
        with pytest.raises(Conflict, match="not kept by this run"):
            rerun(harness, second, from_step="each[y]")
        assert calls == ["x", "y"]


# --- at the same moment


def test_what_is_just_being_repeated_is_not_deleted(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        start(harness, quick())
        first = first_run(harness)
        harness.skip(11 * DAY)
        with harness.runtime.database.transaction("rerun") as tx:
            again, hints, _ = harness.runtime.rerunning.start(tx, DEFAULT_SCOPE, first, Again())
            assert prune(harness) == Counted()
        harness.dispatcher.execute(hints)
        assert prune(harness) == Counted()
        harness.drain()
        assert status(harness, again) == "completed"
        assert prune(harness) == Counted(runs=1)


def test_what_is_repeated_between_a_look_and_its_lock_is_looked_at_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_runtime(database_url) as harness:
        start(harness, quick())
        first, found = first_run(harness), Pruning._delete_runs
        harness.skip(11 * DAY)

        def repeated_first(self: Pruning, run_ids: list[str], before_ms: int) -> int:
            harness.runtime.rerunning.rerun(DEFAULT_SCOPE, first, Again())
            return found(self, run_ids, before_ms)

        monkeypatch.setattr(Pruning, "_delete_runs", repeated_first)
        assert prune(harness) == Counted()
        harness.drain()
        assert set(harness.column("SELECT status FROM runs")) == {"completed"}


def test_what_is_just_being_deleted_cannot_be_repeated(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        start(harness, quick(), count=2)
        first = first_run(harness)
        harness.runtime.jobs.create(DEFAULT_SCOPE, NewJob(JobKind.REPLAY, statuses=(RunStatus.COMPLETED,)))
        harness.runtime.relay.tick()
        harness.skip(11 * DAY)
        prune(harness)
        with pytest.raises(NotFound):
            rerun(harness, first)
        for _ in range(5):
            harness.skip(60)
        assert harness.rows("SELECT 1 FROM runs WHERE finished_at_ms IS NULL") == []


# --- families


def test_parts_of_parts_stay_as_long_as_the_run_may_be_undone(database_url: str) -> None:
    registry, log = a_registry(), []

    @registry.action("do")
    def do(name: Any) -> Any:
        log.append(f"do {name}")
        return name

    @registry.action("undo", retries=0)
    def undo(ctx: StepContext, name: Any) -> None:
        ctx.step.sleep("a moment", "20d")
        log.append(f"undo {name}")

    def loop(name: str, of: str, body: dict[str, Any]) -> dict[str, Any]:
        inputs = {"items": of, "key": "string(item)"}
        return {"id": name, "kind": "builtin:for_each", "inputs": inputs, "body": body}

    undoing = {"kind": "undo", "inputs": {"name": "!ref($.state.d)"}}
    inner = a_workflow().action("d", "do", {"name": "!ref($.item)"}, compensate=undoing).path("$source", "d").document()
    middle = {
        "actions": [loop("inner", "!ref($.event.data.items)", inner)],
        "edges": [{"from": "$source", "to": "inner"}],
    }
    document = a_workflow().action("w", "builtin:wait", {"duration": "60d"}).trigger("test/happened").document()
    document["actions"].insert(0, loop("outer", "!ref($.event.data.groups)", middle))
    document["edges"] = [{"from": "$source", "to": "outer"}, {"from": "outer", "to": "w"}]
    with a_runtime(database_url, registry) as harness:
        start(harness, document, groups=[1, 2], items=["a", "b"])
        assert log == ["do a", "do b"] * 2
        harness.skip(30 * DAY)
        assert prune(harness) == Counted()
        harness.runtime.control.cancel(DEFAULT_SCOPE, first_run(harness))
        harness.drain()
        for _ in range(12):
            harness.skip(20 * DAY + 60)
            prune(harness)
        assert log[4:] == ["undo b", "undo a"] * 2
        harness.skip(11 * DAY)
        prune(harness)
        assert harness.rows("SELECT * FROM runs") == []


# --- how it is found


def test_each_look_is_a_step_down_an_index(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        number = "'01A' || lpad(CAST(i AS text), 24, '0')"
        more = f"'default', 'default', 'w', 1, {number}, 'completed', 1, 0, 0, 1, 1"
        with harness.runtime.database.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            connection.exec_driver_sql(
                f"""
                INSERT INTO events (id, environment, tenant, name, data, ts_ms, received_at_ms, depth, event_id)
                SELECT {number}, 'default', 'default', 'x', '{{}}', 1, 1, 0, 'e' || i FROM generate_series(1, 20000) i;
                INSERT INTO event_ids SELECT environment, tenant, event_id, id, 1 FROM events;
                INSERT INTO runs (id, environment, tenant, workflow_id, version, event_id, status, revision, depth,
                    handled_failures, created_at_ms, finished_at_ms, rerun_of, parent_run_id, parent_step)
                SELECT {number}, {more}, CASE WHEN mod(i, 10) = 0 THEN 'x' || i END,
                    CASE WHEN mod(i, 2) = 0 THEN '01A' || lpad('1', 24, '0') END, 'each'
                FROM generate_series(1, 20000) i;
                INSERT INTO waits (id, run_id, wait_key, step_key, kind, environment, tenant, name, match_key, state,
                    created_at_ms, event_id)
                SELECT 'w' || i, {number}, 'k', 's', 'event', 'default', 'default', 'n', '', 'received', 1, {number}
                FROM generate_series(1, 10000) i;
                INSERT INTO collections (id, environment, tenant, workflow_id, version, kind, key, opened_at_ms,
                    closed_at_ms, run_id)
                SELECT {number}, 'default', 'default', 'w', 1, 'batch', 'k', 1, 1, {number}
                FROM generate_series(1, 10000) i;
                """
            )
            # Few of many: a page of 200 would be close to what reading all of a table this small costs.
            given = {"before_ms": 10**12, "now_ms": 10**12, "after": "", "until": "02", "limit": 20}
            given |= {"ids": ["01A" + str(number).rjust(24, "0") for number in range(1, 21)]}
            for command in ("SELECT 1", "ANALYZE"):  # as it is before the server has statistics, and after
                connection.exec_driver_sql(command)
                for statement in (
                    rows._PAGE_OF_RUNS, rows._PAGE_OF_EVENTS, rows._PAGE_OF_COLLECTIONS, rows._RUNS_THAT_GO,
                    rows._EVENTS_THAT_GO, rows._COLLECTIONS_THAT_GO, rows._UNUSED_COLLECTIONS,
                ):  # fmt: skip
                    found = connection.exec_driver_sql(f"EXPLAIN {statement.postgresql}", given)
                    plan = "\n".join(row[0] for row in found)
                    whole = re.findall(
                        r"(?:Seq Scan on|Hash.* on) (?:runs|events|waits|collections|event_ids)\b.*", plan
                    )
                    assert whole == []
            connection.exec_driver_sql("ROLLBACK")
