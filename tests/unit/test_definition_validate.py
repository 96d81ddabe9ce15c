"""Validation: every problem at once, each with its place (W11, D8, D9, D12)."""

from __future__ import annotations

import sys
from copy import deepcopy
from typing import Any

import pytest
from builders import WorkflowBuilder, a_workflow
from kinds import KINDS, RESULT, Edges, Kind, Kinds, inputs_of

from workflowkit.base.errors import DefinitionError, InvalidInput, LimitExceeded, Problem
from workflowkit.base.limits import Limits
from workflowkit.definition import load_json, parse, validate
from workflowkit.definition.model import SOURCE


def found(document: Any, catalogue: Kinds = KINDS, **limits: int) -> list[tuple[str, str]]:
    """Return (pointer, code) of every problem, warnings with a ``?`` behind the code."""
    problems = validate(document, catalogue, Limits(**limits))
    return [(problem.pointer, problem.code + "?" * (problem.severity == "warning")) for problem in problems]


def one_action(kind: str = "noop", inputs: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    return a_workflow().action("a", kind, inputs, **settings).edge(SOURCE, "a").document()


def messages(document: Any) -> list[str]:
    return [problem.message for problem in validate(document, KINDS)]


# --- the whole


def test_a_good_document_has_no_problems_and_parses() -> None:
    document = (
        a_workflow("order")
        .trigger("shop/order.placed", "event.data.total > 10")
        .action("check", "builtin:if", {"condition": {">": ["!ref($.event.data.total)", 100]}})
        .action("big", "mail", {"to": "!ref($.event.data.mail)", "data": {"n": "!ref($.event.data.total)"}})
        .action("small", retries=0, timeout="30s", on_error="continue")
        .action("end", inputs={"text": "was !ref($.state.check.result)"}, join="any")
        .edge(SOURCE, "check")
        .edge_if("check", "big", RESULT)
        .edge_else("check", "small", RESULT)
        .path("big", "end")
        .path("small", "end")
        .document()
    )
    before = deepcopy(document)
    assert found(document) == []
    workflow = parse(document, KINDS)
    assert list(workflow.nodes) == ["check", "big", "small", "end"]
    assert document == before


def test_six_faults_give_six_problems_with_their_places() -> None:
    document = (
        a_workflow()
        .trigger("shop/upd*")
        .action("a", "mail", {"to": 5})
        .action("b", "nope")
        .action("c", inputs={"x": "!ref($.state.gone.x)"})
        .path(SOURCE, "a", "b", "c")
        .edge("c", "elsewhere")
        .edge("a", "c", type="when", ref="!ref($.output.id)")
        .document()
    )
    assert found(document) == [
        ("/actions/0/inputs/to", "invalid-input"),
        ("/actions/1/kind", "unknown-kind"),
        ("/actions/2/inputs/x", "unknown-reference"),
        ("/edges/3/to", "unknown-action"),
        ("/edges/4/conditional/type", "unknown-condition-type"),
        ("/triggers/0/event", "invalid-event-name"),
    ]


def test_parse_refuses_with_all_problems_and_lets_warnings_pass() -> None:
    with pytest.raises(DefinitionError) as caught:
        parse({"actions": [{"id": "a"}]}, KINDS)
    assert {problem.pointer for problem in caught.value.problems} == {"", "/actions/0", "/edges"}
    with_warning = one_action("mail", {"to": "ada@example.com", "unknown": 1})
    assert [code for _, code in found(with_warning)] == ["unknown-input?"]
    assert parse(with_warning, KINDS).nodes["a"].inputs["unknown"] == 1


def test_a_workflow_kit_instance_loads_unchanged() -> None:
    instance = {
        "name": "Welcome",
        "description": None,
        "metadata": {"ui": {"x": 1}},
        "version": 7,
        "actions": [
            {"id": "1", "kind": "builtin:if", "inputs": {"condition": {"==": ["!ref($.event.data.age)", 1]}}, "x": 1},
            {"id": "2", "kind": "mail", "name": "Send", "inputs": {"to": "!ref($.event.data.to)"}, "position": [1, 2]},
        ],
        "edges": [
            {"from": "$source", "to": "1"},
            {"from": "1", "to": "2", "name": "True", "conditional": {"type": "if", "ref": RESULT, "more": True}},
        ],
    }
    assert found(instance) == []
    assert parse(instance, KINDS).document == instance


def test_problems_are_sorted_by_place_with_indexes_as_numbers() -> None:
    builder = a_workflow()
    for index in range(12):
        builder.action(f"a{index}", "nope").edge(SOURCE, f"a{index}")
    assert [pointer for pointer, _ in found(builder.document())] == [f"/actions/{index}/kind" for index in range(12)]


# --- form


@pytest.mark.parametrize(
    ("document", "pointer", "code"),
    [
        (None, "", "invalid-type"),
        ([], "", "invalid-type"),
        ("x", "", "invalid-type"),
        ({"actions": {}, "edges": []}, "/actions", "invalid-type"),
        ({"actions": [1], "edges": []}, "/actions/0", "invalid-type"),
        ({"actions": [{"id": 5, "kind": "noop"}], "edges": []}, "/actions/0/id", "invalid-type"),
        ({"actions": [{"id": "", "kind": "noop"}], "edges": []}, "/actions/0/id", "invalid-value"),
        ({"actions": [], "edges": [{"from": "a"}]}, "/edges/0", "missing-key"),
        ({"actions": [], "edges": "x"}, "/edges", "invalid-type"),
        ({"actions": [], "edges": [], "name": 5}, "/name", "invalid-type"),
        ({"actions": [], "edges": [], "metadata": []}, "/metadata", "invalid-type"),
        ({"actions": [], "edges": [], "schema_version": 2}, "/schema_version", "invalid-value"),
        ({"actions": [], "edges": [], "trigger": {"if": "x"}}, "/trigger", "missing-key"),
        ({"actions": [], "edges": [], "triggers": {"event": "x"}}, "/triggers", "invalid-type"),
        ({"actions": [{"id": "a", "kind": "noop", "inputs": []}], "edges": []}, "/actions/0/inputs", "invalid-type"),
        ({"name": float("nan")}, "/name", "number-out-of-range"),
        ({"name": {1, 2}}, "/name", "not-json"),
    ],
)
def test_what_has_the_wrong_form_is_named_with_its_place(document: Any, pointer: str, code: str) -> None:
    assert (pointer, code) in found(document)


@pytest.mark.parametrize(
    ("settings", "pointer"),
    [
        ({"retries": 21}, "retries"),
        ({"retries": -1}, "retries"),
        ({"retries": 1.5}, "retries"),
        ({"timeout": "soon"}, "timeout"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": "25h"}, "timeout"),
        ({"timeout": 90_000}, "timeout"),
        ({"timeout": "0s"}, "timeout"),
        ({"on_error": "explode"}, "on_error"),
        ({"join": "some"}, "join"),
        ({"join": {"n_of": 0}}, "join/n_of"),
    ],
)
def test_a_bad_setting_is_an_error(settings: dict[str, Any], pointer: str) -> None:
    assert [place for place, _ in found(one_action(**settings))] == [f"/actions/0/settings/{pointer}"]


def test_a_setting_nobody_knows_is_a_warning() -> None:
    assert found(one_action(retry=3)) == [("/actions/0/settings/retry", "unknown-setting?")]


def test_a_key_that_looks_like_a_slip_is_a_warning_and_others_are_kept() -> None:
    document = one_action()
    document |= {"setings": {}, "steps": [], "position": {"x": 1}, "x-editor": {}}
    document["actions"][0] |= {"input": {}, "retries": 3, "position": {"x": 1}, "data": {}}
    document["edges"][0] |= {"if": "event.data.x", "animated": True, "conditionals": {}, "label": "Yes"}

    assert found(document) == [
        ("/actions/0/input", "unknown-setting?"),
        ("/actions/0/retries", "unknown-setting?"),
        ("/edges/0/conditionals", "unknown-setting?"),
        ("/edges/0/if", "unknown-setting?"),
        ("/setings", "unknown-setting?"),
        ("/steps", "unknown-setting?"),
    ]
    conditional = one_action() | {"edges": [{"from": "$source", "to": "a", "when": "x"}]}
    assert messages(conditional) == ["This key means nothing here: when (did you mean conditional?)"]


def test_a_document_of_nothing_but_unknown_keys_is_looked_at_in_bounds() -> None:
    document = one_action() | {f"action{number}": 1 for number in range(5_000)}
    assert len(found(document)) == 100


# --- ids and edges


@pytest.mark.parametrize("node_id", ["$source", "$blank", "__proto__", "constructor", "prototype"])
def test_a_reserved_id_is_refused(node_id: str) -> None:
    assert ("/actions/1/id", "reserved-id") in found(a_workflow().chain("a").actions(node_id).document())


@pytest.mark.parametrize("node_id", ["a/b", "a[0]", "a]", "a\nb", "x" * 201])
def test_an_id_that_steps_cannot_be_named_after_is_refused(node_id: str) -> None:
    assert found(a_workflow().chain(node_id).document()) == [("/actions/0/id", "invalid-id")]


def test_an_id_that_references_cannot_name_with_a_dot_is_a_warning() -> None:
    assert found(a_workflow().chain("a b").document()) == [("/actions/0/id", "unusual-id?")]
    assert found(a_workflow().chain("if-1", "2", "ä_b").document()) == []


def test_every_id_after_the_first_of_its_name_is_a_problem() -> None:
    document = a_workflow().chain("a").actions("a", "a").document()
    assert found(document) == [("/actions/1/id", "duplicate-id"), ("/actions/2/id", "duplicate-id")]
    assert messages(document)[0] == "Workflow has two actions with the same ID: a"


def test_edges_need_two_ends_that_exist() -> None:
    document = a_workflow().chain("a").edge("gone", "a").edge("a", "lost").edge("a", SOURCE).edge("a", "a").document()
    assert found(document) == [
        ("/edges/1/from", "unknown-action"),
        ("/edges/2/to", "unknown-action"),
        ("/edges/3/to", "edge-into-source"),
        ("/edges/4", "self-edge"),
    ]
    assert messages(document)[0] == "Workflow references an unknown action: gone"


def test_edge_ids_are_unique() -> None:
    document = a_workflow().chain("a").document()
    document["edges"] += [{"id": "$source->a#0", "from": SOURCE, "to": "a"}]
    assert found(document) == [("/edges/1/id", "duplicate-id")]


def test_several_edges_between_two_actions_are_allowed() -> None:
    """K5, D4."""
    document = a_workflow().chain("a", "b").edge_if("a", "b", "!ref($.output.x)").edge("a", "b").document()
    assert found(document) == []


# --- graph


def test_an_empty_workflow_cannot_be_published() -> None:
    """K6."""
    document: dict[str, Any] = {"actions": [], "edges": []}
    assert found(document) == [("/edges", "no-start")]
    assert messages(document) == ["Workflow has no starting actions: nothing comes after the start yet"]


def test_a_loop_without_steps_is_named() -> None:
    document: Any = a_workflow().action("each", "builtin:for_each", {"items": [1]}).path(SOURCE, "each").document()
    document["actions"][0]["body"] = {"actions": [], "edges": []}
    assert messages(document) == ["The loop 'each' has no starting actions: nothing comes after the start yet"]


def test_actions_without_a_start_are_one_problem() -> None:
    assert found(a_workflow().actions("a", "b").edge("a", "b").document()) == [("/edges", "no-start")]


def test_a_cycle_is_named_with_its_actions() -> None:
    document = a_workflow().chain("a", "b", "c").edge("c", "b").document()
    [problem] = validate(document, KINDS)
    assert (problem.pointer, problem.code) == ("/edges/3", "cycle")
    assert problem.message.endswith("at least one cycle: b -> c -> b")


def test_every_knot_of_cycles_is_a_problem() -> None:
    document = a_workflow().chain("a", "b", "c", "d").edge("b", "a").edge("d", "c").document()
    assert found(document) == [("/edges/4", "cycle"), ("/edges/5", "cycle")]


def test_a_cycle_that_no_run_reaches_is_two_kinds_of_problem() -> None:
    """K7."""
    document = a_workflow().chain("a").actions("x", "y").edge("x", "y").edge("y", "x").document()
    assert found(document) == [
        ("/actions/1", "disconnected"),
        ("/actions/2", "disconnected"),
        ("/edges/2", "cycle"),
    ]


def test_a_long_cycle_is_shortened_in_its_message() -> None:
    ids = [f"n{index}" for index in range(50)]
    document = a_workflow().chain(*ids).edge("n49", "n0").document()
    [problem] = validate(document, KINDS)
    assert "…" in problem.message
    assert len(problem.message) < 300


def test_whatever_no_run_reaches_is_disconnected() -> None:
    document = a_workflow().chain("a").actions("b", "c").edge("b", "c").edge("b", "a").document()
    assert found(document) == [("/actions/1", "disconnected"), ("/actions/2", "disconnected")]
    assert messages(document)[0] == "An action is disconnected and will never run: b"


def test_networkx_is_loaded_only_to_explain_a_wrong_graph() -> None:
    import subprocess

    program = (
        "import sys; from kinds import KINDS; from workflowkit.definition import validate;"
        "doc={'actions':[{'id':'a','kind':'noop'}],'edges':[{'from':'$source','to':'a'}]};"
        "assert validate(doc,KINDS)==[];"
        "print([name for name in ('networkx','sqlalchemy','flask','jsonschema','httpx') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONPATH": "tests:."}
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("limit", "builder"),
    [
        ("actions_per_workflow", a_workflow().chain("a", "b", "c")),
        ("edges_per_workflow", a_workflow().chain("a", "b", "c")),
        ("path_length", a_workflow().chain("a", "b", "c")),
        (
            "parallel_actions",
            a_workflow().actions("a", "b", "c").path(SOURCE, "a").path(SOURCE, "b").path(SOURCE, "c"),
        ),
        ("triggers_per_workflow", a_workflow().chain("a").trigger("x").trigger("y").trigger("z")),
    ],
)
def test_a_limit_is_met_at_its_value_and_named_one_past_it(limit: str, builder: WorkflowBuilder) -> None:
    assert validate(builder.document(), KINDS, Limits(**{limit: 3})) == []
    [problem] = validate(builder.document(), KINDS, Limits(**{limit: 2}))
    assert problem.code == "limit-exceeded"
    assert problem.message == f"limit {limit} exceeded: at most 2, got 3"


# --- actions


def test_an_unknown_kind_is_named_and_a_close_one_suggested() -> None:
    assert messages(one_action("builtin:iff")) == [
        "Workflow instance references unknown action kind: builtin:iff (did you mean builtin:if?)"
    ]
    assert messages(one_action("zzz")) == ["Workflow instance references unknown action kind: zzz"]


@pytest.mark.parametrize(
    ("inputs", "problems"),
    [
        ({}, [("/to", "missing-input")]),
        ({"to": 5}, [("/to", "invalid-input")]),
        ({"to": "nobody"}, [("/to", "invalid-input")]),  # D10: formats
        ({"to": "a@b.c", "copies": "3"}, [("/copies", "invalid-input")]),  # K8
        ({"to": "a@b.c", "copies": 0}, [("/copies", "invalid-input")]),
        ({"to": "a@b.c", "subject": "12345678901"}, [("/subject", "invalid-input")]),
        ({"to": "a@b.c", "data": {}}, [("/data", "invalid-input")]),
        ({"to": "a@b.c", "data": {"n": "x"}}, [("/data/n", "invalid-input")]),
        ({"to": "a@b.c", "tags": ["x", 5, None]}, [("/tags/1", "invalid-input"), ("/tags/2", "invalid-input")]),
        ({"to": "a@b.c", "note": 5}, [("/note", "invalid-input")]),
        ({"to": "a@b.c", "note": None}, []),
        ({"to": "a@b.c", "more": 5, "a/b": 1}, [("/a~1b", "unknown-input?"), ("/more", "unknown-input?")]),
    ],
)
def test_literal_inputs_are_held_against_the_action_s_schema(
    inputs: dict[str, Any], problems: list[tuple[str, str]]
) -> None:
    expected = [(f"/actions/0/inputs{pointer}", code) for pointer, code in problems]
    assert found(one_action("mail", inputs)) == expected


@pytest.mark.parametrize(
    "inputs",
    [
        {"to": "!ref($.event.data.to)"},
        {"to": "a@b.c", "copies": "!ref($.event.data.n)"},
        {"to": "!ref($.event.data.user)@example.com"},
        {"to": "a@b.c", "subject": "a long text with !ref($.event.data.n)"},
        {"to": "a@b.c", "data": "!ref($.event.data)"},
        {"to": "a@b.c", "data": {"n": "!ref($.event.data.n)"}},
        {"to": "a@b.c", "tags": ["!ref($.event.data.a)", "!ref($.event.data.a)"]},
        {"to": "a@b.c", "tags": ["x", "!ref($.event['a)b'])"]},
        {"to": "a@b.c", "note": ["!ref($.event.data.a)"][0]},
    ],
)
def test_where_a_reference_stands_nothing_is_checked_before_it_is_resolved(inputs: dict[str, Any]) -> None:
    """D9."""
    assert found(one_action("mail", inputs)) == []


@pytest.mark.parametrize(
    ("inputs", "pointer"),
    [
        ({"to": "a@b.c", "copies": "n !ref($.event.data.n)"}, "/copies"),  # will be a text
        ({"to": "a@b.c", "data": {"m": "!ref($.event.data.n)"}}, "/data"),  # still without n
        ({"to": "a@b.c", "tags": ["!ref($.event.data.a)", 5]}, "/tags/1"),
        ({"to": ["!ref($.event.data.a)"]}, "/to"),  # a list, whatever is in it
    ],
)
def test_what_is_wrong_whatever_the_references_give_is_found_before(inputs: dict[str, Any], pointer: str) -> None:
    assert found(one_action("mail", inputs)) == [(f"/actions/0/inputs{pointer}", "invalid-input")]


def test_the_reference_kit_s_words_for_a_bad_input_are_kept() -> None:
    [message] = messages(one_action("mail", {"to": 5}))
    assert message.startswith("Action 'a' has an invalid input for 'to': Expected string")


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({}, "empty-rule"),  # K21
        ({"nope": 1}, "invalid-rule"),
        ({"==": [1]}, "invalid-rule"),
        ({"==": [1, 1], "!=": [1, 2]}, "invalid-rule"),
        ({"and": [{"==": [1, {"nope": 1}]}]}, "invalid-rule"),
        ("text", "invalid-rule"),
        (5, "invalid-rule"),
        (None, "invalid-rule"),
        ([], "invalid-rule"),
        ({"and": [{"==": [1, 1]}] * 3_334}, "limit-exceeded"),  # W10
    ],
)
def test_a_condition_that_can_never_work_is_refused(rule: Any, code: str) -> None:
    assert found(one_action("builtin:if", {"condition": rule})) == [("/actions/0/inputs/condition", code)]


