"""Sending events from other services, over real connections."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from scripted_server import Received, ScriptedServer, reply
from sdkapps import a_server

from workflowkit import Client
from workflowkit.base.errors import ActionError, Forbidden, InvalidInput, NonRetriableError, Unauthenticated
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.runtime.keys import Keys
from workflowkit.store import queries

EVENT = {"name": "order/paid", "data": {"id": 7}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, Keys]]:
    """A server that asks for keys, and one that may send events of orders."""
    with a_server(tmp_path_factory.mktemp("server"), dev_mode=False) as (wk, url):
        keys = Keys(wk.runtime.database)
        _, key = keys.create(wk.settings.scope, "orders", {"events:send"}, event_names=["order/*"])
        yield url, key, keys


def stored(keys: Keys, name: str) -> list[str]:
    with keys.database.read() as tx:
        found = queries.find_events(tx, DEFAULT_SCOPE, queries.EventFilter(name=name), limit=100)
    return [event.id for event in found]


def test_events_are_sent_and_their_ids_come_back_in_order(server: tuple[str, str, Keys]) -> None:
    url, key, keys = server
    client = Client(url, key)
    one = client.send({"name": "order/one", "data": {}})
    two = asyncio.run(client.send_async([{"name": "order/two", "data": {"n": n}} for n in range(2)]))
    assert stored(keys, "order/one") == one
    assert stored(keys, "order/two") == two[::-1]


def test_a_request_whose_answer_is_lost_is_repeated_and_stored_once(server: tuple[str, str, Keys]) -> None:
    url, key, keys = server

    def forward(received: Received) -> bytes:
        headers = {name: each for name, each in received.headers.items() if name not in ("host", "content-length")}
        answer = httpx.post(f"{url}{received.target}", content=received.body, headers=headers)
        first = len(proxy.received) == 1
        return b"" if first else reply(answer.status_code, answer.content, content_type="application/json")

    pauses: list[float] = []
    with ScriptedServer(forward) as proxy:
        ids = Client(proxy.url, key, pause=pauses.append).send([{"name": "order/lost", "data": {}}] * 2)
    assert (len(proxy.received), stored(keys, "order/lost")) == (2, ids[::-1])
    assert 0.05 <= pauses[0] <= 0.1


def test_a_server_that_fails_is_asked_five_times_ever_later() -> None:
    pauses: list[float] = []
    with ScriptedServer(lambda _: reply(503)) as broken, pytest.raises(ActionError, match="503"):
        Client(broken.url, "key", pause=pauses.append).send(EVENT)
    assert len(broken.received) == 5
    assert len({each.headers["x-inngest-event-id-seed"] for each in broken.received}) == 1
    assert all(0.05 * 2**number <= pause <= 0.1 * 2**number for number, pause in enumerate(pauses))


def test_what_is_wrong_with_events_is_told_and_nothing_is_repeated(server: tuple[str, str, Keys]) -> None:
    url, key, keys = server
    client = Client(url, key, pause=lambda _: pytest.fail("repeated"))
    with pytest.raises(InvalidInput) as refused:
        client.send([{"name": "order/bad", "data": {}}, {"name": "order/bad", "data": [1]}])
    assert refused.value.problems[0].pointer.endswith("/1/data")
    with pytest.raises(Forbidden):
        client.send({"name": "billing/paid", "data": {}})
    with pytest.raises(Unauthenticated):
        Client(url, "wk_default_none").send(EVENT)
    with pytest.raises(NonRetriableError, match="no JSON"), ScriptedServer(lambda _: reply(200, b"hello")) as other:
        Client(other.url, key).send(EVENT)
    assert stored(keys, "billing/paid") + stored(keys, "order/bad") == []


def test_a_key_is_not_shown() -> None:
    client = Client("http://127.0.0.1:9", "secret", pause=lambda _: None)
    assert "secret" not in repr(client)
    with pytest.raises(ActionError) as failed:
        client.send(EVENT)
    assert "secret" not in failed.value.message
