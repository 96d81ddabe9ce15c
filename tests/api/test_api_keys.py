"""API keys: shown once, hashed, limited, revoked at once."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from webapi import OTHER_TENANT, Client, a_web, problems_of

from workflowkit.base import failpoints
from workflowkit.base.errors import InvalidInput, Unauthenticated
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.runtime.keys import CACHE_SECONDS, PERMISSIONS, Keys, may_send


class Stopwatch:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_key_is_shown_once_and_stored_as_a_hash(database_url: str) -> None:
    with a_web(database_url) as web:
        admin = web.client(["keys:admin", "runs:read"])
        response = admin.post("/api/keys", {"name": "reader", "permissions": ["runs:read"]})
        assert response.status_code == 201
        created = response.get_json()
        key = created.pop("key")
        assert key.startswith("wk_default_")
        assert key.startswith(created["prefix"])
        assert len(key) > len(created["prefix"]) + 40
        assert admin.get(f"/api/keys/{created['id']}").get_json() == created
        (row,) = web.harness.rows("SELECT * FROM api_keys WHERE id = :id", id=created["id"])
        assert row["key_hash"] == hashlib.sha256(key.encode()).hexdigest()
        assert all(key not in str(value) for value in row.values())
        assert Client(web, key).get("/api/runs").status_code == 200


def test_keys_are_listed_newest_first_without_their_secrets(database_url: str) -> None:
    with a_web(database_url) as web:
        admin = web.client(["keys:admin"])
        ids = []
        for name in ("a", "b", "c"):
            web.harness.clock.advance(seconds=1)
            ids.append(web.services.keys.create(DEFAULT_SCOPE, name, ["runs:read"])[0].id)
        web.services.keys.create(OTHER_TENANT, "theirs", ["runs:read"])
        first = admin.get("/api/keys?limit=2").get_json()
        rest = admin.get(f"/api/keys?limit=2&cursor={first['next_cursor']}").get_json()
        listed = first["items"] + rest["items"]
        assert [item["id"] for item in listed][:3] == ids[::-1]
        assert [item["name"] for item in listed] == ["c", "b", "a", "test"]
        assert all("key" not in item for item in listed)


def test_a_revoked_key_stops_at_once_in_its_process(database_url: str) -> None:
    with a_web(database_url) as web:
        admin = web.client()
        record, key = web.services.keys.create(DEFAULT_SCOPE, "reader", ["runs:read"])
        reader = Client(web, key)
        assert reader.get("/api/runs").status_code == 200
        revoked = admin.delete(f"/api/keys/{record.id}")
        assert revoked.get_json()["revoked_at"] is not None
        assert reader.get("/api/runs").status_code == 401
        assert admin.delete(f"/api/keys/{record.id}").get_json() == revoked.get_json()


def test_a_revoked_key_stops_within_the_cache_lifetime_in_other_processes(database_url: str) -> None:
    with a_web(database_url) as web:
        stopwatch = Stopwatch()
        here, elsewhere = Keys(web.services.database, stopwatch), Keys(web.services.database)
        record, key = here.create(DEFAULT_SCOPE, "test", ["runs:read"])
        assert here.authenticate(key).id == record.id
        elsewhere.revoke(DEFAULT_SCOPE, record.id)
        stopwatch.seconds = CACHE_SECONDS * 0.9
        here.authenticate(key)
        stopwatch.seconds = CACHE_SECONDS
        with pytest.raises(Unauthenticated):
            here.authenticate(key)
        assert CACHE_SECONDS <= 1


def test_a_cached_key_costs_no_query(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        keys = Keys(web.services.database, Stopwatch())
        _, key = keys.create(DEFAULT_SCOPE, "test", ["runs:read"])
        record = keys.authenticate(key)
        web.services.database.close()
        assert keys.authenticate(key) is record


def test_the_cache_of_keys_is_bounded(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflowkit.runtime.keys._CACHE_SIZE", 2)
    with a_web(sqlite_url) as web:
        keys = Keys(web.services.database, Stopwatch())
        made = [keys.create(DEFAULT_SCOPE, "test", ["runs:read"])[1] for _ in range(5)]
        for key in made * 2:
            assert keys.authenticate(key)
        assert len(keys._cache) <= 2


def test_its_last_use_is_written_at_most_once_a_minute(database_url: str) -> None:
    with a_web(database_url) as web:
        record, key = web.services.keys.create(DEFAULT_SCOPE, "test", ["runs:read"])
        writes = []
        stop = failpoints.listen(lambda name: writes.append(name) if name == "key.after_commit" else None)
        try:
            for seconds in (0, 10, 49, 1, 30):
                web.harness.clock.advance(seconds=seconds)
                Keys(web.services.database).authenticate(key)
        finally:
            stop()
        assert len(writes) == 2
        used_at_ms = web.services.keys.get(DEFAULT_SCOPE, record.id).last_used_at_ms
        assert used_at_ms == record.created_at_ms + 60_000


@pytest.mark.parametrize(
    "key", ["", "wk_", "wk_default_", "nonsense", "wk_default_" + "A" * 52, "wk_" + "x" * 10_000, "wk_\x7f", "wk_é"]
)
def test_an_unknown_key_is_refused_whatever_it_looks_like(sqlite_url: str, key: str) -> None:
    with a_web(sqlite_url) as web, pytest.raises(Unauthenticated, match="unknown or revoked"):
        web.services.keys.authenticate(key)


def test_nobody_grants_what_they_do_not_have(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        admin = web.client(["keys:admin", "runs:read"])
        response = admin.post("/api/keys", {"name": "x", "permissions": ["runs:read", "runs:write"]})
        assert (response.status_code, response.get_json()["code"]) == (403, "forbidden")
        assert "runs:write" in response.get_json()["detail"]
        assert web.count("api_keys") == 1


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        ({}, [("/name", "missing-key"), ("/permissions", "missing-key")]),
        ({"name": "", "permissions": ["runs:read"]}, [("/name", "invalid-value")]),
        ({"name": "x" * 201, "permissions": ["runs:read"]}, [("/name", "invalid-value")]),
        ({"name": 1, "permissions": ["runs:read"]}, [("/name", "invalid-type")]),
        ({"name": "x", "permissions": []}, [("/permissions", "unknown-permission")]),
        ({"name": "x", "permissions": ["all"]}, [("/permissions/0", "invalid-value")]),
        ({"name": "x", "permissions": "runs:read"}, [("/permissions", "invalid-type")]),
        ({"name": "x", "permissions": ["runs:read"], "tenant": "other"}, [("/tenant", "unknown-key")]),
        (
            {"name": "x", "permissions": ["runs:read"], "event_names": ["app/*"]},
            [("/event_names", "conflicting-values")],
        ),
        ({"name": "x", "permissions": ["events:send"], "event_names": []}, [("/event_names", "invalid-value")]),
        (
            {"name": "x", "permissions": ["events:send"], "event_names": ["ok", "a*b", ""]},
            [("/event_names/1", "invalid-value"), ("/event_names/2", "invalid-value")],
        ),
    ],
)
def test_a_key_that_makes_no_sense_is_refused_with_pointers(sqlite_url: str, body: Any, problems: Any) -> None:
    with a_web(sqlite_url) as web:
        response = web.client().post("/api/keys", body)
        assert response.status_code == 400
        assert sorted(problems_of(response)) == problems
        assert web.count("api_keys") == 1


@pytest.mark.parametrize(
    ("event_names", "name", "expected"),
    [
        (None, "anything", True),
        (["app/*"], "app/user.created", True),
        (["app/*"], "app/", True),
        (["app/*"], "application/x", False),
        (["app/*"], "billing/app/x", False),
        (["app/paid"], "app/paid", True),
        (["app/paid"], "app/paid.twice", False),
        (["*"], "anything", True),
        (["a", "b*"], "bc", True),
    ],
)
def test_a_list_of_event_names_admits_names_and_beginnings(
    sqlite_url: str, event_names: Any, name: str, expected: Any
) -> None:
    with a_web(sqlite_url) as web:
        record, _ = web.services.keys.create(DEFAULT_SCOPE, "test", ["events:send"], event_names=event_names)
        assert may_send(record, name) is expected


def test_a_program_is_told_all_that_is_wrong_with_a_key(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web, pytest.raises(InvalidInput) as caught:
        web.services.keys.create(DEFAULT_SCOPE, " ", ["nonsense"], event_names=["*x"])
    assert len(caught.value.problems) == 4
    assert all(permission in str(caught.value) for permission in PERMISSIONS)


def test_a_key_names_its_environment(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        _, key = web.services.keys.create(Scope("staging", "acme"), "test", ["runs:read"])
        assert key.startswith("wk_staging_")
        assert web.services.keys.authenticate(key).scope == Scope("staging", "acme")
