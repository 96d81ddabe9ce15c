"""Laws of loops over the real rows: whatever the order in which items end, and whatever hints are lost, it is one."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from builders import a_workflow
from hypothesis import given
from hypothesis import strategies as st
from runtimes import Harness, a_registry

from workflowkit.base.jsonvalue import loads
from workflowkit.runtime.hints import StepHint
from workflowkit.runtime.worker import Worker

#: What an item does: give itself, fail, sleep first, or have nothing to do.
items = st.lists(st.sampled_from(["good", "bad", "sleep", "nothing"]), max_size=7)
#: Which hint is delivered next; one in eight is lost instead.
picks = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=40)


def _document() -> dict[str, Any]:
    body = a_workflow().action("do", "do", {"how": "!ref($.item)", "index": "!ref($.index)"}).document()
    # Nothing to do for one: no edge is taken, and its run ends as it begins.
    body["edges"] = [
        {"from": "$source", "to": "do", "conditional": {"type": "match", "ref": "!ref($.item)", "value": how}}
        for how in ("good", "bad", "sleep")
    ]
    inputs = {
        "items": "!ref($.event.data.items)",
        "concurrency": "!ref($.event.data.concurrency)",
        "on_item_error": "continue",
    }
    document = a_workflow().action("each", "builtin:for_each", inputs).path("$source", "each").trigger("t/h")
    written = document.document()
    written["actions"][0]["body"] = body
    return written


@dataclass
class Stage:
    """One process for loops, one for items, and what the items have done."""

    harness: Harness
    items_worker: Worker
    done: Counter[int]

    def play(self, picks: Sequence[tuple[int, int]]) -> None:
        """Deliver hints, or lose them, in the order of ``picks``; then all that are left, until nothing is open."""
        waiting = self.harness.dispatcher.waiting
        for place, luck in picks:
            if waiting:
                waiting.rotate(-(place % len(waiting)))
                self._deliver(is_lost=luck == 0)
        for _ in range(40):
            while waiting:
                self._deliver(is_lost=False)
            if not self.harness.rows("SELECT 1 FROM runs WHERE finished_at_ms IS NULL") and self._nothing_pending():
                return
            self.harness.clock.advance(seconds=60)
            self.harness.runtime.relay.tick()

    def _nothing_pending(self) -> bool:
        return not self.harness.rows("SELECT 1 FROM pending_events")

    def _deliver(self, *, is_lost: bool) -> None:
        message = self.harness.dispatcher.waiting[0]
        hints = [hint for hint in message if isinstance(hint, StepHint) and hint.queue == "items"]
        if is_lost or hints:
            self.harness.dispatcher.waiting.popleft()
            self.items_worker.execute([] if is_lost else hints)
        else:
            self.harness.deliver()


@pytest.fixture(scope="module")
def stage(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    path = tmp_path_factory.mktemp("loops") / "loops.db"
    shutil.copyfile(_sqlite_template, path)
    registry, done = a_registry(), Counter[int]()

    @registry.action("do", retries=0, queue="items")
    def do(ctx: Any, how: str, index: int) -> Any:
        if how == "sleep":
            ctx.step.sleep("nap", 60)
        done[index] += 1
        if how == "bad":
            raise ValueError(str(index))
        return index

    harness = Harness(f"sqlite:///{path}", registry, inline_steps=1)
    harness.deploy(_document())
    yield Stage(harness, harness.new_process(queues=("items",)).worker, done)
    harness.close()


@given(hows=items, concurrency=st.integers(1, 4), picks=picks)
def test_the_order_in_which_items_end_does_not_show_in_what_the_loop_gives(
    stage: Stage, hows: list[str], concurrency: int, picks: list[tuple[int, int]]
) -> None:
    stage.done.clear()
    event_id = stage.harness.send("t/h", {"items": hows, "concurrency": concurrency})

    stage.play(picks)

    (run,) = stage.harness.rows(
        "SELECT status, output FROM runs WHERE event_id = :id AND parent_run_id IS NULL", id=event_id
    )
    assert run["status"] == "completed"
    found = loads(run["output"])["each"]
    gives = {"good": lambda index: {"do": index}, "sleep": lambda index: {"do": index}, "nothing": lambda _: {}}
    assert found["items"] == [gives.get(how, lambda _: None)(index) for index, how in enumerate(hows)]
    assert [(each["index"], each["error"]["message"]) for each in found["failed"]] == [
        (index, str(index)) for index, how in enumerate(hows) if how == "bad"
    ]
    assert stage.done == {index: 1 for index, how in enumerate(hows) if how != "nothing"}