@pytest.mark.parametrize(
    "rule",
    [{"==": [1, 1]}, True, "!ref($.event.data.ok)", {"!!": "!ref($.event.x)"}, {"if": [True, {}, {"a": 1, "b": 2}]}],
)
def test_a_condition_that_can_work_is_accepted(rule: Any) -> None:
    assert found(one_action("builtin:if", {"condition": rule})) == []


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("async.data.id ==", "invalid-expression"),
        ("state.a.x == 1", "unknown-variable"),
        ("async.data.id == '!ref($.event.data.id)'", "invalid-expression"),
        ("!ref($.event.data.condition)", "invalid-expression"),
        (" && ".join(["async.data.id"] * 400), "invalid-expression"),
        (5, "invalid-input"),
    ],
)
def test_an_expression_in_an_input_is_checked_and_holds_no_reference(expression: Any, code: str) -> None:
    assert found(one_action("wait", {"event": "x", "condition": expression})) == [("/actions/0/inputs/condition", code)]


def test_an_expression_that_can_be_used_is_accepted() -> None:
    for expression in ("async.data.id == event.data.id", None):
        assert found(one_action("wait", {"event": "x", "condition": expression})) == []


def test_a_missing_condition_is_a_missing_input() -> None:
    assert found(one_action("builtin:if")) == [("/actions/0/inputs/condition", "missing-input")]


