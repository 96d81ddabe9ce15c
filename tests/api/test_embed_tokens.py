"""Embed tokens: who may make them, what they open, and how pages of other origins may call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from webapi import OTHER_TENANT, Client, Web, a_document, a_web, problems_of
from werkzeug.test import TestResponse

from workflowkit import WorkflowKit
from workflowkit.api.auth import access_of
from workflowkit.base.errors import InvalidInput
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.base.settings import Settings
from workflowkit.runtime.embedding import PREFIX, RIGHTS, Embed

HOST = "https://app.example.com"


@pytest.fixture
def web(database_url: str) -> Iterator[Web]:
    with a_web(database_url, embed_origins=(HOST,), secret_key=SECRET_KEY) as web:
        for workflow_id in ("mine", "other"):
            web.services.authoring.deploy(DEFAULT_SCOPE, workflow_id, a_document(workflow_id))
        yield web


SECRET_KEY = "k:" + "A" * 43 + "="


def embedded(
    web: Web, *rights: str, workflow_id: str | None = "mine", scope: Scope = DEFAULT_SCOPE, ttl_seconds: float = 60
) -> Client:
    """Return a client with an embed token."""
    embed = Embed(scope, workflow_id, rights, "Ada")
    return Client(web, web.services.embed_tokens.mint(embed, ttl_seconds=ttl_seconds).token)


# --- making them


def test_a_token_is_made_over_http_by_whoever_holds_its_rights(web: Web) -> None:
    body = {"workflow_id": "mine", "rights": ["edit"], "user": "Ada", "ttl_seconds": 120}
    made = web.client().post("/api/embed-tokens", body)
    assert made.status_code == 201
    token = made.get_json()["token"]
    assert token.startswith(PREFIX)
    assert web.services.embed_tokens.read(token) == Embed(DEFAULT_SCOPE, "mine", ("view", "edit"), "Ada")

    weak = web.client(["embed:issue", "workflows:read", "runs:read", "actions:read"])
    assert weak.post("/api/embed-tokens", {"rights": ["view"]}).status_code == 201
    assert weak.post("/api/embed-tokens", {"rights": ["publish"]}).status_code == 403
    assert web.client(["embed:issue"]).post("/api/embed-tokens", {}).status_code == 403, "every token may view"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"rights": ["root"]}, "/rights/0"),
        ({"ttl_seconds": 0}, "/ttl_seconds"),
        ({"ttl_seconds": 86_401}, "/ttl_seconds"),
        ({"user": "x" * 201}, "/user"),
        ({"rights": ["decide"]}, "/user"),
        ({"workflow_id": "shop/welcome"}, "/workflow_id"),
    ],
)
def test_what_no_token_may_say_is_refused(web: Web, change: dict[str, Any], pointer: str) -> None:
    refused = web.client().post("/api/embed-tokens", change)
    assert refused.status_code == 400
    assert [place for place, _ in problems_of(refused)] == [pointer]


def test_a_program_makes_tokens_for_its_tenants(tmp_path: Any) -> None:
    wk = WorkflowKit("shop", database_url=f"sqlite:///{tmp_path / 'shop.db'}")
    wk.migrate()
    try:
        token = wk.embed_token(tenant="acme", workflow="orders", rights=("edit", "publish"), user="Ada")
        assert wk.runtime.embed_tokens.read(token) == Embed(
            Scope("default", "acme"), "orders", ("view", "edit", "publish"), "Ada"
        )
        numbered = wk.runtime.embed_tokens.read(wk.embed_token(tenant=3, rights=("decide",), user=7))
        assert numbered is not None
        assert (numbered.scope.tenant, numbered.user) == ("3", "7")
        with pytest.raises(InvalidInput, match="rights are view, edit, publish, run, decide"):
            wk.embed_token(rights=("everything",))  # type: ignore[arg-type]
    finally:
        wk.stop()


def test_without_a_key_of_the_installation_there_are_no_tokens(web: Web) -> None:
    from dataclasses import replace

    tokens = replace(web.services.embed_tokens, keyring=lambda: None)
    with pytest.raises(InvalidInput) as refused:
        tokens.mint(Embed(DEFAULT_SCOPE, None, ("view",)))
    assert [problem.code for problem in refused.value.problems] == ["no-secret-key"]
    assert tokens.read(str(embedded(web).key)) is None


# --- using them


def test_a_token_ends(web: Web) -> None:
    client = embedded(web, "view", ttl_seconds=60)
    assert client.get("/api/workflows/mine").status_code == 200
    web.harness.skip(61)
    assert client.get("/api/workflows/mine").status_code == 401


@pytest.mark.parametrize("change", ["x", ".", "wk_"])
def test_a_token_that_was_changed_is_none(web: Web, change: str) -> None:
    token = str(embedded(web).key)
    for forged in (token + change, change + token, token[:10] + change + token[11:], PREFIX + change):
        assert Client(web, forged).get("/api/workflows/mine").status_code == 401


def test_rights_are_what_a_token_may_do(web: Web) -> None:
    path, body = "/api/workflows/mine", {"document": a_document("mine")}
    viewer, author, publisher = embedded(web), embedded(web, "edit"), embedded(web, "publish")
    asked: dict[str, Callable[[Client], TestResponse]] = {
        "read": lambda client: client.get(f"{path}/draft"),
        "save": lambda client: client.put(f"{path}/draft", body, headers={"If-Match": '"1"'}),
        "publish": lambda client: client.post(f"{path}/publish"),
        "run": lambda client: client.post(f"{path}/runs", {"data": {}}),
    }
    allowed = {
        name: {what for what, ask in asked.items() if ask(client).status_code < 300}
        for name, client in {"viewer": viewer, "author": author, "publisher": publisher}.items()
    }
    assert allowed == {"viewer": {"read"}, "author": {"read", "save"}, "publisher": {"read", "publish"}}
    assert asked["run"](embedded(web, "edit", "run")).status_code == 202


def test_what_somebody_did_is_kept_under_their_name(web: Web) -> None:
    with web.app.test_request_context("/api/workflows/mine", headers={"Authorization": f"Bearer {embedded(web).key}"}):
        from workflowkit.api.auth import caller

        web.app.preprocess_request()
        assert caller().actor == "embed:Ada"


#: Answers of an editor's routes to a token of all rights for its own workflow; every other route is 403.
REACHED = {
    ("GET", "/api/actions"), ("GET", "/api/actions/<path:kind>"), ("POST", "/api/validate"),
    ("POST", "/api/actions/<path:kind>/options"), ("GET", "/api/secrets"), ("GET", "/api/triggers"),
    ("POST", "/api/schedules/next"),
    ("GET", "/api/workflows/<workflow_id>"), ("GET", "/api/workflows/<workflow_id>/draft"),
    ("PUT", "/api/workflows/<workflow_id>/draft"), ("POST", "/api/workflows/<workflow_id>/validate"),
    ("POST", "/api/workflows/<workflow_id>/publish"), ("POST", "/api/workflows/<workflow_id>/enable"),
    ("POST", "/api/workflows/<workflow_id>/disable"), ("GET", "/api/workflows/<workflow_id>/versions"),
    ("GET", "/api/workflows/<workflow_id>/versions/<int:version>"), ("POST", "/api/workflows/<workflow_id>/dry-run"),
    ("POST", "/api/workflows/<workflow_id>/runs"), ("GET", "/api/runs"), ("GET", "/api/runs/<run_id>"),
    ("POST", "/api/runs/<run_id>/token"), ("POST", "/api/workflows/<workflow_id>/dry-run/live"),
    ("GET", "/api/approvals"), ("GET", "/api/approvals/<approval_id>"),
    ("POST", "/api/approvals/<approval_id>/decision"),
}  # fmt: skip
OF_ALL = {
    ("GET", "/api/workflows"), ("POST", "/api/workflows"), ("POST", "/api/workflows/<workflow_id>/duplicate"),
    ("POST", "/api/workflows/<workflow_id>/archive"), ("POST", "/api/workflows/<workflow_id>/restore"),
}  # fmt: skip
#: What is asked with ``?workflow_id=``.
LISTS = ("/api/runs", "/api/approvals")


def _path(rule: str, values: dict[str, str]) -> str:
    path = rule
    while "<" in path:
        start, end = path.index("<"), path.index(">")
        name = path[start + 1 : end].rpartition(":")[2]
        path = path[:start] + values.get(name, "1") + path[end + 1 :]
    return path


def _walk(web: Web, client: Client, values: dict[str, str]) -> dict[tuple[str, str], int]:
    return {
        (method, rule.rule): client.call(
            method, _path(rule.rule, values), json={"document": {}}, headers={"If-Match": '"1"'},
            query_string={"workflow_id": "mine"} if rule.rule in LISTS else None,
        ).status_code
        for rule in web.app.url_map.iter_rules()
        if access_of(web.app.view_functions[rule.endpoint]).permission is not None
        for method in sorted((rule.methods or set()) - {"HEAD"})
    }  # fmt: skip


def test_every_route_is_closed_to_tokens_but_those_of_the_editor(web: Web) -> None:
    web.harness.send("user/created", {"name": "x"})
    web.harness.drain()
    runs = {run["workflow_id"]: run["id"] for run in web.harness.rows("SELECT id, workflow_id FROM runs")}
    token = embedded(web, *RIGHTS)

    own = {"workflow_id": "mine", "run_id": runs["mine"], "kind": "noop", "key": str(token.key)}
    answers = _walk(web, token, own)
    assert len(answers) > 40
    assert {route for route, status in answers.items() if status not in (401, 403)} == REACHED

    others = {"workflow_id": "other", "run_id": runs["other"], "kind": "noop", "key": str(token.key)}
    missing = {**others, "workflow_id": "missing", "run_id": "missing"}
    places = ("<workflow_id>", "<run_id>", "<approval_id>")
    named = {route for route in REACHED if any(place in route[1] for place in places)}
    for values in (others, missing):
        answers = _walk(web, token, values)
        assert {route for route, status in answers.items() if status == 404} == named
        assert {route for route, status in answers.items() if status not in (401, 403, 404)} == REACHED - named


def test_a_token_for_all_workflows_lists_them_and_stays_in_its_tenant(web: Web) -> None:
    web.services.authoring.deploy(OTHER_TENANT, "theirs", a_document("theirs"))
    token = embedded(web, *RIGHTS, workflow_id=None)
    assert [item["id"] for item in token.get("/api/workflows").get_json()["items"]] == ["mine", "other"]
    assert token.get("/api/workflows/other").status_code == 200
    assert token.get("/api/workflows/theirs").status_code == 404
    assert token.get("/api/runs").status_code == 200
    answers = _walk(web, token, {"workflow_id": "missing", "run_id": "missing", "key": str(token.key)})
    assert {route for route, status in answers.items() if status not in (401, 403)} == REACHED | OF_ALL


def test_the_runs_of_others_are_not_listed(web: Web) -> None:
    token = embedded(web)
    assert token.get("/api/runs?workflow_id=mine").status_code == 200
    for query in ("", "?workflow_id=other", "?workflow_id=mine&workflow_id=other"):
        assert token.get(f"/api/runs{query}").status_code == 403


def test_a_run_of_the_workflow_is_followed_as_it_goes_on_and_no_other(web: Web) -> None:
    web.harness.send("user/created", {"name": "x"})
    web.harness.drain()
    runs = {run["workflow_id"]: run["id"] for run in web.harness.rows("SELECT id, workflow_id FROM runs")}
    token = embedded(web)  # whoever may see may follow
    made = token.post(f"/api/runs/{runs['mine']}/token").get_json()["token"]
    told = web.anonymous().get("/api/realtime", headers={"Authorization": f"Bearer {made}"}).get_data(as_text=True)
    assert "event: status" in told
    assert runs["mine"] in told
    assert token.post(f"/api/runs/{runs['other']}/token").status_code == 404
    assert token.post("/api/realtime/tokens", {"channel": f"run:{runs['mine']}", "topics": ["x"]}).status_code == 403


# --- from other origins


def test_pages_of_hosts_may_call_and_other_pages_may_not(web: Web) -> None:
    asked = {"Origin": HOST, "Access-Control-Request-Method": "PUT"}
    http = web.app.test_client()
    allowed = http.options("/api/workflows/mine/draft", headers=asked)
    assert (allowed.status_code, allowed.headers["Access-Control-Allow-Origin"]) == (204, HOST)
    assert "Authorization" in allowed.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in allowed.headers

    answer = embedded(web).get("/api/workflows/mine/draft", headers={"Origin": HOST})
    assert answer.headers["Access-Control-Allow-Origin"] == HOST
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
    assert "Origin" in answer.headers["Vary"]

    for origin in ("https://evil.example", "null", f"{HOST}.evil.example", "http://app.example.com"):
        refused = http.options("/api/workflows/mine/draft", headers=asked | {"Origin": origin})
        assert refused.status_code == 405
        assert "Access-Control-Allow-Origin" not in refused.headers
        answer = embedded(web).get("/api/workflows/mine/draft", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    "text", ["app.example.com", "https://app.example.com/", "https://App.example.com", "ftp://x", "https://u@x", "*"]
)
def test_origins_are_written_as_browsers_send_them(text: str) -> None:
    with pytest.raises(ValueError, match="WORKFLOWKIT_EMBED_ORIGINS"):
        Settings.from_environment({"WORKFLOWKIT_EMBED_ORIGINS": text})
    good = "https://app.example.com, http://localhost:5000"
    assert Settings.from_environment({"WORKFLOWKIT_EMBED_ORIGINS": good}).embed_origins == tuple(good.split(", "))
