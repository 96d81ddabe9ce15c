"""Limits of single actions: of a kind wherever it is, and of one action of a workflow."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from builders import WorkflowBuilder, a_workflow
from runtimes import Harness, a_registry, a_runtime

from workflowkit.base.limits import Limits
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.definition.settings.flow import Concurrency
from workflowkit.definition.settings.flow import Scope as Shared
from workflowkit.engine.outcome import Succeeded
from workflowkit.registry import Registry
from workflowkit.runtime.functions import App, SyncStatus
from workflowkit.runtime.hints import StepHint, place_hint
from workflowkit.runtime.position import Claim, Opening

EVENT = "order/placed"
OTHER = Scope("default", "other")


def _registry(concurrency: Any = None) -> Registry:
    registry = a_registry()
    options = {} if concurrency is None else {"concurrency": concurrency}

    @registry.action("mail", **options)
    def mail() -> None:
        return None

    return registry


def _document(builder: WorkflowBuilder | None = None, **settings: Any) -> dict[str, Any]:
    """Return a workflow whose first action is free, and whose second one is ``mail``."""
    builder = builder or a_workflow()
    builder.action("free").action("mail", kind="mail", **settings).action("after")
    return builder.path("$source", "free", "mail", "after").trigger(EVENT).document()


def _send(harness: Harness, count: int, scope: Scope = DEFAULT_SCOPE) -> None:
    harness.runtime.intake.send(scope, [{"name": EVENT, "data": {"n": number}} for number in range(count)])


def _executing(harness: Harness) -> Counter[str]:
    """Match, perform what is before the limited action, and claim all that may start then; return what executes."""
    executing: Counter[str] = Counter()
    openings, claims = list[Opening](), list[Claim]()
    while harness.dispatcher.waiting:
        matched = harness.match()
        openings += matched.openings
        claims += [] if matched.claim is None else [matched.claim]
    while openings or claims:
        if not claims:
            claim, more = harness.runtime.worker.advance.claim(openings.pop(0))
            openings += more
            claims += [] if claim is None else [claim]
        elif (claim := claims.pop()).lease.step_key == "free":
            openings += _perform(harness, claim)
        else:
            executing[claim.lease.step_key] += 1
    return executing


def _perform(harness: Harness, claim: Claim) -> tuple[Opening, ...]:
    recorded = harness.runtime.worker.advance.record(claim, Succeeded({}), retries=0)
    assert recorded.next_claim is None, "what is under a limit queues"
    return recorded.openings


def _assert_all_end(harness: Harness, count: int) -> None:
    """Let the leases of those that were claimed and never performed end; everything ends well, and nothing is left."""
    for _ in range(4 * count):
        harness.skip(40)
    assert harness.column("SELECT status FROM runs") == ["completed"] * count
    for table in ("slots", "queued_steps", "lanes", "lane_groups"):
        assert harness.rows(f"SELECT * FROM {table}") == [], table


def test_of_one_action_of_a_workflow_no_more_execute_than_it_says(database_url: str) -> None:
    with a_runtime(database_url, _registry()) as harness:
        harness.deploy(_document(concurrency=2))
        _send(harness, 5)
        assert _executing(harness) == {"mail": 2}
        assert len(harness.rows("SELECT * FROM queued_steps")) == 3
        _assert_all_end(harness, 5)


def test_of_a_kind_no_more_execute_than_its_registration_says_in_all_workflows_and_tenants(database_url: str) -> None:
    with a_runtime(database_url, _registry(3)) as harness:
        harness.deploy(_document(), workflow_id="first")
        harness.deploy(_document(), workflow_id="second")
        harness.deploy(_document(), workflow_id="third", scope=OTHER)
        _send(harness, 2)
        _send(harness, 2, OTHER)
        assert _executing(harness) == {"mail": 3}
        assert len(harness.rows("SELECT * FROM queued_steps")) == 3
        _assert_all_end(harness, 6)


@pytest.mark.parametrize("scope", ["tenant", "environment", "installation"])
@pytest.mark.parametrize(("before", "after", "execute"), [(1, 3, 3), (3, 1, 1), (1, None, 5)])
def test_the_limit_of_a_kind_is_as_it_is_deployed_for_runs_that_are_there(
    database_url: str, scope: str, before: int, after: int | None, execute: int
) -> None:
    with a_runtime(database_url, _registry({"limit": before, "scope": scope})) as harness:
        assert harness.runtime.functions.sync("default", _deployed(before, scope, "1")).status is SyncStatus.SYNCED
        harness.deploy(_document())
        _send(harness, 6)
        assert _executing(harness) == {"mail": before}
        assert harness.runtime.functions.sync("default", _deployed(after, scope, "2")).status is SyncStatus.SYNCED
        old = harness.runtime.functions.sync("default", _deployed(before, scope, "1"))
        assert old.status is SyncStatus.SUPERSEDED
        harness.clock.advance(seconds=40)  # the leases of those that execute are over
        (place,) = set(harness.column("SELECT slot_group FROM lane_groups"))
        started = 0
        while harness.runtime.worker.advance._dequeue(place)[0] is not None:
            started += 1
        assert started == execute
        _assert_all_end(harness, 6)


def test_code_that_does_not_know_a_kind_leaves_its_limit_alone(database_url: str) -> None:
    with a_runtime(database_url, _registry()) as harness:
        functions = harness.runtime.functions
        functions.sync("default", _deployed(3, "tenant", "1"))
        before = harness.rows("SELECT * FROM ceilings")
        assert functions.sync("default", App("shop", "2", {})).status is SyncStatus.SYNCED
        assert harness.rows("SELECT * FROM ceilings") == before
        assert functions.sync("other", App("shop", "2", {})).status is SyncStatus.UNCHANGED


def _deployed(limit: int | None, scope: str, version: str) -> App:
    """Return an application whose code has a limit for ``mail``, or none."""
    return App("shop", version, {}, limits={"mail": None if limit is None else Concurrency(limit, scope=Shared(scope))})


def test_each_tenant_has_slots_of_its_own_if_the_registration_says_so(database_url: str) -> None:
    with a_runtime(database_url, _registry({"limit": 1, "scope": "tenant"})) as harness:
        harness.deploy(_document())
        harness.deploy(_document(), workflow_id="third", scope=OTHER)
        _send(harness, 2)
        _send(harness, 2, OTHER)
        assert _executing(harness) == {"mail": 2}


def test_the_lowest_of_all_limits_holds(database_url: str) -> None:
    with a_runtime(database_url, _registry(3)) as harness:
        harness.deploy(_document(a_workflow().settings(concurrency=4), concurrency=2))
        _send(harness, 5)
        # The workflow's own limit lets two more of its steps execute than the action's does.
        assert _executing(harness)["mail"] == 2
        _assert_all_end(harness, 5)


@pytest.mark.parametrize(("limit", "others"), [(0, 2), (1, 0), (2, 1)])
def test_the_limit_of_an_action_in_a_loop_counts_its_items(database_url: str, limit: int, others: int) -> None:
    started: list[int] = []
    registry = _registry()

    @registry.action("look")
    def look() -> None:
        """Try to start all other items while this one executes."""
        if not started:
            rows = harness.rows("SELECT run_id, step_key, queue FROM steps WHERE status = 'ready'")
            lanes = harness.rows("SELECT id, queue FROM lanes WHERE parent IS NOT NULL")
            hints = [StepHint(row["run_id"], row["step_key"], row["queue"]) for row in rows]
            hints += [place_hint(row["id"], row["queue"]) for row in lanes * len(rows)]
            claims = [harness.runtime.worker.advance.claim(Opening(hint))[0] for hint in hints]
            started.append(sum(claim is not None for claim in claims))

    look_at = {"id": "look", "kind": "look", "inputs": {}, "settings": {"concurrency": limit}}
    body = {"actions": [look_at], "edges": [{"from": "$source", "to": "look"}]}
    inputs = {"items": [1, 2, 3], "concurrency": 3}
    document = a_workflow().trigger(EVENT).document()
    document["actions"] = [{"id": "each", "kind": "builtin:for_each", "inputs": inputs, "body": body}]
    document["edges"] = [{"from": "$source", "to": "each"}]
    with a_runtime(database_url, registry) as harness:
        harness.deploy(document)
        _send(harness, 1)
        harness.drain()
        assert started == [others]
        _assert_all_end(harness, 4)


def test_a_run_that_is_moved_is_under_the_limits_of_its_new_version(database_url: str) -> None:
    with a_runtime(database_url, _registry()) as harness:
        harness.deploy(_document(concurrency=1))
        _send(harness, 3)
        assert _executing(harness) == {"mail": 1}
        harness.deploy(_document())
        (waiting, *_) = harness.rows("SELECT run_id FROM queued_steps")
        moved = harness.runtime.moving.move(DEFAULT_SCOPE, waiting["run_id"])
        assert moved.is_moved, moved.problems
        harness.drain()
        (run,) = harness.rows("SELECT status FROM runs WHERE id = :id", id=waiting["run_id"])
        assert run["status"] == "completed", "while the one that executes keeps the others from starting"
        assert len(harness.rows("SELECT * FROM queued_steps")) == 1
        _assert_all_end(harness, 3)


def test_a_cancelled_run_gives_the_slot_of_its_action_back(database_url: str) -> None:
    with a_runtime(database_url, _registry(1)) as harness:
        harness.deploy(_document())
        _send(harness, 2)
        assert _executing(harness) == {"mail": 1}
        (holder,) = harness.rows("SELECT run_id FROM slots")
        harness.runtime.control.cancel(DEFAULT_SCOPE, holder["run_id"])
        harness.drain()
        assert sorted(harness.column("SELECT status FROM runs")) == ["cancelled", "completed"]
        assert harness.rows("SELECT * FROM slots") == []


@pytest.mark.parametrize("where", ["kind", "action"])
def test_an_event_is_skipped_if_too_many_runs_wait_for_an_action(database_url: str, where: str) -> None:
    registry = _registry(1 if where == "kind" else None)
    document = _document() if where == "kind" else _document(concurrency=1)
    with a_runtime(database_url, registry, limits=Limits(queued_runs=2)) as harness:
        harness.deploy(document)
        _send(harness, 3)
        assert _executing(harness) == {"mail": 1}
        assert len(harness.rows("SELECT * FROM queued_steps")) == 2
        _send(harness, 2)
        assert _executing(harness) == {}
        reasons = harness.column("SELECT reason FROM decisions")
        assert reasons == ["backlog-full"] * 2
        _assert_all_end(harness, 3)
        _send(harness, 1)
        assert _executing(harness) == {"mail": 1}


def test_a_workflow_with_controls_is_skipped_too_if_too_many_runs_wait_for_an_action(database_url: str) -> None:
    with a_runtime(database_url, _registry(1), limits=Limits(queued_runs=1)) as harness:
        document = _document()
        document["settings"] = {"rate_limit": {"limit": 2, "period": "1s", "burst": 2}}
        harness.deploy(document)
        _send(harness, 2)
        assert _executing(harness) == {"mail": 1}
        harness.clock.advance(seconds=10)
        rate = "SELECT state FROM flow_states WHERE control = 'rate_limit'"
        before = harness.rows(rate)
        _send(harness, 1)
        assert _executing(harness) == {}
        assert harness.column("SELECT reason FROM decisions") == ["backlog-full"]
        assert harness.rows(rate) == before, "what was skipped has used no unit of the rate"


def test_a_run_without_limited_actions_has_no_flow_control(database_url: str) -> None:
    with a_runtime(database_url, _registry(1)) as harness:
        harness.deploy(a_workflow().chain("free").trigger(EVENT).document())
        _send(harness, 1)
        harness.drain()
        assert harness.run()["flow"] is None
