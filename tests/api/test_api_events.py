"""Sending events over HTTP, and asking why one did not start a workflow."""

from __future__ import annotations

from typing import Any

import pytest
from webapi import OTHER_TENANT, Client, a_document, a_web, problems_of
from werkzeug.test import TestResponse

ORDER = {"name": "order/paid", "data": {"total": 7}}


def _results(response: TestResponse) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = response.get_json()["results"]
    return results


@pytest.mark.parametrize("body", [ORDER, [ORDER], {"events": [ORDER]}], ids=["one", "a list", "an object with a list"])
def test_an_event_is_accepted_and_stored_as_sent(database_url: str, body: Any) -> None:
    with a_web(database_url) as web:
        client = web.client()
        (result,) = _results(client.post("/api/events", body))
        assert (result["status"], result["name"]) == ("accepted", "order/paid")
        event = client.get(f"/api/events/{result['id']}").get_json()
        assert event["data"] == {"total": 7}
        assert event["is_pending"] is True


def test_results_come_in_the_order_of_the_request(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client()
        results = _results(client.post("/api/events", [{"name": f"n/{i}", "data": {"i": i}} for i in range(250)]))
        assert [result["name"] for result in results] == [f"n/{i}" for i in range(250)]
        assert client.get(f"/api/events/{results[123]['id']}").get_json()["data"] == {"i": 123}


def test_a_repeated_id_is_stored_and_reported_as_a_duplicate(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client()
        first, second = _results(client.post("/api/events", [ORDER | {"id": "A"}, ORDER | {"id": "A"}]))
        (third,) = _results(client.post("/api/events", ORDER | {"id": "A"}))
        assert first["status"] == "accepted"
        for duplicate in (second, third):
            assert (duplicate["status"], duplicate["duplicate_of"]) == ("duplicate", first["id"])
        assert web.count("events") == 3
        assert client.get(f"/api/events/{third['id']}").get_json()["duplicate_of"] == first["id"]
        (theirs,) = _results(web.client(scope=OTHER_TENANT).post("/api/events", ORDER | {"id": "A"}))
        assert theirs["status"] == "accepted"


def test_of_a_mixed_batch_the_valid_ones_are_stored_and_each_is_reported(database_url: str) -> None:
    with a_web(database_url) as web:
        response = web.client().post("/api/events", {"events": [ORDER, {"name": "x"}, 7, ORDER]})
        assert response.status_code == 207
        results = _results(response)
        assert [result["status"] for result in results] == ["accepted", "rejected", "rejected", "accepted"]
        assert results[1]["problems"][0]["pointer"] == "/events/1/data"
        assert results[2]["problems"][0]["pointer"] == "/events/2"
        assert web.count("events") == 2


def test_a_batch_without_a_valid_event_is_an_error(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        response = web.client().post("/api/events", [{"name": "x"}, {"data": {}}])
        assert response.status_code == 400
        assert problems_of(response) == [("/0/data", "required"), ("/1/name", "required")]
        assert web.count("events") == 0


def test_a_hopeless_batch_is_reported_in_part(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        response = web.client().post("/api/events", [{}] * 1_000)
        assert response.status_code == 400
        assert len(response.get_json()["problems"]) == 100


@pytest.mark.parametrize("path", ["/api/events", "/e/{key}"])
def test_too_many_events_are_refused_whole(sqlite_url: str, path: str) -> None:
    with a_web(sqlite_url) as web:
        client = web.client()
        response = client.post(path.format(key=client.key), [ORDER] * 5_001)
        assert (response.status_code, response.get_json()["code"]) == (413, "limit-exceeded")
        assert "events_per_request" in response.get_json()["detail"]
        assert web.count("events") == 0
        assert client.post(path.format(key=client.key), [ORDER] * 5_000).status_code == 200
        assert web.count("events") == 5_000


@pytest.mark.parametrize("body", [[], {"events": []}])
def test_nothing_to_send_is_an_error(sqlite_url: str, body: Any) -> None:
    with a_web(sqlite_url) as web:
        response = web.client().post("/api/events", body)
        assert (response.status_code, problems_of(response)) == (400, [("", "empty")])


def test_a_key_limited_to_names_sends_nothing_else(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client(["events:send"], event_names=["app/*"])
        assert client.post("/api/events", {"name": "app/x", "data": {}}).status_code == 200
        for body in ({"name": "billing/x", "data": {}}, [{"name": "app/y", "data": {}}, {"name": "b", "data": {}}]):
            response = client.post("/api/events", body)
            assert (response.status_code, response.get_json()["code"]) == (403, "forbidden")
        assert web.count("events") == 1


def test_a_key_for_sending_cannot_read(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        client = web.client(["events:send"])
        (result,) = _results(client.post("/api/events", ORDER))
        assert client.get("/api/events").status_code == 403
        assert client.get(f"/api/events/{result['id']}").status_code == 403


def test_clients_of_the_inngest_event_api_put_the_key_into_the_path(database_url: str) -> None:
    with a_web(database_url) as web:
        anonymous, sender = web.anonymous(), web.client(["events:send"])
        answer = anonymous.post(f"/e/{sender.key}", [ORDER, ORDER]).get_json()
        assert answer["status"] == 200
        assert len(set(answer["ids"])) == 2
        assert web.count("events") == 2
        assert anonymous.post("/e/wk_default_wrong", ORDER).status_code == 401
        assert anonymous.post(f"/e/{web.client(['runs:read']).key}", ORDER).status_code == 403
        assert anonymous.post(f"/e/{sender.key}", [ORDER, {}]).status_code == 400
        assert web.count("events") == 2


def test_events_are_listed_newest_first_with_filters(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client()
        start = "2025-06-15T15:06:40+00:00"  # the fake clock's start
        for index in range(5):
            web.harness.clock.advance(seconds=10)
            client.post("/api/events", {"name": f"n/{index % 2}", "data": {"i": index}, "id": f"id-{index}"})
        web.client(scope=OTHER_TENANT).post("/api/events", {"name": "n/0", "data": {}})

        def listed(query: str) -> list[Any]:
            return [event["data"]["i"] for event in client.get(f"/api/events?{query}").get_json()["items"]]

        assert listed("") == [4, 3, 2, 1, 0]
        assert listed("name=n/1") == [3, 1]
        assert listed("event_id=id-2") == [2]
        after, before = start.replace("06:40", "07:00"), start.replace("06:40", "07:20")
        assert listed(f"received_after={after.replace('+', '%2B')}") == [4, 3, 2, 1]
        assert listed(f"received_after={after[:-6]}Z&received_before={before[:-6]}Z") == [2, 1]
        first = client.get("/api/events?limit=2").get_json()
        client.post("/api/events", {"name": "n/0", "data": {"i": 99}})
        assert listed(f"limit=2&cursor={first['next_cursor']}") == [2, 1]


def test_an_event_tells_what_it_started_and_what_not(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client()
        fitting = a_document(event="order/paid")
        doubting = a_document(triggers=[{"event": "order/*", "if": "event.data.total > 100"}])
        broken = a_document(triggers=[{"event": "order/paid", "if": "event.data.total + {} > 1"}])
        for workflow_id, document in (("fitting", fitting), ("doubting", doubting), ("broken", broken)):
            assert web.services.authoring.deploy(web.services.default_scope, workflow_id, document).created
        (result,) = _results(client.post("/api/events", ORDER))
        web.harness.drain()
        event = client.get(f"/api/events/{result['id']}").get_json()
        assert event["is_pending"] is False
        assert [(run["workflow_id"], run["status"]) for run in event["runs"]] == [("fitting", "completed")]
        reasons = {decision["workflow_id"]: decision["reason"] for decision in event["decisions"]}
        assert reasons == {"broken": "trigger-error", "doubting": "condition-false"}


def test_a_dev_server_needs_no_key_on_its_own_machine(sqlite_url: str) -> None:
    with a_web(sqlite_url, dev_mode=True) as web:
        anonymous = web.anonymous()
        assert anonymous.post("/api/events", ORDER).status_code == 200
        assert anonymous.post("/e/anything", ORDER).status_code == 200
        assert len(anonymous.get("/api/events").get_json()["items"]) == 2
        assert Client(web, "wk_default_wrong").get("/api/events").status_code == 401