# --- settings and the edges they need


def test_branching_on_error_needs_an_error_edge_and_the_other_way_round() -> None:
    assert found(one_action(on_error="branch")) == [("/actions/0/settings/on_error", "missing-error-edge")]
    document = a_workflow().chain("a", "b").edge_error("a", "b").edge_error(SOURCE, "a").document()
    assert found(document) == [
        ("/edges/2/conditional/type", "unexpected-error-edge"),
        ("/edges/3/conditional/type", "unexpected-error-edge"),
    ]
    good = a_workflow().action("a", on_error="branch").actions("b").edge(SOURCE, "a").edge_error("a", "b").document()
    assert found(good) == []


def test_falling_back_needs_a_fallback() -> None:
    assert found(one_action(on_error="fallback")) == [("/actions/0/settings/on_error", "missing-fallback")]
    assert found(one_action(on_error="fallback", fallback=None)) == []
    assert found(one_action(fallback=1)) == [("/actions/0/settings/fallback", "unused-fallback?")]


def test_a_join_cannot_wait_for_more_edges_than_there_are() -> None:
    assert found(one_action(join={"n_of": 1})) == []
    assert found(one_action(join={"n_of": 2})) == [("/actions/0/settings/join/n_of", "impossible-join")]


def test_what_a_loop_executes_is_limited_in_its_body() -> None:
    assert found(one_action(concurrency=2)) == found(one_action(concurrency=0)) == []
    assert found(one_action(concurrency=-1)) == [("/actions/0/settings/concurrency", "invalid-value")]
    loop = one_action("builtin:for_each", {"items": [1]}, concurrency=2)
    loop["actions"][0]["body"] = a_workflow().chain("b").document()
    assert ("/actions/0/settings/concurrency", "conflicting-settings") in found(loop)


