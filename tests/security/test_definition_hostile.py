"""Documents, references and rules from somebody who means harm (S1, S2, S5, S6, S8)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from kinds import IF, KINDS, LOOP, Kind, Kinds, inputs_of

from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.definition import validate
from workflowkit.definition.inputs import resolve_inputs
from workflowkit.definition.jsonlogic import compile_rule
from workflowkit.definition.model import SOURCE, Node
from workflowkit.definition.references import MISSING, ReferenceScope, Unreadable, compile_template, split_text
from workflowkit.definition.writtenschema import schema_problems


def operations(work: Callable[[], object]) -> int:
    """Return how many calls, of Python and C functions, some work makes: a measure that no busy machine distorts."""
    count = 0

    def see(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def layered(actions: int, edges: int) -> dict[str, Any]:
    """A graph with references, in layers of ten, with as many edges between neighbouring layers as asked for."""
    layers = [[f"n{index}" for index in range(first, first + 10)] for first in range(0, actions, 10)]
    pairs = [(SOURCE, node) for node in layers[0]]
    pairs += [(a, b) for upper, lower in pairwise(layers) for a in upper for b in lower]
    step = max(len(pairs) // edges, 1)
    needed = {pair[1]: pair for pair in reversed(pairs)}
    chosen = list(dict.fromkeys([*needed.values(), *pairs[::step], *pairs]))[:edges]
    return {
        "actions": [
            {
                "id": node,
                "kind": "noop",
                "inputs": {"x": f"!ref($.event.a) and !ref($.state.n{max(i - 10, 0) // 10 * 10}.y)"},
            }
            for i, node in enumerate(node for layer in layers for node in layer)
        ],
        "edges": [{"from": a, "to": b, "conditional": {"type": "if", "ref": "!ref($.event.a)"}} for a, b in chosen],
    }


def test_validating_at_the_limits_takes_work_in_proportion_to_the_size() -> None:
    """S8."""
    wide = replace(DEFAULT_LIMITS, actions_per_workflow=400, edges_per_workflow=2_000)
    small, full, double = (layered(100, 500), layered(200, 1_000), layered(400, 2_000))
    for document in (small, full, double):
        assert {problem.code for problem in validate(document, KINDS, wide)} <= {"not-an-ancestor", "maybe-skipped"}
    base, at_limits, beyond = (operations(partial(validate, each, KINDS, wide)) for each in (small, full, double))
    assert at_limits < 2.2 * base
    assert beyond < 2.2 * at_limits
    assert at_limits < 200 * (200 + 1_000)


def test_explaining_a_bad_graph_at_the_limits_takes_work_in_proportion_too() -> None:
    """S8: ``simple_cycles`` would list 10^100 cycles here."""

    def knot(actions: int, edges: int) -> dict[str, Any]:
        document = layered(actions, edges)
        document["edges"].append({"from": f"n{actions - 1}", "to": "n0"})
        return document

    wide = replace(DEFAULT_LIMITS, actions_per_workflow=400, edges_per_workflow=2_001)
    full, double = knot(200, 1_000), knot(400, 2_000)
    assert sum(problem.code == "cycle" for problem in validate(full, KINDS, wide)) == 1
    first, second = (operations(partial(validate, each, KINDS, wide)) for each in (full, double))
    assert second < 2.3 * first


def nested(actions: int, *, depth: int = 3) -> dict[str, Any]:
    """A chain with settings and references, and at its end a loop whose body is another, down to the depth."""
    ids = [f"d{depth}n{index}" for index in range(actions // 4)]
    document: dict[str, Any] = {
        "actions": [
            {
                "id": node,
                "kind": "noop",
                "inputs": {"x": f"!ref($.event.data.{node}) and !ref($.state.{ids[0]}.x)"} if index else {},
                "settings": {
                    "skip_if": f"event.data.{node} == {index}",
                    "cache": {"key": f"!ref($.event.{node})", "ttl": "1h"},
                    "compensate": {"kind": "noop", "inputs": {"x": f"!ref($.state.{node})"}},
                    "backoff": {"type": "linear", "delay": "1s"},
                },
            }
            for index, node in enumerate(ids)
        ],
        "edges": [{"from": a, "to": b} for a, b in pairwise([SOURCE, *ids])],
        "output": {node: f"!ref($.state.{node})" for node in ids},
    }
    if depth:
        body = nested(actions, depth=depth - 1)
        loop = {"id": f"d{depth}", "kind": LOOP.kind, "inputs": {"items": [], "key": f"item.k{depth}"}, "body": body}
        document["actions"].append(loop)
        document["edges"].append({"from": ids[-1], "to": loop["id"]})
    return document


def test_validating_loops_in_loops_takes_work_in_proportion_to_the_size() -> None:
    """S8."""
    wide = replace(DEFAULT_LIMITS, actions_per_workflow=400)
    small, full, double = (nested(actions) for actions in (96, 192, 384))
    for document in (small, full, double):
        assert {problem.code for problem in validate(document, KINDS, wide)} == {"maybe-skipped"}
    base, at_limits, beyond = (operations(partial(validate, each, KINDS, wide)) for each in (small, full, double))
    assert at_limits < 2.2 * base
    assert beyond < 2.2 * at_limits


def test_the_work_for_expressions_is_bounded_by_their_length_altogether() -> None:
    expression = " || ".join(f"event.data.x{{}} == {number}" for number in range(80))
    actions = [
        {"id": f"n{index}", "kind": "noop", "settings": {"skip_if": expression.replace("{}", str(index))}}
        for index in range(100)
    ]
    document = {"actions": actions, "edges": [{"from": SOURCE, "to": action["id"]} for action in actions]}

    assert [problem.code for problem in validate(document, KINDS)] == ["limit-exceeded"]
    assert operations(partial(validate, document, KINDS)) < 60_000
    actions[:] = actions[:25]
    document["edges"] = document["edges"][:25]
    assert validate(document, KINDS) == []


@pytest.mark.parametrize(
    "parts",
    [
        {"settings": {"cancel_on": [{"event": "x", "match": f"data['{number}']"} for number in range(5_000)]}},
        {"settings": {"concurrency": [{"limit": 1, "key": f"event.data.x{number}"} for number in range(5_000)]}},
        {"triggers": [{"cron": f"{number} 0 * * *"} for number in range(5_000)]},
        {"triggers": [{"event": "x", "if": f"event.data.x{number}"} for number in range(5_000)]},
    ],
)
def test_a_long_list_is_counted_before_it_is_looked_at(parts: dict[str, Any]) -> None:
    document = {"actions": [{"id": "a", "kind": "noop"}], "edges": [{"from": SOURCE, "to": "a"}]} | parts

    assert {problem.code for problem in validate(document, KINDS)} <= {"limit-exceeded", "invalid-value"}
    assert operations(partial(validate, document, KINDS)) < 120 * 5_000


def test_a_schema_of_a_document_cannot_slow_anything_down_or_reach_out() -> None:
    """S5, S6."""
    evil = {"type": "string", "pattern": "^(a+)+$"}
    assert schema_problems(evil, "a" * 50_000 + "!") != []
    for bad in ({"$ref": "http://127.0.0.1:9/x"}, {"pattern": r"(a)\1"}):
        document = {"actions": [{"id": "a", "kind": "noop"}], "edges": [{"from": SOURCE, "to": "a"}], "inputs": bad}
        assert [problem.code for problem in validate(document, KINDS)] == ["invalid-schema"]


def test_a_huge_document_is_refused_by_the_name_of_the_limit_and_not_looked_into() -> None:
    actions = [{"id": f"n{index}", "kind": "nope"} for index in range(5_000)]
    edges = [{"from": f"n{index}", "to": "gone"} for index in range(5_000)]
    problems = validate({"actions": actions, "edges": edges}, KINDS)
    assert [(problem.pointer, problem.code) for problem in problems] == [
        ("/actions", "limit-exceeded"),
        ("/edges", "limit-exceeded"),
    ]
    assert "actions_per_workflow" in problems[0].message


def test_a_document_nested_without_end_is_a_problem_and_no_crash() -> None:
    deep: Any = "x"
    for _ in range(5_000):
        deep = [deep]
    assert {problem.code for problem in validate({"actions": deep, "edges": []}, KINDS)} == {"too-deep"}


@pytest.mark.parametrize(
    "attack",
    [
        "!ref($['",
        '!ref($["',
        "!ref($.a",
        "!ref($[?(",
        "!ref($[?(@.a=='",
        "!ref($..a..",
        "!ref($[?(!",
        "!ref($['\\",
        "!ref(",
    ],
)
def test_splitting_a_hostile_text_takes_work_in_proportion_to_its_length(attack: str) -> None:
    short, long = (operations(partial(split_text, attack * repeats)) for repeats in (200, 400))
    assert long < 2.2 * short
    assert all(isinstance(part, Unreadable) for part in split_text(attack)[:1])


DUNDERS = [
    "__class__",
    "__dict__",
    "__init__",
    "__globals__",
    "__subclasses__",
    "keys",
    "items",
    "append",
    "format",
    "length",
]


@pytest.mark.parametrize("name", DUNDERS)
@pytest.mark.parametrize("value", [{"a": 1}, [1, 2], "text", 5, 1.5, True, None])
def test_a_path_reaches_members_and_elements_and_never_attributes(name: str, value: Any) -> None:
    """D16."""
    scope = ReferenceScope(value, {"s": value}, value)
    for text in (
        f"!ref($.event.{name})",
        f"!ref($.event['{name}'])",
        f"!ref($.state.s.{name})",
        f"!ref($.output.{name})",
    ):
        assert compile_template(text).resolve(scope) is MISSING
    assert compile_template(f"!ref($.event..{name})").resolve(scope) == []
    assert compile_rule({"var": f"x.{name}"}).evaluate({"x": value}) is None


def test_a_member_that_is_called_like_an_attribute_is_only_a_member() -> None:
    scope = ReferenceScope({"__class__": {"__init__": "mine"}}, {})
    assert compile_template("!ref($.event.__class__.__init__)").resolve(scope) == "mine"


def test_event_data_becomes_neither_a_reference_nor_a_rule() -> None:
    """S2, D11."""
    event = {"text": "!ref($.state.secret)", "rule": {"==": [1, 1]}, "var": {"var": ""}}
    scope = ReferenceScope(event, {"secret": "s3cr3t"})
    document = {"a": "!ref($.event.text)", "b": "<!ref($.event.text)>", "c": ["!ref($.event)"]}
    assert "s3cr3t" not in str(compile_template(document).resolve(scope))
    for operand in ("!ref($.event.rule)", "!ref($.event.var)"):
        node = Node("n", IF.kind, "n", {"condition": {"===": [operand, True]}}, "/actions/0")
        assert resolve_inputs(node, IF, scope) == {"condition": False}


def test_validating_and_resolving_run_no_code_and_open_nothing() -> None:
    """S1: an audit hook sees every compile, exec, import, open, connection and process.

    A hook cannot be removed, so it gets a process of its own.
    """
    done = subprocess.run(
        [sys.executable, "-c", AUDITED, *sys.path, __file__], capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(done.stdout) == [[], ["compile"]]


#: Prints what Python audits of the work of this module, and of something that would be noticed.
AUDITED = """
import json, runpy, sys
sys.path[:], module = sys.argv[1:-1], sys.argv[-1]
work = runpy.run_path(module)["validate_and_resolve"]()
work()  # imports and compiled schemas happen once
telling = ("compile", "exec", "import", "open", "socket.", "subprocess.", "os.", "ctypes.", "pickle.", "marshal.")
seen = None

