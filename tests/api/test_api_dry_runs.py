"""Dry runs over HTTP: what a document would do, and that it really does nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from runtimes import a_runtime
from webapi import OTHER_TENANT, Web, a_document, problems_of

from workflowkit import Middleware
from workflowkit.api.services import services_of
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.registry import Registry, load_builtin_actions

PATH = "/api/workflows/order/dry-run"


class Telling(Middleware):
    """Middleware that does something outside of the run."""

    def __init__(self, done: list[str]) -> None:
        self._done = done

    def before_node(self) -> None:
        self._done.append("told")

    def on_skip(self, skipped: Any) -> None:
        self._done.append("told of a skip")


class Shop:
    """An application whose actions tell if they really do something."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.registry = Registry()
        load_builtin_actions(self.registry)

        def quote(ctx: Any, amount: int) -> dict[str, Any]:
            return {"charge_id": f"dry-{ctx.step.node_id}", "amount": amount}

        @self.registry.action("charge", dry_run=quote)
        def charge(amount: int) -> dict[str, Any]:
            self.done.append(f"charged {amount}")
            return {"charge_id": "real", "amount": amount}

        @self.registry.action("tally", external=False, middleware=[lambda: Telling(self.done)])
        def tally() -> int:
            return 7

        @self.registry.action("ship")
        def ship(ctx: Any, order: str) -> dict[str, str]:
            self.done.append(f"shipped {order}")
            return {"parcel": "real"}

        @self.registry.action("spin", external=False)
        def spin() -> None:
            for _ in range(6_000):  # an interrupt arrives between two of these
                threading.Event().wait(0.01)

        @self.registry.action("forever", external=False)
        def forever(ctx: Any) -> None:
            for day in range(10_000):
                ctx.step.sleep(f"day {day}", "1d")


@contextmanager
def a_shop(database_url: str, **settings: Any) -> Iterator[tuple[Web, Shop]]:
    shop = Shop()
    with a_runtime(database_url, shop.registry, **settings) as harness:
        web = Web(harness, services_of(harness.runtime))
        web.client().post("/api/workflows", {"id": "order", "document": order()})
        yield web, shop


def order(*kinds: tuple[str, str, dict[str, Any]]) -> dict[str, Any]:
    """A chain of actions: charge, wait, ship, and mail; or those that are given."""
    actions = kinds or (
        ("pay", "charge", {"amount": "!ref($.event.data.amount)"}),
        ("confirmed", "builtin:wait_for_event", {"event": "shop/confirmed", "timeout": "30d"}),
        ("parcel", "ship", {"order": "!ref($.state.pay.charge_id)"}),
        ("mail", "send_email", {"to": "ada@example.com", "subject": "Parcel !ref($.state.parcel.parcel)"}),
    )
    ids = ["$source", *(each[0] for each in actions)]
    return a_document(
        "Order",
        "shop/ordered",
        actions=[{"id": each[0], "kind": each[1], "inputs": each[2]} for each in actions],
        edges=[{"from": source, "to": target} for source, target in pairwise(ids)],
    )


EVENT = {"data": {"amount": 40}}
CONFIRMED = [{"name": "shop/confirmed", "data": {}, "after": "2d"}]
SHIPPED = {"ship": {"output": {"parcel": "p-1"}}}


def test_a_dry_run_shows_path_inputs_edges_and_what_would_be_sent(database_url: str) -> None:
    with a_shop(database_url) as (web, shop):
        before = web.count("runs"), web.count("events")

        answer = web.client().post(PATH, {"event": EVENT, "stubs": SHIPPED, "events": CONFIRMED})

        shown = answer.get_json()
        assert (answer.status_code, shown["status"], shown["missing"]) == (200, "completed", [])
        assert shown["path"] == ["pay", "confirmed", "parcel", "mail"]
        assert shown["slept_seconds"] == 2 * 86_400
        steps = {step["id"]: step for step in shown["steps"]}
        assert steps["pay"]["output"] == {"charge_id": "dry-pay", "amount": 40}
        assert steps["parcel"]["inputs"] == {"order": "dry-pay"}
        assert steps["mail"]["inputs"]["subject"] == "Parcel p-1"
        assert steps["mail"]["output"]["to"] == ["ada@example.com"]
        assert {edge["state"] for edge in shown["edges"]} == {"taken"}
        assert shop.done == []
        assert (web.count("runs"), web.count("events")) == before


