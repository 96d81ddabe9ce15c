"""`options=`: what it says about an action's inputs, and what is refused when the action is registered."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal

import pytest

from workflowkit.base.errors import DefinitionError, InvalidInput
from workflowkit.registry import define


def post(account: str, channel: str, tags: list[str], level: Literal["low", "high"] = "low", token: str = "") -> None:
    """Post something."""


def list_channels(ctx: Any, account: str, level: str = "low", search: str = "") -> list[str]:
    return [ctx, account, level, search]


def test_parameters_are_what_options_depend_on() -> None:
    source = define("post", post, options={"channel": list_channels}).options["channel"]

    assert (source.depends_on, source.needs, source.searches) == (("account", "level"), ("account",), True)
    assert source.arguments({"account": "acme", "channel": "x"}, "gen") == {"account": "acme", "search": "gen"}


def test_what_is_public_names_fields_and_holds_no_code() -> None:
    spec = define("post", post, options={"channel": list_channels, "tags": lambda: ["new"]})

    properties = json.loads(json.dumps(spec.public()))["inputs"]["properties"]
    mark = {"input": "channel", "depends_on": ["account", "level"], "needs": ["account"], "searches": True}
    assert properties["channel"]["x-options"] == mark
    assert properties["tags"]["items"] == {
        "type": "string",
        "x-options": {"input": "tags", "depends_on": [], "needs": [], "searches": False},
    }
    assert "x-options" not in properties["account"]
    assert "options" not in spec.public()
    assert define("post", post).inputs["properties"]["channel"] == {"title": "Channel", "type": "string"}


def test_inputs_that_are_written_out_can_have_options() -> None:
    inputs = {"properties": {"account": {"$ref": "#/$defs/name"}, "channel": {}}, "type": "object",
              "$defs": {"name": {"type": "string", "minLength": 2}}}  # fmt: skip
    spec = define("post", lambda inputs: None, inputs=inputs, options={"channel": lambda account: [account]})
    source = spec.options["channel"]

    assert spec.inputs["properties"]["channel"]["x-options"]["depends_on"] == ["account"]
    assert source.arguments({"account": "acme"}, "") == {"account": "acme"}
    with pytest.raises(InvalidInput) as refused:
        source.arguments({"account": "a"}, "")
    assert [(problem.pointer, problem.code) for problem in refused.value.problems] == [
        ("/inputs/account", "invalid-input")
    ]


def test_a_schema_that_says_nothing_takes_a_mark() -> None:
    inputs = {"type": "object", "properties": {"any": True, "each": {"type": "array", "items": True}}}
    options = {"any": lambda: ["a"], "each": lambda: ["b"]}
    properties = define("act", lambda inputs: None, inputs=inputs, options=options).inputs["properties"]
    assert properties["any"]["x-options"]["input"] == "any"
    assert properties["each"]["items"]["x-options"]["input"] == "each"


def test_what_is_missing_is_named() -> None:
    source = define("post", post, options={"channel": list_channels}).options["channel"]

    with pytest.raises(InvalidInput, match="choose 'account' first") as refused:
        source.arguments({"level": "low"}, "")
    assert [(problem.pointer, problem.code) for problem in refused.value.problems] == [
        ("/inputs/account", "missing-input")
    ]


@pytest.mark.parametrize(
    ("name", "function", "message"),
    [
        ("nobody", lambda: [], "the action has no such input"),
        ("channel", "general", "must be a function"),
        ("channel", lambda channel: [], "not 'channel'"),
        ("channel", lambda acount: [], "not 'acount'"),
        ("channel", lambda **inputs: [], "must name the inputs"),
        ("level", lambda: [], "can have options"),
        ("token", lambda: [], "the input is secret"),
    ],
)
def test_what_cannot_be_is_refused_at_registration(name: str, function: Callable[..., Any], message: str) -> None:
    with pytest.raises(DefinitionError, match=message) as refused:
        define("post", post, options={name: function})
    assert [(problem.pointer, problem.code) for problem in refused.value.problems] == [
        (f"/options/{name}", "invalid-action")
    ]


def test_an_input_called_search_and_the_text_of_a_search_are_told_apart() -> None:
    def find(search: str, engine: str) -> None:
        """Find something."""

    with pytest.raises(DefinitionError, match="an input of its own"):
        define("find", find, options={"engine": lambda search: []})
    assert define("find", find, options={"engine": lambda: ["x"]}).options["engine"].depends_on == ()


def test_options_are_a_table_of_functions() -> None:
    with pytest.raises(DefinitionError, match="must be functions by the names of inputs"):
        define("post", post, options=[list_channels])  # type: ignore[arg-type]
