"""Applications: archived and brought back, and the history of their syncs."""

from __future__ import annotations

from typing import Any

import pytest
from functions import ENVIRONMENT, Code, happen, output_of
from runtimes import Harness, a_runtime

from workflowkit.base.errors import Conflict, NotFound
from workflowkit.base.limits import Limits
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.engine.context import StepContext
from workflowkit.store.appsyncs import UNATTACHED


def _shop(version: str | None = None, *, with_second: bool = False) -> Code:
    code = Code(version)

    @code.function()
    def fn(ctx: StepContext) -> Any:
        ctx.step.sleep("nap", "1h")
        return "done"

    if with_second:

        @code.function("second")
        def second(ctx: StepContext) -> Any:
            return None

    return code


def _run_count(harness: Harness) -> int:
    return len(harness.rows("SELECT id FROM runs"))


def test_an_archived_application_begins_no_runs_and_finishes_those_it_has(database_url: str) -> None:
    with _shop().running(database_url) as harness:
        apps = harness.runtime.apps
        happen(harness)
        assert apps.archive(ENVIRONMENT, "shop").archived_functions == ("shop/fn",)
        happen(harness)
        assert _run_count(harness) == 1
        with pytest.raises(Conflict):
            harness.runtime.invoking.invoke(DEFAULT_SCOPE, "shop/fn", {})
        harness.skip(3600)
        assert output_of(harness) == "done"
        assert apps.archive(ENVIRONMENT, "shop").archived_at_ms is not None
        back = apps.unarchive(ENVIRONMENT, "shop")
        assert (back.archived_at_ms, back.archived_functions) == (None, ())
        happen(harness)
        assert _run_count(harness) == 2


def test_a_function_that_was_off_stays_off_when_its_application_comes_back(sqlite_url: str) -> None:
    with _shop(with_second=True).running(sqlite_url) as harness:
        harness.runtime.authoring.set_enabled(_owner(), "shop/second", False)
        harness.runtime.apps.archive(ENVIRONMENT, "shop")
        harness.runtime.apps.unarchive(ENVIRONMENT, "shop")
        happen(harness)
        assert harness.column("SELECT workflow_id FROM runs") == ["shop/fn"]


def test_the_same_code_leaves_an_application_archived_and_changed_code_brings_it_back(sqlite_url: str) -> None:
    with _shop().running(sqlite_url) as harness:
        apps = harness.runtime.apps
        apps.archive(ENVIRONMENT, "shop")
        _shop().sync(harness)
        assert apps.get(ENVIRONMENT, "shop").archived_at_ms is not None
        _shop("2").sync(harness)
        assert apps.get(ENVIRONMENT, "shop").archived_at_ms is None
        happen(harness)
        assert _run_count(harness) == 1


def test_syncs_that_changed_something_are_kept_newest_first(database_url: str) -> None:
    with _shop("1").running(database_url) as harness:
        apps = harness.runtime.apps
        harness.clock.advance(seconds=1)
        _shop("1").sync(harness)
        _shop("2", with_second=True).sync(harness)
        harness.clock.advance(seconds=1)
        _shop("3").sync(harness)
        found = apps.syncs(ENVIRONMENT, limit=10, app_id="shop")
        assert [(each.app_version, each.function_count) for each in found] == [("3", 1), ("2", 2), ("1", 1)]
        assert (found[0].retired, found[1].published) == (("shop/second",), ("shop/fn", "shop/second"))
        assert apps.syncs(ENVIRONMENT, limit=10, app_id="shop", before=found[1].id) == [found[2]]


def test_a_failed_sync_is_kept_with_its_app_or_with_none(database_url: str) -> None:
    with _shop().running(database_url) as harness:
        apps = harness.runtime.apps
        known = apps.note_failure(ENVIRONMENT, "it broke\0", url="http://a.example", app_id="shop")
        unknown = apps.note_failure(ENVIRONMENT, "what?", url=None, app_id="nobody")
        assert (known.app_id, known.status, known.error) == ("shop", "failed", "it broke\N{REPLACEMENT CHARACTER}")
        assert apps.syncs(ENVIRONMENT, limit=10, app_id=UNATTACHED) == [unknown]
        assert unknown.app_id == UNATTACHED
        assert known in apps.syncs(ENVIRONMENT, limit=10)


def test_a_failure_that_is_repeated_is_kept_once_with_its_last_time(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        apps = harness.runtime.apps
        first = apps.note_failure(ENVIRONMENT, "it is away", url="http://a.example", app_id="")
        harness.clock.advance(seconds=5)
        again = apps.note_failure(ENVIRONMENT, "it is away", url="http://a.example", app_id="")
        assert (again.id, again.at_ms) == (first.id, first.at_ms + 5_000)
        assert apps.syncs(ENVIRONMENT, limit=10) == [again]
        other = apps.note_failure(ENVIRONMENT, "it says no", url="http://a.example", app_id="")
        assert apps.syncs(ENVIRONMENT, limit=10) == [other, again]


def test_of_the_syncs_of_an_app_the_latest_are_kept(sqlite_url: str) -> None:
    with a_runtime(sqlite_url, limits=Limits(app_syncs=2)) as harness:
        for number in range(4):
            harness.clock.advance(seconds=1)
            harness.runtime.apps.note_failure(ENVIRONMENT, str(number), url=None, app_id="")
        kept = harness.runtime.apps.syncs(ENVIRONMENT, limit=10)
        assert [each.error for each in kept] == ["3", "2"]


def test_what_was_never_synced_does_not_exist(sqlite_url: str) -> None:
    with a_runtime(sqlite_url) as harness:
        apps = harness.runtime.apps
        for call in (apps.get, apps.archive, apps.unarchive):
            with pytest.raises(NotFound):
                call(ENVIRONMENT, "nothing")
        with pytest.raises(NotFound):
            apps.syncs(ENVIRONMENT, limit=1, app_id="nothing")
        assert apps.find(ENVIRONMENT, limit=10) == []


def _owner() -> Any:
    from workflowkit.base.scope import APP_TENANT, Scope

    return Scope(ENVIRONMENT, APP_TENANT)
