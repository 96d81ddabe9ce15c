"""Versions in use are found in both databases, page by page, and held against the code."""

from __future__ import annotations

import pytest
from builders import a_workflow

from workflowkit import Event, WorkflowKit
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.definition.model import SOURCE
from workflowkit.runtime import deploychecks
from workflowkit.runtime.deploychecks import DeployChecks, GoneFunction


@pytest.mark.parametrize("page", [1, 200])
def test_published_versions_and_those_that_runs_are_on_are_held_against_the_code(
    database_url: str, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploychecks, "PAGE", page)
    wk = WorkflowKit("shop", database_url=database_url)
    flow = [
        a_workflow(name).action("a", "set", {"n": 1}).edge(SOURCE, "a").trigger("go").document()
        for name in ("old", "new")
    ]
    other, fresh = Scope("default", "acme"), WorkflowKit("shop", database_url=database_url)
    try:
        wk.function("gone", trigger=Event("go"))(lambda ctx: None)
        wk.sync()
        for scope in (DEFAULT_SCOPE, other):
            wk.publish("orders", flow[0], scope=scope)
        for scope, target in [
            (DEFAULT_SCOPE, "orders"),
            (DEFAULT_SCOPE, "orders"),
            (other, "orders"),
            (other, "shop/gone"),
        ]:
            wk.runtime.requesting.by_hand(scope, target, is_author=True)
        wk.publish("orders", flow[1])
        checks = DeployChecks(wk.runtime.database, fresh.runtime.authoring)

        found = [(each.version.scope.tenant, each.version.version, each.version.open_runs, each.problems)
                 for each in checks.versions("default")]  # fmt: skip

        assert found == [("acme", 1, 0, ()), ("default", 2, 0, ()), ("default", 1, 2, ())]
        assert checks.gone_functions("default", fresh.declared) == [GoneFunction("shop/gone", 1)]
        assert checks.gone_functions("default", wk.declared) == []
        assert list(checks.versions("staging")) == []
    finally:
        fresh.stop()
        wk.stop()
