"""Far below its limits a step takes what it needs beside others, in the statement that claims it. PostgreSQL only."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import psycopg
from builders import a_workflow
from runtimes import Harness, a_runtime, at_once
from services import wait_until

from workflowkit.base.scope import Scope
from workflowkit.engine.outcome import Succeeded
from workflowkit.runtime.position import Claim, Opening
from workflowkit.store import slots

TENANT = Scope("default", "a")
#: The lowest limit of which the first slots are had without counting.
LIMIT = slots.TICKETS + 2
GROUP = '["a group"]'


def _deploy(harness: Harness, chain: int = 1, **settings: Any) -> None:
    ids = [f"s{number}" for number in range(chain)]
    builder = a_workflow()
    for node_id in ids:
        builder.action(node_id, kind="noop")
    document = builder.path("$source", *ids).trigger("a/b").settings(**settings).document()
    harness.deploy(document, scope=TENANT)


def _send(harness: Harness, count: int) -> None:
    harness.runtime.intake.send(TENANT, [{"name": "a/b", "data": {"n": number}} for number in range(count)])


def _begin(harness: Harness, count: int) -> tuple[Claim, list[Opening]]:
    """Let so many runs begin together; return the claim on the first one's step, and what there is of the others."""
    _send(harness, count)
    matched = harness.match()
    assert matched.claim is not None
    return matched.claim, list(matched.openings)


def _claim(harness: Harness, opening: Opening) -> Claim | None:
    return harness.runtime.worker.advance.claim(opening)[0]


def _record(harness: Harness, claim: Claim, **options: Any) -> Any:
    return harness.runtime.worker.advance.record(claim, Succeeded(None), retries=0, **options)


def _count(harness: Harness, table: str) -> int:
    return len(harness.rows(f"SELECT 1 AS one FROM {table}"))


def _slots(harness: Harness) -> list[str]:
    return sorted(harness.column("SELECT run_id FROM slots"))


# -- tickets


class Taker:
    """A transaction that takes a slot of a group, by hand."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url)
        self.pid = self.connection.info.backend_pid

    def take(self, number: int, limit: int, *, is_near: bool = False) -> str:
        """Enter the group, and take a slot if that may be had without counting; return how it stood."""
        cursor = self.connection.cursor()
        enter = "SELECT room FROM workflowkit_enter(%s::text[], %s::bigint[], NULL, 1, true, %s)"
        cursor.execute(enter, ([GROUP], [limit], is_near))
        (room,) = cursor.fetchone() or ("",)
        if room == "roomy":
            values = (GROUP, f"run-{number}", "s", 1)
            cursor.execute("INSERT INTO slots (slot_group, run_id, step_key, token) VALUES (%s, %s, %s, %s)", values)
        return str(room)


@contextmanager
def _takers(url: str, count: int) -> Iterator[list[Taker]]:
    with ExitStack() as stack:
        takers = [Taker(url) for _ in range(count)]
        for taker in takers:
            stack.callback(taker.connection.close)
        yield takers


def _await_lock(url: str, pid: int | None = None) -> None:
    """Return when the server's process ``pid``, or any, waits for a lock."""
    waits = "SELECT count(*) FROM pg_locks WHERE coalesce(pid = %s, true) AND NOT granted"
    with psycopg.connect(url, autocommit=True) as connection:
        assert wait_until(lambda: connection.execute(waits, (pid,)).fetchone() == (1,), timeout_seconds=60)


def test_the_code_and_the_database_have_as_many_tickets(postgres_url: str) -> None:
    with a_runtime(postgres_url), psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT workflowkit_tickets()").fetchone() == (slots.TICKETS,)


def test_no_more_take_slots_uncounted_than_there_are_tickets(postgres_url: str) -> None:
    """I18: what others have taken and not committed is counted by nobody; so it must fit into what all leave free."""
    limit = slots.TICKETS
    with a_runtime(postgres_url), _takers(postgres_url, limit + 1) as (late, *early):
        assert [taker.take(number, limit) for number, taker in enumerate(early)] == ["roomy"] * limit
        outcomes: list[str] = []
        thread = threading.Thread(target=lambda: outcomes.append(late.take(99, limit)))
        thread.start()
        _await_lock(postgres_url, late.pid)
        for taker in early:
            taker.connection.commit()
        thread.join(60)
        assert outcomes == ["few"] or outcomes == ["full"]  # by how many had committed as it looked
        late.connection.commit()
        assert late.connection.execute("SELECT count(*) FROM slots").fetchone() == (limit,)


