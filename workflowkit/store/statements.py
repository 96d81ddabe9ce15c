"""Statements, written once for both databases: what they are in words, and their text for each driver.

Statements name their parameters ``:name``; ``Sql`` renders them once per driver. Those about several rows
(``RowStatement``) are rendered once per number of rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from workflowkit.base.scope import Scope
from workflowkit.base.sealing import Sealing

_PARAMETER = re.compile(r"(?<![:\w]):(\w+)")
#: How many texts are remembered as PostgreSQL takes them: more than a process has that are executed often.
_KNOWN_TEXTS = 500
#: A column that is compared with what a subquery finds.
_LOCKING = re.compile(r"([\w.]+) IN \( ?SELECT\b")
_PLACE = re.compile(r"%(?:%|s|\((\w+)\)s)")

#: Encrypts what is to be encrypted in a row that is about to be inserted.
SealRow = Callable[[Sealing, Sequence[Any]], tuple[Any, ...]]


class Sql:
    """One statement, written once with ``:name`` parameters, for both databases.

    ``{skip_locked}`` and ``{for_update}`` stand where PostgreSQL wants a locking clause; on SQLite, whose write
    transactions hold the only write lock from their first moment, they are empty. So do ``{keep}`` and
    ``{keep_skip_locked}``: the rows may be changed by others, but not deleted. ``{in_ids}`` compares with the list
    given as the parameter ``ids``, ``{each_id}`` is a table of that with the column ``id``. What a subquery locks that
    a column is compared with (``id IN (SELECT ... {skip_locked})``) PostgreSQL finds once: see ``_chosen_once``.
    """

    __slots__ = ("postgresql", "sqlite")

    def __init__(self, text: str) -> None:
        text = " ".join(text.split())
        self.sqlite = text.format(
            skip_locked="", for_update="", keep="", keep_skip_locked="",
            in_ids="IN (SELECT value FROM json_each(:ids))",
            each_id="(SELECT value AS id FROM json_each(:ids))",
        )  # fmt: skip
        postgresql = text.format(
            skip_locked="FOR UPDATE SKIP LOCKED", for_update="FOR UPDATE", keep="FOR KEY SHARE",
            keep_skip_locked="FOR KEY SHARE SKIP LOCKED", in_ids="= ANY(:ids)",
            each_id="(SELECT unnest(CAST(:ids AS text[])) AS id)",
        )  # fmt: skip
        self.postgresql = _PARAMETER.sub(r"%(\1)s", _chosen_once(postgresql))


def _chosen_once(text: str) -> str:
    """Let PostgreSQL evaluate each subquery that locks once, and look the rows up by what it found.

    As a join it may be evaluated anew for each row of a table that is taken to be empty, as queues are after a quiet
    hour: that takes minutes, and it locks more rows than its limit says.
    """
    for found in reversed(list(_LOCKING.finditer(text))):
        start, end = found.end() - len("SELECT"), _end_of(text, found.end())
        subquery = text[start:end].strip()
        if subquery.endswith(("FOR UPDATE", "SKIP LOCKED")):
            text = f"{text[: found.start()]}{found[1]} = ANY(ARRAY({subquery})){text[end + 1 :]}"
    return text


def _end_of(text: str, at: int) -> int:
    """Return where the parenthesis ends that is open at a place."""
    depth = 1
    while depth:
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return at - 1


@lru_cache(_KNOWN_TEXTS)
def numbered(text: str) -> tuple[bytes, tuple[str, ...]]:
    """Return a statement with ``$1`` for each parameter, and their names in that order, none if they have no names.

    The driver would do so anew each time: it remembers none that is long or has many parameters.
    """
    names: list[str] = []
    count = 0

    def number(found: re.Match[str]) -> str:
        nonlocal count
        name = found[1]
        if found[0] == "%%":
            return "%"
        if name is None:
            count += 1
            return f"${count}"
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    return _PLACE.sub(number, text).encode(), tuple(names)


def whose(scope: Scope) -> dict[str, str]:
    """Return the parameters ``:environment`` and ``:tenant``, which every statement about a tenant's data has."""
    return {"environment": scope.environment, "tenant": scope.tenant}


def text_array(values: Iterable[object]) -> str:
    """Return values as PostgreSQL writes them in an array: a driver takes long for lists."""
    quoted = (str(value).replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{each}"' for each in quoted) + "}"


class RowStatement:
    """A statement about several rows of one table, rendered once per number of rows and driver.

    ``seal`` encrypts what is to be encrypted in a row. ``computed`` says what is made of the value of a column, which
    stands at its ``{}``. ``name`` is what a query is called by others in the same statement.
    """

    rows_per_statement = 100
    seal: SealRow | None = None

    def __init__(
        self, head: str, columns: Sequence[str], tail: str, *, computed: Mapping[str, str] | None = None,
        name: str | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self.columns = tuple(columns)
        self._head, self._tail = head, tail
        self._values = [(computed or {}).get(column, "{}") for column in columns]
        self._rendered: dict[tuple[int, bool], str] = {}

    def render(self, row_count: int, *, is_postgresql: bool) -> str:
        """Return the statement for ``row_count`` rows."""
        key = (row_count, is_postgresql)
        if (text := self._rendered.get(key)) is None:
            mark = "%s" if is_postgresql else "?"
            group = "(" + ", ".join(value.format(mark) for value in self._values) + ")"
            text = self._rendered[key] = self._head + ", ".join([group] * row_count) + self._tail
        return text


#: What ``insert_all`` takes: a statement and its rows.
Part = tuple[RowStatement, Sequence[Sequence[Any]]]


def fits_one_statement(*parts: Part) -> bool:
    """Tell whether ``insert_all`` would need one statement only."""
    return all(len(rows) <= table.rows_per_statement for table, rows in parts)


class DeleteFrom(RowStatement):
    """A DELETE of rows by id. PostgreSQL locks them in the order of their ids, so that two never deadlock."""

    def __init__(self, table: str) -> None:
        super().__init__(f"DELETE FROM {table} WHERE id IN (", ("id",), ")")  # noqa: S608 - names from our own code
        self._table = table

    def render(self, row_count: int, *, is_postgresql: bool) -> str:
        """Return the statement for ``row_count`` rows."""
        text = super().render(row_count, is_postgresql=is_postgresql)
        if not is_postgresql:
            return text
        ids = text.partition(" IN ")[2]
        return (
            f"DELETE FROM {self._table} WHERE id = ANY(ARRAY("  # noqa: S608 - names from our own code
            f"SELECT id FROM {self._table} WHERE id IN {ids} ORDER BY id FOR UPDATE))"
        )


class InsertInto(RowStatement):
    """A multi-row INSERT."""

    def __init__(self, table: str, columns: Sequence[str], *, seal: SealRow | None = None) -> None:
        super().__init__(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ", columns, "")  # noqa: S608
        self.seal = seal