def test_it_stops_at_what_nobody_stands_for_and_says_what_is_missing(sqlite_url: str) -> None:
    with a_shop(sqlite_url) as (web, shop):
        client = web.client()

        waiting = client.post(PATH, {"event": EVENT}).get_json()
        unstubbed = client.post(PATH, {"event": EVENT, "events": CONFIRMED}).get_json()

        assert (waiting["status"], waiting["path"]) == ("waiting", ["pay"])
        assert waiting["missing"] == [
            {"step": "confirmed", "kind": "builtin:wait_for_event", "waits_for": "event", "name": "shop/confirmed",
             "stub": "step:confirmed/event"},
        ]  # fmt: skip
        assert [edge["state"] for edge in waiting["edges"]] == ["taken", "taken", None, None]
        assert unstubbed["missing"] == [
            {"step": "parcel", "kind": "ship", "waits_for": None, "name": None, "stub": "node:parcel"}
        ]
        assert [(step["id"], step["status"]) for step in unstubbed["steps"]] == [
            ("pay", "completed"), ("confirmed", "completed"), ("parcel", "waiting"),
        ]  # fmt: skip
        assert unstubbed["steps"][2]["inputs"] == {"order": "dry-pay"}
        assert shop.done == []


def test_a_document_that_is_being_edited_can_be_tried_without_saving_it(sqlite_url: str) -> None:
    with a_shop(sqlite_url) as (web, _):
        edited = order(("note", "set", {"amount": "!ref($.event.data.amount)"}))

        shown = web.client().post(PATH, {"event": EVENT, "document": edited}).get_json()

        assert shown["output"] == {"note": {"amount": 40}}
        assert web.client().get("/api/workflows/order/draft").get_json()["document"] == order()


