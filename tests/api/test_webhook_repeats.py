"""Webhooks over HTTP: a delivery that comes again counts once, and is remembered for as long as it may."""

from __future__ import annotations

import json
from pathlib import Path

from runtimes import at_once
from webapi import a_document
from webhooking import EVENT, NOTHING, a_stripe_webhook, created, deliver, opened, stored, stripe_headers

from workflowkit.base import failpoints
from workflowkit.runtime.deliveries import REPLAY_WINDOW_MS
from workflowkit.runtime.pruning import Counted, Kept, Pruning
from workflowkit.store.statements import Sql
from workflowkit.webhooks import Delivery


def test_a_captured_delivery_has_no_effect_a_second_time(database_url: str) -> None:
    with opened(database_url) as web:
        # Without an id of the provider's, so that nothing but the signature tells.
        path = a_stripe_webhook(web, transform={"name": "a/b"})
        headers = stripe_headers(web, json.dumps(EVENT).encode())
        first = deliver(web, path, headers=headers)
        web.harness.clock.advance(seconds=299)
        again = deliver(web, path, headers=headers)
        assert (first.get_json()["status"], again.get_json()["status"]) == ("accepted", "duplicate")
        assert again.get_json()["ids"] == []
        assert web.count("events") == 1
        web.harness.clock.advance(seconds=2)
        assert deliver(web, path, headers=headers).status_code == 401


def test_a_delivery_from_the_far_end_of_the_tolerance_is_remembered_as_long_as_it_is_valid(database_url: str) -> None:
    with opened(database_url) as web:
        path = a_stripe_webhook(web, transform={"name": "a/b"})
        web.harness.clock.advance(seconds=300)
        headers = stripe_headers(web, json.dumps(EVENT).encode())  # of a provider whose clock is 300 s ahead
        web.harness.clock._now_ms -= 300_000
        assert deliver(web, path, headers=headers).get_json()["status"] == "accepted"
        web.harness.clock.advance(seconds=600)
        assert deliver(web, path, headers=headers).get_json()["status"] == "duplicate"
        web.harness.clock.advance(milliseconds=1)
        assert deliver(web, path, headers=headers).status_code == 401


def test_the_ids_of_a_webhook_are_remembered_however_short_events_are_kept_and_then_forgotten(
    database_url: str,
) -> None:
    day = 86_400
    with opened(database_url, event_dedup_seconds=7 * day) as web:
        path = a_stripe_webhook(web)
        deliver(web, path)
        web.harness.drain()
        web.harness.skip(6 * day)
        pruning = Pruning(web.harness.runtime.database, Kept(1, 1))
        assert pruning.run() == Counted()
        assert deliver(web, path).get_json()["status"] == "duplicate"
        web.harness.drain()
        web.harness.skip(2 * day)
        assert pruning.run() == Counted(events=2)
        assert web.count("webhook_event_ids") == 0
        assert deliver(web, path).get_json()["status"] == "accepted"


def test_deliveries_are_forgotten_when_they_can_no_longer_be_repeated(database_url: str) -> None:
    with opened(database_url) as web:
        path = a_stripe_webhook(web, transform={"name": "a/b"})
        for number in range(3):
            deliver(web, path, EVENT | {"number": number})
        assert web.count("webhook_deliveries") == 3
        web.harness.clock.advance(milliseconds=REPLAY_WINDOW_MS)
        deliver(web, path)
        assert web.count("webhook_deliveries") == 1


def test_the_same_id_of_the_provider_starts_one_run(database_url: str) -> None:
    with opened(database_url) as web:
        web.harness.deploy(a_document(event="stripe/invoice.paid"))
        path = a_stripe_webhook(web)
        statuses = []
        for _ in range(3):
            # A provider signs each attempt anew.
            statuses.append(deliver(web, path).get_json()["status"])
            web.harness.clock.advance(seconds=60)
        web.harness.drain()
        assert statuses == ["accepted", "duplicate", "duplicate"]
        assert web.count("runs") == 1


def test_no_id_that_somebody_sends_keeps_a_delivery_from_counting(database_url: str) -> None:
    with opened(database_url) as web:
        web.harness.deploy(a_document(triggers=[{"webhook": "stripe"}]))
        path = a_stripe_webhook(web)
        weak = web.client(["events:send"], event_names=["noise/*"])
        noise = {"name": "noise/made", "data": {}, "id": "stripe:evt_1"}
        assert weak.post("/api/events", noise).status_code == 200
        other = created(web, "open", transform={"name": "noise/came", "id": "evt_1"})
        assert deliver(web, other).get_json()["status"] == "accepted"
        first = deliver(web, path)
        web.harness.clock.advance(seconds=1)
        again = deliver(web, path)
        # And nobody who may deliver something keeps others from sending.
        sent = weak.post("/api/events", {"name": "noise/made", "data": {}, "id": "open:evt_1"}).get_json()
        web.harness.drain()
        assert [each.get_json()["status"] for each in (first, again)] == ["accepted", "duplicate"]
        assert (sent["results"][0]["duplicate_of"], web.count("runs")) == (None, 1)


