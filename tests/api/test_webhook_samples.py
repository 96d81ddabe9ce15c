"""A genuine delivery that is taken to try a mapping on."""

from __future__ import annotations

import json

from webhooking import a_stripe_webhook, created, deliver, opened


def test_the_next_genuine_delivery_is_taken_once_and_kept_encrypted_for_a_day(database_url: str) -> None:
    with opened(database_url) as web:
        path, client = a_stripe_webhook(web, transform={"name": "!ref($.body.no)"}), web.client()
        sample = "/api/webhooks/stripe/sample"
        nothing = {"wanted_until": None, "taken_at": None, "delivery": None}
        deliver(web, path)
        assert client.get(sample).get_json() == nothing, "nobody has asked for one"
        assert client.post(sample).get_json()["wanted_until"] is not None
        deliver(web, path, {"canary": "forged"}, headers={})
        assert client.get(sample).get_json()["delivery"] is None
        # No event can be made of it: this is the one to look at.
        assert deliver(web, path, {"canary": 1}).status_code == 400
        deliver(web, path, {"canary": 2})
        taken = client.get(sample).get_json()
        assert json.loads(taken["delivery"]["raw"]) == {"canary": 1}
        assert taken["delivery"]["headers"]["stripe-signature"].startswith("t=")
        assert taken["wanted_until"] is None
        assert "canary" not in repr(web.harness.rows("SELECT * FROM webhook_samples"))
        web.harness.clock.advance(seconds=86_401)
        assert client.get(sample).get_json() == nothing
        web.harness.skip(0)
        assert web.count("webhook_samples") == 0
        client.post(sample)
        assert client.delete(sample).get_json() == nothing
        assert web.count("webhook_samples") == 0


def test_a_delivery_is_waited_for_an_hour_and_not_taken_if_it_is_large_or_secret(database_url: str) -> None:
    with opened(database_url) as web:
        path, client, sample = created(web), web.client(), "/api/webhooks/stripe/sample"
        client.post(sample)
        deliver(web, path, {"type": "a/b", "data": {"long": "x" * 66_000}}, headers={})
        assert client.get(sample).get_json()["delivery"] is None
        deliver(web, path, {"type": "a/b"}, headers={"Authorization": "Basic canary", "Cookie": "canary"})
        assert "canary" not in json.dumps(client.get(sample).get_json())
        client.post(sample)
        web.harness.clock.advance(seconds=3_601)
        deliver(web, path, {"type": "a/b"}, headers={})
        assert client.get(sample).get_json()["delivery"] is None
        client.delete("/api/webhooks/stripe")
        assert web.count("webhook_samples") == 0
        assert client.post(sample).status_code == 404


def test_the_end_of_a_delivery_s_day_takes_none_that_came_after_it(database_url: str) -> None:
    with opened(database_url) as web:
        path, client, sample = created(web), web.client(), "/api/webhooks/stripe/sample"
        for number in (1, 2):
            client.post(sample)
            deliver(web, path, {"type": "a/b", "no": number}, headers={})
            web.harness.skip(43_200)
        web.harness.skip(1)
        assert json.loads(client.get(sample).get_json()["delivery"]["raw"])["no"] == 2
        web.harness.skip(43_200)
        assert web.count("webhook_samples") == 0
