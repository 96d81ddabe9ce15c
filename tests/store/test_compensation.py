"""What a run did is undone if it fails or is cancelled: once each, the last first, whoever dies meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from builders import WorkflowBuilder, a_workflow
from dying import dying
from runtimes import Harness, a_registry, a_runtime

from workflowkit.base.jsonvalue import loads
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.composition import Runtime
from workflowkit.engine.context import StepContext
from workflowkit.registry import Registry
from workflowkit.runtime.rerunning import Again


class Shop:
    """Actions that note what they did and what they undid."""

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.before: Callable[[Any], None] = lambda _name: None
        self.registry = Registry()
        base = a_registry()
        for spec in base:
            self.registry.add_builtin(spec)
        self.registry.action("do", retries=0)(self.do)
        self.registry.action("undo", retries=1)(self.undo)
        self.registry.action("nap")(self.nap)

    def do(self, name: Any) -> Any:
        self.before(name)
        if name == "bad":
            raise ValueError("no luck")
        self.log.append(f"do {name}")
        return {"name": name}

    def undo(self, name: Any) -> Any:
        self.log.append(f"undo {name}")
        if name == "stuck":
            raise RuntimeError("cannot be undone")
        return f"undone {name}"

    def nap(self, ctx: StepContext) -> None:
        ctx.step.sleep("nap", "1h")

    @property
    def undone(self) -> list[str]:
        return [entry.removeprefix("undo ") for entry in self.log if entry.startswith("undo ")]


def _do(document: WorkflowBuilder, *names: str) -> WorkflowBuilder:
    """Add steps that can be undone, in a row."""
    for name in names:
        undo = {"kind": "undo", "inputs": {"name": f"!ref($.state.{name}.name)"}}
        document.action(name, "do", {"name": name}, compensate=undo)
    return document.path("$source", *names)


def _start(harness: Harness, document: dict[str, Any], **data: Any) -> None:
    harness.deploy(document)
    harness.send("test/happened", data)
    harness.drain()


def _five(last: str = "bad") -> dict[str, Any]:
    """Four steps that can be undone, of which the fourth fails, and a fifth."""
    document = _do(a_workflow().trigger("test/happened"), "one", "two", "three", "four").action(
        "five", "do", {"name": "five"}
    )
    document.path("four", "five")
    written = document.document()
    written["actions"][3]["inputs"]["name"] = last
    return written


def test_of_five_steps_the_fourth_fails_and_three_are_undone_the_last_one_first(database_url: str) -> None:
    shop = Shop()
    with a_runtime(database_url, shop.registry) as harness:
        _start(harness, _five())
        assert shop.log == ["do one", "do two", "do three", "undo three", "undo two", "undo one"]
        rows = harness.rows("SELECT path, status, parent_step, depth, input FROM runs ORDER BY path IS NOT NULL")
        assert [(row["path"], row["status"]) for row in rows] == [(None, "failed"), ("$compensate", "completed")]
        assert loads(rows[1]["input"])["order"] == ["three", "two", "one"]
        assert loads(rows[1]["input"])["error"]["message"] == "no luck"


def test_a_run_that_completes_undoes_nothing(database_url: str) -> None:
    shop = Shop()
    with a_runtime(database_url, shop.registry) as harness:
        _start(harness, _do(a_workflow().trigger("test/happened"), "one", "two").document())
        assert shop.log == ["do one", "do two"]


def test_a_run_that_is_cancelled_is_undone_as_far_as_it_came(database_url: str) -> None:
    shop = Shop()
    document = _do(a_workflow().trigger("test/happened"), "one", "two").action("wait", "nap").path("two", "wait")
    with a_runtime(database_url, shop.registry) as harness:
        _start(harness, document.document())
        run = harness.run()
        harness.runtime.control.cancel(DEFAULT_SCOPE, run["id"])
        harness.drain()
        assert shop.undone == ["two", "one"]


def test_a_compensation_that_fails_is_tried_again_reported_and_stops_none(database_url: str) -> None:
    shop = Shop()
    document = _do(a_workflow().trigger("test/happened"), "one", "stuck", "three").action("b", "do", {"name": "bad"})
    with a_runtime(database_url, shop.registry) as harness:
        _start(harness, document.path("three", "b").document())
        assert shop.undone == ["three", "stuck"]
        harness.skip(15)
        assert shop.undone == ["three", "stuck", "stuck", "one"]
        (row,) = harness.rows("SELECT * FROM runs WHERE path = '$compensate'")
        assert (row["status"], row["handled_failures"]) == ("completed", 1)
        failed = harness.rows("SELECT step_key FROM journal WHERE kind = 'failed' AND run_id = :id", id=row["id"])
        assert [each["step_key"] for each in failed] == ["stuck"]


def test_the_order_is_that_of_completion_and_not_that_of_the_document(database_url: str) -> None:
    shop = Shop()
    document = a_workflow().trigger("test/happened").action("wait", "nap").path("$source", "wait")
    undo = {"kind": "undo", "inputs": {"name": "!ref($.state.early.name)"}}
    document.action("late", "do", {"name": "late"}, compensate={"kind": "undo", "inputs": {"name": "late"}})
    document.action("early", "do", {"name": "early"}, compensate=undo).path("$source", "early")
    document.action("b", "do", {"name": "bad"}).path("wait", "late", "b")
    with a_runtime(database_url, shop.registry) as harness:
        _start(harness, document.document())
        harness.skip(3600)
        assert shop.undone == ["late", "early"]


@pytest.mark.parametrize("side", ["before_commit", "after_commit"])
@pytest.mark.parametrize("hit", [4, 5, 6, 7])
def test_a_worker_that_dies_in_between_undoes_everything_once(database_url: str, side: str, hit: int) -> None:
    """The fourth commit ends the run, the next ones are those of the compensations."""
    shop = Shop()
    with a_runtime(database_url, shop.registry) as harness:
        with dying(f"record.{side}", hit) as died, pytest.raises(died):
            _start(harness, _five())
        harness.dispatcher.waiting.clear()
        for _ in range(6):
            harness.skip(31)
        statuses = {row["path"]: row["status"] for row in harness.rows("SELECT path, status FROM runs")}
        assert statuses == {None: "failed", "$compensate": "completed"}
        settled = harness.rows(
            "SELECT step_key FROM journal JOIN runs ON runs.id = run_id WHERE path IS NOT NULL AND kind = 'completed' "
            "AND step_key <> '$source' ORDER BY journal.revision"
        )
        assert [row["step_key"] for row in settled] == ["three", "two", "one"]
        # An attempt whose result was not recorded is repeated; no step is left out, and none comes out of turn.
        assert list(dict.fromkeys(shop.undone)) == ["three", "two", "one"]
        assert len(shop.undone) <= 4


# --- loops


def _looping(on_item_error: str = "fail", concurrency: int = 1) -> dict[str, Any]:
    """Return a loop whose items can be undone, and a step that fails after it."""
    undo = {"kind": "undo", "inputs": {"name": "!ref($.item) !ref($.state.in.name)"}}
    body = a_workflow().action("in", "do", {"name": "!ref($.item)"}, compensate=undo)
    document = _do(a_workflow().trigger("test/happened"), "one")
    inputs = {"items": "!ref($.event.data.items)", "on_item_error": on_item_error, "concurrency": concurrency}
    document.action("each", "builtin:for_each", inputs).action("b", "do", {"name": "!ref($.event.data.then)"})
    written = document.path("one", "each", "b").document()
    written["actions"][1]["body"] = body.path("$source", "in").document()
    return written


def test_the_items_of_a_loop_are_undone_with_the_run_the_last_one_first(database_url: str) -> None:
    shop = Shop()
    with a_runtime(database_url, shop.registry) as harness:
        _start(harness, _looping(), items=["a", "b", "c"], then="bad")
        assert shop.undone == ["c c", "b b", "a a", "one"]
        paths = harness.column("SELECT path FROM runs WHERE path LIKE '%$compensate'")
        assert sorted(paths) == ["$compensate", *["each/$compensate"] * 3]
        assert harness.rows("SELECT 1 FROM runs WHERE finished_at_ms IS NULL") == []


def test_the_items_that_completed_are_undone_if_the_loop_fails(database_url: str) -> None:
    shop = Shop()
    with a_runtime(database_url, shop.registry) as harness:
        _start(harness, _looping(), items=["a", "b", "bad", "never"], then="x")
        harness.skip(5)
        assert shop.undone == ["b b", "a a", "one"]


def test_an_item_that_fails_where_the_loop_goes_on_is_undone_by_itself(database_url: str) -> None:
    shop = Shop()
    document = _looping("continue")
    body = document["actions"][1]["body"]
    body["actions"].append({"id": "then", "kind": "do", "inputs": {"name": "!ref($.event.data.then)"}})
    body["edges"].append(
        {"from": "in", "to": "then", "conditional": {"type": "match", "ref": "!ref($.item)", "value": "b"}}
    )
    document["actions"][2]["inputs"]["name"] = "end"
    with a_runtime(database_url, shop.registry) as harness:
        _start(harness, document, items=["a", "b", "c"], then="bad")
        assert shop.undone == ["b b"]
        assert harness.rows("SELECT status FROM runs WHERE path IS NULL") == [{"status": "completed"}]


def test_items_that_still_went_on_are_undone_too_when_the_run_is_cancelled(database_url: str) -> None:
    shop = Shop()
    document = _looping(concurrency=5)
    body = document["actions"][1]["body"]
    body["actions"].append({"id": "wait", "kind": "nap"})
    body["edges"].append(
        {"from": "in", "to": "wait", "conditional": {"type": "match", "ref": "!ref($.item)", "value": "b"}}
    )
    with a_runtime(database_url, shop.registry) as harness:
        _start(harness, document, items=["a", "b", "c"], then="x")
        (run,) = harness.rows("SELECT id FROM runs WHERE path IS NULL")
        harness.runtime.control.cancel(DEFAULT_SCOPE, run["id"])
        harness.drain()
        harness.skip(5)
        assert sorted(shop.undone) == ["a a", "b b", "c c", "one"]
        assert harness.rows("SELECT 1 FROM runs WHERE finished_at_ms IS NULL") == []


def test_an_item_that_completes_after_its_run_was_cancelled_is_undone_once(database_url: str) -> None:
    shop = Shop()
    with a_runtime(database_url, shop.registry) as harness:

        def cancel(name: Any) -> None:
            if name == "slow":  # the run is cancelled while this item is at its step
                (run,) = harness.rows("SELECT id FROM runs WHERE path IS NULL")
                harness.runtime.control.cancel(DEFAULT_SCOPE, run["id"])

        shop.before = cancel
        _start(harness, _looping(concurrency=1), items=["a", "slow", "never"], then="x")
        harness.skip(5)
        assert sorted(shop.undone) == ["a a", "one", "slow slow"]
        assert "do never" not in shop.log


# --- actions that say themselves how they are undone


class Trips(Shop):
    """A shop whose action ``book`` undoes itself."""

    def __init__(self) -> None:
        super().__init__()
        self.registry.action("book", retries=0, compensate=self.release)(self.book)
        self.registry.action("sweep", retries=0)(self.undo)

    def book(self, what: str, nights: int = 1) -> dict[str, Any]:
        self.log.append(f"book {what}")
        if what == "car":
            raise ValueError("no car left")
        return {"id": f"{what}-{nights}"}

    def release(self, ctx: StepContext, output: dict[str, Any], nights: int) -> str:
        self.log.append(f"undo {output['id']} of {nights} in {ctx.step.kind}")
        if output["id"].startswith("stuck"):
            raise RuntimeError("cannot be undone")
        return "released"


def _trip(**settings: Any) -> dict[str, Any]:
    """Return three bookings in a row, of which the last fails; ``settings`` are those of the first."""
    document = a_workflow().trigger("test/happened")
    document.action("flight", "book", {"what": "!ref($.event.data.flight)"}, **settings)
    document.action("it's", "book", {"what": "hotel", "nights": "!ref($.event.data.nights)"})
    return document.action("car", "book", {"what": "car"}).path("$source", "flight", "it's", "car").document()


def test_an_action_undoes_itself_where_the_document_says_nothing(database_url: str) -> None:
    shop = Trips()
    with a_runtime(database_url, shop.registry) as harness:
        _start(harness, _trip(), flight="flight", nights=3)
        assert shop.undone == ["hotel-3 of 3 in undo:book", "flight-1 of 1 in undo:book"]
        (row,) = harness.rows("SELECT status FROM runs WHERE path = '$compensate'")
        assert row["status"] == "completed"


def test_a_document_may_say_otherwise_or_that_nothing_undoes_an_action(database_url: str) -> None:
    for settings, undone in (
        ({"compensate": "none"}, []),
        ({"compensate": {"kind": "sweep", "inputs": {"name": 1}}}, ["1"]),
    ):
        shop = Trips()
        with a_runtime(database_url, shop.registry) as harness:
            _start(harness, _trip(**settings), flight="flight", nights=3)
            assert shop.undone == ["hotel-3 of 3 in undo:book", *undone]


def test_an_action_that_cannot_undo_itself_is_tried_again_reported_and_stops_none(database_url: str) -> None:
    shop = Trips()
    document = _trip()
    document["actions"][1]["inputs"]["what"] = "stuck"
    with a_runtime(database_url, shop.registry) as harness:
        _start(harness, document, flight="flight", nights=3)
        assert shop.undone == ["stuck-3 of 3 in undo:book", "flight-1 of 1 in undo:book"]
        (row,) = harness.rows("SELECT * FROM runs WHERE path = '$compensate'")
        assert (row["status"], row["handled_failures"]) == ("completed", 1)


@pytest.mark.parametrize("side", ["before_commit", "after_commit"])
@pytest.mark.parametrize("hit", [3, 4, 5])
def test_a_worker_that_dies_while_actions_undo_themselves_leaves_none_out(
    database_url: str, side: str, hit: int
) -> None:
    shop = Trips()
    with a_runtime(database_url, shop.registry) as harness:
        with dying(f"record.{side}", hit) as died, pytest.raises(died):
            _start(harness, _trip(), flight="flight", nights=2)
        harness.dispatcher.waiting.clear()
        for _ in range(6):
            harness.skip(31)
        statuses = {row["path"]: row["status"] for row in harness.rows("SELECT path, status FROM runs")}
        assert statuses == {None: "failed", "$compensate": "completed"}
        assert list(dict.fromkeys(shop.undone)) == ["hotel-2 of 2 in undo:book", "flight-1 of 1 in undo:book"]


def test_items_of_a_loop_are_undone_by_their_actions(database_url: str) -> None:
    shop = Trips()
    body = a_workflow().action("in", "book", {"what": "!ref($.item)"}).path("$source", "in")
    document = a_workflow().trigger("test/happened").action("each", "builtin:for_each", {"items": ["a", "b"]})
    document.action("b", "do", {"name": "bad"}).path("$source", "each", "b")
    written = document.document()
    written["actions"][0]["body"] = body.document()
    with a_runtime(database_url, shop.registry) as harness:
        _start(harness, written)
        harness.skip(5)
        assert [entry.partition(" ")[0] for entry in shop.undone] == ["b-1", "a-1"]


def test_what_was_done_with_edited_inputs_is_undone_with_them(database_url: str) -> None:
    shop = Trips()
    with a_runtime(database_url, shop.registry) as harness:
        _start(harness, _trip(), flight="flight", nights=3)
        run = harness.rows("SELECT id FROM runs WHERE path IS NULL")[0]["id"]
        shop.log.clear()
        again = Again(from_step="it's", inputs={"what": "inn", "nights": 7})
        harness.runtime.rerunning.rerun(DEFAULT_SCOPE, run, again)
        harness.drain()
        # The flight is another run's, which has undone it.
        assert shop.undone == ["inn-7 of 7 in undo:book"]


def _elsewhere(harness: Harness) -> Runtime:
    """Return a process that has none of the application's actions: a command line, a scheduler."""
    return Runtime(harness.runtime.settings, a_registry(), harness.clock, harness.dispatcher, jitter=lambda: 0.0)


