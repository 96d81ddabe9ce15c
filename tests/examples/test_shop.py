"""The Flask shop of the examples, with its embedded worker, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import services
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from examples.shop.app import create_app
from workflowkit import WorkflowKit
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.runtime.keys import Keys


@pytest.fixture
def shop(database_url: str) -> Iterator[Flask]:
    app = create_app(database_url)
    yield app
    _wk(app).stop()
    _drop_tables(database_url)


def _wk(shop: Flask) -> WorkflowKit:
    wk: WorkflowKit = shop.extensions["workflowkit"]
    return wk


def _drop_tables(database_url: str) -> None:
    from examples.shop.models import Base

    url = sa.make_url(database_url)
    engine = sa.create_engine(url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url)
    Base.metadata.drop_all(engine)
    engine.dispose()


def _count(shop: Flask, table: str) -> int:
    with _wk(shop).runtime.database.read() as tx:
        return int(tx.connection.scalar(sa.text(f"SELECT count(*) FROM {table}")) or 0)


def _order(client: FlaskClient, article: str, quantity: int) -> Any:
    return client.post("/orders", json={"customer": "Ada", "article": article, "quantity": quantity})


def _wait_for_status(client: FlaskClient, order_id: int, status: str) -> None:
    reached = services.wait_until(
        lambda: client.get(f"/orders/{order_id}").get_json()["status"] == status, timeout_seconds=20
    )
    assert reached, client.get(f"/orders/{order_id}").get_json()


@pytest.mark.parametrize(
    ("article", "quantity", "status"), [("teapot", 1, "shipped by courier"), ("tea", 2, "shipped by post")]
)
def test_a_committed_order_is_charged_and_shipped_by_its_workflow(
    shop: Flask, article: str, quantity: int, status: str
) -> None:
    client = shop.test_client()
    answer = _order(client, article, quantity)
    assert answer.status_code == 201
    _wait_for_status(client, answer.get_json()["id"], status)
    assert _count(shop, "shop_payments") == 1


def test_an_order_that_rolls_back_leaves_no_event_and_no_run(shop: Flask) -> None:
    client = shop.test_client()
    assert _order(client, "teapot", 99).status_code == 409
    assert _count(shop, "shop_orders") == 0
    assert _count(shop, "events") == 0
    # The next order goes through the same worker; had the first one left anything, it would be there by now.
    _wait_for_status(client, _order(client, "tea", 1).get_json()["id"], "shipped by post")
    assert _count(shop, "runs") == 1


def test_the_api_is_served_below_the_shop(shop: Flask) -> None:
    client = shop.test_client()
    _wait_for_status(client, _order(client, "tea", 1).get_json()["id"], "shipped by post")
    assert client.get("/workflows/api/runs").status_code == 401
    _, key = Keys(_wk(shop).runtime.database).create(DEFAULT_SCOPE, "test", ["runs:read", "actions:read"])
    as_key = {"Authorization": f"Bearer {key}"}
    assert services.wait_until(
        lambda: (
            [run["status"] for run in client.get("/workflows/api/runs", headers=as_key).get_json()["items"]]
            == ["completed"]
        ),
        timeout_seconds=60,
    )
    kinds = {action["kind"] for action in client.get("/workflows/api/actions", headers=as_key).get_json()["items"]}
    assert {"shop/price", "shop/charge", "shop/ship"} <= kinds
