"""Webhooks as their owners see them: made, changed, listed and tried; their secrets are never shown again."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from webapi import OTHER_TENANT, a_web, problems_of
from webhooking import EVENT, NOTHING, SECRET, a_stripe_webhook, created, deliver, opened, stored

from workflowkit.base.secrets import Keyring


def test_a_webhook_shows_neither_its_url_nor_its_secrets_again(database_url: str) -> None:
    with opened(database_url) as web:
        client = web.client()
        url = a_stripe_webhook(web)
        token = url.removeprefix("/w/")
        assert len(token) == 52
        shown = client.get("/api/webhooks/stripe").get_json()
        assert shown["has_secrets"] is True
        listed = client.get("/api/webhooks")
        assert listed.get_json()["items"] == [shown]
        for text in (listed.get_data(as_text=True), str(web.harness.rows("SELECT * FROM webhooks"))):
            assert token not in text
            assert SECRET not in text
        (row,) = web.harness.rows("SELECT * FROM webhooks")
        assert row["token_hash"] == hashlib.sha256(token.encode()).hexdigest()


def test_without_a_key_no_secret_is_stored(postgres_url: str) -> None:
    with a_web(postgres_url) as web:
        body = {"name": "stripe", "verification": {"preset": "stripe"}, "secrets": [SECRET]}
        response = web.client().post("/api/webhooks", body)
        assert (response.status_code, problems_of(response)) == (400, [("/secrets", "no-secret-key")])
        assert web.count("webhooks") == 0


def test_a_secret_whose_key_is_gone_refuses_deliveries_and_says_so_in_the_log_only(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(postgres_url) as web:
        path = a_stripe_webhook(web)
    for other in (None, Keyring.generate().render()):
        with a_web(postgres_url, secret_key=other) as web:
            response = deliver(web, path)
            assert response.status_code == 500
            assert "key" not in response.get_json()["detail"]
            assert web.count("events") == 0
    assert "WORKFLOWKIT_SECRET_KEY" in caplog.text


def test_on_sqlite_a_key_is_made_beside_the_database(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        path = a_stripe_webhook(web)
    with a_web(sqlite_url) as web:  # another process
        assert deliver(web, path).status_code == 202


def test_webhooks_are_listed_in_pages_by_name(database_url: str) -> None:
    with opened(database_url) as web:
        for name in ("b", "c", "a"):
            created(web, name)
        created(web, "theirs", client=web.client(scope=OTHER_TENANT))
        client = web.client()
        first = client.get("/api/webhooks?limit=2").get_json()
        rest = client.get(f"/api/webhooks?limit=2&cursor={first['next_cursor']}").get_json()
        assert [item["name"] for item in first["items"] + rest["items"]] == ["a", "b", "c"]


def test_a_change_keeps_url_and_secrets_and_resets_the_rest(database_url: str) -> None:
    with opened(database_url) as web:
        client, path = web.client(), a_stripe_webhook(web, event_names=["stripe/*"])
        before = client.get("/api/webhooks/stripe").get_json()
        web.harness.clock.advance(seconds=5)
        after = client.put("/api/webhooks/stripe", {"verification": {"preset": "stripe"}}).get_json()
        assert (after["event_names"], after["transform"], after["has_secrets"]) == (None, None, True)
        assert after["created_at"] == before["created_at"] < after["updated_at"]
        assert client.get("/api/webhooks/stripe").get_json() == after
        assert deliver(web, path).status_code == 202
        # Secrets of one scheme are not those of another.
        response = client.put("/api/webhooks/stripe", {"verification": {"preset": "basic"}})
        assert problems_of(response) == [("/secrets/0", "invalid-value")]
        assert client.put("/api/webhooks/nobody", {"verification": {"preset": "none"}}).status_code == 404
        assert client.post("/api/webhooks", {"name": "stripe", "verification": {"preset": "none"}}).status_code == 409


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        ({"name": "Ä"}, [("/name", "invalid-value")]),
        ({"name": "intent"}, [("/name", "invalid-value")]),
        ({"name": "x" * 65}, [("/name", "invalid-value")]),
        ({"verification": {}}, [("/verification/preset", "invalid-value")]),
        ({"verification": {"preset": "paypal"}}, [("/verification/preset", "invalid-value")]),
        ({"verification": {"preset": "stripe", "header": "x"}}, [("/verification/header", "unknown-key")]),
        ({"verification": {"preset": "hmac"}}, [("/verification/header", "missing-key")]),
        ({"verification": {"preset": "hmac", "header": "a b"}}, [("/verification/header", "invalid-value")]),
        (
            {"verification": {"preset": "hmac", "header": "x", "algorithm": "md5"}},
            [("/verification/algorithm", "invalid-value")],
        ),
        ({"verification": {"preset": "stripe"}}, [("/secrets", "required")]),
        ({"secrets": ["x"]}, [("/secrets/0", "invalid-value")]),
        ({"verification": {"preset": "github"}, "secrets": ["x"] * 6}, [("/secrets", "invalid-value")]),
        ({"transform": {"name": "!ref($.event.x)", "if": "1 +"}},
         [("/transform/name", "unknown-root"), ("/transform/if", "invalid-expression")]),
        ({"event_names": []}, [("/event_names", "invalid-value")]),
        ({"event_names": ["a*b"]}, [("/event_names/0", "invalid-value")]),
        ({"cidrs": ["192.0.2.1/24"]}, [("/cidrs/0", "invalid-value")]),
        ({"cidrs": ["here"]}, [("/cidrs/0", "invalid-value")]),
        ({"name": "Ä", "cidrs": ["x"], "verification": {"preset": "x"}},
         [("/name", "invalid-value"), ("/cidrs/0", "invalid-value"), ("/verification/preset", "invalid-value")]),
    ],
)  # fmt: skip
def test_a_webhook_that_cannot_work_is_refused_with_every_reason(
    sqlite_url: str, body: Any, problems: list[tuple[str, str]]
) -> None:
    with opened(sqlite_url) as web:
        response = web.client().post("/api/webhooks", {"name": "hook", "verification": {"preset": "none"}} | body)
        assert (response.status_code, problems_of(response)) == (400, problems)
        assert web.count("webhooks") == 0


def test_a_delivery_can_be_tried_without_a_trace(database_url: str) -> None:
    with opened(database_url) as web:
        client = web.client()
        a_stripe_webhook(web, event_names=["stripe/*"])
        tried = client.post("/api/webhooks/stripe/test", {"body": EVENT}).get_json()
        assert tried["event"]["name"] == "stripe/invoice.paid"
        assert (tried["reason"], tried["problems"]) == (None, [])

        def other(transform: Any, **body: Any) -> Any:
            return client.post("/api/webhooks/stripe/test", {"body": EVENT, "transform": transform} | body).get_json()

        assert other({"if": "false"})["reason"] == "condition-false"
        assert other({"name": "x/y"})["reason"] == "event-name-not-allowed"
        assert other({"name": "workflow/x"})["problems"][0]["pointer"] == "/event/name"
        assert other({"if": "int(body.type) > 1"})["problems"][0]["pointer"] == "/transform/if"
        form = {"raw": "a=1", "headers": {"Content-Type": "application/x-www-form-urlencoded"}, "query": {"q": ["2"]}}
        mapped = other({"name": "stripe/x", "data": {"a": "!ref($.body.a)", "q": "!ref($.query.q[0])"}}, **form)
        assert mapped["event"]["data"] == {"a": "1", "q": "2"}
        assert problems_of(client.post("/api/webhooks/stripe/test", {"transform": {"x": 1}})) == [
            ("/transform/x", "unknown-key")
        ]
        assert stored(web) == NOTHING


def test_every_template_can_be_made_as_it_is(database_url: str) -> None:
    with opened(database_url) as web:
        client = web.client()
        templates = client.get("/api/webhook-templates").get_json()["items"]
        assert {"stripe", "github", "clerk", "resend", "slack", "shopify"} == {each["id"] for each in templates}
        for each in templates:
            secret = "whsec_c2VjcmV0" if each["verification"]["preset"] == "svix" else "secret"
            created(web, each["id"], verification=each["verification"], transform=each["transform"], secrets=[secret])
            body = {"body": each["example_body"], "headers": each["example_headers"]}
            tried = client.post(f"/api/webhooks/{each['id']}/test", body).get_json()
            assert tried["problems"] == []
            assert tried["event"]["name"].startswith(f"{each['id']}/")


def test_a_transform_cannot_read_the_credentials_of_a_delivery(database_url: str) -> None:
    with opened(database_url) as web:
        path = created(
            web, "hook", verification={"preset": "basic"}, secrets=["user:password"],
            transform={"name": "a/b", "data": {"all": "!ref($.headers)"}},
        )  # fmt: skip
        response = deliver(web, path, headers={"Authorization": "Basic dXNlcjpwYXNzd29yZA==", "Cookie": "session=1"})
        assert response.status_code == 202
        (event,) = web.client().get("/api/events").get_json()["items"]
        assert "content-type" in event["data"]["all"]
        assert not {"authorization", "cookie"} & event["data"]["all"].keys()


def test_a_provider_is_asked_for_its_password_and_sends_it_then(database_url: str) -> None:
    with opened(database_url) as web:
        path = created(web, "hook", verification={"preset": "basic"}, secrets=["user:password"])
        for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic eDp5"}):
            refused = deliver(web, path, headers=headers)
            assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, 'Basic realm="workflowkit"')
        assert deliver(web, path, headers={"Authorization": "Basic dXNlcjpwYXNzd29yZA=="}).status_code == 202
        assert web.count("events") == 1
