"""Settings mean the same in Python and in a document: what one takes the other takes, and what one refuses too."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from workflowkit.base.errors import DefinitionError, Problem
from workflowkit.base.jsonvalue import dumps, loads
from workflowkit.definition import parse, validate
from workflowkit.registry import Function, Registry, define_function

MISSING = object()
#: How many times likelier what is right is than what is wrong: settings have many parts, and one wrong one is enough.
RIGHT = 40


def mostly(*right: Any, wrong: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    return st.integers(0, RIGHT).flatmap(lambda n: st.sampled_from(right if n else wrong))


durations = mostly("1s", "30s", "5m", 10, 2.5, wrong=("400d", 0, -1, "soon", None, True))
counts = mostly(1, 2, 5, 20, wrong=(-1, 0, 21, 1.5, "3", None))
keys = mostly("event.data.id", "event.data.a + event.data.b", wrong=("async.data.id", "1 +", "", 5))
names = mostly("order/paid", "order/*", wrong=("upd*", "a b", "", 7))


def _rarely_missing(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, RIGHT).flatmap(lambda n: values if n else st.just(MISSING))


def table(needed: dict[str, st.SearchStrategy[Any]], **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return objects that may lack optional keys, and now and then a needed one."""
    present = {name: st.one_of(values, st.just(MISSING)) for name, values in optional.items()}
    present |= {name: _rarely_missing(values) for name, values in needed.items()}
    return st.fixed_dictionaries(present).map(
        lambda found: {name: value for name, value in found.items() if value is not MISSING}
    )


cancel_rules = st.one_of(
    table({"event": names}, timeout=durations),
    table({"event": names, "if": keys}),
    table({"event": names, "match": mostly("data.id", wrong=("??",))}),
)
limits = table({"limit": counts}, key=keys, scope=mostly("workflow", "tenant", wrong=("moon",)), mode=st.just("runs"))
settings = st.one_of(
    table(
        {},
        retries=counts,
        timeouts=table({}, start=durations, finish=durations),
        cancel_on=st.lists(cancel_rules, max_size=6),
        concurrency=st.one_of(counts, limits, st.lists(limits, max_size=3)),
    ),
    table(
        {},
        throttle=table({"limit": counts, "period": durations}, burst=counts, key=keys),
        rate_limit=table({"limit": counts, "period": durations}, key=keys),
        priority=keys,
        singleton=table({"mode": mostly("skip", "cancel", wrong=("pause",))}, key=keys),
        idempotency=st.one_of(keys, table({"key": keys}, period=durations)),
    ),
    table({}, debounce=table({"period": durations}, timeout=durations, key=keys)),
    table({}, batch=table({"max_size": counts, "timeout": durations}, key=keys), debounce=st.just({"period": "5s"})),
)


def _handler(ctx: Any) -> None: ...


def _registered(options: dict[str, Any]) -> Function[..., Any] | set[tuple[str, str]]:
    try:
        given_options: Any = {"triggers": [{"event": "a/b"}], **options}
        return define_function("shop", "f", _handler, given_options)
    except DefinitionError as error:
        return _errors(error.problems)


def _errors(problems: Any) -> set[tuple[str, str]]:
    found: list[Problem] = [problem for problem in problems if problem.severity == "error"]
    return {(problem.pointer, problem.code) for problem in found}


@given(settings)
def test_python_and_documents_agree_about_settings(options: dict[str, Any]) -> None:
    registry = Registry()
    registry.action("noop")(lambda: None)
    document = {
        "triggers": [{"event": "a/b"}],
        "actions": [{"id": "f", "kind": "noop"}],
        "edges": [{"from": "$source", "to": "f"}],
        "settings": loads(dumps(options)),
    }
    refused = _errors(validate(document, registry))
    made = _registered(options)
    if isinstance(made, set):
        assert made == refused
    else:
        assert refused == set()
        stored = loads(dumps(made.document))
        stored["actions"][0]["kind"] = "noop"
        assert parse(stored, registry).settings == parse(document, registry).settings


def test_the_law_meets_settings_of_both_kinds() -> None:
    assert isinstance(_registered({"retries": 5, "concurrency": 2}), Function)
    assert _registered({"retries": 21}) == {("/settings/retries", "invalid-value")}
