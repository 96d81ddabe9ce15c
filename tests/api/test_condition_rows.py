"""What the editor writes for conditions in rows, evaluated by the engine.

The table is that of ``web/src/expressions/celRows.test.ts``, which checks that these rows are written as these
expressions, and read from them and from what is spelled otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from webapi import Web, a_web

TABLE = json.loads((Path(__file__).parent / "data" / "condition_rows.json").read_text("utf-8"))
CONDITIONS: list[dict[str, Any]] = TABLE["conditions"]


@pytest.fixture
def web(sqlite_url: str) -> Iterator[Web]:
    """A server that was told of each event of the table."""
    with a_web(sqlite_url) as web:
        events = [{"name": "rows/came", "id": name, "data": data} for name, data in TABLE["events"].items()]
        web.client().post("/api/events", json=events)
        yield web


def matched(web: Web, condition: str) -> list[str]:
    """Return which events of the table the engine lets start a workflow under a condition."""
    client = web.client()
    answer = client.post("/api/triggers/try", json={"event": "rows/came", "if": condition})
    assert answer.status_code == 200, (condition, answer.get_json())
    ids = [client.get(f"/api/events/{event_id}").get_json()["event_id"] for event_id in answer.get_json()["event_ids"]]
    return [name for name in TABLE["events"] if name in ids]


def test_the_engine_decides_as_rows_say(web: Web) -> None:
    wanted = {text: row["matches"] for row in CONDITIONS for text in (row["expression"], *row["spelled"])}
    assert {condition: matched(web, condition) for condition in wanted} == wanted


def test_what_rows_leave_alone_is_an_expression(web: Web) -> None:
    for expression in TABLE["code"]:
        matched(web, expression)


def test_a_time_is_what_the_engine_reads_as_one(web: Web) -> None:
    read = {text: matched(web, f"date('{text}') != null") == list(TABLE["events"]) for text in TABLE["moments"]}
    assert read == TABLE["moments"]


def test_every_operator_is_in_the_table() -> None:
    def operators(member: dict[str, Any]) -> set[str]:
        return set().union(*map(operators, member["members"])) if "members" in member else {member["operator"]}

    source = Path(__file__).parents[2] / "web" / "src" / "expressions" / "celOperators.ts"
    declared = {line.split(":")[0].strip() for line in source.read_text("utf-8").splitlines() if "hasValue: " in line}
    assert declared == set().union(*(operators(row["rows"]) for row in CONDITIONS))