def hook(event, arguments):
    if seen is not None and event.startswith(telling):
        seen.append(event)

sys.addaudithook(hook)
seen = in_work = []
work()
seen = noticed = []
compile("1", "text", "eval")
seen = None
print(json.dumps([in_work, noticed]))
"""


def validate_and_resolve() -> Callable[[], None]:
    """Return work on a document with everything that is compiled from text."""
    document = layered(20, 40)
    document["actions"][0] |= {
        "kind": IF.kind,
        "inputs": {"condition": {"in": ["!ref($.event.a)", {"cat": ["x", "y"]}]}},
    }
    document["triggers"] = [{"event": "a/b", "if": "event.data.x == '__import__(\"os\")'"}]
    template = compile_template({"x": "!ref($.event[?(@.a == 'x')])", "y": "n: !ref($.event..a)"})
    node = Node("n", IF.kind, "n", {"condition": {"map": ["!ref($.event.a)", {"+": [{"var": ""}, 1]}]}}, "/actions/0")
    scope = ReferenceScope({"a": [1, 2]}, {})

    def work() -> None:
        validate(document, KINDS)
        template.resolve(scope)
        resolve_inputs(node, IF, scope)

    return work


def test_an_action_s_pattern_and_remote_schema_do_no_harm() -> None:
    """S5, S6."""
    slow = Kinds(Kind("slow", inputs_of(x={"type": "string", "pattern": "^(a+)+$"})))
    document = {
        "actions": [{"id": "a", "kind": "slow", "inputs": {"x": "a" * 50_000 + "!"}}],
        "edges": [{"from": SOURCE, "to": "a"}],
    }
    assert [problem.code for problem in validate(document, slow)] == ["invalid-input"]


@pytest.mark.parametrize("path", ["$.event..*", "$.event[*]", "$.event[?(@ == 1)]", "$.event"])
def test_a_reference_cannot_cost_more_than_the_limit_of_nodes(path: str) -> None:
    scope = ReferenceScope([[1] * 10] * 1_000, {})
    template = compile_template([f"!ref({path})"] * 50, Limits(reference_nodes=20_000))

    def work() -> None:
        with pytest.raises(Exception, match="reference_nodes"):
            template.resolve(scope)

    assert operations(work) < 200_000
