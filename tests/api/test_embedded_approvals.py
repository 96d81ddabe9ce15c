"""Approvals by embed tokens: the user of a host decides what they are asked, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from asking import ADA, BOB
from builders import a_workflow
from webapi import Client, Web, a_web

from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.runtime.embedding import Embed

SECRET_KEY = "k:" + "A" * 43 + "="
APPROVED = {"decision": "approved"}


@pytest.fixture
def web(database_url: str) -> Iterator[Web]:
    """Two workflows, each of which asks Ada, asks Bob, and asks whoever there is."""
    with a_web(database_url, secret_key=SECRET_KEY) as web:
        for workflow_id in ("mine", "other"):
            built = a_workflow().trigger("test/asked")
            for name, assignees in (("ada", [ADA]), ("bob", [BOB, "eve"]), ("anybody", None)):
                inputs: dict[str, Any] = {"title": f"{workflow_id} {name}"} | (
                    {"assignees": assignees} if assignees else {}
                )
                built = built.action(name, "builtin:approval", inputs).path("$source", name)
            web.services.authoring.deploy(DEFAULT_SCOPE, workflow_id, built.document())
        web.harness.send("test/asked")
        web.harness.drain()
        yield web


def embedded(web: Web, *rights: str, workflow_id: str | None = "mine", user: str = ADA) -> Client:
    embed = Embed(DEFAULT_SCOPE, workflow_id, rights, user)
    return Client(web, web.services.embed_tokens.mint(embed, ttl_seconds=60).token)


def titles(client: Client, query: str) -> list[str]:
    answer = client.get(f"/api/approvals?{query}")
    assert answer.status_code == 200, answer.get_json()
    return sorted(item["title"] for item in answer.get_json()["items"])


def ids(web: Web) -> dict[str, str]:
    return {item["title"]: item["id"] for item in web.client().get("/api/approvals").get_json()["items"]}


def test_a_user_is_shown_what_they_may_decide(web: Web) -> None:
    ada = embedded(web, "decide")
    assert titles(ada, "workflow_id=mine") == ["mine ada", "mine anybody"]
    assert titles(ada, f"workflow_id=mine&status=open&assignee={ADA}") == ["mine ada"]
    assert titles(ada, f"workflow_id=mine&assignee={BOB}") == []
    runs = {run["workflow_id"]: run["id"] for run in web.harness.rows("SELECT id, workflow_id FROM runs")}
    assert titles(ada, f"run_id={runs['mine']}") == ["mine ada", "mine anybody"]
    assert ada.get(f"/api/approvals?run_id={runs['other']}").status_code == 404
    for query in ("", "workflow_id=other", "workflow_id=mine&workflow_id=other", f"assignee={ADA}"):
        assert ada.get(f"/api/approvals?{query}").status_code == 403, query
    everywhere = embedded(web, "decide", workflow_id=None, user=BOB)
    assert titles(everywhere, "") == ["mine anybody", "mine bob", "other anybody", "other bob"]


def test_those_with_a_key_find_the_approvals_of_a_run(web: Web) -> None:
    runs = {run["workflow_id"]: run["id"] for run in web.harness.rows("SELECT id, workflow_id FROM runs")}
    assert titles(web.client(), f"run_id={runs['other']}") == ["other ada", "other anybody", "other bob"]
    assert titles(web.client(), f"run_id={runs['other']}&workflow_id=mine") == []
    assert titles(web.client(), f"workflow_id=mine&assignee={BOB}") == ["mine bob"]


def test_what_others_are_asked_is_not_there(web: Web) -> None:
    known, ada = ids(web), embedded(web, "decide")
    for title in ("mine bob", "other ada", "other anybody"):
        path = f"/api/approvals/{known[title]}"
        assert ada.get(path).status_code == 404, title
        assert ada.post(f"{path}/decision", APPROVED).status_code == 404, title
    assert ada.get("/api/approvals/nope").status_code == 404
    assert web.client().get(f"/api/approvals/{known['mine bob']}").get_json()["status"] == "open"


def test_a_user_decides_once_and_in_their_own_name(web: Web) -> None:
    known, ada = ids(web), embedded(web, "decide")
    path = f"/api/approvals/{known['mine ada']}/decision"
    assert ada.post(path, APPROVED | {"actor": BOB}).status_code == 403
    decided = ada.post(path, APPROVED | {"comment": "fine"}).get_json()
    assert decided["status"] == "approved"
    assert [(each["actor"], each["comment"]) for each in decided["decisions"]] == [(ADA, "fine")]
    assert ada.post(path, APPROVED).status_code == 409
    anybody = ada.post(f"/api/approvals/{known['mine anybody']}/decision", {"decision": "rejected"}).get_json()
    assert (anybody["status"], anybody["decisions"][0]["actor"]) == ("rejected", ADA)


@pytest.mark.parametrize("rights", [(), ("view",), ("edit", "publish", "run")])
def test_without_the_right_nothing_is_shown_or_decided(web: Web, rights: tuple[str, ...]) -> None:
    path, client = f"/api/approvals/{ids(web)['mine ada']}", embedded(web, *rights)
    assert client.get("/api/approvals?workflow_id=mine").status_code == 403
    assert client.get(path).status_code == 403
    assert client.post(f"{path}/decision", APPROVED).status_code == 403


def test_who_issues_the_right_must_be_trusted_to_name_people(web: Web) -> None:
    body = {"workflow_id": "mine", "rights": ["decide"], "user": ADA}
    viewing = ["embed:issue", "workflows:read", "runs:read", "actions:read", "approvals:read", "approvals:decide"]
    assert web.client(viewing).post("/api/embed-tokens", body).status_code == 403
    assert web.client([*viewing, "approvals:impersonate"]).post("/api/embed-tokens", body).status_code == 201
