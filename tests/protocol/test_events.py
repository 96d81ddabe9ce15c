"""Events as SDKs send them: what a repeated request comes to."""

from __future__ import annotations

import base64

import httpx
import inngest
import pytest
from inngest._internal import errors  # what its client raises has no public name
from scripted_server import Received, ScriptedServer, reply
from sdkapps import SdkApp

from workflowkit.api.seeding import seeded_id

SEED = "1795327654172,LlCem5EBzBmM3A=="


def test_the_id_that_follows_from_a_seed_is_the_protocols() -> None:
    entropy = base64.b64decode("LlCem5EBzBmM3A==")
    assert seeded_id(1795327654172, entropy, 1) == "01M80XVY8W5S89X6WH0761K36X"


def test_a_request_that_is_sent_again_has_the_same_ids_and_starts_one_run(sdk: SdkApp) -> None:
    executed: list[str] = []

    @sdk.client.create_function(fn_id="once", trigger=inngest.TriggerEvent(event="go"))
    def once(ctx: inngest.ContextSync) -> str:
        executed.append(ctx.run_id)
        return ctx.event.id

    with sdk.serve([once]):
        answers = [
            httpx.post(
                f"{sdk.server}/e/any", json={"name": "go", "data": {}}, headers={"x-inngest-event-id-seed": SEED}
            )
            for _ in range(2)
        ]
        (event_id,) = answers[0].json()["ids"]
        run = sdk.run_of(event_id)
    assert answers[0].json() == answers[1].json()
    assert run["output"] == "01M80XVY8W5S89X6WH0761K36X"
    assert len(executed) == 1


@pytest.mark.parametrize(
    "seed", ["", "now,LlCem5EBzBmM3A==", "1795327654172,AAAA", "1795327654172,%%", f"{10**16},LlCem5EBzBmM3A=="]
)
def test_a_malformed_seed_is_ignored(sdk: SdkApp, seed: str) -> None:
    headers = {"x-inngest-event-id-seed": seed}
    answers = [httpx.post(f"{sdk.server}/e/any", json={"name": "go", "data": {}}, headers=headers) for _ in range(2)]
    first, second = (answer.json()["ids"] for answer in answers)
    assert first != second


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"name": 7, "data": {}}, 400, "name"),
        ({"name": "inngest/function.failed", "data": {}}, 400, "reserved"),
        ({"name": "go", "data": [1]}, 400, "data"),
        ([{"name": "go"}] * 5_001, 413, "events_per_request"),
    ],
)
def test_what_is_no_event_is_refused_in_the_form_that_sdks_read(
    sdk: SdkApp, body: object, status: int, says: str
) -> None:
    answer = httpx.post(f"{sdk.server}/e/any", json=body)
    told = answer.json()
    assert (answer.status_code, told["status"], told["ids"]) == (status, status, [])
    assert says in told["error"] + str(told["problems"])


def test_the_sdk_tells_what_is_wrong_with_an_event(sdk: SdkApp) -> None:
    with pytest.raises(errors.SendEventsError, match="reserved"):
        sdk.send("inngest/mine")


def test_what_only_the_server_says_is_taken_out_of_an_event(sdk: SdkApp) -> None:
    seen: list[object] = []

    @sdk.client.create_function(fn_id="see", trigger=inngest.TriggerEvent(event="go"))
    def see(ctx: inngest.ContextSync) -> None:
        seen.append(dict(ctx.event.data))

    with sdk.serve([see]):
        sdk.run_of(sdk.send("go", {"_inngest": {"fn_id": "shop-see"}, "kept": 1}))
    assert seen == [{"kept": 1}]


def test_fields_that_nobody_knows_are_dropped_and_the_others_arrive(sdk: SdkApp) -> None:
    seen: list[object] = []

    @sdk.client.create_function(fn_id="see", trigger=inngest.TriggerEvent(event="go"))
    def see(ctx: inngest.ContextSync) -> None:
        seen.append((dict(ctx.event.data), ctx.event.ts))

    event = {"name": "go", "data": None, "user": {"id": 1}, "v": "2", "ts": 1_700_000_000_000, "other": 1}
    with sdk.serve([see]):
        (event_id,) = httpx.post(f"{sdk.server}/e/any", json=event).json()["ids"]
        sdk.run_of(event_id)
    assert seen == [({}, 1_700_000_000_000)]