def test_an_edge_that_the_action_does_not_offer_is_a_warning() -> None:
    rule = {"condition": {"==": [1, 1]}}
    builder = a_workflow().action("a", "builtin:if", rule, on_error="branch").actions("b").edge(SOURCE, "a")
    builder.edge_if("a", "b", RESULT).edge_else("a", "b", RESULT).edge_error("a", "b")
    assert found(builder.document()) == []
    assert found(builder.edge("a", "b").document()) == [("/edges/4", "edge-not-offered?")]
    closed = Kinds(Kind("last", edges=Edges(allow_add=False)))
    document = a_workflow().action("a", "last").action("b", "last").path(SOURCE, "a", "b").document()
    assert found(document, closed) == [("/edges/1", "edge-not-offered?")]


# --- conditions


@pytest.mark.parametrize(
    ("conditional", "problems"),
    [
        ({"type": "if", "ref": "!ref($.output.x)"}, []),
        ({"type": "if", "ref": "text"}, [("/ref", "condition-without-reference")]),  # D12
        ({"type": "if", "ref": "$.output.x"}, [("/ref", "condition-without-reference")]),
        ({"type": "else", "ref": ""}, [("/ref", "condition-without-reference")]),
        ({"type": "when", "ref": "!ref($.output.x)"}, [("/type", "unknown-condition-type")]),  # D12
        ({"type": "if"}, [("", "missing-key")]),
        ({"type": "if", "ref": 5}, [("/ref", "invalid-type")]),
        ({"ref": "!ref($.output.x)"}, [("", "missing-key")]),
        (
            {"type": "if", "ref": "!ref($.output"},
            [("/ref", "invalid-reference"), ("/ref", "condition-without-reference")],
        ),
        ({"type": "if", "ref": "!ref($.output.x[*])"}, [("/ref", "condition-on-list")]),
        ({"type": "match", "ref": "!ref($.output.x)", "value": 1}, []),
        ({"type": "match", "ref": "!ref($.output.x)"}, [("", "match-without-value?")]),
        ({"type": "if", "ref": "!ref($.state.a.x)"}, []),
        ({"type": "if", "ref": "!ref($.event.data.x)"}, []),
        ({"type": "if", "ref": "!ref($.state.b.x)"}, [("/ref", "not-an-ancestor")]),
        ({"type": "if", "ref": "!ref($.nothing.x)"}, [("/ref", "unknown-root")]),
    ],
)
def test_a_condition_asks_about_a_value_that_is_there(
    conditional: dict[str, Any], problems: list[tuple[str, str]]
) -> None:
    document = a_workflow().chain("a", "b").document()
    document["edges"][1]["conditional"] = conditional
    expected = [(f"/edges/1/conditional{pointer}", code) for pointer, code in problems]
    assert sorted(found(document)) == sorted(expected)


