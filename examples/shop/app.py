"""The shop as a Flask application.

``POST /orders`` stores an order and tells the workflows of it in one transaction: either both happened or nothing did.
The workflows' own API is at ``/workflows/api``.
"""

from __future__ import annotations

import atexit
import json
import os
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask, abort, request
from sqlalchemy.orm import sessionmaker

from workflowkit import WorkflowKit

from . import actions
from .models import Article, Base, Order

HERE = Path(__file__).parent


def create_app(database_url: str | None = None) -> Flask:
    """Return the shop on a database: ``DATABASE_URL``, or a SQLite file in the current directory."""
    url = sa.make_url(database_url or os.environ.get("DATABASE_URL", "sqlite:///shop.db"))
    engine = sa.create_engine(url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url)
    sessions = sessionmaker(engine)
    Base.metadata.create_all(engine)
    with sessions.begin() as session:
        if session.get(Article, "teapot") is None:
            session.add_all([Article(name="teapot", price=120, stock=3), Article(name="tea", price=8, stock=40)])

    wk = WorkflowKit("shop", database_url=url.render_as_string(hide_password=False))
    actions.register(wk, sessions)
    wk.migrate()
    wk.publish("after-order", json.loads((HERE / "workflow.json").read_text()))

    app = Flask("shop")
    app.register_blueprint(wk.blueprint(url_prefix="/workflows"))
    app.extensions["workflowkit"] = wk

    @app.post("/orders")
    def place_order() -> tuple[dict[str, Any], int]:
        wanted = request.get_json()
        with sessions.begin() as session:
            order = Order(customer=wanted["customer"], article=wanted["article"], quantity=wanted["quantity"])
            session.add(order)
            session.flush()
            event = {"name": "shop/order.placed", "id": f"order-{order.id}", "data": {"order_id": order.id}}
            wk.send(event, session=session)
            article = session.get_one(Article, order.article)
            if article.stock < order.quantity:
                abort(409, "sold out")  # leaves the block: no order, no event, no run
            article.stock -= order.quantity
            return {"id": order.id}, 201

    @app.get("/orders/<int:order_id>")
    def show_order(order_id: int) -> dict[str, Any]:
        with sessions() as session:
            order = session.get(Order, order_id) or abort(404)
            return {"id": order.id, "customer": order.customer, "status": order.status}

    wk.start()
    atexit.register(wk.stop)
    return app
