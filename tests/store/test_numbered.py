"""Statements as PostgreSQL takes them: a number for each parameter."""

from __future__ import annotations

import pytest

from workflowkit.store.database import Database
from workflowkit.store.statements import Sql, numbered


@pytest.mark.parametrize(
    ("text", "query", "names"),
    [
        ("SELECT 1", b"SELECT 1", ()),
        ("VALUES (%s, CAST(%s AS bigint)), (%s, 5 %% 3)", b"VALUES ($1, CAST($2 AS bigint)), ($3, 5 % 3)", ()),
        ("SELECT %(b)s, %(a_1)s, %(b)s::text", b"SELECT $1, $2, $1::text", ("b", "a_1")),
    ],
)
def test_each_parameter_has_one_number(text: str, query: bytes, names: tuple[str, ...]) -> None:
    assert numbered(text) == (query, names)


def test_a_statement_takes_its_parameters_by_name_and_no_others(postgres_url: str) -> None:
    database = Database.open(postgres_url)
    with database.transaction("key") as tx:
        assert tx.one(Sql("SELECT :b ::text, :a ::text, :b ::text"), a="1", b="2", unused="3") == ("2", "1", "2")
        assert tx.one(Sql("SELECT 7"), unused="3") == (7,)
    database.close()
