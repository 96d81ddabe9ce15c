"""``emit_on``: rows that an application writes with SQLAlchemy become events, in the transaction that writes them."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Literal, Protocol
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapper, Session, UOWTransaction, sessionmaker

from workflowkit.base.errors import InvalidInput, Problem
from workflowkit.base.scope import Scope

Operation = Literal["insert", "update", "delete"]
#: What the names of events end with.
_DONE = {"insert": "inserted", "update": "updated", "delete": "deleted"}


class Sender(Protocol):
    """What can send events: ``WorkflowKit``."""

    def send(self, events: Mapping[str, Any], *, session: Session, scope: Scope | None) -> object:
        """Send an event as a part of the transaction of ``session``."""


def emit_on(
    wk: Sender,
    model: type[Any],
    *operations: Operation,
    columns: Sequence[str],
    name: str | None = None,
    scope: Callable[[Any], Scope] | None = None,
    sessions: type[Session] | sessionmaker[Any] = Session,
) -> None:
    """Send an event for each row of ``model`` that a session inserts, updates or deletes.

    The event is a part of the transaction: there is one if and only if the row is. It is called ``name`` and what was
    done, ``name.inserted``; without a name, ``db/`` and the table. Its data has the ``table``, the ``operation``, the
    primary ``key``, and of ``columns`` (attributes of the model, without which nothing leaves the table) the ``new``
    values, the ``old`` ones, or ``None``. An update is told of if one of ``columns`` changes. Events of
    one flush are in no particular order. ``scope`` says by the row
    whose event it is; without it, it is of the application's own tenant.

    ``sessions`` are those to listen to: all of SQLAlchemy's, a class of sessions, or a ``sessionmaker``. Their database
    has to be the one of ``wk``. Statements that update or delete rows without loading them are not seen.

    Raises ``InvalidInput`` for an operation or column that there is not; when a row is written, for a value that JSON
    has no form for, and what ``WorkflowKit.send`` raises.
    """
    mapper: Mapper[Any] = sa.inspect(model)
    _check(mapper, operations, columns)
    source = _Source(model, frozenset(operations), tuple(columns), name or f"db/{_table(mapper)}")
    if "update" in operations:
        for column in columns:
            # With a listener that wants it, SQLAlchemy loads the old value before a new one takes its place.
            sa.event.listen(getattr(model, column), "set", _ignore, active_history=True, propagate=True)

    def flushed(session: Session, _: UOWTransaction) -> None:
        for row, event in source.events(session):
            wk.send(event, session=session, scope=None if scope is None else scope(row))

    sa.event.listen(sessions, "after_flush", flushed)


@dataclass(frozen=True, slots=True)
class _Source:
    model: type[Any]
    operations: frozenset[str]
    columns: tuple[str, ...]
    name: str

    def events(self, session: Session) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Yield what a flush did to rows of the model, while its session knows the values of before."""
        for operation, rows in (("insert", session.new), ("update", session.dirty), ("delete", session.deleted)):
            for row in self._of_model(operation, rows):
                old, new = self._values(row)
                if operation == "update" and old == new:
                    continue
                yield (
                    row,
                    {
                        "name": f"{self.name}.{_DONE[operation]}",
                        "data": {
                            "table": _table(sa.inspect(row).mapper),
                            "operation": operation,
                            "key": _key(row),
                            "new": None if operation == "delete" else new,
                            "old": None if operation == "insert" else old,
                        },
                    },
                )

    def _of_model(self, operation: str, rows: Iterable[Any]) -> list[Any]:
        return [row for row in rows if operation in self.operations and isinstance(row, self.model)]

    def _values(self, row: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        old, new = {}, {}
        for column in self.columns:
            value = new[column] = _plain(getattr(row, column))
            before = sa.inspect(row).attrs[column].history.deleted
            old[column] = _plain(before[0]) if before else value
        return old, new


def _check(mapper: Mapper[Any], operations: Sequence[str], columns: Sequence[str]) -> None:
    problems = [
        Problem("/operations", "invalid-value", f"{operation!r} is none of {', '.join(_DONE)}")
        for operation in operations or ("",)
        if operation not in _DONE
    ]
    problems += [
        Problem("/columns", "invalid-value", f"{mapper.class_.__name__} has no column {column!r}")
        for column in columns
        if column not in mapper.column_attrs
    ]
    if problems:
        raise InvalidInput(problems)


def _key(row: Any) -> dict[str, Any]:
    mapper = sa.inspect(row).mapper
    attributes = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
    return {attribute: _plain(getattr(row, attribute)) for attribute in attributes}


def _table(mapper: Mapper[Any]) -> str:
    return str(getattr(mapper.local_table, "name", mapper.class_.__name__))


def _plain(value: Any) -> Any:
    """Return a column's value as JSON has it; what it has no form for is refused where the event is sent."""
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal | UUID) else value


def _ignore(*_: Any) -> None:
    """Listen to nothing: that somebody listens is all it takes."""
