"""Dry runs that are told while they go on, and ended by whoever asked for them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from runtimes import a_runtime
from services import wait_until
from webapi import OTHER_TENANT, Client, Web, a_document, problems_of

from workflowkit.api.services import services_of
from workflowkit.base.limits import Limits
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.registry import Registry, load_builtin_actions
from workflowkit.runtime.embedding import Embed

SECRET_KEY = "k:" + "A" * 43 + "="
PATH = "/api/workflows/order/dry-run/live"
#: For a busy machine.
PATIENCE_SECONDS = 60.0


class Gate:
    """An application with an action that goes on until the test lets it end, or until it is interrupted."""

    def __init__(self) -> None:
        self.is_open, self.is_ended = threading.Event(), threading.Event()
        self.registry = Registry()
        load_builtin_actions(self.registry)

        @self.registry.action("gate", external=False)
        def gate() -> str:
            try:
                while not self.is_open.wait(0.01):
                    pass  # an interrupt arrives between two of these
                return "opened"
            finally:
                self.is_ended.set()

        @self.registry.action("stubborn", external=False)
        def stubborn() -> None:
            self.is_open.wait()  # an interrupt is not heard in here

        @self.registry.action("rest", external=False)
        def rest() -> int:
            return 7

        @self.registry.action("break", external=False, retries=0)
        def broken() -> None:
            raise RuntimeError("out of paper")


def document(*kinds: str) -> dict[str, Any]:
    """An if, with steps of these kinds behind its one side, and one behind the other."""
    after = [{"id": f"s{number}", "kind": kind} for number, kind in enumerate(kinds)]
    check = {"id": "check", "kind": "builtin:if", "inputs": {"condition": {"==": [1, 1]}}}
    ids = ["check", *(action["id"] for action in after)]
    edges: list[dict[str, Any]] = [{"id": f"to-{b}", "from": a, "to": b} for a, b in pairwise(ids)]
    edges[0]["conditional"] = {"type": "if", "ref": "!ref($.output.result)"}
    other = {
        "id": "no",
        "from": "check",
        "to": "other",
        "conditional": {"type": "else", "ref": "!ref($.output.result)"},
    }
    actions = [check, *after, {"id": "other", "kind": "log", "inputs": {"message": "x"}}]
    return a_document(actions=actions, edges=[{"id": "start", "from": "$source", "to": "check"}, *edges, other])


@contextmanager
def a_gate(database_url: str, *kinds: str, **settings: Any) -> Iterator[tuple[Web, Gate]]:
    gate = Gate()
    with a_runtime(database_url, gate.registry, **settings) as harness:
        web = Web(harness, services_of(harness.runtime))
        created = web.client().post("/api/workflows", {"id": "order", "document": document(*kinds)})
        assert created.status_code == 201, created.get_data(as_text=True)
        try:
            yield web, gate
        finally:
            gate.is_open.set()


class Told:
    """What a stream has told."""

    def __init__(self, client: Client, body: dict[str, Any] | None = None) -> None:
        self.response = client.post(PATH, body or {})
        assert self.response.status_code == 200, self.response.get_data(as_text=True)
        self._blocks = self.response.iter_encoded()
        self.steps: dict[str, str] = {}
        self.history: list[tuple[str, str]] = []
        self.edges: dict[str, str] = {}

    def next(self) -> tuple[str, Any]:
        """Wait for the next event."""
        for block in self._blocks:
            if block == b":\n\n":
                continue
            head, data = block.decode().strip().split("\n")
            event, value = head.removeprefix("event: "), json.loads(data.removeprefix("data: "))
            if event == "state":
                self.history += [(step["id"], step["status"]) for step in value["steps"]]
                self.steps |= dict(self.history)
                self.edges |= {edge["id"]: edge["state"] for edge in value["edges"]}
            return event, value
        raise AssertionError("the stream has ended")

    def until(self, step: str, status: str) -> None:
        """Read on until a step has a status."""
        while self.steps.get(step) != status:
            assert self.next()[0] == "state"


def begins(client: Client) -> bool:
    """Ask for a dry run, and end it; tell whether there was a place for it."""
    response = client.post(PATH, {})
    response.close()
    return response.status_code == 200


def test_steps_and_edges_are_told_while_the_run_goes_on(sqlite_url: str) -> None:
    with a_gate(sqlite_url, "gate", "rest") as (web, gate):
        told = Told(web.client())
        told.until("s0", "running")
        assert told.steps == {"check": "completed", "other": "skipped", "s0": "running"}
        assert told.edges == {"start": "taken", "to-s0": "taken", "no": "not_taken"}
        assert not gate.is_ended.is_set()
        gate.is_open.set()
        told.until("s0", "completed")
        event, result = told.next()
        while event == "state":
            event, result = told.next()
        assert event == "result"
        assert result["status"] == "completed"
        assert {step["id"]: step["status"] for step in result["steps"]} == told.steps
        assert {edge["id"]: edge["state"] for edge in result["edges"]} == told.edges
        told.response.close()


def test_the_result_is_that_of_a_dry_run_which_nobody_follows(sqlite_url: str) -> None:
    with a_gate(sqlite_url, "break") as (web, _):
        told = Told(web.client())
        event, value = told.next()
        while event == "state":
            event, value = told.next()
        assert (event, value) == ("result", web.client().post("/api/workflows/order/dry-run", {}).get_json())
        assert (told.steps["s0"], value["status"]) == ("failed", "failed")
        told.response.close()


def test_who_goes_away_ends_it(sqlite_url: str) -> None:
    with a_gate(sqlite_url, "gate") as (web, gate):
        told = Told(web.client())
        told.until("s0", "running")
        told.response.close()
        assert gate.is_ended.wait(PATIENCE_SECONDS)
        assert not gate.is_open.is_set()


def test_a_tenant_and_a_process_have_so_many_places_and_get_them_back(sqlite_url: str) -> None:
    with a_gate(sqlite_url, "gate", limits=Limits(dry_runs=3, tenant_dry_runs=2)) as (web, _):
        client, theirs = web.client(), web.client(scope=OTHER_TENANT)
        created = theirs.post("/api/workflows", {"id": "order", "document": document("gate")})
        assert created.status_code == 201
        first, second = Told(client), Told(client)
        first.until("s0", "running")
        for path in (PATH, PATH.removesuffix("/live")):
            refused = client.post(path, {})
            assert (refused.status_code, refused.get_json()["code"]) == (429, "too-many-at-once")
            assert "tenant_dry_runs" in refused.get_json()["detail"]
            assert refused.headers["Retry-After"]
        third = Told(theirs)  # of another tenant: the last place of the process
        refused = theirs.post(PATH, {})
        assert (refused.status_code, refused.get_json()["code"]) == (503, "process-busy")
        assert refused.headers["Retry-After"]
        # What is wrong takes no place, and neither does what never began or has ended.
        assert client.post(PATH, {"stubs": {"node:zz": {"output": 1}}}).status_code == 422
        second.response.close()
        assert client.post(PATH.removesuffix("/live"), {"stubs": {"node:s0": {"output": "x"}}}).status_code == 200
        again = Told(client)
        again.until("s0", "running")
        for told in (first, third, again):
            told.response.close()
            told.response.close()  # servers may say so twice
        assert wait_until(partial(begins, client), timeout_seconds=PATIENCE_SECONDS)


def test_an_action_that_nothing_can_interrupt_keeps_its_place(sqlite_url: str) -> None:
    with a_gate(sqlite_url, "stubborn", limits=Limits(dry_runs=1)) as (web, gate):
        client = web.client()
        told = Told(client)
        told.until("s0", "running")
        told.response.close()
        assert client.post(PATH, {}).status_code == 503
        gate.is_open.set()
        assert wait_until(partial(begins, client), timeout_seconds=PATIENCE_SECONDS)


def test_nothing_begins_after_it_was_ended(sqlite_url: str) -> None:
    with a_gate(sqlite_url, "gate") as (web, gate):
        response = web.client().post(PATH, {"stubs": {"node:s0": {"output": "stubbed"}}})
        response.close()
        assert not gate.is_ended.is_set()


def test_a_limit_that_is_reached_on_the_way_is_told_as_a_problem(sqlite_url: str) -> None:
    with a_gate(sqlite_url, "rest", limits=Limits(rehearsal_passes=1)) as (web, _):
        told = Told(web.client())
        event, problem = told.next()
        while event == "state":
            event, problem = told.next()
        assert event == "problem"
        assert (problem["status"], problem["code"]) == (413, "limit-exceeded")
        assert problem["request_id"]
        told.response.close()


def test_what_is_wrong_beforehand_is_answered_before_anything_is_told(sqlite_url: str) -> None:
    with a_gate(sqlite_url, "gate") as (web, gate):
        client = web.client()
        bad = client.post(PATH, {"document": {"name": "x", "actions": [{"id": "a", "kind": "nope"}], "edges": []}})
        assert bad.status_code == 422
        assert problems_of(bad)
        assert client.post(PATH, {"stubs": {"node:zz": {"output": 1}}}).status_code == 422
        assert client.post(PATH, {"until": "zz"}).status_code == 400
        assert web.client(["workflows:read"]).post(PATH, {}).status_code == 403
        assert not gate.is_ended.is_set()


@pytest.mark.parametrize(
    ("workflow_id", "rights", "expected"),
    [("order", ("edit",), 200), (None, ("edit",), 200), ("order", ("view", "run"), 403), ("another", ("edit",), 404)],
)
def test_a_page_with_a_token_for_the_workflow_follows_too(
    sqlite_url: str, workflow_id: str | None, rights: tuple[str, ...], expected: int
) -> None:
    with a_gate(sqlite_url, "break", secret_key=SECRET_KEY) as (web, _):
        scope = DEFAULT_SCOPE
        token = web.services.embed_tokens.mint(Embed(scope, workflow_id, rights)).token
        response = Client(web, token).post(PATH, {})
        assert response.status_code == expected
        if expected == 200:
            assert b"event: result" in response.get_data()
        response.close()
