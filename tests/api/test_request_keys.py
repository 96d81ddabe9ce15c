"""``Idempotency-Key``: of several requests with one key the first one counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from builders import a_workflow
from runtimes import at_once
from webapi import OTHER_TENANT, Client, a_web, problems_of
from werkzeug.test import TestResponse

from workflowkit.base import failpoints
from workflowkit.base.limits import Limits

ORDER = {"name": "order/paid", "data": {"total": 7}}
DAY_SECONDS = 24 * 3_600


def _send(client: Client, body: Any, key: str = "k-1") -> TestResponse:
    return client.post("/api/events", body, headers={"Idempotency-Key": key})


@pytest.mark.parametrize("body", [ORDER, [ORDER, {"name": "no data"}, ORDER]], ids=["one", "some refused"])
def test_a_repeated_request_stores_nothing_and_gets_the_first_answer(database_url: str, body: Any) -> None:
    with a_web(database_url) as web:
        client = web.client()
        first = _send(client, body)
        stored = web.count("events")
        again = _send(client, body)
        assert (again.status_code, again.get_json()) == (first.status_code, first.get_json())
        assert web.count("events") == stored == len([each for each in first.get_json()["results"] if each["id"]])
        assert _send(client, body, "k-2").get_json() != first.get_json()


def test_a_key_of_another_request_is_refused(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client()
        _send(client, ORDER)
        for body in (ORDER | {"data": {"total": 8}}, [ORDER], [ORDER, ORDER]):
            refused = _send(client, body)
            assert (refused.status_code, refused.get_json()["code"]) == (409, "idempotency-key-reused")
        assert web.count("events") == 1


def test_a_key_is_of_another_request_once_other_events_of_it_are_refused(database_url: str) -> None:
    body = [ORDER, {"name": "order/packed", "data": {"note": "x" * 500}}]
    with a_web(database_url, limits=Limits(event_bytes=300)) as web:
        assert [each["status"] for each in _send(web.client(), body).get_json()["results"]] == ["accepted", "rejected"]
    with a_web(database_url) as web:
        refused = _send(web.client(), body)
        assert (refused.status_code, refused.get_json()["code"]) == (409, "idempotency-key-reused")
        assert web.count("events") == 1


def test_tenants_have_keys_of_their_own(database_url: str) -> None:
    with a_web(database_url) as web:
        (ours,) = _send(web.client(), ORDER).get_json()["results"]
        (theirs,) = _send(web.client(scope=OTHER_TENANT), ORDER | {"data": {}}).get_json()["results"]
        assert theirs["status"] == "accepted"
        assert ours["id"] != theirs["id"]


def test_of_requests_at_the_same_moment_one_is_first_and_all_get_its_answer(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client()
        answers = at_once(*[lambda: _send(client, ORDER).get_json()["results"][0]["id"]] * 12)
        assert web.count("events") == 1
        assert len(set(answers)) == 1


def test_what_was_refused_or_not_stored_has_used_no_key_up(database_url: str, tmp_path: Path) -> None:
    with a_web(database_url) as web:
        client = web.client()
        assert _send(client, {"name": "no data"}).status_code == 400
        failpoints.arm(f"intake.before_commit:raise:1:{tmp_path / 'hits'}")
        try:
            assert _send(client, ORDER).status_code == 500
        finally:
            failpoints.arm("")
        assert _send(client, ORDER).get_json()["results"][0]["status"] == "accepted"
        assert web.count("events") == web.count("request_keys") == 1


def test_a_key_counts_for_a_day(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client()
        _send(client, ORDER)
        _send(client, ORDER, "k-2")
        web.harness.skip(DAY_SECONDS - 1)
        _send(client, ORDER)
        assert web.count("events") == 2
        web.harness.skip(1)
        (again,) = _send(client, ORDER | {"data": {}}).get_json()["results"]
        assert again["status"] == "accepted"
        assert web.count("events") == 3
        assert web.count("request_keys") == 1  # what counts no more goes as others come


@pytest.mark.parametrize("key", ["", "x" * 256, "söß", "a\tb"])
def test_keys_are_short_printable_texts(database_url: str, key: str) -> None:
    with a_web(database_url) as web:
        refused = _send(web.client(), ORDER, key)
        assert (refused.status_code, problems_of(refused)) == (400, [("/headers/Idempotency-Key", "invalid-value")])
        assert web.count("events") == 0


def test_a_run_is_started_once_and_told_again_also_when_no_other_could_start(database_url: str) -> None:
    with a_web(database_url) as web:
        web.harness.deploy(a_workflow().chain("a").document() | {"triggers": [{"manual": True}]})
        client, headers = web.client(), {"Idempotency-Key": "k-1"}
        path = "/api/workflows/test/runs"
        first = client.post(path, {"data": {"n": 1}}, headers=headers)
        assert first.status_code == 202
        client.post("/api/workflows/test/disable")
        again = client.post(path, {"data": {"n": 1}}, headers=headers)
        assert (again.status_code, again.get_json()) == (202, first.get_json())
        assert client.post(path, {"data": {"n": 1}}).status_code == 409
        other = client.post(path, {"data": {"n": 2}}, headers=headers)
        assert (other.status_code, other.get_json()["code"]) == (409, "idempotency-key-reused")
        assert web.count("runs") == web.count("events") == 1