def test_a_dry_run_never_sends_an_email_nor_opens_a_connection(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections: list[Any] = []
    outbox = tmp_path / "mail"
    outbox.mkdir()
    monkeypatch.setattr("socket.getaddrinfo", lambda *names, **_options: connections.append(names))
    document = order(
        ("mail", "send_email", {"to": "ada@example.com", "subject": "Hello"}),
        ("built-in mail", "builtin:send_email", {"to": "ada@example.com", "subject": "Hello"}),
        ("get", "http_request", {"url": "https://example.com/"}),
    )
    stubs = [{}, {"http_request": {"output": {"status": 200}}}, {"http_request": {"error": {"message": "down"}}}]
    with a_shop(sqlite_url, email_url=f"file://{outbox}") as (web, _):
        answers = [web.client().post(PATH, {"document": document, "stubs": each}).get_json() for each in stubs]

        assert [answer["status"] for answer in answers] == ["waiting", "completed", "failed"]
        assert list(outbox.iterdir()) == []
        assert connections == []

        # The same for real: what the test looks at is where the mail goes.
        web.harness.runtime.authoring.deploy(DEFAULT_SCOPE, "mail", {**document, "actions": document["actions"][:1],
                                                                        "edges": document["edges"][:1]})  # fmt: skip
        web.harness.send("shop/ordered", {})
        web.harness.drain()
        assert len(list(outbox.iterdir())) == 1


@pytest.mark.parametrize("on_error", ["continue", "branch", "fallback"])
def test_no_setting_of_a_document_makes_a_dry_run_go_on_behind_what_was_not_executed(
    sqlite_url: str, on_error: str
) -> None:
    with a_shop(sqlite_url) as (web, shop):
        document = order(("parcel", "ship", {"order": "o-1"}), ("after", "set", {}))
        document["actions"][0]["settings"] = {"on_error": on_error, "retries": 3, "fallback": {"parcel": "none"}}
        if on_error == "branch":
            document["edges"][1]["conditional"] = {"type": "error"}

        shown = web.client().post(PATH, {"document": document}).get_json()

        assert (shown["status"], shown["path"]) == ("waiting", [])
        assert shop.done == []


def test_every_action_that_does_not_say_that_it_is_harmless_is_left_out(sqlite_url: str) -> None:
    with a_shop(sqlite_url) as (web, shop):
        for kind in ("charge", "ship"):
            spec = shop.registry.get(kind)
            assert spec is not None
            assert spec.external
        document = order(("a", "charge", {"amount": 1}), ("b", "ship", {"order": "o"}))
        given: list[dict[str, Any]] = [{}, {"charge": {"output": {}}}, {"ship": {"output": {"parcel": "p"}}}]
        for stubs in given:
            web.client().post(PATH, {"document": document, "stubs": stubs})

        assert shop.done == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"stubs": {"ship": {"parcel": "p"}}}, 400, "invalid-input"),
        ({"stubs": {"node:nope": {"output": 1}}}, 422, "invalid-stub"),
        ({"stubs": {"node:parcel": {"output": {"parcel": 7}}}, "events": CONFIRMED}, 422, "invalid-stub"),
        ({"stubs": {"ship": {"timeout": True}}, "events": CONFIRMED}, 422, "invalid-stub"),
        ({"events": [{"data": {}}]}, 400, "invalid-input"),
        ({"event": {"data": 7}}, 400, "invalid-input"),
        ({"event": {"name": ""}}, 400, "invalid-input"),
        ({"document": {"actions": [], "edges": []}}, 422, "invalid-definition"),
        ({"document": order(("a", "forever", {}))}, 413, "limit-exceeded"),
        ({"real": True}, 400, "invalid-input"),
    ],
)
def test_what_cannot_be_run_is_refused(sqlite_url: str, body: dict[str, Any], status: int, code: str) -> None:
    with a_shop(sqlite_url) as (web, shop):
        response = web.client().post(PATH, {"event": EVENT, **body})

        assert (response.status_code, response.get_json()["code"]) == (status, code), response.get_json()
        assert shop.done == []


def test_middleware_of_the_application_is_left_out(sqlite_url: str) -> None:
    with a_shop(sqlite_url) as (web, shop):
        document = order(("one", "tally", {}), ("two", "tally", {}))
        document["edges"][1]["conditional"] = {"type": "else", "ref": "!ref($.output)"}

        shown = web.client().post(PATH, {"document": document}).get_json()

        assert (shown["path"], shown["status"]) == (["one"], "completed")
        assert shop.done == []


def test_problems_of_stubs_have_their_places(sqlite_url: str) -> None:
    with a_shop(sqlite_url) as (web, _):
        body = {"stubs": {"a/b": {}}, "signals": {"ok": {"output": 1, "after": "soon"}}, "invokes": {"x": []}}

        assert problems_of(web.client().post(PATH, body)) == [
            ("/stubs/a~1b", "invalid-stub"), ("/signals/ok/after", "invalid-stub"), ("/invokes/x", "invalid-stub"),
        ]  # fmt: skip


def test_a_handler_that_hangs_is_interrupted_when_the_time_is_over(sqlite_url: str) -> None:
    from workflowkit.base.limits import Limits

    with a_shop(sqlite_url, limits=Limits(rehearsal_seconds=1)) as (web, _):
        response = web.client().post(PATH, {"document": order(("a", "spin", {}))})

        assert response.status_code == 413
        assert "rehearsal_seconds" in response.get_json()["detail"]


def test_only_authors_of_the_tenant_may_try_a_workflow(sqlite_url: str) -> None:
    with a_shop(sqlite_url) as (web, _):
        body = {"document": order(), "event": EVENT}

        assert web.anonymous().post(PATH, body).status_code == 401
        assert web.client(["workflows:read", "runs:read"]).post(PATH, body).status_code == 403
        assert web.client(scope=OTHER_TENANT).post(PATH, body).status_code == 404
        assert web.client(["workflows:write"]).post(PATH, body).status_code == 200