def test_the_trigger_has_no_output() -> None:
    assert found(a_workflow().actions("a").edge_if(SOURCE, "a").document()) == [
        ("/edges/0/conditional/ref", "unknown-root")
    ]


def test_an_else_edge_on_something_the_output_does_not_have_is_a_warning() -> None:
    """K19."""
    builder = a_workflow().action("a", "mail", {"to": "a@b.c"}).actions("b").edge(SOURCE, "a")
    document = builder.edge_else("a", "b", "!ref($.output.sent)").document()
    assert found(document) == [("/edges/1/conditional/ref", "unknown-path?")]


# --- references


def reference(text: str, builder: WorkflowBuilder | None = None) -> list[str]:
    """Return the codes for a reference in an action that comes after mail ``m``."""
    start = builder or a_workflow().action("m", "mail", {"to": "a@b.c"}).edge(SOURCE, "m")
    document = start.action("z", inputs={"x": [text]}).edge("m", "z").document()
    problems = validate(document, KINDS)
    index = len(document["actions"]) - 1
    assert all(problem.pointer == f"/actions/{index}/inputs/x/0" for problem in problems)
    return [problem.code + "?" * (problem.severity == "warning") for problem in problems]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("!ref($.event.anything[0])", []),
        ("!ref($.state.m)", []),
        ("!ref($.state.m.id) and !ref($.state['m']['refused'][*])", []),
        ("!ref($.state.m.refused[0])", []),
        ("!ref($.state.m.refused.0)", []),
        ("!ref($.state.m.refused.x)", ["unknown-path?"]),
        ("!ref($.state.m.refused[0].x)", ["unknown-path?"]),
        ("!ref($.state.m.sent)", ["unknown-path?"]),
        ("!ref($.state.m.id.x)", ["unknown-path?"]),
        ("!ref($.state.m..x)", []),
        ("!ref($.state.gone.x)", ["unknown-reference"]),  # K10
        ("!ref($.state.z.x)", ["not-an-ancestor"]),
        ("!ref($.state)", ["unknown-reference"]),
        ("!ref($.state[*])", ["unknown-reference"]),
        ("!ref($.output.x)", ["unknown-root"]),
        ("!ref($.events.x)", ["unknown-root"]),
        ("!ref($..x)", ["unknown-root"]),
        ("!ref($)", ["invalid-reference"]),
        ("!ref(event.x)", ["invalid-reference"]),
        ("!ref( $.event.x)", ["invalid-reference"]),
        ("!ref($.event[)", ["invalid-reference"]),
        ("see !ref($.event.x", ["invalid-reference"]),
        ("write !ref(path) to refer", ["invalid-reference?"]),
        ("!ref($.state.gone.x) !ref($.output)", ["unknown-reference", "unknown-root"]),
    ],
)
def test_a_reference_must_lead_to_something_that_is_there_by_then(text: str, codes: list[str]) -> None:
    assert reference(text) == codes