def test_who_counts_waits_for_who_does_not(postgres_url: str) -> None:
    with a_runtime(postgres_url), _takers(postgres_url, 2) as (early, late):
        assert early.take(1, LIMIT) == "roomy"
        outcomes: list[str] = []
        thread = threading.Thread(target=lambda: outcomes.append(late.take(2, 1, is_near=True)))
        thread.start()
        _await_lock(postgres_url, late.pid)
        early.connection.commit()
        thread.join(60)
        assert outcomes == ["counted"]


def test_of_runs_that_begin_at_once_no_more_start_than_a_higher_limit(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        _deploy(harness, concurrency=slots.TICKETS + 1)
        others = [harness.new_process() for _ in range(14)]
        for _ in others:
            _send(harness, 1)
        messages = [[str(each) for each in message] for message in harness.dispatcher.waiting]
        outcomes = at_once(
            *(partial(other.worker._matching.match, ids) for other, ids in zip(others, messages, strict=True))
        )
        started = [matched.claim for matched in outcomes if matched.claim is not None]
        assert len(started) == _count(harness, "slots") <= slots.TICKETS + 1, outcomes
        assert len(started) + _count(harness, "queued_steps") == len(others)


# -- steps


def test_where_there_is_room_nothing_queues(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        _deploy(harness, concurrency=50)
        claim, openings = _begin(harness, 4)
        assert _slots(harness) == [claim.lease.run_id]  # the others hold none as long as they only could start
        claims = [_claim(harness, opening) for opening in openings]
        assert _slots(harness) == sorted(each.lease.run_id for each in [claim, *claims] if each is not None)
        assert len(_slots(harness)) == 4
        assert [_count(harness, table) for table in ("lanes", "lane_groups", "queued_steps")] == [0, 0, 0]


def test_a_step_that_finds_no_room_queues(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        _deploy(harness, concurrency=LIMIT)
        claim, openings = _begin(harness, LIMIT + 2)
        claims = [_claim(harness, opening) for opening in openings]
        assert len(_slots(harness)) == LIMIT
        assert claims[-2:] == [None, None]
        waiting = harness.rows("SELECT run_id FROM queued_steps ORDER BY score_ms, sequence")
        assert [row["run_id"] for row in waiting] == [opening.hint.run_id for opening in openings[-2:]]
        # Whoever gives a slot back now sees that somebody waits.
        (place,) = _record(harness, claim).openings
        heir = _claim(harness, place)
        assert heir is not None
        assert heir.lease.run_id == waiting[0]["run_id"]


def test_nobody_who_could_start_passes_one_who_waits(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        _deploy(harness, concurrency=LIMIT)
        _, openings = _begin(harness, LIMIT + 2)
        *fitting, waits, late = openings
        held = [_claim(harness, opening) for opening in fitting]
        assert _claim(harness, waits) is None
        for claim in held[:5]:
            assert claim is not None
            _record(harness, claim)
        # There is room again; but the one that has waited comes first.
        next_up = _claim(harness, late)
        assert next_up is not None
        assert next_up.lease.run_id == waits.hint.run_id


def test_a_step_that_is_hinted_twice_takes_one_slot(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        _deploy(harness, concurrency=50)
        _, (opening,) = _begin(harness, 2)
        assert _claim(harness, opening) is not None
        assert _claim(harness, opening) is None
        assert _claim(harness, Opening(opening.hint)) is None
        assert len(_slots(harness)) == 2


def test_a_run_holds_a_slot_of_a_high_limit_from_its_first_step_to_its_end(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        _deploy(harness, chain=2, concurrency=[{"limit": 50, "mode": "runs"}, {"limit": 40}])
        claim, (opening,) = _begin(harness, 2)
        other = _claim(harness, opening)
        assert other is not None
        assert [_slots(harness).count(each.lease.run_id) for each in (claim, other)] == [2, 2]
        for each in (claim, other):
            following = _record(harness, each).next_claim
            assert following is not None
            assert _slots(harness).count(each.lease.run_id) == 2
            assert _record(harness, following).openings == ()
        assert _slots(harness) == []


def test_who_gives_back_one_of_many_slots_needs_no_look(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        _deploy(harness, concurrency=50)
        claim, openings = _begin(harness, 2)
        assert _record(harness, claim).openings == ()
        assert _claim(harness, openings[0]) is not None


def test_the_kept_slot_of_a_dead_worker_is_free_when_its_lease_is_over(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        _deploy(harness, chain=2, concurrency=1)
        claim, _ = _begin(harness, 1)
        following = _record(harness, claim).next_claim
        assert following is not None
        (slot,) = harness.rows("SELECT slot_group, step_key, kept_by FROM slots")
        assert (slot["step_key"], slot["kept_by"]) == ("s0", "s1")
        with harness.runtime.database.transaction("claim") as tx:
            assert slots.held(tx, [slot["slot_group"]]) == {slot["slot_group"]: 1}
        harness.clock.advance(seconds=3_600)
        with harness.runtime.database.transaction("claim") as tx:
            assert slots.held(tx, [slot["slot_group"]]) == {}
        harness.runtime.relay.tick()
        harness.drain()
        assert _slots(harness) == []
        assert harness.rows("SELECT status FROM runs") == [{"status": "completed"}]


def test_a_retry_takes_a_slot_anew(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        _deploy(harness, concurrency=50)
        claim, _ = _begin(harness, 1)
        harness.clock.advance(seconds=3_600)  # its worker is dead
        harness.runtime.relay.tick()
        (message,) = harness.dispatcher.waiting
        again = _claim(harness, Opening(message[0]))  # type: ignore[arg-type]
        assert again is not None
        assert again.lease.token > claim.lease.token
        assert harness.rows("SELECT token FROM slots") == [{"token": again.lease.token}]


def test_branches_take_their_slots_as_they_are_claimed(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        builder = a_workflow().action("first", kind="noop").path("$source", "first")
        for number in range(3):
            builder.action(f"branch{number}", kind="noop").path("first", f"branch{number}")
        harness.deploy(builder.trigger("a/b").settings(concurrency=50).document(), scope=TENANT)
        claim, _ = _begin(harness, 1)
        recorded = _record(harness, claim)
        assert recorded.next_claim is not None
        assert len(recorded.openings) == 2
        assert _count(harness, "queued_steps") == 0
        assert len(_slots(harness)) == 1
        assert all(_claim(harness, opening) for opening in recorded.openings)
        assert len(_slots(harness)) == 3


# -- throttles


def _arrival_ms(harness: Harness) -> float:
    (row,) = harness.rows("SELECT state FROM flow_states WHERE control = 'throttle'")
    return (int(row["state"]) - harness.clock.now_ms() * 1_000) / 1_000


def test_a_start_takes_a_unit_of_the_throttle_as_it_is_claimed(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        _deploy(harness, throttle={"limit": 1, "period": "10s", "burst": slots.TICKETS + 2})
        _, openings = _begin(harness, 5)
        assert _arrival_ms(harness) == 10_000
        first, second, third, fourth = openings
        assert _claim(harness, first) is not None
        assert _arrival_ms(harness) == 20_000
        # Who is hinted in vain uses nothing up.
        assert _claim(harness, first) is None
        assert _arrival_ms(harness) == 20_000
        assert _claim(harness, second) is not None
        assert _arrival_ms(harness) == 30_000
        # Fewer are left now than may start at one moment: from here on they start in their order.
        last = _claim(harness, fourth)
        assert last is not None
        assert harness.rows("SELECT run_id FROM queued_steps") == []
        claim = _claim(harness, third)
        assert claim is not None
        assert _arrival_ms(harness) == 50_000


def test_of_runs_that_begin_together_under_a_low_throttle_the_first_start(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        _deploy(harness, throttle={"limit": 1, "period": "10s", "burst": 2})
        _, (place, *_) = _begin(harness, 4)
        waiting = harness.rows("SELECT run_id FROM queued_steps ORDER BY score_ms, sequence")
        assert len(waiting) == 3
        second = _claim(harness, place)
        assert second is not None
        assert second.lease.run_id == waiting[0]["run_id"]
        assert _claim(harness, place) is None
        assert _arrival_ms(harness) == 20_000


def test_the_first_steps_of_a_run_use_one_unit_of_the_throttle(postgres_url: str) -> None:
    """Also where only one of them has to wait for something else."""
    with a_runtime(postgres_url) as harness:
        builder = a_workflow()
        for node_id in ("slow", "quick"):
            builder.action(node_id, kind="noop").path("$source", node_id)
        document = builder.trigger("a/b").settings(throttle={"limit": 1, "period": "10s", "burst": 50}).document()
        document["actions"][0]["settings"] = {"concurrency": 1}
        harness.deploy(document, scope=TENANT)
        busy, _ = _begin(harness, 1)
        _send(harness, 1)
        matched = harness.match()
        assert matched.claim is None
        (quick,) = [opening for opening in matched.openings if not opening.hint.is_place]
        claim, openings = harness.runtime.worker.advance.claim(quick)
        assert claim is not None
        assert _arrival_ms(harness) == 20_000
        _record(harness, busy)
        # What has waited with it is no first step any more.
        assert any(_claim(harness, opening) for opening in openings)
        assert _arrival_ms(harness) == 20_000
        assert _count(harness, "queued_steps") == 0


def test_what_comes_later_waits_behind_what_a_throttle_holds_up(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        _deploy(harness, throttle={"limit": 1, "period": "10s"})
        for _ in range(3):
            _send(harness, 1)
            harness.drain()
            harness.clock.advance(seconds=0.01)
        order = harness.column("SELECT id FROM runs ORDER BY created_at_ms, id")
        for _ in range(3):
            started = [
                row["run_id"]
                for row in harness.rows("SELECT run_id FROM journal WHERE kind = 'attempt' ORDER BY at_ms, run_id")
            ]
            assert started == order[: len(started)]
            harness.clock.advance(seconds=10)
            harness.runtime.relay.tick()
            harness.drain()
        assert len(harness.rows("SELECT id FROM runs WHERE status = 'completed'")) == 3


def test_starts_at_once_take_one_unit_each(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        _deploy(harness, throttle={"limit": 1, "period": "1h", "burst": 4})
        others = [harness.new_process() for _ in range(8)]
        for _ in others:
            _send(harness, 1)
        messages = [[str(each) for each in message] for message in harness.dispatcher.waiting]
        outcomes = at_once(
            *(partial(other.worker._matching.match, ids) for other, ids in zip(others, messages, strict=True))
        )
        assert len([matched for matched in outcomes if matched.claim is not None]) == 4, outcomes
        assert _arrival_ms(harness) == 4 * 3_600_000
        assert _count(harness, "queued_steps") == 4


# -- lanes


def test_who_joins_a_lane_keeps_it_open(postgres_url: str) -> None:
    """I4: whoever finds a lane empty that somebody is about to join closes it neither before nor after that."""
    with a_runtime(postgres_url) as harness, _takers(postgres_url, 1) as (joiner,):
        _deploy(harness, concurrency=1)
        claim, _ = _begin(harness, 2)
        _record(harness, claim, hand_over=True)
        harness.drain()
        (lane,) = harness.rows("SELECT id, parent FROM lanes WHERE parent IS NOT NULL")
        assert _count(harness, "queued_steps") == 0
        join = "INSERT INTO lanes (id, environment, tenant, turn) VALUES (%s, 'default', 'a', 0) ON CONFLICT DO NOTHING"
        for lane_id in (lane["parent"], lane["id"]):
            joiner.connection.execute(join, (lane_id,))
        joiner.connection.execute(
            "INSERT INTO queued_steps (run_id, step_key, lane_id, score_ms, sequence) VALUES ('r', 's', %s, 1, 'r')",
            (lane["id"],),
        )
        harness.clock.advance(seconds=60)
        harness.runtime.relay.tick()
        joiner.connection.commit()
        assert sorted(harness.column("SELECT id FROM lanes")) == sorted(
            [lane["id"], lane["parent"]]
        )  # fmt: skip
