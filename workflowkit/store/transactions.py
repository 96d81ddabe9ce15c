"""Open transactions: the text of statements goes straight to the driver, rows come back as tuples.

``store.database`` opens and ends them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from workflowkit.base import jsonvalue
from workflowkit.base.sealing import Sealing
from workflowkit.store.statements import Part, RowStatement, Sql, fits_one_statement


class Transaction:
    """An open transaction. ``now_ms`` is the database's time; ``read_clock`` reads it anew.

    ``run`` executes text: it is the driver's own ``execute``, since SQLAlchemy's result and connection objects cost as
    much as the driver itself, a third of a hot statement's time in this process.
    """

    __slots__ = ("_clock", "_run", "changed", "followers", "is_postgresql", "is_server_time", "now_ms", "sealing")

    def __init__(
        self, run: Callable[..., Any], clock: Callable[[], int], *, is_postgresql: bool, sealing: Sealing | None,
        is_server_time: bool = False,
    ) -> None:  # fmt: skip
        self._run = run
        self._clock = clock
        self.now_ms = clock()
        self.is_postgresql = is_postgresql
        #: Whether the time is what the server says, and not a test.
        self.is_server_time = is_server_time
        #: What values are encrypted with; ``None`` if they are not.
        self.sealing = sealing
        #: What is to be called once it has committed.
        self.followers: list[Callable[[], None]] = []
        #: The channels (``engine.channels``) in which there is something new once it has committed.
        self.changed: set[str] = set()

    def read_clock(self) -> None:
        """Bring ``now_ms`` up to date: after a lock that may have been waited for, leases start from then."""
        self.now_ms = self._clock()

    def _execute(self, statement: Sql, parameters: dict[str, Any]) -> Any:
        if self.is_postgresql:
            return self._run(statement.postgresql, parameters)
        if "ids" in parameters:
            parameters["ids"] = jsonvalue.dumps(parameters["ids"])
        return self._run(statement.sqlite, parameters)

    def rows(self, statement: Sql, **parameters: Any) -> Sequence[Any]:
        """Run a statement and return all its rows as tuples."""
        found: Sequence[Any] = self._execute(statement, parameters).fetchall()
        return found

    def one(self, statement: Sql, **parameters: Any) -> Any:
        """Run a statement and return its only row as a tuple, or ``None``."""
        return self._execute(statement, parameters).fetchone()

    def run(self, statement: Sql, **parameters: Any) -> int:
        """Run a statement and return how many rows it touched."""
        touched: int = self._execute(statement, parameters).rowcount
        return touched

    def insert(self, table: RowStatement, rows: Sequence[Sequence[Any]]) -> None:
        """Insert ``rows`` (values in the order of ``table.columns``) with as few statements as the drivers allow."""
        self._insert(table, self._sealed(table, rows))

    def _sealed(self, table: RowStatement, rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
        # SAFETY: S18 — here and nowhere else rows get in, so whatever a table encrypts is encrypted for everybody.
        sealing, seal = self.sealing, table.seal
        return rows if sealing is None or seal is None else [seal(sealing, row) for row in rows]

    def _insert(self, table: RowStatement, rows: Sequence[Sequence[Any]]) -> None:
        for start in range(0, len(rows), table.rows_per_statement):
            part = rows[start : start + table.rows_per_statement]
            values = tuple(value for row in part for value in row)
            text = table.render(len(part), is_postgresql=self.is_postgresql)
            self._run(text, values)

    def returned(self, statement: RowStatement, rows: Sequence[Sequence[Any]]) -> list[Any]:
        """Run a statement about ``rows`` that returns rows; return all of those as tuples."""
        found: list[Any] = []
        for start in range(0, len(rows), statement.rows_per_statement):
            part = rows[start : start + statement.rows_per_statement]
            text = statement.render(len(part), is_postgresql=self.is_postgresql)
            found += self._run(text, tuple(value for row in part for value in row)).fetchall()
        return found

    def insert_all(self, *parts: tuple[RowStatement, Sequence[Sequence[Any]]]) -> None:
        """Insert and delete rows of several tables, in this order: in one statement where the database can."""
        parts = tuple((table, self._sealed(table, rows)) for table, rows in parts if rows)
        if not self.is_postgresql or not fits_one_statement(*parts):
            for table, rows in parts:
                self._insert(table, rows)
        elif parts:
            # PostgreSQL runs the main statement first and then the others from the last to the first.
            parts = parts[::-1]
            texts = [table.render(len(rows), is_postgresql=True) for table, rows in parts]
            named = ", ".join(f"part{number} AS ({text})" for number, text in enumerate(texts[:-1]))
            values = tuple(value for _, rows in parts for row in rows for value in row)
            self._run(f"WITH {named} {texts[-1]}" if named else texts[-1], values)

    def insert_then(self, parts: Sequence[Part], function: str, value: str, more: str = "") -> Any:
        """Do what ``insert_all`` does, in one statement, and return the row with which a function answers after that.

        It is called with ``value``, which is JSON, and what ``more`` says, and sees those rows. PostgreSQL only, for
        parts that fit one statement.
        """
        parts = [(table, self._sealed(table, rows)) for table, rows in parts if rows]
        names = [table.name or f"part{number}" for number, (table, _) in enumerate(parts)]
        texts = [
            table.render(len(rows), is_postgresql=True) + ("" if table.name else " RETURNING 1")
            for table, rows in parts
        ]
        named = ", ".join(f"{name} AS ({text})" for name, text in zip(names, texts, strict=True))
        # Whoever counts the rows of a part has it executed first: so they are, in this order.
        done = " AND ".join(f"(SELECT count(*) FROM {name}) >= 0" for name in names)  # noqa: S608
        inserted = (value for _, rows in parts for row in rows for value in row)
        call = f"{function}(CASE WHEN {done} THEN %s::jsonb END{more})"
        return self._run(f"WITH {named} SELECT called.* FROM {call} called", (*inserted, value)).fetchone()  # noqa: S608


class Reading(Transaction):
    """A connection for queries, also by SQLAlchemy Core on ``connection``; each statement sees what is committed."""

    __slots__ = ("connection",)

    def __init__(
        self, connection: sa.Connection, clock: Callable[[], int], *, is_postgresql: bool, sealing: Sealing | None
    ) -> None:
        super().__init__(connection.exec_driver_sql, clock, is_postgresql=is_postgresql, sealing=sealing)
        self.connection = connection
