"""``workflowkit check``: whether code fits what is published, and the runs there are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from workflowkit import Event, Scope, WorkflowKit
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.cli.root import cli
from workflowkit.runtime import deploychecks

CODE = """
from workflowkit import Event, WorkflowKit

wk = WorkflowKit("shop")


@wk.action("stock")
def stock(sku: str{more}) -> dict[str, int]:
    return {{"stock": 7}}


{functions}
"""
FUNCTION = """
@wk.function("{id}", trigger=Event("go"))
def {id}(ctx):
    ctx.step.sleep("nap", "1d")
"""
GRAPH = {
    "triggers": [{"event": "order"}],
    "actions": [{"id": "look", "kind": "stock", "inputs": {"sku": "A"}}],
    "edges": [{"from": "$source", "to": "look"}],
}
FIXED = {**GRAPH, "actions": [{"id": "look", "kind": "stock", "inputs": {"sku": "A", "warehouse": "B"}}]}


def an_app(directory: Path, more: str = "", *functions: str) -> str:
    path = directory / "shop_code.py"
    path.write_text(CODE.format(more=more, functions="".join(FUNCTION.format(id=each) for each in functions)))
    return f"{path}:wk"


def check(app: str, *options: str) -> Result:
    return CliRunner().invoke(cli, ["check", app, *options])


def told(app: str, *options: str) -> Any:
    result = check(app, "--json", *options)
    assert result.exit_code in (0, 1), result.output
    shown = json.loads(result.stdout)
    assert shown["fits"] is (result.exit_code == 0)
    return shown


@pytest.fixture
def wk(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The application as it is deployed: its action takes a warehouse if it is given one."""
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", sqlite_url)
    wk = WorkflowKit("shop")

    @wk.action("stock")
    def stock(sku: str, warehouse: str = "A") -> dict[str, int]:
        return {"stock": 7}

    yield wk
    wk.stop()


def test_code_that_breaks_published_workflows_of_any_tenant_does_not_fit(wk: WorkflowKit, tmp_path: Path) -> None:
    for tenant in ("acme", "default"):
        wk.publish("orders", GRAPH, scope=Scope("default", tenant))
    wk.publish("fixed", FIXED)
    wk.publish("away", GRAPH)
    wk.runtime.authoring.archive(DEFAULT_SCOPE, "away")

    fits = check(an_app(tmp_path, ", warehouse: str = ''"))
    assert (fits.exit_code, fits.stdout) == (0, "fits  3 versions in use\n")

    broken = check(an_app(tmp_path, ", warehouse: str"))
    assert broken.exit_code == 1
    lines = broken.stdout.splitlines()
    assert lines[::2] == [f"does not fit  {tenant}  orders  version 1 (published)" for tenant in ("acme", "default")]
    assert all("/actions/0/inputs" in line and "warehouse" in line for line in lines[1::2])
    shown = told(an_app(tmp_path, ", warehouse: str"))
    assert (shown["checked"], shown["is_cut"], shown["functions"]) == (3, False, [])
    assert [(each["tenant"], each["workflow"], each["version"]) for each in shown["workflows"]] == [
        ("acme", "orders", 1), ("default", "orders", 1),
    ]  # fmt: skip
    assert {problem["code"] for each in shown["workflows"] for problem in each["problems"]} == {"missing-input"}
    cut = told(an_app(tmp_path, ", warehouse: str"), "--limit", "1")
    assert (len(cut["workflows"]), cut["is_cut"]) == (1, True)
    assert told(an_app(tmp_path, ", warehouse: str"), "--environment", "staging")["checked"] == 0


def test_versions_that_open_runs_are_on_are_checked_too(
    wk: WorkflowKit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploychecks, "PAGE", 1)
    wk.publish("orders", GRAPH)
    wk.publish("put-away", GRAPH)
    for workflow_id in ("orders", "put-away"):
        wk.runtime.requesting.by_hand(DEFAULT_SCOPE, workflow_id, is_author=True)
    wk.publish("orders", FIXED)
    wk.runtime.authoring.archive(DEFAULT_SCOPE, "put-away")
    app = an_app(tmp_path, ", warehouse: str")

    shown = told(app)

    assert shown["checked"] == 3
    found = [(each["workflow"], each["version"], each["open_runs"]) for each in shown["workflows"]]
    assert found == [("orders", 1, 1), ("put-away", 1, 1)]
    assert "orders  version 1 (1 open run on it)" in check(app).stdout
    for run in wk.runs.list().runs:
        wk.cancel(run.id)
    assert told(app) == {"fits": True, "checked": 1, "is_cut": False, "workflows": [], "functions": []}


def test_functions_that_are_gone_while_runs_of_them_are_open_are_named(wk: WorkflowKit, tmp_path: Path) -> None:
    for own_id in ("welcome", "gone", "unused"):
        wk.function(own_id, trigger=Event("go"))(lambda ctx: ctx.step.sleep("nap", "1d"))
    wk.sync()
    for own_id in ("welcome", "gone"):
        wk.runtime.requesting.by_hand(DEFAULT_SCOPE, f"shop/{own_id}", is_author=True)

    assert told(an_app(tmp_path, "", "welcome", "gone"))["functions"] == []
    app = an_app(tmp_path, "", "welcome")
    assert told(app)["functions"] == [{"id": "shop/gone", "open_runs": 1}]
    assert check(app).stdout == "gone  shop/gone: 1 open run of it, and no code\n"
