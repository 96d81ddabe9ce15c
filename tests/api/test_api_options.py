"""Options of inputs over HTTP: who may ask, for whom they are, and what a failure tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from people import PASSWORD
from runtimes import a_runtime
from webapi import OTHER_TENANT, Client, Web, problems_of

from workflowkit import ActionError, OptionsContext
from workflowkit.api.services import services_of
from workflowkit.base.errors import DefinitionError
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.registry import Registry, load_builtin_actions
from workflowkit.runtime.embedding import Embed
from workflowkit.runtime.users import OWNER, NewUser

PATH = "/api/actions/shop/post/options"


@pytest.fixture
def web(database_url: str) -> Iterator[Web]:
    registry = Registry()
    asked: list[Any] = []

    def channels(ctx: OptionsContext, account: str, search: str = "") -> list[tuple[str, str]]:
        asked.append((account, search))
        return [(f"{ctx.tenant}-1", f"{account} {search}".strip())]

    def failing() -> list[str]:
        raise RuntimeError("password=hunter2")

    def refusing() -> list[str]:
        raise ActionError("the account is locked")

    options: dict[str, Callable[..., Any]] = {"channel": channels, "broken": failing, "refused": refusing}

    @registry.action("shop/post", options=options)
    def post(account: str, channel: str, broken: str = "", refused: str = "", plain: str = "") -> None:
        """Post something."""

    with a_runtime(database_url, registry, secret_key="k:" + "A" * 43 + "=") as harness:
        yield Web(harness, services_of(harness.runtime))


def ask(client: Client, input_name: str = "channel", **body: Any) -> Any:
    return client.post(PATH, {"input": input_name, **body})


def test_options_depend_on_other_inputs_and_on_the_tenant(web: Web) -> None:
    inputs = {"account": "acme", "plain": "not looked at"}
    answer = ask(web.client(), inputs=inputs, search="gen")
    assert answer.get_json() == {"items": [{"value": "default-1", "label": "acme gen"}], "is_complete": True}
    other = ask(web.client(scope=OTHER_TENANT), inputs=inputs)
    assert other.get_json()["items"] == [{"value": "other-1", "label": "acme"}]


@pytest.mark.parametrize("inputs", [{}, {"account": "!ref($.event.data.account)"}, {"account": "a !ref($.event.id)"}])
def test_what_is_not_known_yet_is_named(web: Web, inputs: dict[str, Any]) -> None:
    refused = ask(web.client(), inputs=inputs)
    assert refused.status_code == 400
    assert problems_of(refused) == [("/inputs/account", "missing-input")]


def test_the_name_of_a_secret_is_passed_on_as_it_stands(web: Web) -> None:
    answer = ask(web.client(), inputs={"account": "!secret(carrier)"})
    assert answer.get_json()["items"][0]["label"] == "!secret(carrier)"


def test_what_does_not_fit_is_refused(web: Web) -> None:
    client = web.client()
    assert problems_of(ask(client, inputs={"account": 7})) == [("/inputs/account", "invalid-input")]
    assert problems_of(ask(client, inputs=[])) == [("/inputs", "invalid-type")]
    assert problems_of(ask(client, search="x" * 201)) == [("/search", "invalid-value")]
    assert ask(client, "plain").status_code == 404
    assert client.post("/api/actions/nothing/options", {"input": "x"}).status_code == 404


def test_a_failure_tells_what_was_meant_to_be_told(web: Web) -> None:
    client = web.client()
    broken, refused = ask(client, "broken"), ask(client, "refused")
    assert (broken.status_code, broken.get_json()["code"]) == (424, "options-failed")
    assert "hunter2" not in broken.get_data(as_text=True)
    assert refused.get_json()["detail"] == "the account is locked"


def test_only_those_who_edit_may_ask(web: Web) -> None:
    assert ask(web.client(["workflows:read", "actions:read"]), inputs={"account": "a"}).status_code == 403
    embedded = {
        rights: Client(web, web.services.embed_tokens.mint(Embed(DEFAULT_SCOPE, "mine", rights)).token)
        for rights in ((), ("edit",))
    }
    assert ask(embedded[()], inputs={"account": "a"}).status_code == 403
    assert ask(embedded["edit",], inputs={"account": "a"}).status_code == 200


ASSIGNEES = "/api/actions/builtin:approval/options"


def assignees(client: Client, search: str = "") -> list[tuple[str, str]]:
    """Return whom an approval may ask, as somebody is told."""
    answer = client.post(ASSIGNEES, {"input": "assignees", "search": search})
    assert answer.status_code == 200
    return [(each["value"], each["label"]) for each in answer.get_json()["items"]]


@pytest.fixture
def staffed(database_url: str) -> Iterator[Web]:
    """An installation whose tenants have users of their own."""
    with a_runtime(database_url, secret_key="k:" + "A" * 43 + "=") as harness:
        web = Web(harness, services_of(harness.runtime))
        for name, shown, scope in [
            ("ada", "Ada Lovelace", DEFAULT_SCOPE), ("bob", "", DEFAULT_SCOPE), ("cleo", "", DEFAULT_SCOPE),
            ("mallory", "", OTHER_TENANT),
        ]:  # fmt: skip
            made = web.services.users.create(scope, NewUser(name, PASSWORD, ("viewer",), shown), OWNER).user
            web.services.users.set_disabled(scope, made.id, OWNER, is_disabled=name == "cleo")
        yield web


def test_who_edits_may_choose_among_the_users_of_the_tenant_and_is_told_names_only(staffed: Web) -> None:
    editor = staffed.client(["workflows:write"])
    assert assignees(editor) == [("ada", "Ada Lovelace"), ("bob", "bob")]
    assert assignees(editor, "LOVE") == [("ada", "Ada Lovelace")]
    assert assignees(staffed.client(["workflows:write"], scope=OTHER_TENANT)) == [("mallory", "mallory")]
    assert editor.get("/api/users").status_code == 403
    reader = staffed.client(["workflows:read"])
    assert reader.post(ASSIGNEES, {"input": "assignees"}).status_code == 403


def test_pages_of_hosts_are_told_no_users(staffed: Web) -> None:
    token = staffed.services.embed_tokens.mint(Embed(DEFAULT_SCOPE, "mine", ("edit",))).token
    assert assignees(Client(staffed, token)) == []
    hosted = Web(staffed.harness, replace(staffed.services, has_host=True))
    assert assignees(hosted.client(["workflows:write"])) == []


def test_an_application_says_whom_approvals_may_ask(database_url: str) -> None:
    registry = Registry()
    load_builtin_actions(registry)

    async def people(ctx: OptionsContext, search: str) -> list[tuple[str, str]]:
        return [(f"{ctx.tenant}:7", f"Ann {search}")]

    registry.list_assignees(people)
    with pytest.raises(DefinitionError, match="parameters are other inputs"):
        registry.list_assignees(lambda nothing: [])
    with a_runtime(database_url, registry, secret_key="k:" + "A" * 43 + "=") as harness:
        web = Web(harness, services_of(harness.runtime))
        assert assignees(web.client(), "x") == [("default:7", "Ann x")]
        token = web.services.embed_tokens.mint(Embed(DEFAULT_SCOPE, "mine", ("edit",))).token
        assert assignees(Client(web, token)) == [("default:7", "Ann ")]


def test_many_users_are_looked_through(staffed: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflowkit.runtime.users._CHUNK", 1)
    assert assignees(staffed.client(["workflows:write"])) == [("ada", "Ada Lovelace"), ("bob", "bob")]


def test_checking_and_publishing_ask_nothing(web: Web) -> None:
    document = {
        "name": "Post", "trigger": {"event": "a/b"}, "edges": [{"from": "$source", "to": "post"}],
        "actions": [{"id": "post", "kind": "shop/post", "inputs": {"account": "acme", "channel": "in no list"}}],
    }  # fmt: skip
    client = web.client()
    assert client.post("/api/workflows", {"id": "post", "document": document}).status_code == 201
    assert client.post("/api/workflows/post/publish").status_code == 201
    (action,) = client.get("/api/actions").get_json()["items"]
    assert action["inputs"]["properties"]["channel"]["x-options"]["depends_on"] == ["account"]
