"""Registering actions: what is read from a function, what is refused, and what may be shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import marshmallow as ma
import pydantic
import pytest

from workflowkit import WorkflowKit
from workflowkit.base.errors import AlreadyExists, DefinitionError, InvalidInput
from workflowkit.registry import ActionSpec, EdgeOptions, Field, PredefinedEdge, Registry, action, define

if TYPE_CHECKING:
    from somewhere.never_imported import Context  # type: ignore[import-not-found]


@dataclass
class Order:
    sku: str
    amount: int = 1


class OrderDict(TypedDict):
    sku: str


class OrderModel(pydantic.BaseModel):
    sku: str


class OrderSchema(ma.Schema):
    sku = ma.fields.String(required=True)


ORDER_JSON = {"type": "object", "properties": {"sku": {"type": "string"}}, "required": ["sku"]}


def send_mail(ctx: Any, to: str, subject: Annotated[str, Field(title="Line")], body: str = "") -> dict[str, str]:
    """Send an e-mail to somebody.

    Args:
        to: The receiver.
    """
    return {"to": to, "subject": subject, "body": body}


def test_everything_is_read_from_the_function() -> None:
    spec = define("shop/send-mail", send_mail)

    assert (spec.kind, spec.name, spec.description) == ("shop/send-mail", "Send mail", "Send an e-mail to somebody.")
    assert spec.inputs == {
        "type": "object",
        "properties": {
            "to": {"title": "To", "description": "The receiver.", "type": "string"},
            "subject": {"title": "Line", "type": "string"},
            "body": {"title": "Body", "type": "string", "default": ""},
        },
        "required": ["to", "subject"],
        "additionalProperties": False,
    }
    assert list(spec.inputs["properties"]) == ["to", "subject", "body"]
    assert spec.outputs == {"type": "object", "additionalProperties": {"type": "string"}}
    assert (spec.retries, spec.timeout_seconds, spec.queue) == (4, 300.0, "default")
    assert spec.takes_context
    assert not spec.is_async


def test_the_decorator_gives_back_the_function_itself() -> None:
    assert Registry().action("a")(send_mail) is send_mail


@pytest.mark.parametrize(
    ("timeout", "seconds"), [("30s", 30.0), ("2m", 120.0), ("500ms", 0.5), ("1h", 3600.0), (7, 7.0), (0.5, 0.5)]
)
def test_a_timeout_is_seconds_or_text(timeout: float | str, seconds: float) -> None:
    assert define("a", send_mail, timeout=timeout).timeout_seconds == seconds


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        ({"timeout": "soon"}, "/timeout"),
        ({"timeout": 0}, "/timeout"),
        ({"timeout": -1}, "/timeout"),
        ({"timeout": True}, "/timeout"),
        ({"timeout": "2d"}, "/timeout"),
        ({"retries": -1}, "/retries"),
        ({"retries": 21}, "/retries"),
        ({"retries": 1.5}, "/retries"),
        ({"retries": True}, "/retries"),
        ({"queue": ""}, "/queue"),
        ({"queue": "a b"}, "/queue"),
        ({"concurrency": 0}, "/concurrency"),
        ({"concurrency": True}, "/concurrency"),
        ({"concurrency": "2"}, "/concurrency"),
        ({"concurrency": {"limit": 2, "scope": "workflow"}}, "/concurrency"),
        ({"concurrency": {"limit": 2, "key": "event.data.id"}}, "/concurrency"),
        ({"edges": [{"name": "x"}]}, "/edges"),
        ({"edges": {"allow": True}}, "/edges"),
        ({"edges": 5}, "/edges"),
        ({"external": "no"}, "/external"),
        ({"dry_run": "later"}, "/dry_run"),
        ({"compensate": "later"}, "/compensate"),
        ({"compensate": lambda amount: None}, "/compensate"),
        ({"dry_run": lambda amount: None}, "/dry_run"),
        ({"edges": [{"name": "x", "conditional": {"type": "perhaps"}}]}, "/edges"),
        ({"kind": ""}, "/kind"),
        ({"kind": "1a"}, "/kind"),
        ({"kind": "a b"}, "/kind"),
        ({"kind": "a" * 101}, "/kind"),
    ],
)
def test_an_option_out_of_range_is_refused_by_name(options: dict[str, Any], pointer: str) -> None:
    kind = options.pop("kind", "a")

    with pytest.raises(DefinitionError) as refusal:
        define(kind, send_mail, **options)

    assert [(p.pointer, p.code) for p in refusal.value.problems] == [(pointer, "invalid-action")]


@pytest.mark.parametrize(
    ("option", "meant"), [("retry", "retries"), ("timeuot", "timeout"), ("at_most_one", "at_most_once"), ("zzz", None)]
)
def test_an_option_that_there_is_not_is_refused_with_what_may_be_meant(option: str, meant: str | None) -> None:
    wrong: dict[str, Any] = {option: 3}
    with pytest.raises(DefinitionError) as caught:
        define("pay", lambda cents: None, **wrong)
    (problem,) = caught.value.problems
    suggestion = f" (did you mean {meant}?)" if meant else ""
    assert (problem.pointer, problem.code) == (f"/{option}", "unknown-option")
    assert problem.message == f"action 'pay' has no option {option!r}{suggestion}"


def test_a_decorator_without_parentheses_is_an_error() -> None:
    def pay(cents: int) -> int:
        return cents

    wk = WorkflowKit("shop")
    decorators: list[Any] = [wk.action, wk.function, wk.durable_endpoint, action, wk.registry.action]
    for decorator in decorators:
        with pytest.raises(DefinitionError, match=r"\('pay', ...\) above pay: without parentheses"):
            decorator(pay)


def test_the_engine_in_memory_says_what_is_no_function() -> None:
    def pay(ctx: Any) -> None: ...

    wk: Any = WorkflowKit("shop")
    with pytest.raises(InvalidInput, match="pay is no function of an application"):
        wk.engine.run(pay, {"name": "test", "data": {}})


def test_all_wrong_options_are_reported_together() -> None:
    with pytest.raises(DefinitionError) as refusal:
        define("a", send_mail, timeout="x", retries=99)

    assert len(refusal.value.problems) == 2


@pytest.mark.parametrize(
    "edges",
    [
        {"allowAdd": False, "edges": [{"name": "True", "conditional": {"type": "if", "ref": "!ref($.output)"}}]},
        EdgeOptions(False, (PredefinedEdge("True", {"type": "if", "ref": "!ref($.output)"}),)),
    ],
)
def test_predefined_edges_may_be_written_as_in_the_workflow_kit(edges: Any) -> None:
    assert define("a", send_mail, edges=edges).edges.as_dict() == {
        "allowAdd": False,
        "edges": [{"name": "True", "conditional": {"type": "if", "ref": "!ref($.output)"}}],
    }


def test_a_list_of_edges_leaves_free_edges_allowed() -> None:
    assert define("a", send_mail, edges=[]).edges == EdgeOptions(allow_add=True)


# --- signatures


def no_context(value: int) -> int:
    return value


def named_context(context: Any, value: int) -> int:
    return value


def context_of_unknown_type(ctx: Context, value: int) -> int:
    return value


async def asynchronous(ctx: Any) -> None: ...


class Greeter:
    async def __call__(self, ctx: Any, value: int) -> None: ...


def anything(ctx: Any, fixed: int, **rest: str) -> None: ...


def test_the_context_is_known_by_its_name() -> None:
    assert not define("a", no_context).takes_context
    assert define("a", named_context).takes_context
    assert list(define("a", named_context).inputs["properties"]) == ["value"]


def test_a_context_type_that_only_the_type_checker_knows_is_no_obstacle() -> None:
    assert define("a", context_of_unknown_type).inputs["properties"]["value"]["type"] == "integer"


def test_async_functions_and_objects_are_recognised() -> None:
    assert define("a", asynchronous).is_async
    assert define("a", Greeter()).is_async
    assert define("a", Greeter()).inputs["required"] == ["value"]


def test_collected_keywords_admit_further_inputs_of_their_type() -> None:
    schema = define("a", anything).inputs

    assert list(schema["properties"]) == ["fixed"]
    assert schema["additionalProperties"] == {"type": "string"}


def untyped(ctx, a, b=1):  # type: ignore[no-untyped-def]
    return a, b


def test_a_parameter_without_annotation_may_be_anything() -> None:
    spec = define("a", untyped)

    assert spec.inputs["properties"] == {"a": {"title": "A"}, "b": {"title": "B", "default": 1}}
    assert spec.outputs is None


def with_args(ctx: Any, *args: int) -> None: ...
def positional(ctx: Any, a: int, /) -> None: ...
def late_context(a: int, ctx: Any) -> None: ...
def odd_type(ctx: Any, when: complex) -> None: ...
def odd_return(ctx: Any) -> complex:
    return 1j


def unknown_name(ctx: Any, a: Context) -> None: ...


@pytest.mark.parametrize(
    ("handler", "parameter", "words"),
    [
        (with_args, "args", "passed by name"),
        (positional, "a", "passed by name"),
        (late_context, "ctx", "first parameter"),
        (odd_type, "when", "complex"),
        (odd_return, "return", "complex"),
        (unknown_name, "a", "Context"),
    ],
)
def test_a_function_that_cannot_be_an_action_is_refused_by_function_and_parameter(
    handler: Callable[..., Any], parameter: str, words: str
) -> None:
    with pytest.raises(DefinitionError) as refusal:
        define("my/kind", handler)

    (problem,) = refusal.value.problems
    assert problem.pointer == ("/outputs" if parameter == "return" else f"/inputs/{parameter}")
    assert "'my/kind'" in problem.message
    assert handler.__name__ in problem.message
    assert words in problem.message


# --- inputs written out


def by_name(ctx: Any, sku: str) -> None: ...
def whole(ctx: Any, inputs: dict[str, Any]) -> None: ...
def whole_order(ctx: Any, order: Order) -> None: ...
def with_rest(ctx: Any, **rest: Any) -> None: ...


@pytest.mark.parametrize(
    "declared", [ORDER_JSON, OrderDict, OrderModel, OrderSchema, {"sku": {"type": {"type": "string"}}}]
)
@pytest.mark.parametrize("handler", [by_name, whole, with_rest])
def test_inputs_may_be_declared_in_every_form(declared: Any, handler: Callable[..., Any]) -> None:
    spec = define("a", handler, inputs=declared)

    assert spec.inputs["properties"]["sku"]["type"] == "string"
    assert spec.inputs["required"] == ["sku"]


def test_a_handler_with_one_parameter_of_the_declared_type_gets_the_whole() -> None:
    spec = define("a", whole_order, inputs=Order)

    assert spec.binding.arguments({"sku": "x"}) == {"order": Order("x")}


@pytest.mark.parametrize("declared", [OrderModel, OrderSchema, ORDER_JSON])
def test_a_parameter_called_inputs_gets_all_inputs_as_declared(declared: Any) -> None:
    (argument,) = define("a", whole, inputs=declared).binding.arguments({"sku": "x"}).values()

    assert argument == (OrderModel(sku="x") if declared is OrderModel else {"sku": "x"})


def two(ctx: Any, sku: str, amount: int) -> None: ...
def two_defaulted(ctx: Any, sku: str, amount: int = 2) -> None: ...


@pytest.mark.parametrize(
    ("declared", "handler", "pointer", "words"),
    [
        (ORDER_JSON, two, "/inputs/amount", "no such name"),
        (Order, by_name, "/inputs/amount", "no such parameter"),
        ({"type": "object", "properties": {"sku": {}}}, by_name, "/inputs/sku", "must require it"),
        ({"type": "array"}, by_name, "/inputs", "must be an object"),
        (complex, by_name, "/inputs", "complex"),
        (ORDER_JSON, unknown_name, "/inputs/a", "Context"),
        ({"type": "nonsense"}, by_name, "/inputs", "not a JSON Schema"),
    ],
)
def test_declared_inputs_that_do_not_fit_the_function_are_refused(
    declared: Any, handler: Callable[..., Any], pointer: str, words: str
) -> None:
    with pytest.raises(DefinitionError) as refusal:
        define("a", handler, inputs=declared)

    assert refusal.value.problems[0].pointer == pointer
    assert words in refusal.value.problems[0].message


def test_a_parameter_with_a_default_need_not_be_declared() -> None:
    assert define("a", two_defaulted, inputs=ORDER_JSON).binding.arguments({"sku": "x", "other": 1}) == {"sku": "x"}


def test_declared_outputs_replace_the_annotation() -> None:
    assert define("a", send_mail, outputs=ORDER_JSON).outputs == ORDER_JSON
    with pytest.raises(DefinitionError, match="the return value"):
        define("a", send_mail, outputs=complex)


# --- arguments


def typed(ctx: Any, order: Order, orders: dict[str, Order] | None = None) -> None: ...


def test_arguments_are_converted_to_the_annotated_types() -> None:
    arguments = define("a", typed).binding.arguments(
        {"order": {"sku": "x"}, "orders": {"1": {"sku": "y", "amount": 2}}}
    )

    assert arguments == {"order": Order("x", 1), "orders": {"1": Order("y", 2)}}


def dated(ctx: Any, order: OrderModel) -> None: ...


def test_a_value_that_the_type_refuses_is_invalid_input_with_its_place() -> None:
    with pytest.raises(InvalidInput) as refusal:
        define("a", dated).binding.arguments({"order": {"sku": 5}})

    assert [(p.pointer, p.code) for p in refusal.value.problems] == [("/inputs/order", "undecodable-input")]


# --- the public half


def keyed(ctx: Any, url: str, api_key: str = "sk-live-1", apiToken: str | None = "t-2", note: str = "ok") -> None:  # noqa: N803
    """Call a service."""


PUBLIC = {
    "kind": "shop/keyed",
    "name": "Keyed",
    "description": "Call a service.",
    "icon": "key",
    "category": "Shop",
    "inputs": {
        "type": "object",
        "properties": {
            "url": {"title": "Url", "type": "string"},
            "api_key": {"title": "Api key", "type": "string", "writeOnly": True, "ui": {"widget": "password"}},
            "apiToken": {
                "title": "ApiToken",
                "type": ["string", "null"],
                "writeOnly": True,
                "ui": {"widget": "password"},
            },
            "note": {"title": "Note", "type": "string", "default": "ok"},
        },
        "required": ["url"],
        "additionalProperties": False,
    },
    "outputs": {"type": "null"},
    "edges": {"allowAdd": True, "edges": []},
    "retries": 1,
    "timeout_seconds": 30.0,
    "queue": "slow",
    "concurrency": None,
    "has_compensation": False,
}


def test_the_public_half_is_exactly_this() -> None:
    spec = define("shop/keyed", keyed, icon="key", category="Shop", retries=1, timeout="30s", queue="slow")

    assert spec.public() == PUBLIC


@pytest.mark.parametrize(
    ("declared", "limit"),
    [
        (3, {"limit": 3, "scope": "environment"}),
        ({"limit": 3}, {"limit": 3, "scope": "environment"}),
        ({"limit": 1, "scope": "installation"}, {"limit": 1, "scope": "installation"}),
    ],
)
def test_a_limit_of_an_action_may_be_seen(declared: Any, limit: dict[str, Any]) -> None:
    assert define("a", keyed, concurrency=declared).public()["concurrency"] == limit


def test_the_public_half_has_no_module_no_representation_and_no_secret() -> None:
    registry = Registry()
    registry.action("a")(keyed)
    registry.action("b")(Greeter())
    registry.action("c")(typed)

    shown = json.dumps(registry.public())

    for private in (__name__, "workflowkit", "<function", "object at 0x", "sk-live-1", "t-2", "handler", "binding"):
        assert private not in shown


@dataclass
class Account:
    user: str = "ann"
    password: str = "p-1"


class AccountModel(pydantic.BaseModel):
    user: str = "bob"
    password: str = "p-2"
    pin: pydantic.SecretStr = pydantic.SecretStr("p-3")


class AccountSchema(ma.Schema):
    password = ma.fields.String(load_default="p-4")


def logs_in(
    ctx: Any,
    account: Account = Account("eve", "p-5"),  # noqa: B008
    accounts: list[Account] | None = None,
    model: AccountModel = AccountModel(password="p-6"),  # noqa: B008
    schema: AccountSchema | None = None,
    hinted: Annotated[str, Field(secret=True)] = "p-7",
    totals: dict[str, float] | None = None,
) -> None: ...


def test_defaults_of_secrets_stay_inside_also_when_they_are_nested() -> None:
    spec = define("a", logs_in)

    shown = json.dumps(spec.public())
    assert "p-" not in shown
    assert "ann" in shown
    assert "bob" in shown
    assert "default" not in spec.inputs["properties"]["account"]
    assert spec.inputs["properties"]["totals"]["default"] is None
    assert spec.inputs["required"] == []


def test_changing_the_public_half_does_not_change_the_action() -> None:
    spec = define("a", keyed)

    spec.public()["inputs"]["properties"].clear()
    spec.public()["edges"]["edges"].append("x")

    assert "url" in spec.inputs["properties"]


def test_a_spec_does_not_show_its_handler() -> None:
    assert "handler" not in repr(define("a", keyed))


# --- the registry


def a_spec(kind: str, name: str = "") -> ActionSpec:
    return ActionSpec(kind=kind, handler=send_mail, name=name)


def test_a_kind_can_be_registered_once() -> None:
    registry = Registry()
    registry.action("a")(send_mail)

    with pytest.raises(AlreadyExists, match="'a'"):
        registry.action("a")(no_context)
    assert registry.get("a") is not None
    assert registry.get("a").handler is send_mail  # type: ignore[union-attr]


def test_a_builtin_kind_can_be_registered_once() -> None:
    registry = Registry()
    registry.add_builtin(a_spec("log"))

    with pytest.raises(AlreadyExists, match="'log'"):
        registry.add_builtin(a_spec("log"))


def test_an_application_cannot_register_under_the_reserved_prefix() -> None:
    with pytest.raises(AlreadyExists, match="reserved"):
        Registry().add(a_spec("builtin:mine"))


def test_an_own_action_hides_a_builtin_one_that_stays_reachable_by_prefix() -> None:
    registry = Registry()
    registry.add_builtin(a_spec("send_email", "theirs"))
    registry.add_builtin(a_spec("builtin:if", "if"))
    registry.add(a_spec("send_email", "mine"))

    def name_of(kind: str) -> str | None:
        spec = registry.get(kind)
        return None if spec is None else spec.name

    assert name_of("send_email") == "mine"
    assert name_of("builtin:send_email") == "theirs"
    assert name_of("builtin:if") == "if"
    assert name_of("if") is None
    assert [spec.name for spec in registry] == ["if", "mine"]


def test_the_prefix_does_not_reach_an_applications_own_action() -> None:
    registry = Registry()
    registry.add(a_spec("mine"))

    assert registry.get("builtin:mine") is None
    assert "mine" in registry
    assert "other" not in registry


def test_kinds_are_listed_once_and_sorted() -> None:
    registry = Registry()
    for kind in ("b", "a"):
        registry.add(a_spec(kind))
    registry.add_builtin(a_spec("a"))

    assert list(registry.kinds()) == ["a", "b"]
    assert len(registry) == 2
    assert [entry["kind"] for entry in registry.public()] == ["a", "b"]


def test_what_undoes_an_action_has_its_inputs_and_its_output_and_can_be_seen_by_no_document() -> None:
    def reserve(sku: str, quantity: int = 1, note: str = "") -> str:
        return sku

    async def release(ctx: Any, output: str, quantity: int) -> None:
        """Give back."""

    registry = Registry()
    registry.action("reserve", compensate=release, queue="stock", retries=7, concurrency=2)(reserve)
    undo = registry.executable("undo:reserve")

    assert undo is not None
    assert (undo.handler, undo.is_async, undo.takes_context) == (release, True, True)
    assert (undo.queue, undo.retries, undo.concurrency, undo.compensation) == ("stock", 7, None, None)
    assert undo.inputs["properties"] == {
        "output": {"title": "Output", "type": "string"},
        "quantity": {"title": "Quantity", "type": "integer", "default": 1},
    }
    assert registry.undoes_itself("reserve")
    assert not registry.undoes_itself("undo:reserve")
    assert registry.get("undo:reserve") is None
    assert "undo:reserve" not in registry.kinds()
    (public,) = registry.public()
    assert public["has_compensation"] is True
    with pytest.raises(AlreadyExists, match="reserved"):
        registry.action("undo:more")(reserve)


def test_an_action_with_an_input_called_output_cannot_undo_itself() -> None:
    def write(output: str) -> None: ...

    with pytest.raises(DefinitionError, match="an input of its own that is called 'output'"):
        define("write", write, compensate=lambda output: None)


def test_what_undoes_an_action_of_any_inputs_may_take_all_of_them() -> None:
    def record(first: str, **more: Any) -> None: ...

    def erase(output: Any, **inputs: Any) -> None: ...

    undo = define("record", record, compensate=erase).compensation

    assert undo is not None
    assert undo.inputs["properties"].keys() == {"first", "output"}
    assert undo.binding.arguments({"first": 1, "output": None, "x": 2}) == {"first": 1, "output": None, "x": 2}
