"""Rows that an application writes become events: as many as there are rows, and none without them."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from workflowkit import Settings, WorkflowKit
from workflowkit.base.errors import InvalidInput
from workflowkit.base.jsonvalue import loads
from workflowkit.base.scope import Scope
from workflowkit.contrib.sqlalchemy import emit_on


class Base(DeclarativeBase):
    pass


class State(enum.Enum):
    OPEN = "open"
    PAID = "paid"


class Order(Base):
    __tablename__ = "shop_orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(default="ada")
    state: Mapped[State] = mapped_column(default=State.OPEN)
    total: Mapped[Decimal] = mapped_column(sa.Numeric(10, 2), default=Decimal("1.50"))
    placed_at: Mapped[datetime | None] = mapped_column(sa.DateTime, default=None)
    secret: Mapped[str] = mapped_column(default="s3cret")
    blob: Mapped[bytes | None] = mapped_column(default=None)


class Shop:
    """An application with a table of orders beside those of its workflows."""

    def __init__(self, database_url: str) -> None:
        self.wk = WorkflowKit("shop", settings=Settings(database_url=database_url))
        self.wk.migrate()
        url = sa.make_url(database_url)
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        self.engine = sa.create_engine(url)
        Base.metadata.create_all(self.engine)
        self.sessions = sessionmaker(self.engine)

    def events(self) -> list[dict[str, Any]]:
        with self.engine.connect() as connection:
            rows = connection.execute(sa.text("SELECT name, tenant, data FROM events ORDER BY id")).all()
        return [{"name": row.name, "tenant": row.tenant} | loads(row.data) for row in rows]

    def close(self) -> None:
        self.engine.dispose()
        self.wk.stop()


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    shop = Shop(database_url)
    yield shop
    shop.close()


def _emit(shop: Shop, *operations: Any, columns: tuple[str, ...] = ("state", "total"), **options: Any) -> None:
    emit_on(shop.wk, Order, *operations, columns=columns, sessions=shop.sessions, **options)


def test_a_committed_insert_is_one_event_with_table_key_and_values(shop: Shop) -> None:
    _emit(shop, "insert", columns=("state", "total", "placed_at"))
    with shop.sessions() as session:
        session.add(Order(id=1, placed_at=datetime(2026, 11, 26, 8, tzinfo=UTC).replace(tzinfo=None)))
        session.flush()
        session.commit()
    (event,) = shop.events()
    assert event == {
        "name": "db/shop_orders.inserted", "tenant": "default", "table": "shop_orders", "operation": "insert",
        "key": {"id": 1}, "new": {"state": "open", "total": "1.50", "placed_at": "2026-11-26T08:00:00"}, "old": None,
    }  # fmt: skip


def test_an_insert_that_is_rolled_back_is_no_event(shop: Shop) -> None:
    _emit(shop, "insert")
    with shop.sessions() as session:
        session.add(Order(id=1))
        session.flush()
        session.rollback()
        session.add(Order(id=2))
        nested = session.begin_nested()
        session.add(Order(id=3))
        session.flush()
        nested.rollback()
        session.commit()
    assert [event["key"] for event in shop.events()] == [{"id": 2}]


def test_an_update_has_old_and_new_values_and_is_told_of_if_a_column_changes(shop: Shop) -> None:
    _emit(shop, "update", name="shop/order")
    with shop.sessions() as session:
        session.add(Order(id=1))
        session.commit()
        order = session.get_one(Order, 1)
        order.secret = "other"
        session.commit()  # which expires the row: the old value is loaded again
        order.state = State.PAID
        session.commit()
        order.state = State.PAID
        session.commit()
    (event,) = shop.events()
    assert (event["name"], event["operation"], event["key"]) == ("shop/order.updated", "update", {"id": 1})
    assert event["old"] == {"state": "open", "total": "1.50"}
    assert event["new"] == {"state": "paid", "total": "1.50"}


def test_a_delete_has_the_old_values_only(shop: Shop) -> None:
    _emit(shop, "delete")
    with shop.sessions() as session:
        session.add(Order(id=1))
        session.commit()
        session.delete(session.get_one(Order, 1))
        session.commit()
    (event,) = shop.events()
    assert (event["operation"], event["new"]) == ("delete", None)
    assert event["old"] == {"state": "open", "total": "1.50"}


def test_nothing_but_the_named_columns_leaves_the_table(shop: Shop) -> None:
    _emit(shop, "insert", "update", "delete")
    with shop.sessions() as session:
        session.add(Order(id=1))
        session.commit()
    assert "s3cret" not in repr(shop.events())


def test_the_row_says_whose_event_it_is(shop: Shop) -> None:
    _emit(shop, "insert", scope=lambda order: Scope("default", order.tenant))
    with shop.sessions() as session:
        session.add_all([Order(id=1, tenant="ada"), Order(id=2, tenant="bob")])
        session.commit()
    assert {(event["tenant"], event["key"]["id"]) for event in shop.events()} == {("ada", 1), ("bob", 2)}


def test_other_sessions_are_left_alone(shop: Shop) -> None:
    _emit(shop, "insert")
    with Session(shop.engine) as session:
        session.add(Order(id=1))
        session.commit()
    assert shop.events() == []


def test_a_value_that_json_has_no_form_for_keeps_the_row_from_being_written(shop: Shop) -> None:
    _emit(shop, "insert", columns=("blob",))
    with shop.sessions() as session:
        session.add(Order(id=1, blob=b"\x00"))
        with pytest.raises(InvalidInput):
            session.commit()
        session.rollback()
        assert session.get(Order, 1) is None
    assert shop.events() == []


@pytest.mark.parametrize(
    ("operations", "columns", "pointer"),
    [(("upsert",), (), "/operations"), ((), (), "/operations"), (("insert",), ("nothing",), "/columns")],
)
def test_what_there_is_not_is_refused_at_once(
    shop: Shop, operations: tuple[Any, ...], columns: tuple[str, ...], pointer: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        _emit(shop, *operations, columns=columns)
    assert caught.value.problems[0].pointer == pointer
