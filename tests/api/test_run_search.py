"""Runs are found by what their events and outputs say, within bounds, and shown with some of those values."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import closing
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest
import sqlalchemy as sa
from builders import a_workflow
from webapi import OTHER_TENANT, Client, Web, a_web, problems_of

from workflowkit.base.jsonvalue import loads
from workflowkit.base.limits import Limits
from workflowkit.contrib.encryption import EncryptionMiddleware
from workflowkit.definition.model import SOURCE
from workflowkit.engine.extensions import Extensions
from workflowkit.runtime import searching
from workflowkit.store import migrate

PRICED = (
    a_workflow("Priced")
    .action("price", inputs={"value": {"total": "!ref($.event.data.total)", "currency": "EUR"}})
    .path(SOURCE, "price")
    .trigger("order/paid")
    .document()
)
BROKEN = (
    a_workflow("Broken")
    .action("bad", kind="boom", inputs={"message": "no luck with !ref($.event.data.order)"}, retries=0)
    .path(SOURCE, "bad")
    .trigger("order/lost")
    .document()
)


def search(client: Client, where: str | None = None, **query: Any) -> dict[str, Any]:
    """Return the page of runs for which ``where`` holds."""
    asked = query if where is None else query | {"where": where}
    response = client.get(f"/api/runs?{urlencode(asked, doseq=True)}")
    assert response.status_code == 200, response.get_data(as_text=True)
    page: dict[str, Any] = response.get_json()
    return page


def orders_of(web: Web, page: dict[str, Any]) -> list[str]:
    """Return which orders the runs of a page are about."""
    client = web.client(["runs:read"])
    return [client.get(f"/api/runs/{item['id']}").get_json()["event"]["data"]["order"] for item in page["items"]]


def sell(web: Web, orders: Sequence[tuple[str, Any]], *, name: str = "order/paid", **fields: Any) -> None:
    """Let orders be paid, one a second."""
    for order, total in orders:
        web.harness.clock.advance(seconds=1)
        web.harness.send(name, {"order": order, "total": total, "of": {"city": "Köln", "tags": ["a b"]}}, **fields)
    web.harness.drain()


def test_runs_are_listed_with_the_names_of_their_workflows(database_url: str) -> None:
    with a_web(database_url) as web:
        web.harness.deploy(PRICED, "priced")
        web.harness.deploy(BROKEN, "broken")
        sell(web, [("A-1", 1), ("A-2", 2)])
        sell(web, [("A-3", 3)], name="order/lost")
        listed = search(web.client(["runs:read"]))["items"]
        assert [(run["workflow_id"], run["workflow_name"]) for run in listed] == [
            ("broken", "Broken"),
            ("priced", "Priced"),
            ("priced", "Priced"),
        ]


@pytest.mark.parametrize(
    ("where", "orders"),
    [
        ("event.data.order == 'A-2'", ["A-2"]),
        ("event.data.total > 15", ["A-3", "A-2"]),
        ("event.data.total > 15\nevent.data.order != 'A-3'", ["A-2"]),
        ("\n  event.data.total > 15  \r\n\n", ["A-3", "A-2"]),
        ("output.price.total == 10", ["A-1"]),
        ("output.price.currency == 'EUR' && event.data.total < 25", ["A-2", "A-1"]),
        ("event.name == 'order/paid' && event.data.of.city == 'Köln'", ["A-3", "A-2", "A-1"]),
        ("event.name == 'order/gone'", []),
        ("event.data.of.tags[0] == 'a b' && event.data.total == 20.0", ["A-2"]),
        ("event.data.nothing == 'A-2'", []),
        ("event.data.nothing == null && event.data.total >= 30", ["A-3"]),
        ("event.id == 'mine'", ["A-3"]),
        ("event.v == '2' && event.ts > 0", ["A-3"]),
        ("'A-1' == event.data['order']", ["A-1"]),
    ],
)
def test_runs_are_found_by_event_and_output(database_url: str, where: str, orders: list[str]) -> None:
    with a_web(database_url) as web:
        web.harness.deploy(PRICED)
        sell(web, [("A-1", 10), ("A-2", 20)])
        sell(web, [("A-3", 30)], id="mine", v="2")
        page = search(web.client(["runs:read"]), where)
        assert orders_of(web, page) == orders
        looked = page["looked"]
        assert (looked["runs"], looked["is_stopped"], looked["unreadable"], looked["hint"]) == (3, False, 0, None)


def test_failed_runs_are_found_by_their_error(database_url: str) -> None:
    with a_web(database_url) as web:
        web.harness.deploy(BROKEN)
        web.harness.deploy(PRICED, "priced")
        sell(web, [("A-1", 1), ("A-2", 2)], name="order/lost")
        sell(web, [("A-3", 3)])
        client = web.client(["runs:read"])
        assert orders_of(web, search(client, "output.name == 'RuntimeError'")) == ["A-2", "A-1"]
        assert orders_of(web, search(client, "output.message.contains('A-1')")) == ["A-1"]


@pytest.mark.parametrize(
    ("text", "orders"),
    [
        ("a-2", ["A-2"]),  # of the event's data
        (" KÖLN ", ["A-3", "A-2", "A-1"]),  # capital letters that a database may not know
        ('say "no\\pe', ["A-2"]),  # which JSON spells in another way
        ("no luck WITH a-3", ["A-3"]),  # of the error
        ("17.5", ["A-1"]),  # a number
        ("eur", ["A-2", "A-1"]),  # of the output
        ("order/lost", ["A-3"]),  # the event's name
        ("cart-7", ["A-3"]),  # its id
        ('IN\\Cart-7"x', ["A-3"]),  # which is no JSON
        ("currency", []),  # the name of a value is none
        ("tags", []),
        ("true", []),
        ("%", []),
    ],
)
def test_runs_are_found_by_a_text_in_their_values(database_url: str, text: str, orders: list[str]) -> None:
    with a_web(database_url) as web:
        web.harness.deploy(PRICED, "priced")
        web.harness.deploy(BROKEN, "broken")
        sell(web, [("A-1", 17.5), ("A-2", 'They say "no\\pe"')])
        sell(web, [("A-3", True)], name="order/lost", id='in\\cart-7"x')
        assert orders_of(web, search(web.client(["runs:read"]), contains=text)) == orders


def test_a_text_is_found_in_a_database_whose_language_has_other_small_letters(postgres_server: str) -> None:
    name = f"workflowkit_test_{secrets.token_hex(6)}"
    with closing(psycopg.connect(postgres_server, autocommit=True)) as admin:
        try:
            admin.execute(
                f"create database {name} template template0 encoding 'UTF8' locale_provider icu icu_locale 'tr-TR'"
            )
        except psycopg.Error as error:  # before PostgreSQL 15, or built without ICU
            pytest.skip(str(error))
        url = sa.make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
        try:
            migrate.upgrade(url)
            with a_web(url) as web:
                web.harness.deploy(PRICED)
                sell(web, [("INVOICE-1", 1)])
                assert orders_of(web, search(web.client(["runs:read"]), contains="invoice")) == ["INVOICE-1"]
        finally:
            admin.execute(f"drop database {name} with (force)")


def test_a_text_and_conditions_must_both_hold(database_url: str) -> None:
    with a_web(database_url) as web:
        web.harness.deploy(PRICED)
        sell(web, [("A-1", 1), ("A-2", 2), ("B-2", 2)])
        client = web.client(["runs:read"])
        assert orders_of(web, search(client, "event.data.total == 2", contains="a-")) == ["A-2"]
        assert orders_of(web, search(client, contains="-2", limit=1)) == ["B-2"]


@pytest.mark.parametrize("text", ["", "  ", "x" * 4097])
def test_a_text_that_is_none_is_refused(sqlite_url: str, text: str) -> None:
    with a_web(sqlite_url) as web:
        response = web.client().get(f"/api/runs?{urlencode({'contains': text})}")
        assert (response.status_code, problems_of(response)) == (400, [("/query/contains", "invalid-expression")])


def test_runs_are_found_by_version_application_and_the_beginning_of_their_ids(database_url: str) -> None:
    with a_web(database_url) as web:
        web.harness.deploy(PRICED, "priced")
        sell(web, [("A-1", 1)])
        web.harness.deploy({**PRICED, "name": "Priced again", "actions": [{**PRICED["actions"][0], "id": "other"}],
                            "edges": [{"from": SOURCE, "to": "other"}]}, "priced")  # fmt: skip
        sell(web, [("A-2", 2)])
        client = web.client(["runs:read"])
        assert orders_of(web, search(client, version=1)) == ["A-1"]
        assert orders_of(web, search(client, version=2, workflow_id="priced")) == ["A-2"]
        assert search(client, app_id="priced")["items"] == []
        newest = search(client, limit=1)["items"][0]["id"]
        assert [item["id"] for item in search(client, id=newest.lower())["items"]] == [newest]
        assert len(search(client, id=newest[:4])["items"]) == 2
        assert search(client, id="7ZZZ")["items"] == []


def test_runs_of_an_application_are_those_of_its_functions(database_url: str) -> None:
    with a_web(database_url) as web:
        for name in ("shop", "shopping"):
            web.harness.deploy(PRICED, name)
        sell(web, [("A-1", 1)])
        with web.harness.runtime.database.engine.begin() as connection:
            connection.execute(sa.text("UPDATE runs SET workflow_id = workflow_id || '/priced'"))
        items = search(web.client(["runs:read"]), app_id="shop")["items"]
        assert [item["workflow_id"] for item in items] == ["shop/priced"]


def test_nobody_finds_runs_of_another_tenant(database_url: str) -> None:
    with a_web(database_url) as web:
        for scope in (OTHER_TENANT, web.services.default_scope):
            web.harness.deploy(PRICED, "priced", scope)
        sell(web, [("theirs", 1)], scope=OTHER_TENANT)
        sell(web, [("ours", 1)])
        client = web.client(["runs:read"])
        ours = search(client, "event.data.total == 1", column="event.data.order")
        assert [item["values"] for item in ours["items"]] == [{"event.data.order": "ours"}]
        assert ours["looked"]["runs"] == 1
        (theirs,) = search(web.client(["runs:read"], scope=OTHER_TENANT), "event.data.total == 1")["items"]
        for query in (
            {"id": theirs["id"]},
            {"event_id": theirs["event_id"]},
            {"parent_run_id": theirs["id"]},
            {"contains": "theirs"},
        ):
            assert search(client, **query)["items"] == []


def test_pages_of_a_search_stay_the_same_while_runs_are_added(database_url: str) -> None:
    with a_web(database_url) as web:
        web.harness.deploy(PRICED)
        sell(web, [(f"A-{n}", n % 3) for n in range(12)])
        client, where = web.client(["runs:read"]), "event.data.total == 1"
        expected = [item["id"] for item in search(client, where)["items"]]
        assert len(expected) == 4
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = search(client, where, limit=1, **({"cursor": cursor} if cursor else {}))
            seen += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
            sell(web, [("new", 1)])
        assert seen == expected


@pytest.mark.parametrize("limits", [{"searched_runs": 3}, {"evaluated_runs": 3}, {"searched_bytes": 1}])
def test_a_search_stops_at_a_limit_and_is_continued_from_there(
    database_url: str, limits: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "BATCH_BYTES", 1)
    with a_web(database_url, limits=Limits(**limits)) as web:
        web.harness.deploy(PRICED)
        sell(web, [("A-0", 1), *((f"A-{n}", 2) for n in range(1, 8))])
        client, cursor = web.client(["runs:read"]), None
        pages: list[dict[str, Any]] = []
        while not pages or cursor is not None:
            page = search(client, "event.data.total < 2", **({} if cursor is None else {"cursor": cursor}))
            pages.append(page)
            cursor = page["next_cursor"]
        assert orders_of(web, {"items": [item for page in pages for item in page["items"]]}) == ["A-0"]
        assert sum(page["looked"]["runs"] for page in pages) == 8
        assert [page["looked"]["is_stopped"] for page in pages] == [True] * (len(pages) - 1) + [False]
        assert len(pages) >= 3
        assert "which workflow" in pages[0]["looked"]["hint"]
        times = [page["looked"]["back_to"] for page in pages if page["looked"]["back_to"] is not None]
        assert times == sorted(times, reverse=True)


def test_a_list_without_an_expression_looks_through_a_bounded_number_of_runs_too(database_url: str) -> None:
    with a_web(database_url, limits=Limits(searched_runs=3)) as web:
        web.harness.deploy(BROKEN)
        web.harness.deploy(PRICED, "priced")
        sell(web, [("A-1", 1)], name="order/lost")
        sell(web, [(f"A-{n}", n) for n in range(2, 6)])
        client = web.client(["runs:read"])
        first = search(client, status=["failed", "cancelled"])
        assert (first["items"], first["looked"]["runs"], first["looked"]["is_stopped"]) == ([], 3, True)
        second = search(client, status=["failed", "cancelled"], cursor=first["next_cursor"])
        assert orders_of(web, second) == ["A-1"]
        assert (second["next_cursor"], second["looked"]["runs"]) == (None, 2)
        narrow = search(client, status=["failed", "cancelled"], workflow_id="priced")
        assert (narrow["looked"]["is_stopped"], narrow["looked"]["hint"]) == (True, None)


def test_failed_runs_are_found_without_a_look_at_the_others(database_url: str) -> None:
    with a_web(database_url, limits=Limits(searched_runs=3)) as web:
        web.harness.deploy(BROKEN)
        web.harness.deploy(PRICED, "priced")
        sell(web, [("A-1", 1)], name="order/lost")
        sell(web, [(f"A-{n}", n) for n in range(2, 9)])
        page = search(web.client(["runs:read"]), status="failed")
        assert (orders_of(web, page), page["looked"]["runs"], page["looked"]["is_stopped"]) == (["A-1"], 1, False)


def test_an_index_has_the_failed_runs(postgres_url: str) -> None:
    with a_web(postgres_url) as web:
        with web.harness.runtime.database.engine.begin() as connection:
            connection.execute(sa.text("SET LOCAL enable_seqscan = off"))
            connection.execute(sa.text("SET LOCAL enable_bitmapscan = off"))
            text = "EXPLAIN SELECT id FROM runs WHERE environment = 'e' AND tenant = 't' AND error IS NOT NULL"
            plan = " ".join(connection.execute(sa.text(f"{text} ORDER BY id DESC LIMIT 50")).scalars())
        assert "Backward using ix_runs_failed" in plan
        assert "Sort" not in plan


def test_a_search_stops_when_its_time_is_over(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "BATCH_BYTES", 1)
    readings = iter(range(100))
    monkeypatch.setattr(searching, "monotonic_seconds", lambda: next(readings))
    with a_web(sqlite_url, limits=Limits(search_seconds=3)) as web:
        web.harness.deploy(PRICED)
        sell(web, [(f"A-{n}", n) for n in range(8)])
        page = search(web.client(), "event.data.total < 1")
        assert (page["items"], page["looked"]["runs"], page["looked"]["is_stopped"]) == ([], 4, True)


def test_a_run_whose_id_has_a_time_that_never_comes_is_listed(database_url: str) -> None:
    with a_web(database_url) as web:
        web.harness.deploy(PRICED)
        sell(web, [("A-1", 1)])
        with web.harness.runtime.database.engine.begin() as connection:
            connection.execute(sa.text("UPDATE runs SET id = '7ZZZZZZZZZ0000000000000000'"))
        page = search(web.client(["runs:read"]), "event.data.total == 1")
        assert [item["id"] for item in page["items"]] == ["7ZZZZZZZZZ0000000000000000"]
        assert page["looked"]["back_to"] >= page["items"][0]["created_at"]


def test_a_run_on_which_the_expression_fails_is_left_out_and_counted(database_url: str) -> None:
    with a_web(database_url) as web:
        web.harness.deploy(PRICED)
        sell(web, [("A-1", "ten"), ("A-2", 20)])
        page = search(web.client(["runs:read"]), "int(event.data.total) > 10")
        assert orders_of(web, page) == ["A-2"]
        assert page["looked"]["unreadable"] == 1


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("event.data.total >", "line 1, character 19: "),
        ("event.data.total > 1\n event.data.x == 'y", "line 2, character 18: "),
        ("steps.a == 1", "only event and output"),
        ("event.user.name == 'x'", "no 'user'"),
        ("1 == 1", "asks for nothing of a run"),
        (" \n ", "write a condition"),
        ("event.data.a == '" + "x" * 5000 + "'", "expression_chars"),
    ],
)
def test_an_expression_that_is_none_is_refused_with_its_place(sqlite_url: str, where: str, told: str) -> None:
    with a_web(sqlite_url) as web:
        response = web.client().get(f"/api/runs?{urlencode({'where': where})}")
        assert (response.status_code, problems_of(response)) == (400, [("/query/where", "invalid-expression")])
        assert told in response.get_json()["problems"][0]["message"]


def test_encrypted_values_are_neither_found_nor_shown_in_columns(database_url: str) -> None:
    extensions = Extensions()
    extensions.use(EncryptionMiddleware("the one passphrase"))
    with a_web(database_url, extensions=extensions) as web:
        web.harness.deploy(PRICED)
        web.harness.send("order/paid", {"order": "A-1", "encrypted": {"card": "4242"}, "total": "4242"})
        web.harness.drain()
        client = web.client(["runs:read", "runs:decrypt"])
        for where in ("event.data.encrypted.card == '4242'", "output.price.total == '4242'"):
            assert search(client, where)["items"] == []
        (sealed,) = (loads(row["data"])["encrypted"] for row in web.harness.rows("SELECT data FROM events"))
        for text in (text for text in sealed.values() if isinstance(text, str)):
            assert search(client, contains=text)["items"] == []
        assert len(search(client, contains="4242")["items"]) == 1  # what is not encrypted
        columns = ["event.data.encrypted", "event.data.total", "output"]
        (item,) = search(client, "event.data.encrypted == null", column=columns)["items"]
        assert item["values"] == {"event.data.encrypted": None, "event.data.total": "4242", "output": None}


def test_columns_show_values_of_events_and_outputs(database_url: str) -> None:
    with a_web(database_url, limits=Limits(column_chars=10)) as web:
        web.harness.deploy(PRICED)
        sell(web, [("A-1", 2.5), ("A-2", "x" * 50)])
        columns = [
            "event.data.order",
            "output.price.total",
            "event.data.of",
            "event.data.nothing",
            "event.data.of.tags[0]",
        ]
        first, second = search(web.client(["runs:read"]), column=columns)["items"]
        assert second["values"] == {
            "event.data.order": "A-1", "output.price.total": 2.5, "event.data.of": '{"city":"…',
            "event.data.nothing": None, "event.data.of.tags[0]": "a b",
        }  # fmt: skip
        assert first["values"]["output.price.total"] == "x" * 9 + "…"
        assert search(web.client(["runs:read"]), limit=1)["items"][0]["values"] is None


def test_values_that_are_too_large_to_look_into_are_not_shown(sqlite_url: str) -> None:
    with a_web(sqlite_url, limits=Limits(searched_bytes=10)) as web:
        web.harness.deploy(PRICED)
        sell(web, [("A-1", 1)])
        (item,) = search(web.client(), column="event.data.order")["items"]
        assert item["values"] is None


@pytest.mark.parametrize(
    ("columns", "status"),
    [(["event.data.a +"], 400), (["1"], 400), (["steps.a"], 400), (["event.user"], 400),
     ([f"event.data.c{n}" for n in range(9)], 413)],
)  # fmt: skip
def test_columns_that_are_none_are_refused(sqlite_url: str, columns: list[str], status: int) -> None:
    with a_web(sqlite_url) as web:
        response = web.client().get(f"/api/runs?{urlencode({'column': columns}, doseq=True)}")
        assert response.status_code == status
        assert response.get_json()["problems"][0]["pointer"] == "/query/column"
