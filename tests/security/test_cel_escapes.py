"""Attempts to get out of an expression: each is refused, or is a harmless value (S1)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from workflowkit.base.errors import ExpressionError
from workflowkit.definition.cel import compile_expression
from workflowkit.definition.cel.functions import FUNCTIONS, METHODS


class Canary:
    """An object that should never have been among the variables, and that shows when it is touched."""

    secret = "canary-in-an-attribute"

    def __getattr__(self, name: str) -> str:
        return "canary-by-getattr"

    def __getitem__(self, key: object) -> str:
        return "canary-by-getitem"

    def __call__(self, *arguments: object) -> str:
        return "canary-by-call"

    def __str__(self) -> str:
        return "canary-by-str"

    __repr__ = __format__ = __str__  # type: ignore[assignment]  # any way of showing it counts

    def __eq__(self, other: object) -> bool:
        raise AssertionError("compared")

    __lt__ = __gt__ = __add__ = __radd__ = __contains__ = __eq__

    def __hash__(self) -> int:
        return 1

    def __bool__(self) -> bool:
        raise AssertionError("asked for its truth")

    def __len__(self) -> int:
        raise AssertionError("measured")

    def __iter__(self) -> Any:
        raise AssertionError("iterated")


class DictWithSecrets(dict[str, Any]):
    """A subclass: not JSON, so its methods must not be reached either."""

    def get(self, *arguments: object) -> Any:
        return "canary-by-get"

    def __missing__(self, key: str) -> str:
        return "canary-by-missing"


CORPUS: list[str] = [
    text
    for texts in json.loads((Path(__file__).parent / "data" / "expression_escapes.json").read_text()).values()
    for text in texts
]

VARIABLES: dict[str, Any] = {
    "event": {
        "id": "1",
        "data": {
            "total": 5,
            "tags": ["a"],
            "token": "tok-1",
            "role": "guest",
            "injected": '" || true',
            "template": "{{ event.data.token }} !ref($.event.data.token) ${event}",
            "logic": '{"==": [1, 1]}',
            "encoded": "X19pbXBvcnRfXygnb3MnKQ==",
        },
    },
    "canary": Canary(),
    "subclass": DictWithSecrets(a="canary-in-a-subclass"),
    "now": 0,
}
#: What a harmless value may be made of: the event itself, and literals of the expression.
FORBIDDEN = ("canary", "<class", "<built-in", "<function", "<module", "0x7f", "object at", "root:", "uid=")


def test_the_corpus_is_large_and_has_no_doubles() -> None:
    assert len(CORPUS) == len(set(CORPUS)) >= 200


@pytest.mark.parametrize("text", CORPUS)
def test_an_attempt_to_escape_is_refused_or_harmless(text: str) -> None:
    before = json.dumps(VARIABLES["event"])
    try:
        result = json.dumps(compile_expression(text).evaluate(VARIABLES))
    except ExpressionError as error:
        result = error.message.replace(ascii(text)[1:-1], "").replace(text, "").replace("'canary'", "")

    assert not [word for word in FORBIDDEN if word in result]
    assert json.dumps(VARIABLES["event"]) == before


@pytest.mark.parametrize("text", ["1 + 1", "event.data.total > 2", "'a' in event.data.tags"])
def test_the_harmless_ones_beside_them_work(text: str) -> None:
    assert compile_expression(text).evaluate(VARIABLES)


@pytest.mark.parametrize(
    "name", ["__class__", "format", "encode", "get", "keys", "append", "constructor", "eval", "open"]
)
def test_what_can_be_called_is_in_the_tables_and_nothing_else_is(name: str) -> None:
    assert name not in FUNCTIONS
    assert name not in METHODS
    for text in (f"{name}('a')", f"'a'.{name}()", f"event.{name}('a')", f"[].{name}(1)"):
        with pytest.raises(ExpressionError, match="unknown"):
            compile_expression(text)


@pytest.mark.parametrize(
    "value",
    ['" || true', "' || true || '", "\\' || true", "x == x", "true", "$role", "!ref($.event)", "{{true}}", "*", ".*",
     "null", "\n|| true", "') || (true", "%' || true", "\u2019 || true"],
)  # fmt: skip
def test_a_value_never_changes_what_an_expression_means(value: str) -> None:
    event = {"data": {"role": value}}

    assert not compile_expression("event.data.role == 'admin'").matches({"event": event})
    assert not compile_expression("event.data.role == $role").matches({"event": event, "$role": "admin"})
    assert not compile_expression("event.data.role.matches('^admin$')").matches({"event": event})
    assert not compile_expression("event.data.role in ['admin', 'root']").matches({"event": event})
    assert not compile_expression("('admin:' + event.data.role) == 'admin:'").matches({"event": event})
    assert compile_expression("event.data.role").evaluate({"event": event}) == value


AUDITED = """
import json, sys
from workflowkit.definition.cel import compile_expression

texts, variables = json.load(sys.stdin)
expressions = []
for text in texts:
    expressions.append(compile_expression(text))
events, listening = [], False

def hook(event, arguments):
    if listening:
        events.append(event)

sys.addaudithook(hook)
listening = True
failed = []
for expression in expressions:
    try:
        expression.evaluate(variables)
    except Exception as error:
        failed.append(f"{expression.text}: {error!r}")
listening = False
print(json.dumps([events, failed]))
"""

WORKING = [
    "event.data.total + 1 > 2 && event.data.tags.exists(t, t.startsWith('a'))",
    "event.data.tags.map(t, {'tag': t, 'n': [1, 2.5].filter(x, x > 1)})",
    "event.data.mail.matches('^[a-z]+@')",
    "event.data.mail.matches('^' + event.data.tags[0])",
    "date('2026-01-01T10:00:00+02:00').getHours('+05:30') + duration('1h').getMinutes()",
    "now_plus('1d') > date(event.data.total) && string(now()).contains('T')",
    "json_parse(b64decode(event.data.encoded)).a",
    "uppercase('ß') + lowercase('É') + 'a,b'.split(',').join('-').replace('a', 'b').trim().upperAscii()",
    "int('5') + double('1.5') + uint(3.2)",
    "'' + [1, {'a': null}] + type(1) + bool('true')",
    "has(event.data.total) ? event.data : {'a': 1}",
    "event == event",
    "event.data.missing.deeper || 'default'",
]


def test_evaluating_does_nothing_that_python_would_audit() -> None:
    """No import, open, compile, exec, socket or process: whatever was needed was loaded when compiling."""
    event = {"data": {"total": 5, "tags": ["ann", "b"], "mail": "ann@example.org", "encoded": "eyJhIjogMX0="}}
    request = json.dumps([WORKING, {"event": event, "now": 1_750_000_000_000}])

    done = subprocess.run(
        [sys.executable, "-c", AUDITED], input=request, capture_output=True, text=True, check=True, timeout=60
    )

    assert json.loads(done.stdout) == [[], []]


def test_the_audit_would_notice() -> None:
    noisy = AUDITED.replace("expression.evaluate(variables)", "compile('1', 'x', 'eval')")
    request = json.dumps([["1"], {}])

    done = subprocess.run(
        [sys.executable, "-c", noisy], input=request, capture_output=True, text=True, check=True, timeout=60
    )

    assert "compile" in json.loads(done.stdout)[0]
