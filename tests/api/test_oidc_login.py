"""Logging in at an OpenID provider: the whole way, and everything that may be wrong with what comes back."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import RSAKey
from openid import CLIENT_ID, CLIENT_SECRET, Provider, a_provider
from people import ORIGIN, Browser, a_user
from webapi import Web, a_web
from werkzeug.test import TestResponse

from workflowkit.base.clock import FakeClock
from workflowkit.base.secrets import Keyring
from workflowkit.base.settings import Settings
from workflowkit.runtime.users import OWNER

ROLES = (("viewer", "*"), ("admin", "flow-admins"))


@pytest.fixture(autouse=True)
def _without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # of the provider's side


@contextmanager
def a_login(database_url: str, **settings: Any) -> Iterator[tuple[Web, Provider]]:
    """An installation, and a provider that knows it."""
    redirect_uri = f"{ORIGIN}/login/oidc/callback"
    now_seconds = FakeClock().now_ms() // 1000
    with a_provider(redirect_uri, now_seconds=now_seconds) as provider:
        given: dict[str, Any] = {
            "oidc_issuer": provider.url, "oidc_client_id": CLIENT_ID, "oidc_client_secret": CLIENT_SECRET,
            "oidc_label": "Example", "oidc_roles": ROLES, "secret_key": Keyring.generate().render(), **settings,
        }  # fmt: skip
        with a_web(database_url, **given) as web:
            yield web, provider


def leave(browser: Browser, return_to: str = "/runs?status=failed") -> str:
    """Leave for the provider; return the address where it is asked."""
    response = browser.http.get("/login/oidc", query_string={"return": return_to}, base_url=ORIGIN)
    assert response.status_code == 302, response.get_data(as_text=True)
    return response.location


def consent(address: str) -> str:
    """Be let through by the provider; return the address to which it leads."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
    connection.request("GET", f"{parts.path}?{parts.query}")
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.status == 302
    return str(answer.headers["Location"])


def come_back(browser: Browser, address: str) -> TestResponse:
    parts = urlsplit(address)
    response: TestResponse = browser.http.get(f"{parts.path}?{parts.query}", base_url=ORIGIN)
    return response


def log_in(browser: Browser) -> TestResponse:
    return come_back(browser, consent(leave(browser)))


def test_whom_the_provider_vouches_for_becomes_a_user_with_the_roles_of_their_groups(database_url: str) -> None:
    with a_login(database_url) as (web, provider):
        browser = Browser(web)
        assert browser.get("/api/session").get_json()["methods"]["oidc"] == "Example"
        address = leave(browser)
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
        response = come_back(browser, consent(address))
        assert (response.status_code, response.location) == (302, "/runs?status=failed")
        state = browser.get("/api/session").get_json()
        assert (state["kind"], state["name"], state["display_name"]) == ("user", "ann@example.org", "Ann")
        assert (state["roles"], state["has_password"]) == (["viewer", "admin"], False)
        # The roles are those of the last login; it is the same user.
        provider.claims |= {"groups": ["others"], "name": "Ann Other"}
        log_in(browser)
        again = browser.get("/api/session").get_json()
        assert (again["actor"], again["roles"]) == (state["actor"], ["viewer"])
        assert again["display_name"] == "Ann Other"
        log = web.client(["audit:read"]).get("/api/audit").get_json()["items"]
        assert [(each["actor"], each["action"]) for each in log[1:]] == [
            (state["actor"], "login.succeeded"), ("oidc", "user.roles_changed"),
            (state["actor"], "login.succeeded"), ("oidc", "user.roles_changed"),
        ]  # fmt: skip
        assert log[2]["detail"] == {"before": ["viewer", "admin"], "after": ["viewer"]}


def test_an_answer_counts_once_and_only_in_the_browser_that_has_asked(sqlite_url: str) -> None:
    with a_login(sqlite_url) as (web, _):
        victim, attacker = Browser(web), Browser(web)
        answer = consent(leave(attacker))
        assert come_back(victim, answer).location == "/?login_problem=failed"
        leave(victim)
        assert come_back(victim, answer).location == "/?login_problem=failed"
        assert victim.get("/api/session").get_json()["kind"] == "nobody"
        assert come_back(attacker, answer).location == "/runs?status=failed"
        assert come_back(attacker, answer).location == "/?login_problem=failed"
        assert web.count("sessions") == 1


def test_a_login_that_takes_too_long_is_over(sqlite_url: str) -> None:
    with a_login(sqlite_url) as (web, provider):
        browser = Browser(web)
        answer = consent(leave(browser))
        web.harness.clock.advance(seconds=601)
        provider.now_seconds += 601
        assert come_back(browser, answer).location == "/?login_problem=failed"


@pytest.mark.parametrize(
    "forged",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "another client"},
        {"aud": [CLIENT_ID, "another client"], "azp": "another client"},
        {"exp": 1_000_000_000},
        {"nonce": "of another login"},
        {"sub": None},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    ],
)
def test_a_token_that_says_something_else_is_refused(sqlite_url: str, forged: dict[str, Any]) -> None:
    with a_login(sqlite_url) as (web, provider):
        provider.forged = forged
        assert log_in(Browser(web)).location == "/?login_problem=failed"
        assert (web.count("users"), web.count("sessions")) == (0, 0)


