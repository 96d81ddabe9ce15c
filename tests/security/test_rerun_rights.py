"""Whoever repeats runs gets nothing by it that is for others: no secret, no decision, no version."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from people import Browser, a_user
from runtimes import a_registry
from webapi import Client, Web, a_document, a_web, problems_of

from workflowkit.base.errors import Forbidden
from workflowkit.base.scope import DEFAULT_SCOPE, FUNCTION_PREFIX
from workflowkit.base.secrets import Keyring
from workflowkit.definition.build import build
from workflowkit.engine.again import Place
from workflowkit.engine.context import StepContext
from workflowkit.runtime.auditing import By
from workflowkit.runtime.rerunning import Again
from workflowkit.runtime.rights import OVERRIDE, PUBLISH, Repeated
from workflowkit.runtime.roles import ROLES

KEY = Keyring.generate().render()
PAY = {"id": "pay", "kind": "noop", "inputs": {"value": {"amount": "!ref($.event.data.amount)"}}}
ASK = {"id": "ask", "kind": "builtin:approval", "inputs": {"title": "Pay?", "assignees": ["boss@example.org"]}}
IF_APPROVED = {"type": "match", "ref": "!ref($.output.status)", "value": "approved"}
TO_PAY = {"from": "ask", "to": "pay", "conditional": IF_APPROVED}
ASKING = a_document(event="go", actions=[ASK, PAY], edges=[{"from": "$source", "to": "ask"}, TO_PAY])


@contextmanager
def _web(url: str, **settings: Any) -> Iterator[tuple[Web, Client, Client]]:
    """Open the API; yield it with an administrator and an operator."""
    registry = a_registry()

    @registry.action("asks")
    def asks(ctx: StepContext, whom: str = "boss@example.org") -> Any:
        return ctx.step.approval("it", title="Pay?", assignees=[whom], timeout="1d")

    with a_web(url, registry=registry, secret_key=KEY, **settings) as web:
        yield web, web.client(ROLES["admin"]), web.client(ROLES["operator"])


def _publish(admin: Client, document: dict[str, Any], workflow_id: str = "w") -> None:
    if admin.post("/api/workflows", {"id": workflow_id, "document": document}).status_code != 201:
        tag = admin.get(f"/api/workflows/{workflow_id}/draft").headers["ETag"]
        admin.put(f"/api/workflows/{workflow_id}/draft", {"document": document}, headers={"If-Match": tag})
    published = admin.post(f"/api/workflows/{workflow_id}/publish")
    assert published.status_code == 201, published.get_json()


def _run(web: Web, data: Any = None, name: str = "go") -> str:
    web.harness.send(name, data or {"amount": 100})
    web.harness.drain()
    return str(web.harness.rows("SELECT id FROM runs WHERE path IS NULL ORDER BY id DESC")[0]["id"])


def _decide(web: Web, decision: str = "approved") -> None:
    key = web.client(["approvals:read", "approvals:decide", "approvals:impersonate"])
    for asked in key.get("/api/approvals?status=open").get_json()["items"]:
        body = {"decision": decision, "actor": "boss@example.org"}
        assert key.post(f"/api/approvals/{asked['id']}/decision", body).status_code == 200
    web.harness.drain()


def _refused(client: Client, run_id: str, body: dict[str, Any], *, what: str = "rerun") -> tuple[str, str]:
    """Return the pointer and the permission that are named; assert that nothing has begun."""
    response = client.post(f"/api/runs/{run_id}/{what}", body)
    assert response.status_code == 403, response.get_json()
    ((pointer, code),) = problems_of(response)
    assert code == "forbidden"
    return pointer, next(each for each in (PUBLISH, OVERRIDE) if each in response.get_json()["detail"])


# --- secrets


def _charging(url: str) -> dict[str, Any]:
    inputs = {"url": url, "bearer": "!secret(stripe)"}
    return a_document(
        event="go",
        actions=[{"id": "charge", "kind": "http_request", "inputs": inputs}],
        edges=[{"from": "$source", "to": "charge"}],
    )


def test_inputs_beside_a_secret_are_edited_by_those_who_may_publish(sqlite_url: str) -> None:
    with _web(sqlite_url) as (web, admin, operator):
        assert admin.post("/api/secrets", {"name": "stripe", "value": "sk_live_CANARY"}).status_code == 201
        _publish(admin, _charging("https://stripe.invalid/"))
        run_id = _run(web)
        edited = {"url": "https://evil.invalid/", "bearer": "!secret(stripe)"}
        body = {"from_step": "charge", "inputs": edited}
        assert _refused(operator, run_id, body) == ("/inputs", PUBLISH)
        assert web.count("runs") == 1
        # As it is, and with all rights, it is repeated; and the application may do everything.
        assert operator.post(f"/api/runs/{run_id}/rerun", {"from_step": "charge"}).status_code == 201
        assert admin.post(f"/api/runs/{run_id}/rerun", body).status_code == 201
        web.harness.runtime.rerunning.rerun(DEFAULT_SCOPE, run_id, Again("charge", edited))


_SECRET = {"bearer": "!secret(stripe)"}
_FIXED = {"url": "https://stripe.invalid/", **_SECRET}


def _needs(actions: list[dict[str, Any]], edges: list[tuple[str, str]], place: str = "a", **more: Any) -> list[str]:
    ways = [{"from": source, "to": target} for source, target in edges]
    workflow = build(a_document(event="go", actions=actions, edges=ways, **more))
    repeated = Repeated(workflow, Place(place), is_published=True, asks=False)
    return [need.permission for need in repeated.needs_of_inputs()]


def _http(node_id: str, **inputs: Any) -> dict[str, Any]:
    return {"id": node_id, "kind": "http_request", "inputs": inputs}


def _noop(node_id: str, value: Any = 1) -> dict[str, Any]:
    return {"id": node_id, "kind": "noop", "inputs": {"value": value}}


def _loop(node_id: str, items: Any, *body: dict[str, Any]) -> dict[str, Any]:
    edges = [{"from": "$source", "to": each["id"]} for each in body]
    return {
        "id": node_id, "kind": "builtin:for_each", "inputs": {"items": items},
        "body": {"actions": list(body), "edges": edges},
    }  # fmt: skip


def test_inputs_that_reach_a_secret_elsewhere_count_as_well() -> None:
    first = [("$source", "a")]
    then = [*first, ("a", "b")]
    # A step after it that reads what it gives, at once or by another one.
    assert _needs([_noop("a"), _http("b", url="!ref($.state.a)", **_SECRET)], then) == [PUBLISH]
    assert _needs([_noop("a"), _http("b", **_FIXED, body="!ref($.state)")], then) == [PUBLISH]
    by_another = [_noop("a"), _noop("b", "!ref($.state.a)"), _http("c", url="!ref($.state.b)", **_SECRET)]
    assert _needs(by_another, [*then, ("b", "c")]) == [PUBLISH]
    # Items of a loop, and of a loop in a loop.
    sends = _http("send", url="!ref($.item.url)", **_SECRET)
    assert _needs([_loop("a", [1], sends)], first) == [PUBLISH]
    assert _needs([_loop("a", [1], _loop("inner", "!ref($.item)", sends))], first) == [PUBLISH]
    assert _needs([_noop("a"), _loop("b", "!ref($.state.a)", sends)], then) == [PUBLISH]
    # What undoes it, and what follows its failure.
    undo = {"kind": "http_request", "inputs": {"url": "!ref($.state.a)", **_SECRET}}
    undone = {**_noop("a"), "settings": {"compensate": undo}}
    assert _needs([undone], first) == [PUBLISH]
    after = {
        "actions": [_noop("x", "!ref($.state.a)"), _http("y", url="!ref($.state.x)", **_SECRET)],
        "edges": [{"from": "$source", "to": "x"}, {"from": "x", "to": "y"}],
    }
    assert _needs([_noop("a")], first, settings={"on_failure": after}) == [PUBLISH]


def test_inputs_that_reach_no_secret_need_nothing() -> None:
    then = [("$source", "a"), ("a", "b")]
    assert _needs([_noop("a"), _noop("b", "!ref($.state.a)")], then) == []
    # The secret goes where the document says.
    assert _needs([_noop("a"), _http("b", **_FIXED)], then) == []
    assert _needs([_noop("a"), _loop("b", [1], _http("send", **_FIXED))], then) == []
    # It is executed before, or beside.
    before = [_http("s", url="!ref($.state.z)", **_SECRET), _noop("a"), _noop("z")]
    assert _needs(before, [("$source", "z"), ("z", "s"), ("s", "a")]) == []
    failed = {"actions": [_http("tell", **_FIXED, body="!ref($.error)")], "edges": [{"from": "$source", "to": "tell"}]}
    assert _needs([_noop("a")], [("$source", "a")], settings={"on_failure": failed}) == []


def test_what_may_have_checked_where_a_secret_goes_is_edited_by_those_who_may_publish() -> None:
    then = [("$source", "a"), ("a", "b")]
    # By what it gives or by failing: then no secret goes where the event says.
    assert _needs([_noop("a"), _http("b", url="!ref($.event.data.url)", **_SECRET)], then) == [PUBLISH]
    sends = _http("send", url="!ref($.event.data.url)", **_SECRET)
    assert _needs([_noop("a"), _loop("b", [1], sends)], then) == [PUBLISH]


def _guarded(condition: Any = None) -> dict[str, Any]:
    where = "!ref($.event.data.url)"
    guard = {"id": "guard", "kind": "noop", "inputs": {"value": where}}
    charge = {"id": "charge", "kind": "http_request", "inputs": {"url": where, "bearer": "!secret(stripe)"}}
    edges = [{"from": "$source", "to": "guard"}, {"from": "guard", "to": "charge", **(condition or {})}]
    return a_document(event="go", actions=[guard, charge], edges=edges)


_IF_OURS = {"conditional": {"type": "match", "ref": "!ref($.output)", "value": "https://stripe.invalid/"}}


def test_other_data_reaches_no_secret_past_what_has_checked_the_first(sqlite_url: str) -> None:
    evil = {"url": "https://evil.invalid/"}
    with _web(sqlite_url) as (web, admin, operator):
        assert admin.post("/api/secrets", {"name": "stripe", "value": "sk_live_CANARY"}).status_code == 201
        _publish(admin, _guarded())
        before = _run(web, {"url": "https://stripe.invalid/"})
        _publish(admin, _guarded(_IF_OURS))
        web.harness.skip(1)  # what is newest has a later id
        run_id = _run(web, {"url": "https://stripe.invalid/"})
        assert _refused(operator, run_id, {"from_step": "charge", "data": evil}) == ("/data", PUBLISH)
        # Nor in a version that did not check it.
        assert _refused(operator, before, {"data": evil}) == ("/data", PUBLISH)
        assert web.count("runs") == 2
        asked = operator.get(f"/api/runs/{run_id}/rerun?from_step=charge").get_json()
        assert asked["data_need"] == [PUBLISH]
        # All of it, and it is checked; as it was, and it has been.
        for body in ({"data": evil}, {"from_step": "charge"}):
            assert operator.post(f"/api/runs/{run_id}/rerun", body).status_code == 201
        assert operator.post(f"/api/runs/{before}/rerun", {"data": evil, "version": "latest"}).status_code == 201
        assert admin.post(f"/api/runs/{run_id}/rerun", {"from_step": "charge", "data": evil}).status_code == 201


def test_a_version_reaches_no_secret_past_what_had_not_checked_it_yet(sqlite_url: str) -> None:
    evil = {"url": "https://evil.invalid/"}
    with _web(sqlite_url) as (web, admin, operator):
        assert admin.post("/api/secrets", {"name": "stripe", "value": "sk_live_CANARY"}).status_code == 201
        _publish(admin, _guarded())
        run_id, again = _run(web, evil), {"from_step": "charge", "version": "latest"}
        # The way on has got a condition: it counts.
        _publish(admin, _guarded(_IF_OURS))
        new_id = operator.post(f"/api/runs/{run_id}/rerun", again).get_json()["run_id"]
        web.harness.drain()
        facts = web.harness.rows("SELECT kind FROM journal WHERE run_id = :id AND step_key = 'charge'", id=new_id)
        assert facts == [{"kind": "skipped"}]
        # The step before it has become another one, which may check.
        guarded = _guarded()
        guarded["actions"][0] |= {"inputs": {"value": {"checked": "!ref($.event.data.url)"}}}
        _publish(admin, guarded)
        assert _refused(operator, run_id, again) == ("/version", PUBLISH)
        assert operator.post(f"/api/runs/{run_id}/rerun", {"version": "latest"}).status_code == 201
        assert admin.post(f"/api/runs/{run_id}/rerun", again).status_code == 201


@pytest.mark.parametrize(
    ("triggers", "needs"),
    [
        ([{"event": "go", "if": "event.data.url.startsWith('https://stripe.invalid/')"}], [PUBLISH]),
        ([{"webhook": "stripe"}], [PUBLISH]),  # whose data nobody here writes
        ([{"cron": "0 0 * * *"}], [PUBLISH]),
        ([{"event": "workflow/run.failed"}], [PUBLISH]),  # which nobody can send
        ([{"webhook": "stripe"}, {"manual": True}], []),
        ([{"event": "go"}], []),
    ],
)
def test_other_data_reaches_no_secret_past_what_triggers_ask(triggers: list[Any], needs: list[str]) -> None:
    repeated = Repeated(build({**_guarded(), "triggers": triggers}), None, is_published=True, asks=False)
    assert [need.permission for need in repeated.needs_of_data()] == needs


def test_what_a_function_has_checked_is_kept_for_the_same_data_only() -> None:
    assert _function_needs(Place("f", "charge")) == [PUBLISH]
    assert _function_needs(Place("f")) == _function_needs(None) == []


def _function_needs(place: Place | None, *triggers: dict[str, Any], is_published: bool = True) -> list[str]:
    document = a_document(event="go", actions=[_noop("f")], edges=[{"from": "$source", "to": "f"}])
    function = build({**document, "triggers": [*triggers] or document["triggers"]})
    node = replace(function.nodes["f"], kind=f"{FUNCTION_PREFIX}f")
    repeated = Repeated(replace(function, nodes={"f": node}), place, is_published=is_published, asks=False)
    return [need.permission for need in repeated.needs_of_data()]


@pytest.mark.parametrize("place", [None, Place("f")])
def test_other_data_reaches_no_function_past_what_its_triggers_ask(place: Place | None) -> None:
    # Whether it asks for a secret stands in its code.
    for trigger in ({"event": "go", "if": "event.data.ok"}, {"webhook": "stripe"}, {"cron": "0 0 * * *"}):
        assert _function_needs(place, trigger) == [PUBLISH]
    assert _function_needs(place, is_published=False) == [PUBLISH]
    assert _function_needs(place, {"webhook": "stripe"}, {"event": "go"}) == []


def test_which_workflow_a_step_runs_is_chosen_by_those_who_may_publish() -> None:
    runs = {"id": "a", "kind": "builtin:run_workflow", "inputs": {"workflow": "payout"}}
    assert _needs([runs], [("$source", "a")]) == [PUBLISH]
    # Nor by a step before it, or around it: it is the other workflow that has the secret.
    then = [("$source", "a"), ("a", "b")]
    for inputs in ({"workflow": "!ref($.state.a)"}, {"workflow": "payout", "data": {"to": "!ref($.state.a)"}}):
        assert _needs([_noop("a"), {**runs, "id": "b", "inputs": inputs}], then) == [PUBLISH]
    inside = {**runs, "id": "x", "inputs": {"workflow": "!ref($.item)"}}
    assert _needs([_loop("a", ["payout"], inside)], [("$source", "a")]) == [PUBLISH]
    assert _needs([_noop("a"), {**runs, "id": "b"}], then) == []


# --- approvals


def test_whom_an_approval_asks_is_edited_by_those_who_may_override(sqlite_url: str) -> None:
    with _web(sqlite_url) as (web, admin, operator):
        _publish(admin, ASKING)
        run_id = _run(web)
        for inputs in ({"title": "Pay?", "assignees": ["eve@example.org"]}, {"title": "Pay?"}):
            body = {"from_step": "ask", "inputs": inputs}
            assert _refused(operator, run_id, body) == ("/inputs", OVERRIDE)
        assert _refused(operator, run_id, {"from_step": "pay", "data": {"amount": 1}}) == ("/data", OVERRIDE)
        assert web.count("runs") == 1
        assert operator.post(f"/api/runs/{run_id}/rerun", {"from_step": "ask"}).status_code == 201
        # Other data from the start: people are asked about it.
        assert operator.post(f"/api/runs/{run_id}/rerun", {"data": {"amount": 1}}).status_code == 201
        assert admin.post(f"/api/runs/{run_id}/rerun", {"from_step": "ask", "inputs": inputs}).status_code == 201


def test_a_decision_is_used_for_what_it_was_about(sqlite_url: str) -> None:
    with _web(sqlite_url) as (web, admin, operator):
        _publish(admin, ASKING)
        run_id = _run(web)
        _decide(web)
        body: dict[str, Any] = {"from_step": "pay", "inputs": {"value": {"amount": 1_000_000}}}
        assert _refused(operator, run_id, body) == ("/inputs", OVERRIDE)
        assert _refused(operator, run_id, {"from_step": "pay", "data": {"amount": 1}}) == ("/data", OVERRIDE)
        assert operator.post(f"/api/runs/{run_id}/rerun", {"from_step": "pay"}).status_code == 201
        assert admin.post(f"/api/runs/{run_id}/rerun", body).status_code == 201


def test_an_approval_counts_wherever_it_is(sqlite_url: str) -> None:
    asks = {**ASK, "id": "each"}
    loop = _loop("l", [1], asks)
    document = a_document(
        event="go", actions=[loop, PAY], edges=[{"from": "$source", "to": "l"}, {"from": "l", "to": "pay"}]
    )
    with _web(sqlite_url) as (web, admin, operator):
        _publish(admin, document)
        run_id = _run(web)
        assert _refused(operator, run_id, {"from_step": "pay", "inputs": {"value": 1}}) == ("/inputs", OVERRIDE)


@pytest.mark.parametrize("by", ["handler", "workflow"])
def test_an_approval_that_the_document_does_not_show_counts_once_it_was_asked(sqlite_url: str, by: str) -> None:
    asks: dict[str, Any] = {"id": "ask", "kind": "asks"}
    if by == "workflow":
        asks = {"id": "ask", "kind": "builtin:run_workflow", "inputs": {"workflow": "other"}}
    document = a_document(
        event="go", actions=[asks, PAY], edges=[{"from": "$source", "to": "ask"}, {"from": "ask", "to": "pay"}]
    )
    with _web(sqlite_url) as (web, admin, operator):
        other = a_document(event="never", actions=[ASK], edges=[{"from": "$source", "to": "ask"}])
        _publish(admin, other, "other")
        _publish(admin, document)
        web.harness.send("go", {"amount": 100})
        web.harness.drain()
        (row,) = web.harness.rows("SELECT id FROM runs WHERE workflow_id = 'w'")
        _decide(web)
        body = {"from_step": "pay", "inputs": {"value": 1}}
        assert _refused(operator, row["id"], body) == ("/inputs", OVERRIDE)
        # Nor is it forgotten by a run that has kept what came of it.
        again = operator.post(f"/api/runs/{row['id']}/rerun", {"from_step": "pay"}).get_json()["run_id"]
        web.harness.drain()
        assert _refused(operator, again, body) == ("/inputs", OVERRIDE)


def test_an_approval_that_was_added_since_counts_for_what_is_edited(sqlite_url: str) -> None:
    plain = a_document(event="go", actions=[PAY], edges=[{"from": "$source", "to": "pay"}])
    with _web(sqlite_url) as (web, admin, operator):
        _publish(admin, plain)
        run_id = _run(web)
        _publish(admin, ASKING)
        assert _refused(operator, run_id, {"data": {"amount": 1_000_000}}) == ("/data", OVERRIDE)
        assert _refused(operator, run_id, {"from_step": "pay", "inputs": {"value": 1}}) == ("/inputs", OVERRIDE)
        # What has happened once may happen again; and on the published version people are asked.
        assert operator.post(f"/api/runs/{run_id}/rerun").status_code == 201
        latest = {"version": "latest", "data": {"amount": 1_000_000}}
        assert operator.post(f"/api/runs/{run_id}/rerun", latest).status_code == 201


def test_another_version_is_chosen_by_those_who_may_publish(sqlite_url: str) -> None:
    waits = {"id": "nap", "kind": "builtin:wait", "inputs": {"duration": "1d"}}
    first = a_document(event="go", actions=[waits, PAY],
                       edges=[{"from": "$source", "to": "nap"}, {"from": "nap", "to": "pay"}])  # fmt: skip
    with _web(sqlite_url) as (web, admin, operator):
        for number in range(3):
            _publish(admin, _changed(first, number))
        run_id = _run(web)
        assert _refused(operator, run_id, {"version": 1}) == ("/version", PUBLISH)
        assert _refused(operator, run_id, {"version": 1}, what="move") == ("/version", PUBLISH)
        assert _refused(operator, run_id, {"version": 2, "dry_run": True}, what="move") == ("/version", PUBLISH)
        for version in (3, "original", "latest"):
            assert operator.post(f"/api/runs/{run_id}/rerun", {"version": version}).status_code == 201
        assert operator.post(f"/api/runs/{run_id}/move", {"version": 3}).status_code == 200
        assert admin.post(f"/api/runs/{run_id}/move", {"version": 1}).get_json()["is_moved"]
        # Its own by now, and back to the published one.
        assert operator.post(f"/api/runs/{run_id}/rerun", {"version": 1}).status_code == 201
        assert operator.post(f"/api/runs/{run_id}/move").get_json()["is_moved"]


def _changed(document: dict[str, Any], number: int) -> dict[str, Any]:
    nap, pay = document["actions"]
    return document | {"actions": [nap, {**pay, "inputs": {"value": number}}]}


@pytest.mark.parametrize("changed", [{"needed": 2, "assignees": ["a@example.org", "b@example.org"]}, None])
def test_a_decision_is_not_kept_where_people_are_asked_something_else_by_now(
    sqlite_url: str, changed: dict[str, Any] | None
) -> None:
    """``None``: what was no approval before is one, under the same id."""
    before = ASK if changed else {"id": "ask", "kind": "noop", "inputs": {"value": {"status": "approved"}}}
    after = {**ASK, "inputs": {"title": "Pay?", **(changed or {})}}
    edges = [{"from": "$source", "to": "ask"}, TO_PAY]
    with _web(sqlite_url) as (web, admin, operator):
        _publish(admin, a_document(event="go", actions=[before, PAY], edges=edges))
        run_id = _run(web)
        _decide(web)
        assert web.client().get(f"/api/runs/{run_id}").get_json()["status"] == "completed"
        _publish(admin, a_document(event="go", actions=[after, PAY], edges=edges))
        body = {"from_step": "pay", "version": "latest"}
        again = operator.post(f"/api/runs/{run_id}/rerun", body).get_json()["run_id"]
        web.harness.drain()
        steps = operator.get(f"/api/runs/{again}").get_json()["steps"]
        assert [(step["id"], step["status"]) for step in steps] == [("ask", "waiting")]


def test_the_decision_of_an_approval_that_has_not_changed_is_kept_on_another_version(sqlite_url: str) -> None:
    edges = [{"from": "$source", "to": "ask"}, TO_PAY]
    with _web(sqlite_url) as (web, admin, operator):
        _publish(admin, ASKING)
        run_id = _run(web)
        _decide(web)
        _publish(admin, a_document(event="go", actions=[ASK, {**PAY, "inputs": {"value": "mended"}}], edges=edges))
        body = {"from_step": "pay", "version": "latest"}
        again = operator.post(f"/api/runs/{run_id}/rerun", body).get_json()["run_id"]
        web.harness.drain()
        _, pay = operator.get(f"/api/runs/{again}").get_json()["steps"]
        assert (pay["status"], pay["output"]) == ("completed", "mended")


# --- data, and what is offered


def test_other_data_has_to_fit_what_the_workflow_takes(database_url: str) -> None:
    schema = {"type": "object", "properties": {"amount": {"type": "integer", "maximum": 100}}, "required": ["amount"]}
    document = a_document(event="go", inputs=schema, actions=[PAY], edges=[{"from": "$source", "to": "pay"}])
    with _web(database_url) as (web, admin, operator):
        _publish(admin, document)
        run_id = _run(web)
        response = operator.post(f"/api/runs/{run_id}/rerun", {"data": {"amount": 5000}})
        assert (response.status_code, response.get_json()["code"]) == (422, "invalid-data")
        assert problems_of(response)[0][0] == "/data/amount"
        assert web.count("runs") == web.count("events") == 1
        assert operator.post(f"/api/runs/{run_id}/rerun", {"data": {"amount": 50}}).status_code == 201


def test_a_page_is_told_what_it_need_not_offer(database_url: str) -> None:
    with _web(database_url) as (web, admin, operator):
        _publish(admin, ASKING)
        run_id = _run(web)
        path = f"/api/runs/{run_id}/rerun"
        assert operator.get(path).get_json() == {"version": 1, "inputs_need": [], "data_need": []}
        of_pay = operator.get(f"{path}?from_step=pay&version=latest").get_json()
        assert of_pay == {"version": 1, "inputs_need": [OVERRIDE], "data_need": [OVERRIDE]}
        assert admin.get(f"{path}?from_step=pay&version=1").get_json()["inputs_need"] == []
        assert operator.get(f"{path}?version=newest").status_code == 400
        assert operator.get("/api/runs/01M817AXWA8Z4RDV7ZWESCAWYM/rerun").status_code == 404
        assert web.client(["runs:read"]).get(path).status_code == 403


# --- who it was


def test_who_has_repeated_a_run_is_told_and_what_was_edited_is_entered(database_url: str) -> None:
    with _web(database_url) as (web, _admin, operator):
        web.harness.deploy(a_document(event="go", actions=[PAY], edges=[{"from": "$source", "to": "pay"}]))
        run_id = _run(web)
        a_user(web, "bob@example.org", "operator")
        bob = Browser(web)
        bob.log_in("bob@example.org")
        path = f"/api/runs/{run_id}/rerun"
        plain = bob.send("POST", path).get_json()["run_id"]
        body = {"from_step": "pay", "inputs": {"value": 7}, "data": {"amount": 1}}
        edited = bob.send("POST", path, body).get_json()["run_id"]
        me = str(web.client(["audit:read"]).get("/api/audit?action=login.succeeded").get_json()["items"][0]["actor"])
        assert me.startswith("user:")
        for again in (plain, edited):
            told = bob.get(f"/api/runs/{again}").get_json()
            assert (told["rerun_of"], told["rerun_by"]) == (run_id, me)
        assert bob.get(f"/api/runs/{run_id}").get_json()["rerun_by"] is None
        (entry,) = web.client(["audit:read"]).get("/api/audit?action=run.repeated").get_json()["items"]
        assert (entry["actor"], entry["subject"], entry["address"]) == (me, f"run:{edited}", "203.0.113.5")
        assert entry["detail"] == {"of": run_id, "from_step": "pay", "edited": ["inputs", "data"]}
        # By a job, it is whoever has made that.
        operator.post("/api/jobs", {"kind": "replay", "statuses": ["completed"]})
        web.harness.skip(60)
        by_job = {each["rerun_by"] for each in operator.get("/api/runs").get_json()["items"]} - {None, me}
        assert len(by_job) == 1
        assert by_job.pop().startswith("key:")


def test_who_has_moved_a_run_is_told_and_entered(database_url: str) -> None:
    with _web(database_url) as (web, admin, operator):
        waits = {"id": "nap", "kind": "builtin:wait", "inputs": {"duration": "1d"}}
        first = a_document(event="go", actions=[waits, PAY],
                           edges=[{"from": "$source", "to": "nap"}, {"from": "nap", "to": "pay"}])  # fmt: skip
        _publish(admin, first)
        run_id = _run(web)
        _publish(admin, _changed(first, 2))
        operator.post(f"/api/runs/{run_id}/move", {"dry_run": True})
        assert operator.get(f"/api/runs/{run_id}").get_json()["moves"] == []
        operator.post(f"/api/runs/{run_id}/move")
        web.harness.runtime.moving.move(DEFAULT_SCOPE, run_id, 1, by=By("ann"))
        moves = operator.get(f"/api/runs/{run_id}").get_json()["moves"]
        assert [(each["version"], each["actor"][:4]) for each in moves] == [(2, "key:"), (1, "ann")]
        entries = web.client(["audit:read"]).get("/api/audit?action=run.moved").get_json()["items"]
        assert [(each["actor"], each["detail"]) for each in entries] == [
            ("ann", {"from": 2, "to": 1}), (moves[0]["actor"], {"from": 1, "to": 2}),
        ]  # fmt: skip
        assert {each["subject"] for each in entries} == {f"run:{run_id}"}


def test_the_application_itself_is_held_back_by_nothing(sqlite_url: str) -> None:
    with _web(sqlite_url) as (web, admin, _operator):
        _publish(admin, ASKING)
        run_id = _run(web)
        again, rerunning = Again("ask", {"title": "Pay?"}), web.harness.runtime.rerunning
        with pytest.raises(Forbidden):
            rerunning.rerun(DEFAULT_SCOPE, run_id, again, may=frozenset())
        assert rerunning.rerun(DEFAULT_SCOPE, run_id, again) != run_id
