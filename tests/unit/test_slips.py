"""What developers get wrong, and what they are told: in steps, in what they return, in the environment."""

from __future__ import annotations

import logging
import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from services import wait_until

from workflowkit import AsyncStepContext, Event, Scope, Settings, StepContext, WorkflowKit
from workflowkit.base import settings
from workflowkit.base.errors import DefinitionError, NotFound
from workflowkit.base.secrets import Keyring, SecretUnreadable
from workflowkit.base.settings import unknown_variables
from workflowkit.store.outages import unavailable

ROOT = Path(__file__).resolve().parent.parent.parent
EVENT = {"name": "test", "data": {}}


def _load() -> int:
    return 1


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda ctx: ctx.step.invoke("x", _load, {}), "_load is no function that was made by @wk.function"),
        (lambda ctx: ctx.step.run(_load), "ctx.step.run('_load', _load)"),
        (lambda ctx: ctx.step.run(_load, ctx), "ctx.step.run('_load', _load)"),
        (lambda ctx: ctx.step.run("x"), "a step has an id, and then its function"),
        (lambda ctx: ctx.step.run("x", _load()), "step 'x' was given a value of type int, which cannot be called"),
        (lambda ctx: ctx.step.run("x", None), "step 'x' was given None, which cannot be called"),
        (
            lambda ctx: ctx.group.parallel([ctx.step.run("x", _load)]),
            "a branch of ctx.group.parallel is a function, not a value of type",
        ),
    ],
)
def test_steps_that_can_never_be_one_fail_at_once(call: Any, told: str) -> None:
    wk = WorkflowKit("shop")

    @wk.function("f", triggers=[], retries=3)
    def f(ctx: StepContext) -> Any:
        return call(ctx)

    @wk.function("g", triggers=[], retries=3)
    async def g(ctx: AsyncStepContext) -> Any:
        return await call(ctx)

    for function in (f, g):
        result = wk.engine.run(function, EVENT)
        assert result.error is not None
        assert told in result.error.message
        assert [step.attempts for step in result.steps] == [1]


def test_a_function_that_is_named_too_short_or_not_synced_yet_is_told_so(sqlite_url: str) -> None:
    wk = WorkflowKit("shop", settings=Settings(database_url=sqlite_url))

    @wk.function("label", triggers=[])
    def label(ctx: StepContext) -> None: ...

    try:
        with pytest.raises(NotFound, match="'label'; the function of this application is 'shop/label'"):
            wk.invoke("label")
        with pytest.raises(NotFound, match=r"'shop/label' is not in the database yet: .* wk\.sync\(\)"):
            wk.schedule(label, at=datetime(2100, 1, 1, tzinfo=UTC))
        with pytest.raises(NotFound, match=r"there is no published workflow 'other'$"):
            wk.invoke("other")
        wk.sync()
        assert wk.invoke(label)
    finally:
        wk.stop()


def test_a_file_that_a_transaction_of_one_s_own_holds_is_told_with_the_likely_cause() -> None:
    error = unavailable(sqlite3.OperationalError("database is locked"))
    assert "one of your own, perhaps, that has not been committed yet" in str(error)


def test_the_name_of_an_event_is_a_trigger_and_a_timedelta_a_timeout() -> None:
    wk = WorkflowKit("shop")

    @wk.function("f", trigger="user/created")
    def f(ctx: StepContext) -> None: ...

    @wk.function("g", triggers=["user/created", Event("user/changed")])
    def g(ctx: StepContext) -> None: ...

    assert [f.document["triggers"], g.document["triggers"]] == [
        [{"event": "user/created"}],
        [{"event": "user/created"}, {"event": "user/changed"}],
    ]

    @wk.action("a", timeout=timedelta(minutes=2))
    def a() -> None: ...

    spec = wk.registry.get("a")
    assert spec is not None
    assert spec.timeout_seconds == 120
    with pytest.raises(DefinitionError, match="or a timedelta, up to 24 hours"):
        wk.action("b", timeout=timedelta(days=2))(lambda: None)


def test_a_tenant_alone_is_no_scope() -> None:
    wk = WorkflowKit("shop", settings=Settings(database_url="sqlite://", environment="production"))
    event: dict[str, Any] = {"name": "a", "data": {}}
    calls: list[Callable[[Any], object]] = [
        lambda scope: wk.send(event, scope=scope),
        lambda scope: wk.publish("a", {}, scope=scope),
        lambda scope: wk.runs.list(scope=scope),
        lambda scope: wk.secrets.names(scope=scope),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=r"an environment and a tenant, Scope\('production', 'acme'\), not str"):
            call("acme")
    wk.stop()


