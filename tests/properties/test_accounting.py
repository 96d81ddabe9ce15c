"""Every event ends in exactly one run, batch, window or decision with a reason, whatever its workflow is set to (I20).

Over the real store, through the worker: any controls that go together, with events that repeat ids, pauses, drains and
cancelled runs. In the end nothing is left open, and no slot, place in a queue or timer of theirs is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from builders import a_workflow
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from runtimes import Harness, a_registry, a_runtime

from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.engine.context import StepContext
from workflowkit.runtime.pausing import Target

LASTS_SECONDS = 20
keys = st.sampled_from([None, "event.data.k", "event.data.k == 1", "int(event.data.text)"])
rates = st.fixed_dictionaries(
    {"limit": st.integers(1, 3), "period": st.just("30s"), "burst": st.integers(1, 2), "key": keys}
)
CONTROLS: dict[str, st.SearchStrategy[Any]] = {
    "concurrency": st.lists(
        st.fixed_dictionaries({"limit": st.integers(1, 2), "key": keys, "mode": st.sampled_from(["steps", "runs"])}),
        max_size=1,
    ),
    "throttle": rates,
    "rate_limit": rates,
    "debounce": st.fixed_dictionaries({"period": st.just("5s"), "timeout": st.just("12s"), "key": keys}),
    "batch": st.fixed_dictionaries(
        {"max_size": st.integers(2, 3), "timeout": st.just("9s"), "key": keys, "if": st.just("event.data.k != 2")}
    ),
    "priority": st.just("event.data.k"),
    "singleton": st.fixed_dictionaries({"mode": st.sampled_from(["skip", "cancel", "queue_latest"]), "key": keys}),
    "idempotency": st.fixed_dictionaries({"key": st.just("event.data.k"), "period": st.just("1m")}),
}
#: With a batch go only these.
BESIDE_BATCH = {"batch", "concurrency", "throttle"}
sends = st.tuples(st.just("send"), st.integers(0, 2), st.sampled_from([None, None, "a", "b"]))
others = st.tuples(
    st.sampled_from(["wait", "wait", "wait", "pause", "resume", "drain", "undrain", "cancel"]), st.integers(1, 8)
)
stories = st.lists(sends | others, min_size=3, max_size=25)
number = count()


@st.composite
def controls(draw: st.DrawFn) -> dict[str, Any]:
    """Return settings that a workflow may have."""
    names = set(draw(st.lists(st.sampled_from(sorted(CONTROLS)), max_size=4, unique=True)))
    chosen = names & BESIDE_BATCH if "batch" in names else names
    found = {name: draw(CONTROLS[name]) for name in sorted(chosen)}
    return {name: _without_null(value) for name, value in found.items()}


def _without_null(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_null(each) for each in value]
    if isinstance(value, dict):
        return {name: each for name, each in value.items() if each is not None}
    return value


@pytest.fixture
def harness(database_url: str) -> Iterator[Harness]:
    registry = a_registry()

    @registry.action("work")
    def work(ctx: StepContext) -> None:
        ctx.step.sleep("on", LASTS_SECONDS)

    with a_runtime(database_url, registry) as made:
        yield made


def _happen(harness: Harness, workflow_id: str, story: list[tuple[Any, ...]]) -> None:
    place, pausing = Target(DEFAULT_SCOPE, workflow_id), harness.runtime.pausing
    for what, pick, *rest in story:
        if what == "send":
            fields: dict[str, Any] = {} if rest[0] is None else {"id": f"{workflow_id}:{rest[0]}"}
            harness.send(f"e/{workflow_id}", {"k": pick, "text": "x" * pick}, **fields)
            harness.drain()
        elif what == "wait":
            harness.skip(pick)
        elif what == "cancel":
            runs = harness.rows("SELECT id FROM runs WHERE workflow_id = :id ORDER BY id", id=workflow_id)
            if runs:
                harness.runtime.control.cancel(DEFAULT_SCOPE, runs[pick % len(runs)]["id"])
                harness.drain()
        else:
            getattr(pausing, what)(place)
    pausing.resume(place)
    pausing.undrain(place)
    for _ in range(80):
        harness.skip(LASTS_SECONDS)
        if not _open(harness, workflow_id):
            return


def _open(harness: Harness, workflow_id: str) -> list[dict[str, Any]]:
    """Return the runs and collections that have not come to their end."""
    ended = "('completed', 'failed', 'cancelled')"
    return harness.rows(
        f"SELECT id FROM runs WHERE workflow_id = :id AND status NOT IN {ended}"
        " UNION ALL SELECT id FROM collections WHERE workflow_id = :id AND closed_at_ms IS NULL",
        id=workflow_id,
    )


def _ends(harness: Harness, workflow_id: str) -> Counter[str]:
    """Return in how many runs of their own, collections and decisions each event is."""
    rows = harness.rows(
        "SELECT event_id FROM decisions WHERE workflow_id = :id"
        " UNION ALL SELECT event_id FROM collected_events WHERE workflow_id = :id"
        " UNION ALL SELECT event_id FROM runs WHERE workflow_id = :id AND id NOT IN"
        " (SELECT run_id FROM collections WHERE workflow_id = :id AND run_id IS NOT NULL)",
        id=workflow_id,
    )
    return Counter(row["event_id"] for row in rows)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(controls(), stories)
def test_every_event_ends_in_exactly_one_place(
    harness: Harness, chosen: dict[str, Any], story: list[tuple[Any, ...]]
) -> None:
    workflow_id = f"w{next(number)}"
    document = a_workflow(workflow_id).action("a", kind="work").path("$source", "a").trigger(f"e/{workflow_id}")
    harness.deploy(document.settings(**chosen).document() if chosen else document.document(), workflow_id)
    _happen(harness, workflow_id, story)
    events = harness.rows("SELECT id FROM events WHERE name = :name", name=f"e/{workflow_id}")
    assert _ends(harness, workflow_id) == Counter(row["id"] for row in events)
    assert _open(harness, workflow_id) == []
    for table in ("slots", "queued_steps", "pending_events"):
        assert harness.rows(f"SELECT * FROM {table}") == []
    kept = harness.rows(
        "SELECT control, state FROM flow_states WHERE workflow_id = :id AND state IS NOT NULL"
        " AND control IN ('batch', 'debounce', 'singleton')",
        id=workflow_id,
    )
    assert kept == []