def test_a_reference_in_a_rule_is_checked_like_any_other() -> None:
    document = one_action("builtin:if", {"condition": {"==": ["!ref($.state.gone.x)", 1]}})
    assert found(document) == [("/actions/0/inputs/condition/==/0", "unknown-reference")]


def test_a_sibling_is_no_ancestor() -> None:
    builder = a_workflow().action("m", "mail", {"to": "a@b.c"}).actions("s").edge(SOURCE, "m").edge(SOURCE, "s")
    assert reference("!ref($.state.s.x)", builder) == ["not-an-ancestor"]


def test_a_handled_error_s_output_is_not_held_against_the_schema() -> None:
    builder = a_workflow().action("m", "mail", {"to": "a@b.c"}, on_error="continue").edge(SOURCE, "m")
    assert reference("!ref($.state.m.error.message)", builder) == []


def test_in_or_behind_a_cycle_only_the_cycle_is_reported() -> None:
    builder = a_workflow().chain("a", "b").edge("b", "a")
    document = builder.action("c", inputs={"x": "!ref($.state.b.x)"}).edge("b", "c").document()
    assert found(document) == [("/edges/2", "cycle")]


# --- triggers


def test_triggers_are_checked_by_name_pattern_condition_and_repetition() -> None:
    builder = a_workflow().chain("a").trigger("shop/order.placed").trigger("shop/*", "event.data.x ==")
    builder.trigger("shop.order.*").trigger("shop/upd*").trigger("shop/order.placed").trigger("x", "async.data.y == 1")
    assert found(builder.document()) == [
        ("/triggers/1/if", "invalid-expression"),
        ("/triggers/3/event", "invalid-event-name"),
        ("/triggers/4", "duplicate-trigger"),
        ("/triggers/5/if", "unknown-variable"),
    ]


