"""Runs over HTTP: lists, the story of each step, cancelling, repeating."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from builders import a_workflow
from runtimes import a_registry
from webapi import OTHER_TENANT, Web, a_document, a_web, problems_of

from workflowkit.api.waiting import MAX_WAITING
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.definition.model import SOURCE
from workflowkit.engine.context import StepContext
from workflowkit.registry import Registry

BRANCHING = (
    a_workflow("Branching")
    .action("first", inputs={"value": "!ref($.event.data.n)"})
    .action("taken", inputs={"value": {"sum": "!ref($.state.first)", "text": "n is !ref($.event.data.n)"}})
    .action("skipped")
    .path(SOURCE, "first")
    .edge_match("first", "taken", 7)
    .edge_match("first", "skipped", 8)
    .trigger("order/paid")
    .document()
)
FAILING = (
    a_workflow("Failing")
    .action("bad", kind="boom", inputs={"message": "no luck"}, retries=1)
    .path(SOURCE, "bad")
    .trigger("order/paid")
    .document()
)


def a_waiting_registry() -> Registry:
    """Return a registry with an action that does something and waits for an event."""
    registry = a_registry()

    @registry.action("waiting")
    def waiting(ctx: StepContext) -> Any:
        ctx.step.run("look", lambda: {"found": 7})
        return ctx.step.wait_for_event("reply", "order/answered", if_="async.data.n == 7", timeout="1h")

    return registry


def _run_id(web: Web, document: dict[str, Any], data: Any = None, **fields: Any) -> Any:
    web.harness.deploy(document)
    event_id = web.harness.send("order/paid", data or {}, **fields)
    web.harness.drain()
    (row,) = web.harness.rows("SELECT id FROM runs WHERE event_id = :id AND parent_run_id IS NULL", id=event_id)
    return row["id"]


def test_a_run_tells_each_step_with_inputs_and_outputs(database_url: str) -> None:
    with a_web(database_url) as web:
        run_id = _run_id(web, BRANCHING, {"n": 7}, id="order-1")
        run = web.client(["runs:read"]).get(f"/api/runs/{run_id}").get_json()
        assert (run["status"], run["workflow_id"], run["version"]) == ("completed", "test", 1)
        assert run["workflow_name"] == "Branching"
        assert (run["event"]["name"], run["event"]["event_id"]) == ("order/paid", "order-1")
        assert run["output"] == {"taken": {"sum": 7, "text": "n is 7"}}
        first, taken, skipped = run["steps"]
        assert (first["id"], first["kind"], first["status"]) == ("first", "noop", "completed")
        assert (first["inputs"], first["output"]) == ({"value": 7}, 7)
        assert taken["inputs"] == {"value": {"sum": 7, "text": "n is 7"}}
        assert [attempt["outcome"] for attempt in taken["attempts"]] == ["completed"]
        assert (skipped["status"], skipped["inputs"], skipped["attempts"]) == ("skipped", None, [])
        assert sorted(run["edges"].values()) == ["not_taken", "taken", "taken"]


def test_a_step_tells_what_it_did_and_what_it_waits_for(database_url: str) -> None:
    with a_web(database_url, registry=a_waiting_registry()) as web:
        document = a_workflow().action("w", kind="waiting").path(SOURCE, "w").trigger("order/paid").document()
        run_id = _run_id(web, document, {"n": 7})
        client = web.client(["runs:read"])
        (step,) = client.get(f"/api/runs/{run_id}").get_json()["steps"]
        looked, reply = step["inner"]
        assert (looked["id"], looked["type"], looked["status"], looked["output"]) == (
            "w/look", "code", "completed", {"found": 7},
        )  # fmt: skip
        assert (reply["id"], reply["type"], reply["name"]) == ("w/reply", "event", "order/answered")
        assert (reply["status"], reply["condition"]) == ("waiting", "async.data.n == 7")
        assert (reply["finished_at"], reply["until"] > reply["started_at"]) == (None, True)
        web.harness.send("order/answered", {"n": 7})
        web.harness.drain()
        (step,) = client.get(f"/api/runs/{run_id}").get_json()["steps"]
        _, reply = step["inner"]
        assert (step["status"], reply["status"], reply["until"]) == ("completed", "completed", None)
        assert reply["output"]["data"] == {"n": 7}


def test_a_failed_step_tells_every_attempt(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client(["runs:read"])
        run_id = _run_id(web, FAILING)
        (step,) = client.get(f"/api/runs/{run_id}").get_json()["steps"]
        (attempt,) = step["attempts"]
        assert (step["status"], attempt["outcome"]) == ("ready", "retry")
        assert attempt["retry_at"] == step["due_at"]
        web.harness.skip(60)
        run = client.get(f"/api/runs/{run_id}").get_json()
        (step,) = run["steps"]
        assert (run["status"], step["status"]) == ("failed", "failed")
        assert [attempt["outcome"] for attempt in step["attempts"]] == ["retry", "failed"]
        assert [attempt["number"] for attempt in step["attempts"]] == [1, 2]
        assert step["error"]["message"] == run["error"]["message"] == "no luck"
        assert step["due_at"] is None
        assert step["inputs"] == {"message": "no luck"}


def test_a_run_of_an_action_that_is_gone_is_still_told(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        run_id = _run_id(web, BRANCHING, {"n": 7})
        del web.harness.registry._own["noop"]
        run = web.client().get(f"/api/runs/{run_id}").get_json()
        assert [step["inputs"] for step in run["steps"]] == [None, None, None]
        assert run["steps"][0]["output"] == 7


def test_inputs_on_which_a_step_failed_are_told_by_its_error(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:

        @web.harness.registry.action("double")
        def double(n: int) -> int:
            return 2 * n

        document = a_workflow().action("twice", "double", {"n": "!ref($.event.data.n)"}).path(SOURCE, "twice")
        run_id = _run_id(web, document.trigger("order/paid").document(), {"n": "seven"})
        (step,) = web.client().get(f"/api/runs/{run_id}").get_json()["steps"]
        assert (step["status"], step["inputs"]) == ("failed", None)
        assert "'twice'" in step["error"]["message"]
        assert "'n'" in step["error"]["message"]


def test_runs_are_listed_newest_first_with_filters(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client(["runs:read"])
        web.harness.deploy(BRANCHING, "branching")
        web.harness.deploy(FAILING, "failing")
        event_ids = []
        for _ in range(3):
            web.harness.clock.advance(seconds=10)
            event_ids.append(web.harness.send("order/paid", {"n": 7}))
            web.harness.drain()
        web.harness.deploy(BRANCHING, "branching", OTHER_TENANT)
        web.harness.send("order/paid", {"n": 7}, scope=OTHER_TENANT)
        web.harness.drain()

        def listed(query: str) -> list[Any]:
            items = client.get(f"/api/runs?{query}").get_json()["items"]
            return [(event_ids.index(item["event_id"]), item["workflow_id"]) for item in items]

        assert sorted(listed("")) == [(n, name) for n in range(3) for name in ("branching", "failing")]
        assert [n for n, _ in listed("")] == [2, 2, 1, 1, 0, 0]
        assert listed("workflow_id=failing") == [(2, "failing"), (1, "failing"), (0, "failing")]
        assert listed("status=completed&workflow_id=branching") == [(n, "branching") for n in (2, 1, 0)]
        assert len(listed("status=completed&status=running&status=failed")) == 6
        assert listed("status=cancelled") == []
        assert sorted(listed(f"event_id={event_ids[1]}")) == [(1, "branching"), (1, "failing")]
        assert {n for n, _ in listed("created_before=2025-06-15T15:07:00Z")} == {0}
        assert {n for n, _ in listed("created_after=2025-06-15T15:07:00Z")} == {1, 2}


def test_pages_stay_the_same_while_runs_are_added(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client(["runs:read"])
        web.harness.deploy(BRANCHING)
        for _ in range(7):
            web.harness.clock.advance(seconds=1)
            web.harness.send("order/paid", {"n": 7})
        web.harness.drain()
        expected = [item["id"] for item in client.get("/api/runs").get_json()["items"]]
        seen, cursor = [], ""
        while cursor is not None:
            page = client.get(f"/api/runs?limit=2{cursor and '&cursor=' + cursor}").get_json()
            seen += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
            web.harness.clock.advance(seconds=1)
            web.harness.send("order/paid", {"n": 7})
            web.harness.drain()
        assert seen == expected


def test_a_page_is_no_larger_than_the_servers_limit(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        web.harness.deploy(BRANCHING)
        for _ in range(101):
            web.harness.send("order/paid", {"n": 7})
        web.harness.drain()
        assert len(web.client().get("/api/runs?limit=1000").get_json()["items"]) == 100


def test_a_cancelled_run_starts_no_further_step(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client(["runs:read", "runs:write"])
        run_id = _run_id(web, FAILING)
        cancelled = client.post(f"/api/runs/{run_id}/cancel")
        assert cancelled.status_code == 200
        assert cancelled.get_json()["status"] == "cancelled"
        assert [step["status"] for step in cancelled.get_json()["steps"]] == ["cancelled"]
        assert client.post(f"/api/runs/{run_id}/cancel").get_json() == cancelled.get_json()
        web.harness.skip(3600)
        assert client.get(f"/api/runs/{run_id}").get_json() == cancelled.get_json()


def test_who_cancelled_a_run_and_why_is_told_with_it(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        client = web.client()
        run_id = _run_id(web, FAILING)
        assert problems_of(client.post(f"/api/runs/{run_id}/cancel?why=x")) == [("/query/why", "unknown-key")]
        assert client.post(f"/api/runs/{run_id}/cancel?reason={'x' * 501}").status_code == 413
        run = client.post(f"/api/runs/{run_id}/cancel?reason=wrong+customer").get_json()
        (key,) = web.harness.rows("SELECT id FROM api_keys")
        actor = f"key:{key['id']}"
        assert run["reason"] == "cancelled-by-user"
        assert run["cause"] == {"text": "wrong customer", "actor": actor, "event_id": None, "run_id": None}
        (listed,) = client.get("/api/runs?status=cancelled").get_json()["items"]
        assert (listed["reason"], listed["cause"]) == (run["reason"], run["cause"])


def test_a_run_that_has_ended_is_not_cancelled(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        run_id = _run_id(web, BRANCHING, {"n": 7})
        response = web.client().post(f"/api/runs/{run_id}/cancel")
        assert (response.status_code, response.get_json()["code"]) == (409, "conflict")
        assert "completed" in response.get_json()["detail"]


def test_a_repeated_run_is_a_new_one_of_the_same_version(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client(["runs:read", "runs:write"])
        run_id = _run_id(web, BRANCHING, {"n": 7})
        web.harness.deploy(FAILING)
        response = client.post(f"/api/runs/{run_id}/rerun")
        assert response.status_code == 201
        web.harness.drain()
        again = client.get(f"/api/runs/{response.get_json()['run_id']}").get_json()
        original = client.get(f"/api/runs/{run_id}").get_json()
        assert (again["rerun_of"], again["version"], again["status"]) == (run_id, 1, "completed")
        assert again["output"] == original["output"]
        assert again["event"] == original["event"]


def test_a_step_that_is_repeated_with_other_inputs_tells_those(database_url: str) -> None:
    with a_web(database_url) as web:
        run_id = _run_id(web, BRANCHING, {"n": 7})
        client = web.client(["runs:read", "runs:write"])
        body = {"from_step": "taken", "inputs": {"value": "edited"}}
        again = client.post(f"/api/runs/{run_id}/rerun", json=body).get_json()["run_id"]
        web.harness.drain()
        first, taken, _ = client.get(f"/api/runs/{again}").get_json()["steps"]
        assert (first["reason"], taken["inputs"], taken["output"]) == ("kept", {"value": "edited"}, "edited")


def test_a_waiting_run_is_moved_to_another_version(database_url: str) -> None:
    with a_web(database_url, registry=a_waiting_registry()) as web:
        waiting = a_workflow().action("w", kind="waiting").path(SOURCE, "w").trigger("order/paid")
        run_id = _run_id(web, waiting.document(), {"n": 7})
        longer = a_workflow().action("w", kind="waiting").action("last").path(SOURCE, "w", "last").trigger("order/paid")
        web.harness.deploy(longer.document())
        client = web.client(["runs:read", "runs:write"])
        would = client.post(f"/api/runs/{run_id}/move", json={"dry_run": True}).get_json()
        assert (would["is_moved"], would["added_steps"], would["problems"]) == (False, ["last"], [])
        moved = client.post(f"/api/runs/{run_id}/move").get_json()
        assert moved == would | {"is_moved": True}
        assert client.get(f"/api/runs/{run_id}").get_json()["version"] == 2
        publisher = web.client(["runs:write", "workflows:publish"])
        back = publisher.post(f"/api/runs/{run_id}/move", json={"version": 1}).get_json()
        assert (back["is_moved"], back["removed_steps"]) == (True, [])
        refused = client.post(f"/api/runs/{run_id}/move", json={"version": "newest"})
        assert (refused.status_code, refused.get_json()["problems"][0]["pointer"]) == (400, "/version")


def test_a_step_that_a_moved_run_has_not_any_more_is_told_no_longer(database_url: str) -> None:
    with a_web(database_url, registry=a_waiting_registry()) as web:
        old = a_workflow().action("first").action("w", kind="waiting").path(SOURCE, "first", "w").trigger("order/paid")
        run_id = _run_id(web, old.document(), {"n": 7})
        new = a_workflow().action("w", kind="waiting").path(SOURCE, "w").trigger("order/paid")
        web.harness.deploy(new.document())
        client = web.client(["runs:read", "runs:write"])
        moved = client.post(f"/api/runs/{run_id}/move").get_json()
        assert (moved["is_moved"], moved["removed_steps"]) == (True, ["first"])
        told = client.get(f"/api/runs/{run_id}").get_json()
        assert [step["id"] for step in told["steps"]] == ["w"]
        web.harness.send("order/answered", {"n": 7})
        web.harness.drain()
        assert client.get(f"/api/runs/{run_id}").get_json()["status"] == "completed"
        again = client.post(f"/api/runs/{run_id}/rerun", json={"from_step": "w"})
        assert again.status_code == 201


def test_a_client_may_wait_for_the_end_of_a_run(database_url: str) -> None:
    with a_web(database_url) as web, ThreadPoolExecutor(1) as pool:
        client = web.client(["runs:read"])
        run_id = _run_id(web, FAILING)
        waiting = pool.submit(client.get, f"/api/runs/{run_id}?wait=30")
        web.harness.skip(60)
        assert waiting.result(timeout=60).get_json()["status"] == "failed"
        assert client.get(f"/api/runs/{run_id}?wait=30").get_json()["status"] == "failed"


def test_waiting_ends_with_the_time_and_with_too_many_waiting(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        client = web.client()
        run_id = _run_id(web, FAILING)
        assert client.get(f"/api/runs/{run_id}?wait=0.05").get_json()["status"] == "running"
        places = [web.services.waiting._places[0].acquire(blocking=False) for _ in range(MAX_WAITING)]
        assert all(places)
        assert client.get(f"/api/runs/{run_id}?wait=30").get_json()["status"] == "running"


@pytest.mark.parametrize(("wait", "code"), [("31", "invalid-value"), ("-1", "invalid-value"), ("x", "invalid-type")])
def test_nobody_waits_for_ever(sqlite_url: str, wait: Any, code: str) -> None:
    with a_web(sqlite_url) as web:
        response = web.client().get(f"/api/runs/x?wait={wait}")
        assert (response.status_code, problems_of(response)) == (400, [("/query/wait", code)])


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "/cancel"), ("POST", "/rerun")])
def test_a_run_that_is_not_there_answers_404(database_url: str, method: str, path: str) -> None:
    with a_web(database_url) as web:
        response = web.client().call(method, f"/api/runs/missing{path}")
        assert (response.status_code, response.get_json()["code"]) == (404, "not-found")


def test_the_default_scope_is_the_one_events_are_sent_in(sqlite_url: str) -> None:
    with a_web(sqlite_url, dev_mode=True) as web:
        run_id = _run_id(web, BRANCHING, {"n": 7})
        assert web.services.default_scope == DEFAULT_SCOPE
        assert web.anonymous().get(f"/api/runs/{run_id}").status_code == 200


def test_a_run_and_the_runs_it_began_lead_to_each_other(database_url: str) -> None:
    body = a_workflow().action("in", inputs={"value": "!ref($.item)"}).path(SOURCE, "in").document()
    looping = a_workflow().action("each", "builtin:for_each", {"items": "!ref($.event.data.items)", "key": "item"})
    document = looping.path(SOURCE, "each").trigger("order/paid").document()
    document["actions"][0]["body"] = body
    with a_web(database_url) as web:
        run_id = _run_id(web, document, {"items": ["b", "a"]})
        client = web.client(["runs:read"])
        run = client.get(f"/api/runs/{run_id}").get_json()
        assert (run["path"], run["parent_run_id"], run["parent_step"]) == (None, None, None)
        assert [(each["key"], each["index"], each["parent_step"]) for each in run["children"]] == [
            ("b", 0, "each"), ("a", 1, "each")
        ]  # fmt: skip
        child = client.get(f"/api/runs/{run['children'][1]['id']}").get_json()
        assert (child["path"], child["parent_run_id"], child["children"]) == ("each", run_id, [])
        assert [(step["id"], step["inputs"]) for step in child["steps"]] == [("in", {"value": "a"})]
        listed = client.get("/api/runs").get_json()["items"]
        assert [each["id"] for each in listed] == [run_id]
        of_parent = client.get(f"/api/runs?parent_run_id={run_id}").get_json()["items"]
        assert {each["id"] for each in of_parent} == {each["id"] for each in run["children"]}
        other = web.client(["runs:read"], scope=OTHER_TENANT)
        assert other.get(f"/api/runs?parent_run_id={run_id}").get_json()["items"] == []


def test_a_run_of_what_follows_a_failure_shows_what_its_steps_were_given(database_url: str) -> None:
    undo = {"kind": "noop", "inputs": {"value": "undo !ref($.state.first)"}}
    document = a_workflow().action("first", inputs={"value": 7}, compensate=undo).action("bad", "boom", retries=0)
    written = document.path(SOURCE, "first", "bad").trigger("order/paid").document()
    tell = a_workflow().action("tell", inputs={"value": "!ref($.error.message), !ref($.state.first)"})
    graph = tell.path(SOURCE, "tell").document()
    written["settings"] = {"on_failure": {"actions": graph["actions"], "edges": graph["edges"]}}
    with a_web(database_url) as web:
        run_id = _run_id(web, written)
        client = web.client(["runs:read"])
        children = client.get(f"/api/runs/{run_id}").get_json()["children"]
        shown = {child["path"]: client.get(f"/api/runs/{child['id']}").get_json() for child in children}
        assert shown.keys() == {"$compensate", "$on_failure"}
        assert [(step["id"], step["inputs"]) for step in shown["$compensate"]["steps"]] == [
            ("first", {"value": "undo 7"})
        ]
        assert [(step["id"], step["inputs"]) for step in shown["$on_failure"]["steps"]] == [
            ("tell", {"value": "boom, 7"})
        ]


def test_what_handlers_log_is_listed_by_step_attempt_and_level(database_url: str) -> None:
    with a_web(database_url) as web:
        actions = [
            {"id": "first", "kind": "log", "inputs": {"message": "one"}},
            {"id": "second", "kind": "log", "inputs": {"message": "two", "level": "warning"}},
        ]
        edges = [{"from": "$source", "to": "first"}, {"from": "first", "to": "second"}]
        web.harness.deploy(a_document(actions=actions, edges=edges))
        web.harness.send("user/created", {"name": "Ada"})
        web.harness.drain()
        web.harness.runtime.logs.flush()
        client, run_id = web.client(), web.harness.run()["id"]

        def said(query: str = "") -> list[tuple[str, int, str, str]]:
            items = client.get(f"/api/runs/{run_id}/logs{query}").get_json()["items"]
            return [(item["step"], item["attempt"], item["level"], item["message"]) for item in items]

        first, second = ("first", 1, "info", "one"), ("second", 1, "warning", "two")
        assert said() == [first, second]
        assert said("?step=first&attempt=1") == [first]
        assert said("?attempt=2") == []
        assert said("?level=warning") == [second]
        cursor = client.get(f"/api/runs/{run_id}/logs?limit=1").get_json()["next_cursor"]
        assert said(f"?cursor={cursor}") == [second]
        assert client.get(f"/api/runs/{run_id}/logs?level=loud").status_code == 400
        assert client.get(f"/api/runs/{run_id}/logs?attempt={40 * '9'}").status_code == 400
        assert client.get(f"/api/runs/{run_id}/logs?attempt={2**53}").get_json()["items"] == []
        assert web.client(scope=OTHER_TENANT).get(f"/api/runs/{run_id}/logs").status_code == 404