def test_whoever_cancels_a_run_need_not_have_the_code_of_its_actions(database_url: str) -> None:
    shop = Trips()
    document = a_workflow().trigger("test/happened")
    document.action("flight", "book", {"what": "flight"}).action("plain", "do", {"name": "plain"})
    document.action("wait", "nap").path("$source", "flight", "plain", "wait")
    with a_runtime(database_url, shop.registry) as harness:
        _start(harness, document.document())
        other = _elsewhere(harness)
        other.control.cancel(DEFAULT_SCOPE, harness.run()["id"])
        other.close()
        harness.drain()
        assert shop.undone == ["flight-1 of 1 in undo:book"]
        assert [row["step_key"] for row in _completed(harness)] == ["flight"]


def test_items_too_are_undone_where_whoever_cancels_has_no_code_and_those_without_anything_to_undo_do_nothing(
    database_url: str,
) -> None:
    shop = Trips()
    body = a_workflow().action("in", "book", {"what": "!ref($.item)"}).action("plain", "do", {"name": "plain"})
    document = a_workflow().trigger("test/happened").action("each", "builtin:for_each", {"items": ["a", "b"]})
    document.action("wait", "nap").path("$source", "each", "wait")
    written = document.document()
    written["actions"][0]["body"] = body.path("$source", "in", "plain").document()
    with a_runtime(database_url, shop.registry) as harness:
        _start(harness, written)
        (run,) = harness.rows("SELECT id FROM runs WHERE path IS NULL")
        other = _elsewhere(harness)
        other.control.cancel(DEFAULT_SCOPE, run["id"])
        other.close()
        harness.drain()
        harness.skip(5)
        assert [entry.partition(" ")[0] for entry in shop.undone] == ["b-1", "a-1"]
        assert harness.rows("SELECT 1 FROM runs WHERE finished_at_ms IS NULL") == []


def test_what_another_run_did_and_a_cache_gave_is_not_undone(database_url: str) -> None:
    shop = Trips()
    document = a_workflow().trigger("test/happened")
    document.action("flight", "book", {"what": "flight"}, cache={"key": "one", "ttl": "1h"})
    document.action("b", "do", {"name": "!ref($.event.data.then)"}).path("$source", "flight", "b")
    with a_runtime(database_url, shop.registry) as harness:
        _start(harness, document.document(), then="well")
        harness.send("test/happened", {"then": "bad"})
        harness.drain()
        assert shop.log == ["book flight", "do well"]


def _completed(harness: Harness) -> list[dict[str, Any]]:
    return harness.rows(
        "SELECT step_key FROM journal JOIN runs ON runs.id = run_id WHERE path = '$compensate' AND kind = 'completed' "
        "AND step_key <> '$source' ORDER BY journal.revision"
    )