def test_a_single_trigger_may_stand_alone_or_before_others() -> None:
    document = a_workflow().chain("a").trigger("b").document() | {"trigger": {"event": "a", "if": "event.data.x == 1"}}
    workflow = parse(document, KINDS)
    assert [(t.event, t.condition, t.pointer) for t in workflow.triggers] == [
        ("a", "event.data.x == 1", "/trigger"),
        ("b", None, "/triggers/0"),
    ]
    document["trigger"]["if"] = "(("
    assert found(document) == [("/trigger/if", "invalid-expression")]


def test_the_same_event_under_two_conditions_is_two_triggers() -> None:
    assert found(a_workflow().chain("a").trigger("x", "event.data.a").trigger("x", "event.data.b").document()) == []


# --- the door


def test_text_is_read_strictly() -> None:
    assert load_json('{"actions": []}') == {"actions": []}
    with pytest.raises(InvalidInput):
        load_json('{"a": 1, "a": 2}')
    with pytest.raises(LimitExceeded, match="document_bytes"):
        load_json(" " * 100, Limits(document_bytes=50))


def test_a_problem_knows_its_severity() -> None:
    problems: list[Problem] = validate(one_action("mail", {"to": 5, "x": 1}), KINDS)
    assert [problem.severity for problem in problems] == ["error", "warning"]


def test_a_bad_schema_of_an_action_is_named_and_not_a_crash() -> None:
    broken = Kinds(Kind("broken", inputs_of(x={"pattern": "(a)\\1"})))
    with pytest.raises(DefinitionError, match="cannot be used"):
        validate(one_action("broken"), broken)