def test_an_event_in_a_batch_keeps_no_delivery_with_its_id_out(database_url: str) -> None:
    batch = {"max_size": 3, "timeout": "1h"}
    with opened(database_url) as web:
        document = a_document(triggers=[{"webhook": "stripe"}, {"event": "noise/made"}])
        web.harness.deploy({**document, "settings": {"batch": batch}})
        path = a_stripe_webhook(web)
        for name, id in (("noise/made", "stripe:evt_1"), ("noise/made", "stripe:evt_1")):
            web.harness.send(name, {}, id=id)
        web.harness.drain()
        for _ in range(2):
            web.harness.clock.advance(seconds=1)
            deliver(web, path)
        web.harness.drain()
        deliver(web, path, {**EVENT, "id": "evt_2"})
        web.harness.drain()
        assert web.count("runs") == 1
        rows = web.harness.rows("SELECT events.event_id FROM collected_events m JOIN events ON events.id = m.event_id")
        assert sorted(row["event_id"] for row in rows) == ["stripe:evt_1", "stripe:evt_1", "stripe:evt_2"]


def test_what_a_version_before_has_taken_counts_once(database_url: str) -> None:
    with opened(database_url) as web:
        path = a_stripe_webhook(web)
        (first,) = deliver(web, path).get_json()["ids"]
        with web.harness.runtime.database.transaction("delivery") as tx:  # as a version before has left it
            columns = "environment, tenant, event_id, first_id, expires_at_ms"
            tx.run(Sql(f"INSERT INTO event_ids ({columns}) SELECT {columns} FROM webhook_event_ids"))
            tx.run(Sql("DELETE FROM webhook_event_ids"))
        web.harness.clock.advance(seconds=60)
        for _ in range(2):
            web.harness.clock.advance(seconds=1)
            assert deliver(web, path).get_json()["status"] == "duplicate"
        rows = web.harness.rows("SELECT duplicate_of FROM events ORDER BY id")
        assert [row["duplicate_of"] for row in rows] == [None, first, first]
        web.harness.clock.advance(seconds=86_400)
        assert deliver(web, path).get_json()["status"] == "accepted"


def test_of_the_same_delivery_twice_at_once_one_is_accepted(database_url: str) -> None:
    with opened(database_url) as web:
        token = a_stripe_webhook(web, transform={"name": "a/b"}).removeprefix("/w/")
        raw = json.dumps(EVENT).encode()
        headers = {name.lower(): text for name, text in stripe_headers(web, raw).items()}
        delivery = Delivery(headers=headers | {"content-type": "application/json"}, raw=raw)
        source = web.services.deliveries.find(token, "")
        received = at_once(*[lambda: web.services.deliveries.receive(source, delivery)] * 4)
        assert sorted(each.status for each in received) == ["accepted", "duplicate", "duplicate", "duplicate"]
        assert web.count("events") == 1


def test_a_delivery_whose_transaction_fails_can_be_sent_again(database_url: str, tmp_path: Path) -> None:
    with opened(database_url) as web:
        path = a_stripe_webhook(web)
        headers = stripe_headers(web, json.dumps(EVENT).encode())
        failpoints.arm(f"delivery.before_commit:raise:1:{tmp_path / 'hits'}")
        try:
            assert deliver(web, path, headers=headers).status_code == 500
        finally:
            failpoints.arm("")
        assert stored(web) == NOTHING
        assert deliver(web, path, headers=headers).get_json()["status"] == "accepted"


def test_a_delivery_whose_answer_is_lost_starts_one_run_though_it_is_sent_again(
    database_url: str, tmp_path: Path
) -> None:
    with opened(database_url) as web:
        web.harness.deploy(a_document(triggers=[{"webhook": "stripe"}]))
        path = a_stripe_webhook(web)
        headers = stripe_headers(web, json.dumps(EVENT).encode())
        failpoints.arm(f"delivery.after_commit:raise:1:{tmp_path / 'hits'}")
        try:
            assert deliver(web, path, headers=headers).status_code == 500
        finally:
            failpoints.arm("")
        assert web.harness.dispatcher.message_count == 0  # nobody was told of the event
        assert deliver(web, path, headers=headers).get_json()["status"] == "duplicate"
        web.harness.skip(seconds=10)  # the relay finds it
        assert web.harness.run()["status"] == "completed"
