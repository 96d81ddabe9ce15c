"""The repositories of tenant data take the scope right after the transaction, and put it into their SQL."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from workflowkit.base.scope import Scope
from workflowkit.definition.runsearch import parse_search
from workflowkit.engine.alerts import AlertKind, AlertSettings, Condition
from workflowkit.engine.approvals import ApprovalRequest, Decision, Status, Verdict
from workflowkit.engine.channels import Message
from workflowkit.store import (
    alerts,
    approvals,
    apps,
    appsyncs,
    audit,
    callbacks,
    eventids,
    eventtypes,
    following,
    keys,
    members,
    messages,
    queries,
    runsearch,
    schedules,
    secrets,
    webhookoutcomes,
    webhooks,
    webhooksamples,
    workflows,
)
from workflowkit.store.database import Database

REPOSITORIES = (
    alerts, apps, appsyncs, approvals, audit, callbacks, eventids, eventtypes, following, keys, members, messages,
    queries, runsearch, schedules, secrets, webhookoutcomes, webhooks, webhooksamples, workflows,
)  # fmt: skip
#: The functions that find a scope, by something unguessable (or on the way to check it), instead of taking it; and what
#: the operator's own command looks at: one sealed secret for each key.
FINDS_THE_SCOPE = {
    keys.find_by_hash, webhooks.find_by_token, approvals.find_by_id, callbacks.find_by_token, following.revisions,
    messages.grown, audit.find_old, secrets.samples,
}  # fmt: skip
#: Those whose ``before`` is an id.
FINDS_BEFORE_AN_ID = {
    queries.find_runs, queries.find_events, keys.find, appsyncs.find, runsearch.candidates, runsearch.window_end,
}  # fmt: skip


def _functions() -> list[Callable[..., Any]]:
    return [
        function
        for module in REPOSITORIES
        for name, function in vars(module).items()
        if inspect.isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_")
    ]


def test_every_repository_function_takes_the_scope_second() -> None:
    assert len(_functions()) > 20
    for function in _functions():
        names = list(inspect.signature(function).parameters)[:2]
        if function in FINDS_THE_SCOPE:
            assert "scope" not in names
        else:
            assert names == ["tx", "scope"], function.__qualname__


@pytest.mark.parametrize(
    "function", [f for f in _functions() if f not in FINDS_THE_SCOPE], ids=lambda f: f.__qualname__
)
def test_every_statement_names_environment_and_tenant(sqlite_url: str, function: Any) -> None:
    statements: list[str] = []
    database = Database.open(sqlite_url)
    with database.read() as tx:
        driver: Any = tx.connection.connection.driver_connection
        driver.set_trace_callback(statements.append)  # the text with its parameters filled in
        try:
            function(tx, Scope("this-environment", "this-tenant"), **_arguments(function))
        except Exception as error:  # not found, or a missing parent row: the statement was sent
            assert type(error).__name__ in ("NotFound", "IntegrityError"), error  # noqa: PT017
    database.close()
    sent = [text for text in statements if not text.startswith(("BEGIN", "ROLLBACK"))]
    assert sent
    for text in sent:
        for word in ("environment", "tenant", "'this-environment'", "'this-tenant'"):
            assert word in text, text


def _arguments(function: Callable[..., Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "where": queries.RunFilter() if function is queries.find_runs else queries.EventFilter(),
        "record": keys.KeyRecord("k", Scope("this-environment", "this-tenant"), "n", "p", frozenset(), None, 1),
        "document": {}, "enabled": True, "archived": True, "archived_at_ms": 1,
        "triggers": (), "limit": 5, "version": 1, "revision": 1, "before": 7,
        "not_after_ms": 1, "window_ms": 1, "schedules": (), "function_ids": (), "event_ids": ["x"], "after_position": 0,
        "after_ms": 1, "sync": appsyncs.SyncRow("x", "x", 1), "origin": apps.Origin("x", "x", "x"),
        "messages": [Message("room", "news", "1")], "until_ms": 1, "most": 5,
        "after": 0 if function in (following.find_facts, messages.find_after, audit.find_after) else "x",
        "new": audit.NewEntry("a", "", "b", "c"), "chosen": audit.AuditFilter(), "before_ms": 1,
        "choice": runsearch.RunChoice(), "window": 5, "ids": ["x"],
        "since_id": "x", "clue": "x", "chars": 6, "search": parse_search("event.data.a == 'b'"),
        "schedule": schedules.ScheduleRow("x", 0, "* * * * *", "UTC", 0, "allow", 0, 1, 1),
    }  # fmt: skip
    if function in (webhooks.insert, webhooks.update):
        scope = Scope("this-environment", "this-tenant")
        made["record"] = webhooks.WebhookRecord(scope, "w", {}, None, None, None, True, 1, 1)
    if function in (alerts.insert, alerts.update):
        made["rule"] = alerts.AlertRow("x", AlertSettings("x", Condition(AlertKind.FAILURE_COUNT)), 1, 1)
    if function is approvals.insert:
        made["record"] = approvals.ApprovalRecord(
            "a", Scope("this-environment", "this-tenant"), "r", "w", "s", "s/a", ApprovalRequest("t", assignees=("x",)),
            Status.OPEN, 1, 2,
        )  # fmt: skip
    if function is callbacks.insert:
        made["record"] = callbacks.CallbackRecord("c", Scope("this-environment", "this-tenant"), "r", "s", "h", 1, 2)
    if function is approvals.decisions_of:
        made["approval_ids"] = ["x"]
    if function is approvals.find:
        made |= {"before": "x", "wanted": approvals.ApprovalFilter(Status.OPEN, "x", "x", "x", "x")}
    if function is approvals.close:
        made["status"] = Status.APPROVED
    if function is approvals.decide:
        made |= {"decision": Decision("x", Verdict.APPROVED, "", None, 1), "position": 0}
    if function in FINDS_BEFORE_AN_ID:
        made["before"] = "x"
    parameters = list(inspect.signature(function).parameters)[2:]
    return {name: made.get(name, "x") for name in parameters}
