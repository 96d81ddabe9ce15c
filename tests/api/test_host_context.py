"""Functions of a host application that requests come to: they are called in its own context, not in ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask, current_app, g
from flask.testing import FlaskClient

from workflowkit import HostUser, OptionsContext, Scope, WorkflowKit
from workflowkit.webhooks import Delivery, unverified

DOCUMENT = {"name": "Orders", "triggers": [{"event": "shop/a"}], "actions": [], "edges": []}


def _here() -> str:
    """Name the application in whose context this is called, and what it has noted for the request."""
    return f"{current_app.name}:{g.get('shop', '-')}"


@contextmanager
def a_shop(database_url: str) -> Iterator[tuple[WorkflowKit, FlaskClient]]:
    wk = WorkflowKit("shop", database_url=database_url)
    app = Flask("shop")

    @app.before_request
    def note() -> None:
        g.shop = "acme"

    @wk.allow_triggers
    def allowed(scope: Scope) -> list[str]:
        return [f"event:{current_app.name}/*"]

    @wk.webhook("carrier", verify=unverified(), scope=lambda delivery: Scope("default", g.shop))
    def moved(delivery: Delivery) -> dict[str, Any]:
        return {"name": "parcel/moved", "data": {"here": _here()}}

    def rooms() -> Iterator[str]:
        yield _here()  # read while the list is made

    async def floors(ctx: OptionsContext) -> list[str]:
        return [_here()]

    @wk.action("book", options={"room": rooms, "floor": floors})
    def book(room: str, floor: str) -> None: ...

    @wk.people
    def people(ctx: OptionsContext) -> list[str]:
        return [_here()]

    app.register_blueprint(
        wk.blueprint(url_prefix="/flows", authenticate=lambda: HostUser(7, "admin", tenant=g.shop))
    )  # fmt: skip
    try:
        yield wk, app.test_client()
    finally:
        wk.stop()


def _ours(client: FlaskClient) -> dict[str, str]:
    state = client.get("/flows/api/session").get_json()
    return {"Origin": "http://localhost", "Workflowkit-Csrf": state["csrf"]}


def test_webhooks_are_made_into_events_in_the_request_of_the_host(database_url: str) -> None:
    with a_shop(database_url) as (wk, client):
        taken = client.post("/flows/w/carrier", json={})
        assert taken.status_code == 202
        story = wk.events.get(taken.get_json()["ids"][0], scope=Scope("default", "acme"))
        assert story.event.data == {"here": "shop:acme"}
        # Where the API is an application of its own, there is no other context.
        assert wk.api(dev_mode=True).test_client().post("/w/carrier", json={}).status_code == 500


def test_what_may_start_workflows_is_asked_in_the_request_of_the_host(database_url: str) -> None:
    with a_shop(database_url) as (_, client):
        checked = client.post("/flows/api/validate", json={"document": DOCUMENT}, headers=_ours(client))
        assert "trigger-not-allowed" not in checked.get_data(as_text=True)
        other = DOCUMENT | {"triggers": [{"event": "other/a"}]}
        refused = client.post("/flows/api/validate", json={"document": other}, headers=_ours(client))
        assert "trigger-not-allowed" in refused.get_data(as_text=True)


def test_options_are_listed_in_a_context_of_the_application_of_the_host(database_url: str) -> None:
    with a_shop(database_url) as (_, client):

        def values(kind: str, input_name: str) -> list[str]:
            path, body = f"/flows/api/actions/{kind}/options", {"input": input_name}
            answer = client.post(path, json=body, headers=_ours(client))
            assert answer.status_code == 200, answer.get_json()
            return [each["value"] for each in answer.get_json()["items"]]

        # A thread of its own: the application is the host's, and nothing there is of the request.
        assert values("book", "room") == values("book", "floor") == ["shop:-"]
        assert values("builtin:approval", "assignees") == ["shop:-"]
