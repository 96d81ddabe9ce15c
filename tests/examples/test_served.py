"""The order desk that is served: on our own dev server, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sdkapps import SdkApp, a_server, eventually, serving

from examples.served.app import create_app, reserved
from workflowkit import WorkflowKit
from workflowkit.store.statements import Sql


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[WorkflowKit, SdkApp]]:
    with a_server(tmp_path) as (wk, url):
        monkeypatch.setenv("INNGEST_DEV", url)
        with serving(create_app()) as desk:
            assert httpx.put(f"{desk}/api/inngest", timeout=30).json()["ok"] is True
            yield wk, SdkApp(wk, url, None)  # type: ignore[arg-type]  # only to look at runs


def _waits(wk: WorkflowKit) -> list[Any] | None:
    with wk.runtime.database.read() as tx:
        return list(tx.rows(Sql("SELECT id FROM waits WHERE kind = 'event'"))) or None


def test_an_order_is_weighed_and_waits_for_its_payment(server: tuple[WorkflowKit, SdkApp]) -> None:
    wk, looking = server
    (placed,) = wk.send({"name": "shop/order.placed", "data": {"id": 7, "items": [{"quantity": 2, "kilograms": 4}]}})
    eventually(lambda: _waits(wk))
    wk.send({"name": "shop/order.paid", "data": {"id": 7}})
    run = looking.run_of(placed.id)
    assert run["output"] == {"id": 7, "kilograms": 8.0, "paid": True}


def test_a_heavy_parcel_goes_by_freight(server: tuple[WorkflowKit, SdkApp]) -> None:
    wk, looking = server
    (packed,) = wk.send({"name": "shop/parcel.packed", "data": {"items": [{"quantity": 3, "kilograms": 10}]}})
    run = looking.run_of(packed.id)
    assert (run["status"], run["function_id"]) == ("Completed", "desk/parcel")
    assert run["output"] == {"freight": {"by": "freight", "kilograms": 30.0}}


def test_a_shipment_sends_each_parcel_and_gives_everything_back_if_nobody_drives(
    server: tuple[WorkflowKit, SdkApp],
) -> None:
    wk, looking = server
    parcels = [{"id": f"A-{number}", "items": [{"quantity": number}]} for number in (1, 2, 3)]
    (due, driverless) = wk.send([
        {"name": "shop/shipment.due", "data": {"driver": "Ada", "parcels": parcels}},
        {"name": "shop/shipment.due", "data": {"parcels": [{"id": "B-1", "items": []}]}},
    ])  # fmt: skip
    sent, failed = looking.run_of(due.id), looking.run_of(driverless.id)
    assert sent["output"] == {"labels": ["label A-1", "label A-2", "label A-3"], "driver": "Ada"}
    assert (failed["status"], failed["output"]["message"]) == ("Failed", "nobody drives today")
    assert {"label A-1", "label A-2", "label A-3"} <= reserved
    assert "label B-1" not in reserved
