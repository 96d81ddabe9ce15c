"""Event ids of keys that are limited to event names: none takes an id from events that it may not send."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from webapi import Client, a_web

from workflowkit.runtime.pruning import Kept, Pruning

DAY = 86_400


def _send(client: Client, name: str, *, id: str = "order-17") -> tuple[str, str, Any]:
    response = client.post("/api/events", {"name": name, "id": id, "data": {}})
    (result,) = response.get_json()["results"]
    return result["status"], result["id"], result["duplicate_of"]


def test_a_key_for_some_events_takes_no_ids_from_others(database_url: str) -> None:
    with a_web(database_url) as web:
        noise = web.client(["events:send"], event_names=["noise/*"])
        orders = web.client(["events:send"], event_names=["orders/*"])
        anybody = web.client(["events:send"])
        made = _send(noise, "noise/made")
        assert made[0] == "accepted"
        paid = _send(orders, "orders/paid")
        assert paid[0] == "accepted"
        # Of one name it counts once, whoever sends it.
        assert _send(orders, "orders/paid")[::2] == ("duplicate", paid[1])
        assert _send(anybody, "orders/paid")[::2] == ("duplicate", paid[1])
        assert _send(noise, "noise/made")[::2] == ("duplicate", made[1])
        sent = _send(anybody, "orders/sent")
        assert sent[0] == "accepted"
        # From there on it is taken in all names, as it always is by those who may send all.
        assert _send(anybody, "orders/lost")[::2] == ("duplicate", sent[1])
        assert _send(noise, "noise/more")[::2] == ("duplicate", sent[1])
        assert _send(orders, "orders/paid")[::2] == ("duplicate", paid[1])


def test_what_anybody_has_sent_keys_for_some_events_repeat(database_url: str) -> None:
    with a_web(database_url) as web:
        anybody, orders = web.client(["events:send"]), web.client(["events:send"], event_names=["orders/*"])
        paid = _send(anybody, "orders/paid")
        web.harness.clock.advance(seconds=DAY - 1)
        assert _send(orders, "orders/paid")[::2] == ("duplicate", paid[1])
        web.harness.clock.advance(seconds=1)
        again = _send(orders, "orders/paid")
        assert again[0] == "accepted"
        web.harness.clock.advance(seconds=DAY - 1)
        assert _send(anybody, "orders/paid")[::2] == ("duplicate", again[1])
        web.harness.clock.advance(seconds=1)
        assert _send(anybody, "orders/paid")[0] == "accepted"


def test_a_repeated_request_of_a_key_for_some_events_is_told_the_same(database_url: str) -> None:
    with a_web(database_url) as web:
        orders = web.client(["events:send"], event_names=["orders/*"])
        headers = {"X-Inngest-Event-Id-Seed": "1795327654172,LlCem5EBzBmM3A=="}
        body = [{"name": "orders/paid", "data": {}}, {"name": "orders/sent", "data": {}}]
        answers = [orders.post("/api/events", body, headers=headers).get_json() for _ in range(2)]
        assert answers[0] == answers[1]
        assert web.count("events") == 2


def test_of_events_with_one_id_that_race_one_is_the_first_whoever_sends_them(database_url: str) -> None:
    with a_web(database_url) as web:
        clients = [web.client(["events:send"], event_names=names) for names in (["orders/*"], None) * 3]
        for number in range(8):
            with ThreadPoolExecutor(len(clients)) as threads:
                results = [*threads.map(partial(_send, name="orders/paid", id=str(number)), clients)]
            (first,) = [own_id for status, own_id, _ in results if status == "accepted"]
            assert [other for _, _, other in results if other is not None] == [first] * (len(clients) - 1)


def test_ids_of_keys_for_some_events_are_forgotten_with_their_events(database_url: str) -> None:
    with a_web(database_url) as web:
        orders, noise = (web.client(["events:send"], event_names=[f"{name}/*"]) for name in ("orders", "noise"))
        headers = {"X-Inngest-Event-Id-Seed": "1795327654172,LlCem5EBzBmM3A=="}
        body = [{"name": "orders/paid", "data": {}}]
        _send(orders, "orders/paid")
        orders.post("/api/events", body, headers=headers)
        web.harness.clock.advance(seconds=DAY // 2)
        # The same request again is no event more, and keeps nothing for longer; another event does.
        orders.post("/api/events", body, headers=headers)
        _send(noise, "noise/made")
        web.harness.drain()
        pruning = Pruning(web.harness.runtime.database, Kept(1, 1))
        web.harness.clock.advance(seconds=DAY // 2 + 1)
        pruning.run()
        assert (web.count("events"), web.count("event_ids"), web.count("webhook_event_ids")) == (1, 1, 1)
        assert _send(noise, "noise/made")[0] == "duplicate"
        web.harness.drain()
        web.harness.clock.advance(seconds=2 * DAY)
        pruning.run()
        assert (web.count("events"), web.count("event_ids"), web.count("webhook_event_ids")) == (0, 0, 0)
