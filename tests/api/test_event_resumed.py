"""What an event resumed: the runs that waited for it are told with it."""

from __future__ import annotations

import pytest
from builders import a_workflow
from click.testing import CliRunner
from runtimes import a_registry, a_runtime
from webapi import OTHER_TENANT, Web

from workflowkit.api.services import services_of
from workflowkit.cli.root import cli
from workflowkit.engine.context import StepContext


def test_an_event_tells_which_runs_waited_for_it(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = a_registry()

    @registry.action("ship")
    def ship(ctx: StepContext) -> None:
        for number in (1, 2):
            ctx.step.wait_for_event(f"picked-{number}", "parcel/picked", match="data.id", timeout="2d")

    flow = a_workflow("Test").action("ship", "ship").path("$source", "ship").trigger("order/paid")
    with a_runtime(database_url, registry) as harness:
        web = Web(harness, services_of(harness.runtime))
        harness.deploy(flow.document())
        paid = harness.send("order/paid", {"id": 7})
        harness.send("order/paid", {"id": 8})
        harness.drain()
        picked = harness.send("parcel/picked", {"id": 7})
        nobody = harness.send("parcel/picked", {"id": 9})
        harness.drain()

        (resumed,) = web.client().get(f"/api/events/{picked}").get_json()["resumed"]
        (run,) = web.client().get(f"/api/runs?event_id={paid}").get_json()["items"]
        assert resumed.pop("at") is not None
        assert resumed == {
            "run_id": run["id"], "workflow_id": "test", "status": "waiting", "step": "ship/picked-1",
        }  # fmt: skip
        assert web.client().get(f"/api/events/{nobody}").get_json()["resumed"] == []
        assert web.client(scope=OTHER_TENANT).get(f"/api/events/{picked}").status_code == 404

        monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", database_url)
        shown = CliRunner().invoke(cli, ["events", "show", picked]).stdout
    assert f"test  waiting resumed run {run['id']} step ship/picked-1" in shown
