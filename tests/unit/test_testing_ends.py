"""``workflowkit.testing``: runs that fail or are cancelled, what is undone then, and what follows."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow

from workflowkit import AsyncStepContext, NonRetriableError, StepContext, StepError, WorkflowKit
from workflowkit.definition.model import SOURCE
from workflowkit.testing import EventStub, InvalidStub, Real, Timeout, Unstubbed, run
from workflowkit.testing.fixtures import fixtures_of, run_fixtures


class Agency:
    """An application that books trips, and what it has done."""

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.wk = WorkflowKit("agency")
        self.wk.action("book")(self.book)
        self.wk.action("release")(self.release)
        self.wk.action("room", compensate=self.give_back)(self.room)

    def book(self, what: str) -> str:
        if what == "car":
            raise NonRetriableError("no car left")
        self.log.append(f"book {what}")
        return f"{what}-1"

    def release(self, booking: str) -> None:
        self.log.append(f"release {booking}")

    def room(self, city: str) -> str:
        self.log.append(f"room in {city}")
        return f"room {city}"

    def give_back(self, output: str) -> None:
        self.log.append(f"give back {output}")

    def trip(self, ctx: StepContext) -> str:
        flight = ctx.step.run("flight", self.book, "flight", compensate=self.release)
        hotel = ctx.step.run("hotel", self.book, "hotel", compensate=self.release)
        ctx.step.wait_for_event("paid", "trip/paid", timeout="7d", match="data.id")
        ctx.step.run("last", self.book, ctx.event["data"].get("last", "car"), compensate=self.release)
        return f"{flight} {hotel}"

    def function(self, **options: Any) -> Any:
        rule = {"event": "trip/cancelled", "match": "data.id"}
        return self.wk.function("trip", trigger={"event": "trip/planned"}, cancel_on=[rule], **options)(self.trip)


@pytest.fixture
def agency() -> Agency:
    return Agency()


PLANNED = {"data": {"id": 7}}
PAID = EventStub("trip/paid", {"id": 7}, after="1d")


def cancelled(after: Any, trip_id: int = 7) -> EventStub:
    return EventStub("trip/cancelled", {"id": trip_id}, after=after)


# --- functions


def test_an_event_cancels_a_run_in_the_middle_and_what_it_did_is_undone_last_first(agency: Agency) -> None:
    result = run(agency.function(), PLANNED, actions=agency.wk, events=[cancelled("2h"), PAID])

    assert (result.status, result.reason) == ("cancelled", "cancelled-by-event")
    assert result.slept_seconds == 7200
    assert result.compensated == ("hotel", "flight")
    assert agency.log == ["book flight", "book hotel", "release hotel-1", "release flight-1"]
    assert result.step("trip").status == "cancelled"
    assert result.compensations is not None
    assert result.compensations.status == "completed"
    assert result.handler is None


@pytest.mark.parametrize("event", [cancelled("2h", trip_id=8), cancelled("9d"), EventStub("trip/moved", {"id": 7})])
def test_an_event_that_is_not_meant_or_comes_too_late_cancels_nothing(agency: Agency, event: EventStub) -> None:
    result = run(agency.function(), {"data": {"id": 7, "last": "bus"}}, actions=agency.wk, events=[event, PAID])
    assert (result.status, result.reason, result.compensations) == ("completed", None, None)


def test_a_wait_needs_no_stub_if_an_event_cancels_the_run_before(agency: Agency) -> None:
    function = agency.function()
    assert run(function, PLANNED, actions=agency.wk, events=[cancelled("6d")]).status == "cancelled"
    with pytest.raises(Unstubbed, match="waits for event 'trip/paid'"):
        run(function, PLANNED, actions=agency.wk, events=[cancelled("6d", trip_id=8)])


def test_an_event_may_come_after_a_step_and_no_further_step_begins(agency: Agency) -> None:
    result = run(agency.function(), PLANNED, actions=agency.wk, events=[cancelled("step:flight")])
    assert (result.status, result.compensated) == ("cancelled", ("flight",))
    assert agency.log == ["book flight", "release flight-1"]


async def _side_by_side(ctx: AsyncStepContext) -> None:
    await ctx.step.run("first", lambda: 1)
    await ctx.step.run("second", lambda: 2)


@pytest.mark.parametrize("stubs", [{}, {"step:first": 1}])
def test_an_event_after_a_step_cancels_async_functions_too(agency: Agency, stubs: Any) -> None:
    rule = {"event": "stop"}
    function = agency.wk.function("aside", trigger={"event": "go"}, cancel_on=[rule])(_side_by_side)
    result = run(function, actions=agency.wk, stubs=stubs, events=[EventStub("stop", after="step:first")])
    assert (result.status, result.opened("first").output) == ("cancelled", 1)
    with pytest.raises(KeyError):
        result.opened("second")


def test_what_needs_a_stub_is_named_where_an_event_cancels_the_run_in_the_middle_of_a_step(agency: Agency) -> None:
    @agency.wk.action("twice", external=False)
    def twice(ctx: StepContext) -> None:
        ctx.step.run("first", lambda: 1)
        ctx.step.run("second", lambda: 2)

    document = a_workflow().action("hold", kind="http_request", inputs={"url": "https://x.invalid/"})
    document.action("act", kind="twice").path(SOURCE, "hold").path(SOURCE, "act").trigger("go")
    document.settings(cancel_on=[{"event": "stop"}])
    with pytest.raises(Unstubbed, match="action 'hold'"):
        run(document.document(), actions=agency.wk, events=[EventStub("stop", after="step:first")])


def test_an_event_after_a_step_that_never_ended_fails_the_test(agency: Agency) -> None:
    with pytest.raises(InvalidStub, match=r"after='step:flihgt': no such step has ended"):
        run(agency.function(), PLANNED, actions=agency.wk, events=[cancelled("step:flihgt"), PAID])


def test_an_event_after_a_step_ends_a_wait_that_looks_back_and_is_refused_for_one_that_is_open(agency: Agency) -> None:
    @agency.wk.function("looks", trigger={"event": "go"})
    def looks(ctx: StepContext) -> Any:
        ctx.step.run("ask", lambda: 1)
        reply = ctx.step.wait_for_event("reply", "replied", timeout="1d", lookback="1h")
        return reply and reply["data"]

    assert run(looks, actions=agency.wk, events=[EventStub("replied", {"n": 1}, after="step:ask")]).output == {"n": 1}
    with pytest.raises(InvalidStub, match="waits for it already"):
        run(looks, actions=agency.wk, events=[EventStub("replied", {"n": 1}, after="step:later")])


def test_a_failed_run_is_undone_and_its_handler_told_once_all_is_undone(agency: Agency) -> None:
    def handle(ctx: StepContext) -> None:
        data = ctx.event["data"]
        ctx.step.run("tell", agency.log.append, (data["workflow_id"], data["status"], data["error"]["message"]))

    result = run(agency.function(on_failure=handle), PLANNED, actions=agency.wk, events=[PAID])

    assert (result.status, result.compensated) == ("failed", ("hotel", "flight"))
    assert agency.log[2:] == ["release hotel-1", "release flight-1", ("agency/trip", "failed", "no car left")]
    assert result.handler is not None
    assert result.handler.status == "completed"
    assert result.told is not None
    assert result.told.workflow_id == "agency/trip-failure"


def test_a_handler_may_wait_and_counts_from_its_own_beginning(agency: Agency) -> None:
    def handle(ctx: StepContext) -> Any:
        ctx.step.sleep("night", "12h")
        return ctx.step.wait_for_event("answer", "support/answered", timeout="3d") is not None

    answered = EventStub("support/answered", after="2d")
    result = run(agency.function(on_failure=handle), PLANNED, actions=agency.wk, events=[PAID, answered])
    assert (result.slept_seconds, result.status) == (86_400, "failed")
    assert result.handler is not None
    assert (result.handler.slept_seconds, result.handler.output) == (86_400, True)


def test_stubs_stand_for_what_undoes_steps_apart_from_the_steps(agency: Agency) -> None:
    stubs = {"step:flight": "F", "step:hotel": "H", "compensate:hotel": None}
    function = agency.function()
    result = run(function, PLANNED, actions=agency.wk, stubs=stubs, events=[cancelled("2h")])
    assert (result.compensated, agency.log) == (("hotel", "flight"), ["release F"])

    stuck = {"compensate:hotel": NonRetriableError("it is too late")}
    result = run(function, PLANNED, actions=agency.wk, stubs=stubs | stuck, events=[cancelled("2h")])
    assert result.compensated == ("flight",)
    assert result.compensations is not None
    (failed,) = result.compensations.steps
    assert failed.error is not None
    assert failed.error.message == "not everything could be undone: hotel"


def test_with_steps_stubbed_what_undoes_them_needs_stubs_too(agency: Agency) -> None:
    stubs = {"step:flight": "F", "step:hotel": "H"}
    function = agency.function()
    options: Any = {"actions": agency.wk, "steps": "stubbed", "events": [cancelled("2h")]}
    with pytest.raises(Unstubbed, match=r'undoing .trip/hotel. executes .*"compensate:trip/hotel"'):
        run(function, PLANNED, stubs=stubs, **options)
    both = stubs | {"compensate:flight": None, "compensate:hotel": None}
    assert run(function, PLANNED, stubs=both, **options).compensated == ("hotel", "flight")


def test_a_compensation_that_is_never_reached_is_a_stub_too_many(agency: Agency) -> None:
    with pytest.raises(InvalidStub, match="nothing asked for 'compensate:flight'"):
        run(agency.function(), {"data": {"id": 7, "last": "bus"}}, actions=agency.wk, events=[PAID],
            stubs={"compensate:flight": None})  # fmt: skip


def test_a_run_that_takes_longer_than_it_may_is_cancelled(agency: Agency) -> None:
    function = agency.function(timeouts={"finish": "1d"})
    result = run(function, PLANNED, actions=agency.wk, stubs={"step:paid": Timeout})
    assert (result.status, result.reason, result.slept_seconds) == ("cancelled", "finish-timeout", 86_400)
    with pytest.raises(Unstubbed):  # whether it is paid before, the test has to say
        run(function, PLANNED, actions=agency.wk)


def test_scripts_see_what_followed_too(agency: Agency) -> None:
    function = agency.function(on_failure=lambda ctx: agency.log.append(ctx.event["name"]))
    result = agency.wk.engine.run(function, {"name": "trip/planned", "data": {"id": 7}})
    assert agency.log[2:] == ["release hotel-1", "release flight-1", "workflow/run.failed"]
    assert result.compensations is not None
    assert result.compensations.status == "completed"
    assert result.handler is not None
    assert result.handler.status == "completed"


def test_who_invokes_a_run_that_is_cancelled_is_told_as_in_production(agency: Agency) -> None:
    @agency.wk.function("slow", triggers=[], timeouts={"finish": "1h"})
    def slow(ctx: StepContext) -> None:
        ctx.step.sleep("on", "2h")

    @agency.wk.function("asks", triggers=[])
    def asks(ctx: StepContext) -> str | None:
        with pytest.raises(StepError) as caught:
            ctx.step.invoke("slow", slow)
        return caught.value.cause_code

    assert agency.wk.engine.run(asks, {"name": "test", "data": {}}).output == "invoked-run-cancelled"


# --- documents


def _document(**settings: Any) -> dict[str, Any]:
    undo = {"kind": "release", "inputs": {"booking": "!ref($.state.flight)"}}
    flow = a_workflow("Trip").trigger("trip/planned").action("flight", "book", {"what": "flight"}, compensate=undo)
    flow.action("hotel", "room", {"city": "Oslo"}).action("wait", "builtin:wait", {"duration": "1d"})
    flow.action("last", "book", {"what": "!ref($.event.data.last)"})
    rule = {"event": "trip/cancelled", "match": "data.id"}
    return flow.path(SOURCE, "flight", "hotel", "wait", "last").settings(cancel_on=[rule], **settings).document()


BOOKED = {"book": "F", "room": "R"}


def test_external_compensations_need_stubs_which_are_by_their_kind_or_by_what_they_undo(agency: Agency) -> None:
    with pytest.raises(Unstubbed, match=r"undoes action 'hotel' .room. .*\"compensate:hotel\": ...}, or Real"):
        run(_document(), PLANNED, actions=agency.wk, stubs=BOOKED | {"release": None}, events=[cancelled("2h")])

    stubs = BOOKED | {"release": None, "compensate:hotel": Real}
    result = run(_document(), PLANNED, actions=agency.wk, stubs=stubs, events=[cancelled("2h")])

    assert (result.status, result.compensated, agency.log) == ("cancelled", ("hotel", "flight"), ["give back R"])
    assert [call.inputs for call in result.calls("release")] == [{"booking": "F"}]
    assert [call.path for call in result.calls("node:flight")] == [""]
    assert result.compensations is not None
    assert [call.path for call in result.compensations.calls("node:flight")] == ["$compensate"]
    assert result.unused_stubs == ()


def test_a_stub_of_what_undoes_an_action_that_is_not_there_is_refused(agency: Agency) -> None:
    with pytest.raises(InvalidStub, match="compensate:car"):
        run(_document(), PLANNED, actions=agency.wk, stubs={"compensate:car": None})


def test_a_graph_handles_the_end_with_stubs_of_its_own(agency: Agency) -> None:
    graph = {
        "actions": [{"id": "tell", "kind": "book", "inputs": {"what": "!ref($.error.code) !ref($.state.flight)"}}],
        "edges": [{"from": "$source", "to": "tell"}],
    }
    stubs = BOOKED | {"release": None, "compensate:hotel": None, "node:tell": "told"}
    result = run(_document(on_cancel=graph), PLANNED, actions=agency.wk, stubs=stubs, events=[cancelled("node:hotel")])
    assert result.handler is not None
    assert result.handler.step("tell").inputs == {"what": "run-cancelled F"}
    assert result.handler.output == {"tell": "told"}
    assert result.told is None
    assert result.path == ("flight", "hotel")
    assert result.trace()["handler"]["status"] == "completed"
    assert result.trace()["compensations"]["trace"][0]["step"] == "hotel"
    assert result.trace()["reason"] == "cancelled-by-event"


@pytest.mark.parametrize(
    ("after", "undone"),
    [("node:in", ["book a", "release a-1"]), ("node:then", ["book a", "give back first", "release a-1"])],
)
def test_an_event_in_the_middle_of_a_loop_cancels_the_run_and_its_items_are_undone(
    agency: Agency, after: str, undone: list[str]
) -> None:
    undo = {"kind": "release", "inputs": {"booking": "!ref($.state.in)"}}
    body = (
        a_workflow()
        .action("in", "book", {"what": "!ref($.item)"}, compensate=undo)
        .action("then", "room", {"city": "!ref($.item)"})
    )
    flow = a_workflow("Trips").action("each", "builtin:for_each", {"items": ["a", "b", "c"], "concurrency": 1})
    document = flow.path(SOURCE, "each").settings(cancel_on=[{"event": "stop"}]).document()
    document["actions"][0]["body"] = body.path(SOURCE, "in", "then").document()
    stubs = {"book": Real, "release": Real, "room": "first", "compensate:then": Real}

    result = run(document, actions=agency.wk, stubs=stubs, events=[EventStub("stop", after=after)])

    assert (result.status, result.step("each").status) == ("cancelled", "cancelled")
    assert agency.log == undone


def test_another_workflow_that_handles_the_end_is_named_with_its_event(agency: Agency) -> None:
    document = _document(on_failure={"workflow": "tell-support"})
    stubs = {"room": "R", "release": None, "compensate:hotel": None, "node:flight": "F", "node:last": ValueError("no")}
    result = run(document, {"data": {"id": 7, "last": "bus"}}, actions=agency.wk, stubs=stubs)
    assert result.told is not None
    assert result.handler is None
    assert (result.told.workflow_id, result.told.event["name"]) == ("tell-support", "workflow/run.failed")
    assert result.told.event["data"]["error"]["message"] == "no"
    assert result.told.event["data"]["event"]["data"] == {"id": 7, "last": "bus"}


def test_nothing_follows_a_part_of_a_run(agency: Agency) -> None:
    stubs = BOOKED | {"node:hotel": NonRetriableError("full")}
    result = run(_document(), PLANNED, actions=agency.wk, stubs=stubs, until="hotel")
    assert (result.step("hotel").status, result.compensations) == ("failed", None)


def test_tests_beside_a_workflow_expect_the_end_too(agency: Agency) -> None:
    test = {
        "name": "who cancels gets everything back",
        "event": PLANNED,
        "stubs": {"book": {"output": "F"}, "room": {"output": "R"}, "release": {"output": None},
                  "compensate:hotel": {"output": None}},
        "events": [{"name": "trip/cancelled", "data": {"id": 7}, "after": "node:hotel"}],
        "expect": {"status": "cancelled", "reason": "cancelled-by-event", "compensated": ["hotel", "flight"]},
    }  # fmt: skip
    document = _document() | {"tests": [test]}
    (result,) = run_fixtures(document, fixtures_of(document), agency.wk)
    assert (result.failures, result.is_passed) == ((), True)
    wrong = _document() | {"tests": [test | {"expect": {"compensated": ["flight", "hotel"]}}]}
    (result,) = run_fixtures(wrong, fixtures_of(wrong), agency.wk)
    assert result.failures == ('compensated[0]: expected "flight", got "hotel"',)
