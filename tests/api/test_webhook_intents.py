"""Intents: somebody else's page proposes a webhook, and the user approves it."""

from __future__ import annotations

import pytest
from webapi import problems_of
from webhooking import deliver, opened

REDIRECT = "https://provider.example/connect?from=us"


def test_an_intent_is_shown_and_then_approved(database_url: str) -> None:
    with opened(database_url, webhook_redirects=(REDIRECT,), public_url="https://flows.example.com/wk") as web:
        client = web.client()
        query = {"name": "Clerk (prod)", "redirect_uri": REDIRECT}
        shown = client.get("/api/webhooks/intent", query_string=query).get_json()
        assert shown == query | {"webhook": "clerk-prod", "redirect_host": "provider.example"}
        assert web.count("webhooks") == 0
        approved = client.post("/api/webhooks/intent", query).get_json()
        start, _, token = approved["location"].partition("%2Fw%2F")
        assert start == f"{REDIRECT}&url=https%3A%2F%2Fflows.example.com%2Fwk"
        assert deliver(web, f"/w/{token}", headers={}).status_code == 202
        assert client.post("/api/webhooks/intent", query).status_code == 409


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/", "https://provider.example/connect", f"{REDIRECT}#", f"{REDIRECT}&x=1",
        "https://provider.example@evil.example/connect?from=us", "HTTPS://provider.example/connect?from=us",
        "https://provider.example/connect/../x?from=us", "javascript:alert(1)", "//provider.example/connect?from=us",
    ],
)  # fmt: skip
def test_an_intent_with_another_redirect_is_refused(sqlite_url: str, uri: str) -> None:
    with opened(sqlite_url, webhook_redirects=(REDIRECT,), public_url="https://flows.example.com") as web:
        body = {"name": "clerk", "redirect_uri": uri}
        for response in (
            web.client().get("/api/webhooks/intent", query_string=body),
            web.client().post("/api/webhooks/intent", body),
        ):
            assert (response.status_code, response.get_json()["code"]) == (403, "forbidden")
        assert web.count("webhooks") == 0


def test_no_redirect_is_allowed_unless_the_operator_lists_it_and_says_where_the_server_is(sqlite_url: str) -> None:
    body = {"name": "clerk", "redirect_uri": REDIRECT}
    with opened(sqlite_url, public_url="https://flows.example.com") as web:
        assert web.client().post("/api/webhooks/intent", body).status_code == 403
    with opened(sqlite_url, webhook_redirects=(REDIRECT,)) as web:
        assert web.client().post("/api/webhooks/intent", body).status_code == 409
        assert problems_of(web.client().post("/api/webhooks/intent", body | {"name": "!"})) == [
            ("/name", "invalid-value")
        ]
        assert web.count("webhooks") == 0
