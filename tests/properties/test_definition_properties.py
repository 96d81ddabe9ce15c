"""Laws of documents: whatever stands in them is read or refused, and Python and JSON agree on which."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from builders import a_workflow
from hypothesis import given, settings
from hypothesis import strategies as st
from kinds import KINDS

from workflowkit.base.errors import DefinitionError
from workflowkit.definition import build, execution_hash, parse_settings, parse_triggers, validate
from workflowkit.definition.model import LOOP_KIND, SOURCE

WORDS = st.sampled_from(["limit", "key", "event"])
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "x", "1h", "!ref($.item)", "!ref($.x", 0.5]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=4,
)
DURATIONS = st.sampled_from(["1ms", "30s", "1m", "2h", "8d", "400d", 60, 0.5]) | JUNK
EXPRESSIONS = st.sampled_from(["event.data.id", "async.data.id == event.data.id", "state.a.x", "1 +", "item.x"]) | JUNK
COUNTS = st.integers(-1, 120) | JUNK


def objects(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return objects in which any of the keys may be missing; or, now and then, something else altogether."""
    return st.fixed_dictionaries({}, optional=values) | JUNK


SETTINGS = objects(
    timeouts=objects(start=DURATIONS, finish=DURATIONS),
    cancel_on=st.lists(
        objects(event=st.sampled_from(["a/b", "a/*", "a*"]), match=EXPRESSIONS, timeout=DURATIONS) | JUNK, max_size=7
    ),
    on_failure=objects(workflow=st.sampled_from(["w", ""])),
    retries=COUNTS,
    concurrency=COUNTS
    | st.lists(objects(limit=COUNTS, key=EXPRESSIONS, scope=st.sampled_from(["tenant", "x"])), max_size=4),
    throttle=objects(limit=COUNTS, period=DURATIONS, burst=COUNTS, key=EXPRESSIONS),
    rate_limit=objects(limit=COUNTS, period=DURATIONS, key=EXPRESSIONS),
    debounce=objects(period=DURATIONS, timeout=DURATIONS, key=EXPRESSIONS),
    batch=objects(max_size=COUNTS, timeout=DURATIONS),
    priority=EXPRESSIONS,
    singleton=objects(mode=st.sampled_from(["skip", "cancel", "x"]), key=EXPRESSIONS),
    idempotency=EXPRESSIONS | objects(key=EXPRESSIONS, period=DURATIONS),
)
TRIGGERS = st.lists(
    objects(
        event=st.sampled_from(["a/b", "a/*", "a*"]),
        cron=st.sampled_from(["0 9 * * *", "x", "@daily"]),
        timezone=st.sampled_from(["Europe/Paris", "Mars"]),
        jitter=DURATIONS,
        catch_up=st.sampled_from(["none", "last", {"all": 2}, {"all": 0}]),
    )
    | objects(webhook=st.sampled_from(["w", "W"]))
    | objects(manual=st.booleans())
    | objects(http=objects(wait=DURATIONS)),
    max_size=4,
)
ACTION_SETTINGS = objects(
    backoff=objects(type=st.sampled_from(["fixed", "x"]), delay=DURATIONS, max_delay=DURATIONS, factor=COUNTS),
    retry_on=st.lists(st.sampled_from(["a", ""]) | JUNK, max_size=2),
    skip_if=EXPRESSIONS,
    disabled=st.booleans() | JUNK,
    cache=objects(key=JUNK, ttl=DURATIONS),
    compensate=objects(kind=st.sampled_from(["noop", "mail", "x"]), inputs=JUNK),
    join=st.sampled_from(["any", "all", {"n_of": 2}]) | JUNK,
)


@settings(max_examples=300, deadline=None)
@given(SETTINGS)
def test_settings_are_valid_or_not_in_python_and_in_a_document_alike(written: Any) -> None:
    document = a_workflow().chain("a").document() | {"settings": json.loads(json.dumps(written))}
    problems = validate(document, KINDS)

    if any(problem.severity == "error" for problem in problems):
        with pytest.raises(DefinitionError) as caught:
            parse_settings(written)
        assert set(caught.value.problems) == set(problems)
    else:
        assert parse_settings(written) == build(document).settings


@settings(max_examples=300, deadline=None)
@given(TRIGGERS)
def test_triggers_are_valid_or_not_in_python_and_in_a_document_alike(written: list[Any]) -> None:
    document = a_workflow().chain("a").document() | {"triggers": deepcopy(written)}
    problems = validate(document, KINDS)

    if problems:
        with pytest.raises(DefinitionError) as caught:
            parse_triggers(written)
        assert set(caught.value.problems) == set(problems)
    else:
        assert len(parse_triggers(written)) == len(written)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a document whose parts may be anything, with loops in loops."""
    counter = iter(range(100))

    def graph(depth: int) -> dict[str, Any]:
        actions, previous, edges = [], SOURCE, []
        for _ in range(draw(st.integers(0, 2))):
            action: dict[str, Any] = {"id": f"n{next(counter)}", "kind": draw(st.sampled_from(["noop", LOOP_KIND]))}
            if draw(st.booleans()):
                action["settings"] = draw(ACTION_SETTINGS)
            action["inputs"] = {"items": draw(st.sampled_from(["!ref($.item)", [], "!ref($.state.n0)"]) | JUNK)}
            if depth and draw(st.integers(0, 3)):
                action["body"] = graph(depth - 1) if draw(st.integers(0, 4)) else draw(JUNK)
            edges.append({"from": previous, "to": action["id"]})
            actions.append(action)
            previous = action["id"]
        found: dict[str, Any] = {"actions": actions, "edges": edges}
        return found | ({"output": draw(JUNK)} if draw(st.booleans()) else {})

    document = graph(4)
    if draw(st.booleans()):
        document["settings"] = {"on_failure": graph(1)} if draw(st.booleans()) else draw(SETTINGS)
    return document


@settings(max_examples=300, deadline=None)
@given(documents())
def test_whatever_stands_in_a_document_is_a_problem_or_can_be_built(document: dict[str, Any]) -> None:
    before = deepcopy(document)

    problems = validate(document, KINDS)

    assert document == before
    assert execution_hash(document) == execution_hash(json.loads(json.dumps(document)))
    for problem in problems:
        assert problem.pointer == "" or problem.pointer.startswith("/")
    if not any(problem.severity == "error" for problem in problems):
        workflow = build(document)
        assert workflow.nodes.keys() == {action["id"] for action in document["actions"]}
        assert workflow.hash == execution_hash(document)
