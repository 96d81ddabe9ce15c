"""Rows of a PostgreSQL database become events, whoever writes them: a trigger, a table, and what moves its rows.

For what SQLAlchemy does not see (``contrib.sqlalchemy``): other programs, statements by hand, other languages. The
trigger writes a row of the outbox in the transaction of the change; ``Outbox.move`` sends it as an event and deletes
it.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import sqlalchemy as sa

from workflowkit.base.errors import InvalidInput, LimitExceeded
from workflowkit.base.jsonvalue import loads_strict
from workflowkit.base.limits import MIB
from workflowkit.base.scope import Scope

_log = logging.getLogger("workflowkit.outbox")

#: The table that the triggers write, and the channel on which they say so.
OUTBOX = "workflowkit_outbox"
#: Most rows that are moved in one transaction.
MOVED_ROWS = 500
#: Of a row, before it is read; how large an event may be, ``send`` says.
_DATA_BYTES = 64 * MIB
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
_EVENT = re.compile(r"[A-Za-z0-9_/.-]{1,200}")

_TABLE = f"""
CREATE TABLE IF NOT EXISTS {OUTBOX} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL DEFAULT gen_random_uuid(),
    name text NOT NULL,
    data jsonb NOT NULL,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    refused text
);
"""
_TRIGGER = """
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
    old_values jsonb := CASE WHEN TG_OP <> 'INSERT' THEN jsonb_build_object({old}) END;
    new_values jsonb := CASE WHEN TG_OP <> 'DELETE' THEN jsonb_build_object({new}) END;
    key jsonb := CASE WHEN TG_OP = 'DELETE' THEN jsonb_build_object({old_key}) ELSE jsonb_build_object({new_key}) END;
BEGIN
    IF TG_OP = 'UPDATE' AND old_values IS NOT DISTINCT FROM new_values THEN
        RETURN NULL;
    END IF;
    INSERT INTO {outbox} (name, data) VALUES (
        '{name}.' || CASE TG_OP WHEN 'INSERT' THEN 'inserted' WHEN 'UPDATE' THEN 'updated' ELSE 'deleted' END,
        jsonb_build_object('table', TG_TABLE_NAME, 'operation', lower(TG_OP), 'key', key,
            'old', old_values, 'new', new_values)
    );
    PERFORM pg_notify('{outbox}', '');
    RETURN NULL;
END $body$;
DROP TRIGGER IF EXISTS {function} ON {table};
CREATE TRIGGER {function} AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}();
"""
_TAKE = sa.text(
    f"SELECT id, event_id, name, data ::text AS data FROM {OUTBOX} WHERE refused IS NULL "  # noqa: S608
    "ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED"
)
_REFUSE = sa.text(f"UPDATE {OUTBOX} SET refused = :message WHERE id = :id")  # noqa: S608
_DELETE = sa.text(f"DELETE FROM {OUTBOX} WHERE id = ANY(:ids)")  # noqa: S608


class Sender(Protocol):
    """What can send events: ``WorkflowKit``."""

    def send(
        self, events: Sequence[Mapping[str, Any]], *, session: sa.Connection | None, scope: Scope | None
    ) -> object:
        """Send events."""


def outbox_sql(table: str, *, key: Sequence[str], columns: Sequence[str], name: str | None = None) -> str:
    """Return the SQL that lets changes of ``table`` be written to the outbox: for a migration of the application.

    It may be run again. The events are called ``name.inserted``, ``name.updated`` and ``name.deleted``; without a name,
    ``db/`` and the table. Their data has ``table``, ``operation``, ``key``, ``old`` and ``new``; of the row only
    ``columns`` and those of the ``key`` leave it, and an update is told of if one of ``columns`` changes. Raises
    ``InvalidInput`` for names that are no plain identifiers.
    """
    name = f"db/{table}" if name is None else name
    for pointer, each in (("/table", table), *(("/columns", column) for column in (*key, *columns))):
        if not _NAME.fullmatch(each):
            raise InvalidInput.at(pointer, "invalid-name", f"{each!r} is no plain name of up to 40 characters")
    if not _EVENT.fullmatch(name):
        raise InvalidInput.at("/name", "invalid-name", f"{name!r} is no plain name of an event")
    return _TABLE + _TRIGGER.format(
        outbox=OUTBOX, table=f'"{table}"', function=f'"{OUTBOX}_{table}"', name=name,
        old=_values("OLD", columns), new=_values("NEW", columns),
        old_key=_values("OLD", key), new_key=_values("NEW", key),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outbox:
    """What moves the rows of an outbox. Any number of threads and processes may do so.

    ``engine`` is one for the database with the outbox. If it is that of ``wk`` too (``is_joined``), an event and the
    end of its row are one commit. Else the event comes first: if the process dies in between it is sent again under the
    same id, and does nothing the second time. ``scope`` says by the event whose it is; without it, it is of the
    application's own tenant.
    """

    wk: Sender
    engine: sa.Engine
    is_joined: bool = False
    scope: Callable[[Mapping[str, Any]], Scope] | None = field(default=None, repr=False)

    def move(self, *, limit: int = MOVED_ROWS) -> int:
        """Send the events of up to ``limit`` rows, in their order; return how many there were.

        Rows that others are moving are left to them. One that can be no event, being too large for example, stays with
        the reason in its column ``refused``, and holds up none. Raises ``StoreUnavailable``; the rows then stay.
        """
        with self.engine.begin() as connection:
            rows = connection.execute(_TAKE, {"limit": limit}).all()
            sent = [row.id for row in rows if self._is_sent(connection, row)]
            if sent:
                connection.execute(_DELETE, {"ids": sent})
        return len(rows)

    def _is_sent(self, connection: sa.Connection, row: sa.Row[Any]) -> bool:
        event = {"id": f"outbox/{row.event_id}", "name": row.name}
        try:
            # As text: a driver that reads JSON for us fails for all rows if one has a number of thousands of digits.
            event["data"] = loads_strict(row.data.encode(), max_bytes=_DATA_BYTES)
            scope = None if self.scope is None else self.scope(event)
            self.wk.send([event], session=connection if self.is_joined else None, scope=scope)
        except (InvalidInput, LimitExceeded) as error:
            _log.warning("row %s of the outbox can be no event: %s", row.id, error)
            connection.execute(_REFUSE, {"id": row.id, "message": str(error)})
            return False
        return True

    def follow(self, stopping: threading.Event, *, poll_seconds: float = 5.0) -> None:
        """Move rows as they come, until ``stopping`` is set: told by the triggers, and every ``poll_seconds`` anyway.

        Blocks its thread, and holds a connection for listening. ``stopping`` is looked at every second. Raises what
        ``move`` raises.
        """
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as listening:
            listening.exec_driver_sql(f"LISTEN {OUTBOX}")
            driver: Any = listening.connection.driver_connection
            left_seconds = 0.0
            while not stopping.is_set():
                if left_seconds <= 0 or any(driver.notifies(timeout=min(1.0, left_seconds), stop_after=1)):
                    while self.move() == MOVED_ROWS and not stopping.is_set():
                        pass
                    left_seconds = poll_seconds
                else:
                    left_seconds -= 1.0


def _values(row: str, columns: Sequence[str]) -> str:
    return ", ".join(f"'{column}', {row}.\"{column}\"" for column in columns)
