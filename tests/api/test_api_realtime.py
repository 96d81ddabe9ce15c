"""Tokens of subscribers, and what they are told, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from sse import Reader, Received, read
from webapi import OTHER_TENANT, Client, Web, a_document, a_web, problems_of

from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.base.secrets import Keyring

SECRET_KEY = Keyring.generate().render()


def _a_run(web: Web, *, scope: Scope = DEFAULT_SCOPE) -> str:
    """Return the id of a run that waits to be executed."""
    web.harness.runtime.authoring.deploy(scope, "welcome", a_document())
    event_id = web.harness.send("user/created", {"name": "Ada"}, scope=scope)
    web.harness.match()
    (row,) = web.harness.rows("SELECT id FROM runs WHERE event_id = :event_id", event_id=event_id)
    return str(row["id"])


def _publish(web: Web, channel: str, topic: str, data: Any, *, scope: Scope = DEFAULT_SCOPE) -> None:
    web.harness.runtime.publishing.publish(scope, channel, topic, data)


def _token(client: Client, channel: str, *topics: str, **body: Any) -> str:
    response = client.post("/api/realtime/tokens", {"channel": channel, "topics": list(topics), **body})
    assert response.status_code == 201, response.get_json()
    token: str = response.get_json()["token"]
    return token


def _follow(client: Client, token: str, last_id: str | None = None) -> list[Received]:
    """Look once, as a client does that cannot stay connected."""
    headers = {"Authorization": f"Bearer {token}"} | ({} if last_id is None else {"Last-Event-ID": last_id})
    response = client.get("/api/realtime", headers=headers)
    assert response.status_code == 200, response.get_json()
    assert response.content_type == "text/event-stream"
    return read(response.get_data(as_text=True))


def _place(client: Client, token: str) -> str:
    reader = Reader()
    list(reader.feed(client.get("/api/realtime", headers={"Authorization": f"Bearer {token}"}).get_data(as_text=True)))
    return reader.last_id


def test_a_run_is_told_of_from_its_beginning_to_its_end(database_url: str) -> None:
    with a_web(database_url, secret_key=SECRET_KEY) as web:
        client, run_id = web.client(), _a_run(web)
        token = client.post(f"/api/runs/{run_id}/token").get_json()["token"]
        (begun,) = _follow(client, token)
        assert begun.event == "status"
        assert begun.data["status"] == "running"
        source, greet = begun.data["steps"]
        assert source["id"] == "$source"
        assert greet == {"id": "greet", "status": "running", "attempt": 1}
        assert [(fact["kind"], fact["step"]) for fact in begun.data["facts"]] == [
            ("completed", "$source"),
            ("attempt", "greet"),
        ]
        web.harness.clock.advance(seconds=40)  # its worker was lost: another one takes the step
        web.harness.skip(10)
        token = client.post(f"/api/runs/{run_id}/token").get_json()["token"]
        ended, end = _follow(client, token, begun.id)
        assert ended.data["status"] == "completed"
        assert ended.data["steps"] == [{"id": "greet", "status": "completed", "attempt": 2}]
        assert [fact["kind"] for fact in ended.data["facts"]] == ["lost", "attempt", "completed"]
        assert (end.event, end.data) == ("end", {"reason": "run-ended"})
        assert [each.event for each in _follow(client, token, ended.id)] == ["end"]


def test_who_comes_back_gets_what_was_published_meanwhile_and_late_joiners_get_nothing(database_url: str) -> None:
    with a_web(database_url, secret_key=SECRET_KEY) as web:
        client = web.client()
        _publish(web, "thread:1", "token", "too early")
        token = _token(client, "thread:1", "token")
        place = _place(client, token)
        for number in range(3):
            _publish(web, "thread:1", "token", {"number": number})
        _publish(web, "thread:1", "other", "not for them")
        _publish(web, "thread:2", "token", "not there")
        received = _follow(client, token, place)
        assert [each.data["data"]["number"] for each in received] == [0, 1, 2]
        assert {(each.event, each.data["channel"], each.data["topic"]) for each in received} == {
            ("message", "thread:1", "token")
        }
        assert [each.data["data"]["number"] for each in _follow(client, token, received[0].id)] == [1, 2]
        assert _follow(client, token, received[-1].id) == []


def test_old_messages_are_forgotten(database_url: str) -> None:
    with a_web(database_url, secret_key=SECRET_KEY) as web:
        client = web.client()
        place = _place(client, _token(client, "thread:1", "token"))
        _publish(web, "thread:1", "token", "old")
        web.harness.clock.advance(seconds=web.services.limits.replay_seconds - 1)
        _publish(web, "thread:1", "token", "new")
        web.harness.skip(61)
        assert [each.data["data"] for each in _follow(client, _token(client, "thread:1", "token"), place)] == ["new"]
        web.harness.skip(web.services.limits.replay_seconds)
        assert (web.count("messages"), web.count("timers")) == (0, 0)


def test_a_token_admits_to_its_channel_of_its_tenant_only(database_url: str) -> None:
    with a_web(database_url, secret_key=SECRET_KEY) as web:
        client, theirs = web.client(), web.client(scope=OTHER_TENANT)
        places = {
            who: _place(each, _token(each, "thread:1", "token")) for who, each in (("us", client), ("them", theirs))
        }
        _publish(web, "thread:1", "token", "ours")
        _publish(web, "thread:1", "token", "theirs", scope=OTHER_TENANT)
        assert [e.data["data"] for e in _follow(client, _token(client, "thread:1", "token"), places["us"])] == ["ours"]
        assert [e.data["data"] for e in _follow(theirs, _token(theirs, "thread:1", "token"), places["them"])] == [
            "theirs"
        ]
        run_id = _a_run(web)
        assert theirs.post(f"/api/runs/{run_id}/token").status_code == 404
        body = {"channel": f"run:{run_id}", "topics": ["$status"]}
        assert theirs.post("/api/realtime/tokens", body).status_code == 404
        # Even where a host's own code makes it: the tenant is a part of the token.
        made = web.services.subscription_tokens.mint(OTHER_TENANT, f"run:{run_id}", ["$status"])
        assert _follow(theirs, made.token) == []


def test_an_expired_token_is_refused_also_when_a_client_comes_back(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        client, run_id = web.client(), _a_run(web)
        token = client.post(f"/api/runs/{run_id}/token").get_json()["token"]
        (begun,) = _follow(client, token)
        web.harness.clock.advance(seconds=61)
        headers = {"Authorization": f"Bearer {token}", "Last-Event-ID": begun.id}
        assert client.get("/api/realtime", headers=headers).status_code == 401


@pytest.mark.parametrize("token", ["", "x", "wk_default_x", "eyJ9." + "a" * 43])
def test_what_is_no_token_is_refused(sqlite_url: str, token: str) -> None:
    with a_web(sqlite_url, dev_mode=True) as web:
        assert web.anonymous().get(f"/api/realtime?token={token}").status_code == 401
        assert web.anonymous().get("/api/realtime", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_neither_an_api_key_nor_a_token_for_something_else_is_one(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        client = web.client()
        assert client.get("/api/realtime").status_code == 401  # it sends its key
        embed = client.post("/api/embed-tokens", {}).get_json()["token"].removeprefix("wke_")
        assert web.anonymous().get(f"/api/realtime?token={embed}").status_code == 401
        token = _token(client, "thread:1", "token")
        assert Client(web, token).get("/api/runs").status_code == 401


def test_clients_without_headers_send_token_and_place_in_the_query(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        client = web.client()
        token = _token(client, "thread:1", "token")
        place = _place(client, token)
        _publish(web, "thread:1", "token", 7)
        response = web.anonymous().get(f"/api/realtime?token={token}&last_event_id={place}")
        assert [each.data["data"] for each in read(response.get_data(as_text=True))] == [7]
        assert response.headers["Cache-Control"] == "no-store"
        for bad in ("x", "1", "1.", "1.2.3", "-2.0", "1.-1", "01.0", "9" * 40 + ".0"):
            refused = web.anonymous().get(f"/api/realtime?token={token}&last_event_id={bad}")
            assert problems_of(refused) == [("/headers/Last-Event-ID", "invalid-value")]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"channel": ""}, "/channel"),
        ({"channel": "a b"}, "/channel"),
        ({"channel": "x" * 257}, "/channel"),
        ({"topics": []}, "/topics"),
        ({"topics": ["t"] * 21}, "/topics"),
        ({"topics": ["t", "no topic"]}, "/topics/1"),
        ({"topics": ["$other"]}, "/topics/0"),
        ({"topics": ["$status"]}, "/topics/0"),
        ({"ttl_seconds": 0}, "/ttl_seconds"),
        ({"ttl_seconds": 3601}, "/ttl_seconds"),
        ({"tenant": "other"}, "/tenant"),
    ],
)
def test_a_token_for_what_nobody_can_follow_is_refused(sqlite_url: str, change: dict[str, Any], pointer: str) -> None:
    with a_web(sqlite_url) as web:
        body = {"channel": "thread:1", "topics": ["token"]} | change
        response = web.client().post("/api/realtime/tokens", body)
        assert response.status_code == 400
        assert [place for place, _ in problems_of(response)] == [pointer]