def test_events_and_what_became_of_them_are_listed(sdk: SdkApp) -> None:
    @sdk.client.create_function(fn_id="see", trigger=inngest.TriggerEvent(event="go"))
    def see(ctx: inngest.ContextSync) -> str:
        return "seen"

    with sdk.serve([see]):
        first, second = sdk.send("go", {"n": 1}), sdk.send("other", {"n": 2})
        run = sdk.run_of(first)

    def ask(path: str) -> object:
        return httpx.get(f"{sdk.server}{path}").json()["data"]

    listed = ask("/v1/events")
    assert isinstance(listed, list)
    # What tells of the end of the run is an event too.
    assert [event["internal_id"] for event in listed if not event["name"].startswith("inngest/")] == [second, first]
    assert [event["data"] for event in ask("/v1/events?name=go&limit=1")] == [{"n": 1}]  # type: ignore[attr-defined]
    assert ask(f"/v1/events?name=other&cursor={second}") == []
    assert ask("/v1/events?name=go&received_before=2020-01-01T00:00:00Z") == []
    assert ask(f"/v1/events/{first}")["name"] == "go"  # type: ignore[index]
    assert ask(f"/v1/runs/{run['run_id']}/jobs") == []
    assert ask(f"/v1/events/{first}/runs")[0]["output"] == "seen"  # type: ignore[index]


@pytest.mark.parametrize("path", ["events/x", "events/x/runs", "runs/x", "runs/x/jobs", "apps/x/functions"])
def test_what_does_not_exist_is_not_found(sdk: SdkApp, path: str) -> None:
    answer = httpx.get(f"{sdk.server}/v1/{path}")
    assert (answer.status_code, answer.json()["status"]) == (404, 404)


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=-1", "received_after=soon"])
def test_a_query_that_is_none_is_refused(sdk: SdkApp, query: str) -> None:
    answer = httpx.get(f"{sdk.server}/v1/events?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-input")


def test_paths_that_there_are_not_answer_in_the_protocols_form(sdk: SdkApp) -> None:
    assert httpx.get(f"{sdk.server}/v1/nothing").json()["status"] == 404
    answer = httpx.put(f"{sdk.server}/v1/events")
    assert (answer.status_code, "GET" in answer.headers["Allow"]) == (405, True)
    assert httpx.get(f"{sdk.server}/health").json() == {"status": 200, "message": "OK"}


@pytest.mark.parametrize(
    ("query", "status"),
    [("channel=c&topic=t", 200), ("topic=t", 400), ("channel=c&topic=", 400), ("channel=c&topic=t&run_id=x", 404)],
)
def test_a_message_is_published_to_what_there_is(sdk: SdkApp, query: str, status: int) -> None:
    for body in (b'{"a": 1}', b"plain text"):
        assert httpx.post(f"{sdk.server}/v1/realtime/publish?{query}", content=body).status_code == status


def test_an_event_whose_answer_was_lost_is_sent_again_and_stored_once(sdk: SdkApp) -> None:
    lost: list[Received] = []

    def forward(received: Received) -> bytes:
        headers = {name: value for name, value in received.headers.items() if name not in ("host", "content-length")}
        answer = httpx.post(f"{sdk.server}{received.target}", content=received.body, headers=headers)
        if not lost:
            lost.append(received)
            return b""
        return reply(answer.status_code, answer.content, content_type="application/json", connection="close")

    with ScriptedServer(forward) as proxy:
        client = inngest.Inngest(app_id="sender", is_production=False, event_api_base_url=proxy.url)
        (event_id,) = client.send_sync(inngest.Event(name="lost", data={"n": 1}))
    stored = httpx.get(f"{sdk.server}/v1/events?name=lost").json()["data"]
    assert len(proxy.received) == 2
    assert proxy.received[0].headers["x-inngest-event-id-seed"] == proxy.received[1].headers["x-inngest-event-id-seed"]
    assert [each["internal_id"] for each in stored] == [event_id]