def test_what_a_host_looks_for_is_in_its_own_environment(sqlite_url: str) -> None:
    wk = WorkflowKit("shop", settings=Settings(database_url=sqlite_url, environment="production"))

    @wk.function("ask", triggers=["order/placed"])
    def ask(ctx: StepContext) -> Any:
        return ctx.step.approval("ok", "Ok?", assignees=[7], timeout="1d")["status"]

    wk.sync()
    (sent,) = wk.send({"name": "order/placed", "data": {}})
    assert wk.events.get(sent.id).event.name == "order/placed"
    wk.alerts.create("Orders fail", {"kind": "failure_count", "failures": 10})
    assert len(wk.alerts.list(scope=Scope("production", "default"))) == 1
    wk.start(concurrency=1)
    try:
        assert wait_until(lambda: bool(wk.approvals.list(assignee=7)), timeout_seconds=60)
        (asked,) = wk.approvals.list(assignee="7")
        assert wk.approvals.decide(asked.record.id, "approved", actor=7).status == "approved"
        (run,) = wk.runs.list().runs
        assert wk.runs.get(run.id).run.workflow_id == "shop/ask"
    finally:
        wk.stop()


def test_decimals_and_ids_become_text_in_results_of_steps() -> None:
    wk = WorkflowKit("shop")

    @wk.function("f", triggers=[])
    def f(ctx: StepContext) -> Any:
        return ctx.step.run("a", lambda: {"price": Decimal("1.10"), "id": UUID(int=1)})

    output = wk.engine.run(f, EVENT).output
    assert output == {"price": "1.10", "id": "00000000-0000-0000-0000-000000000001"}


def test_variables_that_are_no_settings_are_told_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "_said", set())  # by other tests of this process
    environ = {
        "WORKFLOWKIT_DATABSE_URL": "hidden", "WORKFLOWKIT_LIMIT_EVENT_BYTE": "5", "WORKFLOWKIT_ZZZ": "1",
        "WORKFLOWKIT_APP": "a:b", "WORKFLOWKIT_TEST_PG_BIN": "x", "WORKFLOWKIT_QUEUES": "a", "OTHER": "x",
    }  # fmt: skip
    with caplog.at_level(logging.WARNING):
        Settings.from_environment(environ)
        Settings.from_environment(environ)
    said = "the environment variable"
    assert caplog.messages == [
        f"{said} WORKFLOWKIT_DATABSE_URL is no setting (did you mean WORKFLOWKIT_DATABASE_URL?)",
        f"{said} WORKFLOWKIT_LIMIT_EVENT_BYTE is no setting (did you mean WORKFLOWKIT_LIMIT_EVENT_BYTES?)",
        *(text for text in unknown_variables(environ) if "WORKFLOWKIT_ZZZ" in text),
    ]


def test_variables_that_are_read_anywhere_are_known() -> None:
    read: set[str] = set()
    for path in [ROOT / "wk", *(ROOT / "workflowkit").rglob("*.py"), *(ROOT / "scripts").glob("*.py")]:
        read |= set(re.findall(r"WORKFLOWKIT_[A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8")))
    assert "WORKFLOWKIT_LOG_FORMAT" in read
    # What is only an example of a slip.
    assert unknown_variables(dict.fromkeys(read - {"WORKFLOWKIT_DATABSE_URL"}, "")) == []


def test_another_key_of_the_same_id_is_named_as_what_it_may_be() -> None:
    sealed = Keyring({"main": b"a" * 32}).seal("value", "place")
    with pytest.raises(SecretUnreadable, match="does not open with the key 'main' of WORKFLOWKIT_SECRET_KEY"):
        Keyring({"main": b"b" * 32}).open(sealed, "place")


def test_a_function_that_comes_after_the_start_is_synced_and_told(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    wk = WorkflowKit("shop", settings=Settings(database_url=sqlite_url))
    wk.start(concurrency=1)
    try:

        @wk.function("late", triggers=[])
        def late(ctx: StepContext) -> None: ...

        assert wk.invoke(late, {})  # raises NotFound for what was never synced
        assert "'shop/late' is registered after the start" in caplog.text
    finally:
        wk.stop()


def test_what_kubernetes_tells_each_pod_of_a_service_is_no_slip() -> None:
    url = "tcp://10.0.0.1:8288"
    told = {
        "WORKFLOWKIT_SERVICE_HOST": "10.0.0.1", "WORKFLOWKIT_SERVICE_PORT": "8288",
        "WORKFLOWKIT_API_SERVICE_PORT_HTTP": "8288", "WORKFLOWKIT_PORT": url, "WORKFLOWKIT_PORT_8288_TCP": url,
        "WORKFLOWKIT_PORT_8288_TCP_ADDR": "10.0.0.1", "WORKFLOWKIT_API_PORT_8288_TCP_PROTO": "tcp",
    }  # fmt: skip
    assert unknown_variables(told) == []
    (message,) = unknown_variables({"WORKFLOWKIT_PORT": "8288"})
    assert message.startswith("the environment variable WORKFLOWKIT_PORT is no setting")
