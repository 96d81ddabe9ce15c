"""Logging in, staying logged in, and what a cookie is worth."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from people import ORIGIN, PASSWORD, Browser, a_user
from webapi import OTHER_TENANT, a_document, a_web, problems_of

from workflowkit.base import failpoints
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.runtime.roles import ROLES, permissions_of
from workflowkit.runtime.users import OWNER

DRAFT = {"document": a_document()}


def test_who_logs_in_is_who_calls_from_then_on(database_url: str) -> None:
    with a_web(database_url) as web:
        ann = a_user(web, "Ann@Example.org", "editor", "operator")
        browser = Browser(web)
        assert browser.get("/api/session").get_json()["kind"] == "nobody"
        assert browser.get("/api/runs").status_code == 401
        state = browser.log_in("ANN@example.org ").get_json()
        assert (state["kind"], state["actor"], state["name"]) == ("user", f"user:{ann.id}", "ann@example.org")
        assert state["roles"] == ["editor", "operator"]
        assert set(state["permissions"]) == ROLES["editor"] | ROLES["operator"]
        assert (state["environment"], state["tenant"]) == (DEFAULT_SCOPE.environment, DEFAULT_SCOPE.tenant)
        assert browser.get("/api/runs").status_code == 200
        assert browser.get("/api/session").get_json() == state
        assert web.services.users.get(DEFAULT_SCOPE, ann.id).user.last_login_at_ms == web.harness.clock.now_ms()


def test_the_cookie_cannot_be_read_by_scripts_nor_sent_by_other_sites(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        a_user(web)
        header = Browser(web).log_in().headers["Set-Cookie"]
        name, *attributes = header.split("; ")
        assert name.startswith("__Host-workflowkit=wks_")
        assert sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]


def test_a_dev_server_sets_a_cookie_that_works_without_tls(sqlite_url: str) -> None:
    with a_web(sqlite_url, dev_mode=True) as web:
        a_user(web)
        header = Browser(web).log_in().headers["Set-Cookie"]
        assert header.startswith("workflowkit=")
        assert "Secure" not in header


def test_only_the_hash_of_a_token_is_stored(database_url: str) -> None:
    with a_web(database_url) as web:
        a_user(web)
        browser = Browser(web)
        browser.log_in()
        token = browser.cookie()
        assert token is not None
        (row,) = web.harness.rows("SELECT * FROM sessions")
        assert row["token_hash"] == hashlib.sha256(token.encode()).hexdigest()
        assert all(token not in str(value) for value in row.values())
        (user,) = web.harness.rows("SELECT * FROM users")
        assert user["password_hash"].startswith("$argon2id$")
        assert PASSWORD not in str(user)


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ann@example.org", "wrong"),
        ("ann@example.org", PASSWORD + " "),
        ("nobody@example.org", PASSWORD),
        ("off@example.org", PASSWORD),
        ("roleless@example.org", PASSWORD),
        ("ann\x00@example.org", PASSWORD),
    ],
)
def test_whatever_is_wrong_with_a_login_the_answer_is_the_same(sqlite_url: str, name: str, password: str) -> None:
    with a_web(sqlite_url) as web:
        a_user(web)
        users = web.services.users
        users.set_disabled(DEFAULT_SCOPE, a_user(web, "off@example.org").id, OWNER, is_disabled=True)
        users.set_roles(DEFAULT_SCOPE, a_user(web, "roleless@example.org").id, (), OWNER)
        response = Browser(web).log_in(name, password)
        if "\x00" in name:
            assert response.status_code == 400
        else:
            problem = response.get_json() | {"request_id": ""}
            assert problem == {
                "type": "urn:workflowkit:problem:unauthenticated", "title": "Unauthorized", "status": 401,
                "detail": "the name or the password is wrong", "code": "unauthenticated", "problems": [],
                "request_id": "",
            }  # fmt: skip
        assert "Set-Cookie" not in response.headers
        assert web.count("sessions") == 0


def test_an_unknown_name_costs_a_hash_like_a_known_one(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import argon2

    verified: list[str] = []
    verify = argon2.PasswordHasher.verify

    def counting(self: argon2.PasswordHasher, stored: str, password: str) -> bool:
        verified.append(stored)
        return bool(verify(self, stored, password))

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counting)
    with a_web(sqlite_url) as web:
        a_user(web)
        Browser(web).log_in(password="wrong")
        Browser(web).log_in("nobody@example.org")
        known, unknown = verified
        assert known != unknown
        assert known.split("$")[:4] == unknown.split("$")[:4]  # the same algorithm at the same costs


def test_attempts_are_refused_after_some_whether_there_is_such_a_user_or_not(database_url: str) -> None:
    with a_web(database_url) as web:
        a_user(web)
        most = web.services.limits.login_failures_per_client
        for name in ("ann@example.org", "nobody@example.org"):
            browser = Browser(web)
            assert [browser.log_in(name, "wrong").status_code for _ in range(most)] == [401] * most
            refused = browser.log_in(name, "wrong")
            assert (refused.status_code, refused.get_json()["code"]) == (429, "too-many-attempts")
            assert refused.headers["Retry-After"] == "900"
        # The right password does not help now, but it does from elsewhere, and later.
        assert Browser(web).log_in().status_code == 429
        assert Browser(web).log_in(address="198.51.100.7").status_code == 200
        web.harness.clock.advance(seconds=900)
        assert Browser(web).log_in().status_code == 200


def test_an_address_cannot_try_one_password_on_many_names(database_url: str) -> None:
    with a_web(database_url) as web:
        object.__setattr__(web.services.logins.limits, "login_failures_per_address", 3)
        try:
            a_user(web)
            browser = Browser(web)
            assert [browser.log_in(f"name-{number}", "wrong").status_code for number in range(4)] == [401] * 3 + [429]
        finally:
            object.__setattr__(web.services.logins.limits, "login_failures_per_address", 100)


def test_attempts_that_succeed_do_not_count(database_url: str) -> None:
    with a_web(database_url) as web:
        a_user(web)
        for _ in range(web.services.limits.login_failures_per_client + 1):
            assert Browser(web).log_in().status_code == 200
        failures = set(web.harness.column("SELECT failures FROM login_failures"))
        assert failures == {0}


def test_each_login_has_a_token_of_its_own_whatever_was_planted_before(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        a_user(web)
        browser = Browser(web)
        planted = "wks_" + "A" * 52
        browser.http.set_cookie("__Host-workflowkit", planted, domain="flows.example", secure=True)
        assert browser.get("/api/runs").status_code == 401
        browser.log_in()
        first = browser.cookie()
        browser.log_in()
        assert len({planted, first, browser.cookie()}) == 3


def test_a_session_ends_when_nobody_uses_it_and_at_its_fixed_time(database_url: str) -> None:
    with a_web(database_url, session_idle_seconds=3_600.0, session_seconds=7_200.0) as web:
        a_user(web)
        idle, busy = Browser(web), Browser(web)
        idle.log_in()
        busy.log_in()
        for _ in range(7):
            web.harness.clock.advance(seconds=1_020)
            assert busy.get("/api/runs").status_code == 200
        assert idle.get("/api/runs").status_code == 401
        web.harness.clock.advance(seconds=60)
        assert busy.get("/api/runs").status_code == 401
        assert busy.get("/api/session").get_json()["kind"] == "nobody"
        Browser(web).log_in()
        assert web.count("sessions") == 1  # those that have ended are cleared away


def test_its_use_is_written_at_most_once_a_minute(database_url: str) -> None:
    with a_web(database_url) as web:
        a_user(web)
        browser = Browser(web)
        browser.log_in()
        writes: list[str] = []
        stop = failpoints.listen(lambda name: writes.append(name) if name == "session.after_commit" else None)
        try:
            for seconds in (0, 10, 49, 1, 30):
                web.harness.clock.advance(seconds=seconds)
                browser.get("/api/runs")
        finally:
            stop()
        assert len(writes) == 1


# --- CSRF


@pytest.mark.parametrize(
    "headers",
    [
        {"Workflowkit-Csrf": ""},
        {"Workflowkit-Csrf": "guessed"},
        {"Workflowkit-Csrf": "h\xe9"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://flows.example:81"},
        {"Origin": "", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "", "Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_change_that_other_sites_could_have_sent_is_refused(sqlite_url: str, headers: dict[str, str]) -> None:
    with a_web(sqlite_url) as web:
        a_user(web)
        browser = Browser(web)
        browser.log_in()
        refused = browser.send("POST", "/api/workflows", DRAFT, headers=headers)
        assert (refused.status_code, refused.get_json()["code"]) == (403, "csrf-refused")
        assert web.count("workflows") == 0
        assert browser.send("POST", "/api/workflows", DRAFT).status_code == 201


def test_the_csrf_token_of_one_session_is_worth_nothing_for_another(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        a_user(web)
        ours, theirs = Browser(web), Browser(web)
        ours.log_in()
        theirs.log_in()
        response = ours.send("POST", "/api/workflows", DRAFT, headers={"Workflowkit-Csrf": str(theirs.csrf)})
        assert response.status_code == 403


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Origin": "", "Sec-Fetch-Site": "cross-site"}]
)
def test_other_sites_cannot_log_somebody_in(sqlite_url: str, headers: dict[str, str]) -> None:
    with a_web(sqlite_url) as web:
        a_user(web)
        assert Browser(web).log_in(headers=headers).status_code == 403
        form = Browser(web).http.post("/api/session", data={"name": "ann@example.org", "password": PASSWORD})
        assert form.status_code == 415
        assert web.count("sessions") == 0


def test_behind_a_proxy_its_public_address_is_the_origin(sqlite_url: str) -> None:
    with a_web(sqlite_url, public_url="https://public.example/flows") as web:
        a_user(web)
        browser = Browser(web, origin="https://public.example")
        assert browser.log_in().status_code == 200
        assert browser.send("POST", "/api/workflows", DRAFT).status_code == 201


def test_keys_need_no_csrf_token_and_win_over_cookies(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        a_user(web, "ann@example.org", "admin")
        browser = Browser(web)
        browser.log_in()
        _, key = web.services.keys.create(DEFAULT_SCOPE, "reader", ["runs:read"])
        with_key = {"Authorization": f"Bearer {key}", "Workflowkit-Csrf": "", "Origin": "https://elsewhere.example"}
        assert browser.send("POST", "/api/workflows", DRAFT, headers=with_key).get_json()["code"] == "forbidden"
        wrong = {"Authorization": "Bearer wk_default_wrong"}
        assert browser.send("POST", "/api/workflows", DRAFT, headers=wrong).status_code == 401


# --- what ends sessions


def test_logging_out_ends_the_session_and_not_only_the_cookie(database_url: str) -> None:
    with a_web(database_url) as web:
        a_user(web)
        browser = Browser(web)
        browser.log_in()
        token = browser.cookie()
        assert browser.send("DELETE", "/api/session").get_json()["kind"] == "nobody"
        assert browser.cookie() is None
        browser.http.set_cookie("__Host-workflowkit", str(token), domain="flows.example", secure=True)
        assert browser.get("/api/runs").status_code == 401


def test_somebody_sees_their_sessions_and_ends_them(database_url: str) -> None:
    with a_web(database_url) as web:
        a_user(web)
        a_user(web, "bob@example.org")
        here, there, bobs = Browser(web), Browser(web), Browser(web)
        here.log_in()
        web.harness.clock.advance(seconds=1)
        there.log_in(address="198.51.100.7")
        bobs.log_in("bob@example.org")
        listed = here.get("/api/sessions").get_json()["items"]
        assert [(each["address"], each["is_present"]) for each in listed] == [
            ("198.51.100.7", False),
            ("203.0.113.5", True),
        ]
        assert listed[0]["agent"] == "Testfox 1"
        (bobs_id,) = (each["id"] for each in bobs.get("/api/sessions").get_json()["items"])
        assert here.send("DELETE", f"/api/sessions/{bobs_id}").status_code == 404
        assert len(here.send("DELETE", f"/api/sessions/{listed[0]['id']}").get_json()["items"]) == 1
        assert there.get("/api/runs").status_code == 401
        there.log_in()
        here.send("DELETE", "/api/sessions")
        assert [browser.get("/api/runs").status_code for browser in (here, there, bobs)] == [401, 401, 200]


def test_another_password_ends_the_other_sessions(database_url: str) -> None:
    with a_web(database_url) as web:
        a_user(web)
        here, there = Browser(web), Browser(web)
        here.log_in()
        there.log_in()
        path, new = "/api/session/password", "a much better password"
        wrong = here.send("PUT", path, {"old_password": "wrong", "password": new})
        assert problems_of(wrong) == [("/old_password", "wrong-password")]
        weak = here.send("PUT", path, {"old_password": PASSWORD, "password": "aaaaaaaaaaaaaaaa"})
        assert problems_of(weak) == [("/password", "weak-password")]
        assert here.send("PUT", path, {"old_password": PASSWORD, "password": new}).status_code == 200
        assert (here.get("/api/runs").status_code, there.get("/api/runs").status_code) == (200, 401)
        assert Browser(web).log_in().status_code == 401
        assert Browser(web).log_in(password=new).status_code == 200


def test_whoever_has_a_session_cannot_try_passwords_for_long(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        a_user(web)
        browser = Browser(web)
        browser.log_in()
        body = {"old_password": "wrong", "password": "a much better password"}
        most = web.services.limits.login_failures_per_client
        statuses = [browser.send("PUT", "/api/session/password", body).status_code for _ in range(most + 1)]
        assert statuses == [400] * most + [429]


def test_roles_and_disabling_count_from_the_next_request_on(database_url: str) -> None:
    with a_web(database_url) as web:
        ann = a_user(web, "ann@example.org", "editor")
        browser = Browser(web)
        browser.log_in()
        assert browser.send("POST", "/api/workflows", DRAFT).status_code == 201
        web.services.users.set_roles(DEFAULT_SCOPE, ann.id, ["viewer"], OWNER)
        assert browser.send("POST", "/api/workflows", DRAFT).status_code == 403
        web.services.users.set_roles(DEFAULT_SCOPE, ann.id, [], OWNER)
        assert browser.get("/api/runs").status_code == 401
        web.services.users.set_roles(DEFAULT_SCOPE, ann.id, ["viewer"], OWNER)
        assert browser.get("/api/runs").status_code == 200
        web.services.users.set_disabled(DEFAULT_SCOPE, ann.id, OWNER, is_disabled=True)
        assert browser.get("/api/runs").status_code == 401
        web.services.users.set_disabled(DEFAULT_SCOPE, ann.id, OWNER, is_disabled=False)
        assert browser.get("/api/runs").status_code == 401  # it has ended for good


def test_somebody_of_two_tenants_acts_for_one_at_a_time(database_url: str) -> None:
    with a_web(database_url) as web:
        ann = a_user(web, "ann@example.org", "viewer", scope=OTHER_TENANT)
        web.services.users.set_roles(DEFAULT_SCOPE, ann.id, ["admin"], OWNER)
        browser = Browser(web)
        state = browser.log_in().get_json()
        assert state["tenant"] == DEFAULT_SCOPE.tenant
        assert [each["tenant"] for each in state["tenants"]] == ["default", "other"]
        before = str(browser.csrf)
        moved = browser.send("PUT", "/api/session/tenant", {"environment": "default", "tenant": "other"}).get_json()
        assert (moved["tenant"], moved["roles"]) == ("other", ["viewer"])
        assert browser.send("POST", "/api/workflows", DRAFT).get_json()["code"] == "forbidden"
        # A page of theirs that is still open for the first one changes nothing in the second.
        stale = browser.send("POST", "/api/workflows", DRAFT, headers={"Workflowkit-Csrf": before})
        assert stale.get_json()["code"] == "csrf-refused"
        foreign = browser.send("PUT", "/api/session/tenant", {"environment": "default", "tenant": "third"})
        assert foreign.status_code == 404


def test_what_somebody_does_is_kept_under_their_id(database_url: str) -> None:
    with a_web(database_url) as web:
        ann = a_user(web)
        browser = Browser(web)
        browser.log_in()
        web.services.authoring.deploy(DEFAULT_SCOPE, "welcome", a_document())
        browser.send("POST", "/api/workflows/welcome/pause", {"reason": "lunch"})
        (row,) = web.harness.rows("SELECT actor FROM pauses")
        assert row["actor"] == f"user:{ann.id}"


def test_tokens_and_developers_are_told_who_they_are(sqlite_url: str) -> None:
    with a_web(sqlite_url, dev_mode=True) as web:
        key = web.client(["runs:read"]).get("/api/session").get_json()
        assert (key["kind"], key["permissions"], key["csrf"]) == ("key", ["runs:read"], None)
        developer = web.anonymous().get("/api/session").get_json()
        assert (developer["kind"], developer["actor"]) == ("developer", "developer")
        assert web.anonymous().delete("/api/session").status_code == 403
        a_user(web, "ann@example.org", "viewer")
        browser = Browser(web)
        assert browser.log_in().get_json()["kind"] == "user"
        assert browser.send("POST", "/api/workflows", DRAFT).status_code == 403


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_a_set_of_permissions(role: str) -> None:
    assert permissions_of([role]) >= ROLES["viewer"]
    assert not permissions_of([role]) & {"approvals:impersonate", "runs:decrypt"}
    assert ("system:read" in ROLES[role]) is (role == "owner")
    assert permissions_of([role, "unknown"]) == ROLES[role]


@pytest.mark.parametrize("body", [{}, {"name": "x"}, {"name": "", "password": ""}, {"name": 1, "password": "x"}, []])
def test_a_login_that_makes_no_sense_is_refused(sqlite_url: str, body: Any) -> None:
    with a_web(sqlite_url) as web:
        assert Browser(web).send("POST", "/api/session", body).status_code == 400
        assert ORIGIN.startswith("https")


def test_attempts_at_the_same_time_are_no_more_than_attempts_one_by_one(database_url: str) -> None:
    with a_web(database_url) as web:
        a_user(web)
        most = web.services.limits.login_failures_per_client
        with ThreadPoolExecutor(8) as pool:
            browsers = [Browser(web) for _ in range(most + 6)]
            statuses = list(pool.map(lambda browser: browser.log_in(password="wrong").status_code, browsers))
        assert sorted(statuses) == [401] * most + [429] * 6
