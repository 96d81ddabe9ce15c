"""Rows that anybody writes into a table with a trigger become events: as many as there are changes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from workflowkit import Settings, WorkflowKit
from workflowkit.base.errors import InvalidInput
from workflowkit.base.jsonvalue import loads
from workflowkit.base.scope import Scope
from workflowkit.contrib.outbox import OUTBOX, Outbox, outbox_sql

TABLE = 'CREATE TABLE "Order" (id int PRIMARY KEY, total numeric, note text, secret text)'


class Shop:
    def __init__(self, url: str) -> None:
        self.wk = WorkflowKit("shop", settings=Settings(database_url=url))
        self.wk.migrate()
        self.engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"))
        self.run(TABLE)
        for _ in range(2):  # it may be run again
            self.run(outbox_sql("Order", key=["id"], columns=["total", "note"]))

    def run(self, *statements: str, commit: bool = True) -> None:
        with self.engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
            (connection.commit if commit else connection.rollback)()

    def rows(self, sql: str) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(sa.text(sql)))

    def events(self) -> list[dict[str, Any]]:
        rows = self.rows("SELECT name, tenant, data FROM events ORDER BY id")
        return [{"name": row.name, "tenant": row.tenant} | loads(row.data) for row in rows]


@pytest.fixture
def shop(postgres_url: str) -> Iterator[Shop]:
    shop = Shop(postgres_url)
    yield shop
    shop.run(f'DROP TABLE "Order", {OUTBOX}')
    shop.engine.dispose()
    shop.wk.stop()


@pytest.mark.parametrize("is_joined", [True, False])
def test_each_committed_change_is_one_event_with_table_key_and_values(shop: Shop, is_joined: bool) -> None:
    shop.run("""INSERT INTO "Order" VALUES (1, 2.5, 'a', 's3cret')""")
    shop.run("""UPDATE "Order" SET note = 'b' WHERE id = 1""", """UPDATE "Order" SET secret = 'other'""")
    shop.run("""DELETE FROM "Order" """)
    shop.run("""INSERT INTO "Order" VALUES (2, 1, '', '')""", commit=False)
    outbox = Outbox(shop.wk, shop.engine, is_joined=is_joined)

    assert (outbox.move(), outbox.move()) == (3, 0)
    row = {"tenant": "default", "table": "Order", "key": {"id": 1}}
    assert shop.events() == [
        row | {"name": "db/Order.inserted", "operation": "insert", "old": None, "new": {"total": 2.5, "note": "a"}},
        row
        | {
            "name": "db/Order.updated",
            "operation": "update",
            "old": {"total": 2.5, "note": "a"},
            "new": {"total": 2.5, "note": "b"},
        },
        row | {"name": "db/Order.deleted", "operation": "delete", "old": {"total": 2.5, "note": "b"}, "new": None},
    ]


def test_a_process_that_dies_before_it_deletes_a_row_starts_nothing_twice(shop: Shop) -> None:
    shop.wk.publish(
        "orders",
        {
            "name": "Orders",
            "triggers": [{"event": "db/Order.inserted"}],
            "actions": [{"id": "note", "kind": "set", "inputs": {}}],
            "edges": [{"from": "$source", "to": "note"}],
        },
    )
    shop.run("""INSERT INTO "Order" VALUES (1, 2.5, 'a', '')""")

    class Died(BaseException):
        pass

    def die(*_: Any) -> None:
        raise Died

    sa.event.listen(shop.engine, "commit", die)
    outbox = Outbox(shop.wk, shop.engine)
    with pytest.raises(Died):
        outbox.move()
    sa.event.remove(shop.engine, "commit", die)
    assert outbox.move() == 1
    shop.wk.runtime.worker.match([row.id for row in shop.rows("SELECT id FROM events ORDER BY id")])
    assert len(shop.rows("SELECT id FROM runs")) == 1


def test_two_movers_move_each_row_once(shop: Shop) -> None:
    shop.run(*(f"""INSERT INTO "Order" VALUES ({n}, 1, '', '')""" for n in range(40)))
    moved: list[int] = []
    barrier = threading.Barrier(4)

    def work() -> None:
        barrier.wait()
        outbox = Outbox(shop.wk, shop.engine, is_joined=True)
        while found := outbox.move(limit=3):
            moved.append(found)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(event["key"]["id"] for event in shop.events()) == list(range(40))
    assert sum(moved) == 40


def test_a_row_that_can_be_no_event_holds_up_none_and_says_why(shop: Shop) -> None:
    shop.run("""INSERT INTO "Order" VALUES (1, 1, repeat('x', 600000), ''), (2, 1, '', '')""")
    assert Outbox(shop.wk, shop.engine, is_joined=True).move() == 2
    assert [event["key"] for event in shop.events()] == [{"id": 2}]
    (left,) = shop.rows(f"SELECT refused FROM {OUTBOX}")
    assert "event_bytes" in left.refused


@pytest.mark.parametrize("total", ["1e5000", "-1e-5000", "9007199254740993", "'NaN'", "'Infinity'"])
def test_a_number_that_json_readers_cannot_have_holds_up_no_other_row(shop: Shop, total: str) -> None:
    shop.run(f"""INSERT INTO "Order" VALUES (1, {total}, 'a', ''), (2, 1, 'b', '')""")
    outbox = Outbox(shop.wk, shop.engine)
    assert outbox.move() == 2
    assert outbox.move() == 0
    assert shop.events()[-1]["key"] == {"id": 2}
    refused = shop.rows(f"SELECT data -> 'key' ->> 'id' AS id, refused FROM {OUTBOX}")
    assert len(shop.events()) + len(refused) == 2
    assert all("out-of-range" in row.refused or "not within" in row.refused for row in refused)


def test_a_follower_hears_of_rows_when_they_are_committed(shop: Shop) -> None:
    stopping, seen = threading.Event(), threading.Semaphore(0)

    def scope(event: Any) -> Scope:
        seen.release()
        return Scope("default", f"tenant-{event['data']['key']['id']}")

    outbox = Outbox(shop.wk, shop.engine, is_joined=True, scope=scope)
    # It looks by itself only once: at the beginning.
    follower = threading.Thread(target=outbox.follow, args=(stopping,), kwargs={"poll_seconds": 3600.0})
    follower.start()
    try:
        for n in (1, 2):  # the second comes after the look at the beginning
            shop.run(f"""INSERT INTO "Order" VALUES ({n}, 1, '', '')""")
            assert seen.acquire(timeout=30)
    finally:
        stopping.set()
        follower.join(30)
    assert [event["tenant"] for event in shop.events()] == ["tenant-1", "tenant-2"]


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        ({"table": 'a"; DROP TABLE b'}, "/table"),
        ({"columns": ["a b"]}, "/columns"),
        ({"key": [""]}, "/columns"),
        ({"name": "it's"}, "/name"),
    ],
)
def test_names_that_would_be_sql_are_refused(options: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        outbox_sql(**{"table": "a", "key": ["id"], "columns": ["b"], **options})
    assert [problem.pointer for problem in refused.value.problems] == [pointer]
