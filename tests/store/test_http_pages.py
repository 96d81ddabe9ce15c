"""The action HTTP request asks for page after page, each once, and holds answers against what was promised."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow
from functions import happen
from runtimes import Harness, a_registry, a_runtime
from scripted_server import Received, ScriptedServer, reply

from workflowkit.base.jsonvalue import dumps, loads

JSON = "application/json"


def _ask(harness: Harness, server: ScriptedServer, **inputs: Any) -> dict[str, Any]:
    """Let a run send the request; return its row."""
    harness.permit(server.host)
    given = {"url": f"{server.url}/orders?page=1", **inputs}
    document = a_workflow().action("ask", "http_request", given, retries=0).path("$source", "ask")
    harness.deploy(document.trigger("test/happened").document())
    happen(harness)
    return harness.run()


def _page(number: int, last: int, **headers: str) -> bytes:
    following = None if number == last else f"/orders?page={number + 1}"
    body = {"data": {"orders": [f"{number}a", f"{number}b"]}, "links": {"next": following}}
    return reply(200, dumps(body).encode(), content_type=JSON, **headers)


def _number(request: Received) -> int:
    return int(request.target.rpartition("=")[2])


def test_the_items_of_all_pages_are_one_list_and_each_page_is_asked_for_once(database_url: str) -> None:
    asked: list[int] = []

    def answer(request: Received) -> bytes:
        asked.append(_number(request))
        if asked == [1, 2]:
            return reply(503, b"")  # the second page is tried again, and not the first
        return _page(asked[-1], 3)

    with ScriptedServer(answer) as server, a_runtime(database_url, a_registry()) as harness:
        document = {"items": "data.orders", "next": "links.next"}
        harness.permit(server.host)
        given = {"url": f"{server.url}/orders?page=1", "pages": document}
        written = a_workflow().action("ask", "http_request", given, retries=1).path("$source", "ask")
        harness.deploy(written.trigger("test/happened").document())
        happen(harness)
        harness.skip(31)
        run = harness.run()
        assert run["status"] == "completed", run
        assert loads(run["output"])["ask"]["body"] == ["1a", "1b", "2a", "2b", "3a", "3b"]
        assert asked == [1, 2, 2, 3]


def test_the_next_page_may_stand_in_the_header_link(database_url: str) -> None:
    def answer(request: Received) -> bytes:
        number = _number(request)
        link = "" if number == 2 else '</orders?page=9>; rel="last", </orders?page=2>; rel="next"'
        return reply(200, dumps([number]).encode(), content_type=JSON, link=link)

    with ScriptedServer(answer) as server, a_runtime(database_url, a_registry()) as harness:
        run = _ask(harness, server, pages={"items": ""})
        assert loads(run["output"])["ask"]["body"] == [1, 2]


@pytest.mark.parametrize(
    ("inputs", "following", "message"),
    [
        ({"pages": {"items": "data.orders", "next": "links.next", "limit": 2}}, None, "more than 2"),
        ({"pages": {"items": "data.none", "next": "links.next"}}, None, "no list at 'data.none' of page 1"),
        ({"pages": {"items": "data.orders", "next": "links.next"}}, "https://elsewhere.example/", "on another host"),
        ({"pages": {"items": "data.orders"}, "method": "POST"}, None, "only what is asked for by GET has pages"),
        ({"response_schema": {"type": "object", "required": ["total"]}}, None, "not what was promised"),
        ({"response_schema": {"type": "nothing"}}, None, "JSON Schema cannot be used"),
    ],
)
def test_what_is_not_as_it_should_be_fails_the_step(
    sqlite_url: str, inputs: dict[str, Any], following: str | None, message: str
) -> None:
    def answer(request: Received) -> bytes:
        body = {"data": {"orders": []}, "links": {"next": following or f"/orders?page={_number(request) + 1}"}}
        return reply(200, dumps(body).encode(), content_type=JSON)

    with ScriptedServer(answer) as server, a_runtime(sqlite_url, a_registry()) as harness:
        run = _ask(harness, server, **inputs)
        assert run["status"] == "failed"
        assert message in loads(run["error"])["message"]


def test_an_answer_that_is_as_promised_is_the_output(sqlite_url: str) -> None:
    with (
        ScriptedServer(lambda _: reply(200, b'{"total": 5}', content_type=JSON)) as server,
        a_runtime(sqlite_url, a_registry()) as harness,
    ):
        schema = {"type": "object", "properties": {"total": {"type": "integer"}}, "required": ["total"]}
        run = _ask(harness, server, response_schema=schema)
        assert loads(run["output"])["ask"]["body"] == {"total": 5}
