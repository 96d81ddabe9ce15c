"""docs/expressions.md says what is so: every example runs, and nothing that exists is left out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from workflowkit.base.errors import ExpressionError
from workflowkit.base.limits import DEFAULT_LIMITS
from workflowkit.definition.cel import compile_expression
from workflowkit.definition.cel.functions import FUNCTIONS, METHODS
from workflowkit.definition.cel.parser import MACROS

TEXT = (Path(__file__).parents[2] / "docs" / "expressions.md").read_text("utf-8")
NOW_MS = 1_750_000_001_000


def tables(header: str) -> list[list[str]]:
    """Return the cells of the rows of every table whose first column is ``header``."""
    rows: list[list[str]] = []
    is_wanted = False
    for line in TEXT.splitlines():
        if not line.startswith("|"):
            is_wanted = False
            continue
        cells = [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells[0] == header:
            is_wanted = True
        elif is_wanted and not set(cells[0]) <= {"-"}:
            rows.append(cells)
    return rows


EVENT: dict[str, Any] = json.loads(re.findall(r"```json event\n(.*?)```", TEXT, re.DOTALL)[0])
EXAMPLES = [(row[0].strip("`"), row[1].strip("`")) for row in tables("expression")]


@pytest.mark.parametrize(("text", "result"), EXAMPLES)
def test_an_example_gives_the_result_beside_it(text: str, result: str) -> None:
    expression = compile_expression(text)
    variables = {"event": EVENT, "now": NOW_MS}

    if result == "error":
        with pytest.raises(ExpressionError):
            expression.evaluate(variables)
    else:
        assert expression.evaluate(variables) == json.loads(result)


def test_the_trigger_at_the_top_starts_for_the_event_of_the_page() -> None:
    trigger = json.loads(re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)[0])

    assert trigger["event"] == EVENT["name"]
    assert compile_expression(trigger["if"]).matches({"event": {**EVENT, "data": {"total": 101, "country": "CH"}}})


def test_the_examples_were_found() -> None:
    assert len(EXAMPLES) > 90


@pytest.mark.parametrize("name", sorted({*FUNCTIONS, *METHODS, *MACROS, "has"}))
def test_every_function_is_mentioned(name: str) -> None:
    assert re.search(rf"\b{name}\b", TEXT)


@pytest.mark.parametrize("row", tables("limit"), ids=lambda row: row[0])
def test_a_limit_has_the_default_that_the_page_gives(row: list[str]) -> None:
    assert getattr(DEFAULT_LIMITS, row[0].strip("`")) == int(row[1])


def test_every_limit_of_expressions_is_on_the_page() -> None:
    names = {name for name in DEFAULT_LIMITS.__dataclass_fields__ if name.startswith("expression_")}

    assert {row[0].strip("`") for row in tables("limit")} == names


def test_the_smaller_language_is_listed_in_full() -> None:
    section = TEXT.partition("## Where less is allowed")[2].partition("\n## ")[0]

    assert {name for name in FUNCTIONS if re.search(rf"`{name}`", section)} == {
        name for name, function in FUNCTIONS.items() if function.restricted
    }