def test_an_error_of_a_stub_is_shown_as_that_of_the_step(sqlite_url: str) -> None:
    with a_shop(sqlite_url) as (web, _):
        error = {"message": "out of stock", "name": "StockError", "code": "no-stock", "retryable": False}
        body = {"event": EVENT, "stubs": {"ship": {"error": error}}, "events": CONFIRMED}

        shown = web.client().post(PATH, body).get_json()

        assert shown["error"] == error
        assert shown["steps"][3]["reason"] == "branch-dead"


def test_it_goes_up_to_an_action_and_no_further(sqlite_url: str) -> None:
    with a_shop(sqlite_url) as (web, shop):
        shown = web.client().post(PATH, {"event": EVENT, "until": "confirmed", "events": CONFIRMED}).get_json()
        assert shown["path"] == ["pay", "confirmed"]
        assert shown["missing"] == []
        assert shop.done == []


def test_one_action_alone_is_executed_as_if_the_others_had_come_before(sqlite_url: str) -> None:
    with a_shop(sqlite_url) as (web, shop):
        state = {"pay": {"charge_id": "c-1"}, "parcel": {"parcel": "p-9"}}
        shown = web.client().post(PATH, {"event": EVENT, "until": "mail", "state": state}).get_json()
        assert shown["path"] == ["mail"]
        assert shown["steps"][-1]["inputs"]["subject"] == "Parcel p-9"
        unstubbed = web.client().post(PATH, {"event": EVENT, "until": "parcel", "state": state}).get_json()
        assert [missing["stub"] for missing in unstubbed["missing"]] == ["node:parcel"]
        assert shop.done == [], "what reaches the world is not executed alone either"


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        ({"until": "nothing"}, ("/until", "invalid-value")),
        ({"state": {}}, ("/until", "required")),
        ({"until": "pay", "state": {"a/b": 1}}, ("/state/a~1b", "invalid-value")),
    ],
)
def test_a_part_that_the_document_does_not_have_is_refused(sqlite_url: str, part: Any, problem: Any) -> None:
    with a_shop(sqlite_url) as (web, _):
        refused = web.client().post(PATH, {"event": EVENT, **part})
        assert problem in problems_of(refused)


def test_what_is_not_finished_behind_an_action_keeps_nobody_from_trying_that(sqlite_url: str) -> None:
    with a_shop(sqlite_url) as (web, shop):
        document = order()
        document["actions"][2]["inputs"] = {}
        del document["actions"][3]["kind"]
        body = {"document": document, "event": EVENT, "stubs": {"node:parcel": {"output": 1}}, "events": CONFIRMED}

        shown = web.client().post(PATH, body | {"until": "confirmed"}).get_json()
        alone = web.client().post(PATH, body | {"until": "pay", "state": {"parcel": 1}}).get_json()
        refused = web.client().post(PATH, body | {"until": "parcel"})
        whole = web.client().post(PATH, body)

        assert shown["path"] == ["pay", "confirmed"]
        assert alone["path"] == ["pay"]
        assert {pointer for pointer, _ in problems_of(refused)} == {"/actions/2/inputs/order"}
        assert {pointer for pointer, _ in problems_of(whole)} == {"/actions/2/inputs/order", "/actions/3"}
        assert shop.done == []


@pytest.mark.parametrize(
    "broken",
    [{"actions": 1}, {"edges": 1}, {"edges": [1]}, {"edges": [{"from": [], "to": "pay"}], "actions": [1, {"id": []}]}],
)
def test_a_document_that_is_no_graph_is_refused_up_to_an_action_too(sqlite_url: str, broken: Any) -> None:
    with a_shop(sqlite_url) as (web, _):
        refused = web.client().post(PATH, {"document": order() | broken, "event": EVENT, "until": "pay"})
        assert refused.status_code == 422