def test_a_token_that_another_key_has_signed_is_refused_and_a_new_key_is_found(sqlite_url: str) -> None:
    with a_login(sqlite_url) as (web, provider):
        provider.shown_key = provider.signing_key
        provider.signing_key = RSAKey.generate_key(2048, {"kid": "first"})
        assert log_in(Browser(web)).location == "/?login_problem=failed"
        provider.signing_key = provider.shown_key = RSAKey.generate_key(2048, {"kid": "second"})
        assert log_in(Browser(web)).location == "/runs?status=failed"


@pytest.mark.parametrize(
    ("claims", "problem"),
    [
        ({"groups": []}, "forbidden"),
        ({"groups": "flow"}, "forbidden"),
        ({"email": None}, "failed"),
        ({"email": "\x00"}, "failed"),
        ({"email_verified": False}, "failed"),
    ],
)
def test_who_has_no_role_or_no_name_is_told_so(sqlite_url: str, claims: dict[str, Any], problem: str) -> None:
    with a_login(sqlite_url, oidc_roles=(("admin", "flow-admins"),)) as (web, provider):
        provider.claims |= claims
        assert log_in(Browser(web)).location == f"/?login_problem={problem}"
        assert web.count("sessions") == 0


def test_an_account_with_a_password_is_not_handed_over(database_url: str) -> None:
    with a_login(database_url) as (web, _):
        ann = a_user(web, "ann@example.org", "owner")
        browser = Browser(web)
        assert log_in(browser).location == "/?login_problem=already-exists"
        assert browser.get("/api/session").get_json()["kind"] == "nobody"
        (row,) = web.harness.rows("SELECT id, issuer FROM users")
        assert (row["id"], row["issuer"]) == (ann.id, None)


def test_who_is_disabled_here_stays_out(sqlite_url: str) -> None:
    with a_login(sqlite_url) as (web, _):
        browser = Browser(web)
        log_in(browser)
        users = web.services.users
        scope = web.services.default_scope
        users.set_disabled(scope, users.id_of("ann@example.org"), OWNER, is_disabled=True)
        assert log_in(browser).location == "/?login_problem=forbidden"
        assert browser.get("/api/runs").status_code == 401
        failed = web.client(["audit:read"]).get("/api/audit?action=login.failed").get_json()["items"]
        assert [each["subject"] for each in failed] == [f"user:{users.id_of('ann@example.org')}"]


@pytest.mark.parametrize(
    "path", ["//evil.example", "https://evil.example", "/\\evil.example", "runs", "/a\nb", "/" + "x" * 1_001]
)
def test_the_way_back_leads_nowhere_else(sqlite_url: str, path: str) -> None:
    with a_login(sqlite_url) as (web, _):
        browser = Browser(web)
        assert come_back(browser, consent(leave(browser, path))).location == "/"


@pytest.mark.parametrize("metadata", [{"issuer": "https://elsewhere.example"}, {"token_endpoint": None}])
def test_a_provider_that_is_another_one_is_not_believed(sqlite_url: str, metadata: dict[str, Any]) -> None:
    with a_login(sqlite_url) as (web, provider):
        provider.metadata = metadata
        browser = Browser(web)
        begun = browser.http.get("/login/oidc", base_url=ORIGIN)
        if begun.location != "/?login_problem=failed":
            assert come_back(browser, consent(begun.location)).location == "/?login_problem=failed"
        assert web.count("sessions") == 0


def test_a_refusal_and_another_providers_answer_are_no_logins(sqlite_url: str) -> None:
    with a_login(sqlite_url) as (web, _):
        browser = Browser(web)
        state = parse_qs(urlsplit(leave(browser)).query)["state"][0]
        for query in (f"error=access_denied&state={state}", f"code=x&state={state}&iss=https://elsewhere.example"):
            leave_again = come_back(browser, f"{ORIGIN}/login/oidc/callback?{query}")
            assert leave_again.location == "/?login_problem=failed"
        assert web.count("sessions") == 0


def test_a_provider_that_is_away_is_said_to_be(sqlite_url: str) -> None:
    with a_web(sqlite_url, oidc_issuer="http://127.0.0.1:9", oidc_roles=ROLES) as web:
        response = Browser(web).http.get("/login/oidc", base_url=ORIGIN)
        assert response.location == "/?login_problem=failed"


def test_without_a_provider_there_is_no_such_login(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        for path in ("/login/oidc", "/login/oidc/callback?code=x"):
            assert Browser(web).http.get(path, base_url=ORIGIN).status_code == 404


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("oidc_roles", "admin:flow-admins, viewer:*", (("admin", "flow-admins"), ("viewer", "*"))),
        ("oidc_issuer", "https://id.example.com/realm", "https://id.example.com/realm"),
        ("oidc_roles", "root:x", None),
        ("oidc_roles", "admin", None),
        ("oidc_issuer", "http://id.example.com", None),
        ("oidc_issuer", "id.example.com", None),
    ],
)
def test_settings_say_who_vouches_for_whom(name: str, text: str, expected: object) -> None:
    environ = {f"WORKFLOWKIT_{name.upper()}": text}
    if expected is None:
        with pytest.raises(ValueError, match=f"WORKFLOWKIT_{name.upper()}"):
            Settings.from_environment(environ)
    else:
        assert getattr(Settings.from_environment(environ), name) == expected
