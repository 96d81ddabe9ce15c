"""Options of inputs over HTTP: who may ask, for whom they are, and what a failure tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from runtimes import a_runtime
from webapi import OTHER_TENANT, Client, Web, problems_of

from workflowkit import ActionError, OptionsContext
from workflowkit.api.services import services_of
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.registry import Registry
from workflowkit.runtime.embedding import Embed

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
