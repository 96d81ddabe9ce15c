"""The one way to the database: engines for SQLite and PostgreSQL, named transactions, and the database's clock.

Every write goes through ``Database.transaction(name)``: one transaction, with a failpoint on either side of its commit.
SQLAlchemy makes, pools and resets the connections. Hot statements are text that goes straight to the driver
(``Transaction.rows``, ``one``, ``run``); cold paths use SQLAlchemy Core on ``Transaction.connection``. Statements name
their parameters ``:name``; ``Sql`` renders them once per driver.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from workflowkit.base import failpoints, forks, jsonvalue
from workflowkit.base.clock import Clock, SystemClock, monotonic_seconds
from workflowkit.base.errors import EngineInterrupt, StoreUnavailable
from workflowkit.base.sealing import Sealing
from workflowkit.store.forking import Gate

#: How long a statement may wait for SQLite's write lock, or for a PostgreSQL lock.
LOCK_TIMEOUT_MS = 15_000
STATEMENT_TIMEOUT_MS = 60_000
#: A worker that stops between two statements gives its locks back after this. Nothing but our own code runs there.
IDLE_IN_TRANSACTION_TIMEOUT_MS = 5_000
CONNECT_TIMEOUT_SECONDS = 5
TCP_USER_TIMEOUT_MS = 10_000
#: How long one reading of the PostgreSQL server's clock is carried forward by this machine's stopwatch.
CLOCK_SYNC_SECONDS = 1.0

_READ_ONLY = "workflowkit_read_only"
#: By whether it is PostgreSQL. SQLite's writers take the lock at once: one that reads first and writes later could not
#: be retried.
_BEGIN = {True: "BEGIN", False: "BEGIN IMMEDIATE"}
_PARAMETER = re.compile(r"(?<![:\w]):(\w+)")
#: How many texts are remembered as PostgreSQL takes them: more than a process has that are executed often.
_KNOWN_TEXTS = 500
_PLACE = re.compile(r"%(?:%|s|\((\w+)\)s)")


#: Encrypts what is to be encrypted in a row that is about to be inserted.
SealRow = Callable[[Sealing, Sequence[Any]], tuple[Any, ...]]


class Sql:
    """One statement, written once with ``:name`` parameters, for both databases.

    ``{skip_locked}`` and ``{for_update}`` stand where PostgreSQL wants a locking clause; on SQLite, whose write
    transactions hold the only write lock from their first moment, they are empty. So do ``{keep}`` and
    ``{keep_skip_locked}``: the rows may be changed by others, but not deleted. ``{in_ids}`` compares with the list
    given as the parameter ``ids``, ``{each_id}`` is a table of that with the column ``id``.
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
        self.postgresql = _PARAMETER.sub(r"%(\1)s", postgresql)


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


@lru_cache(_KNOWN_TEXTS)
def _numbered(text: str) -> tuple[bytes, tuple[str, ...]]:
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


class Reading(Transaction):
    """A connection for queries, also by SQLAlchemy Core on ``connection``; each statement sees what is committed."""

    __slots__ = ("connection",)

    def __init__(
        self, connection: sa.Connection, clock: Callable[[], int], *, is_postgresql: bool, sealing: Sealing | None
    ) -> None:
        super().__init__(connection.exec_driver_sql, clock, is_postgresql=is_postgresql, sealing=sealing)
        self.connection = connection


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
            f"DELETE FROM {self._table} WHERE id IN "  # noqa: S608 - names from our own code
            f"(SELECT id FROM {self._table} WHERE id IN {ids} ORDER BY id FOR UPDATE)"
        )


class InsertInto(RowStatement):
    """A multi-row INSERT."""

    def __init__(self, table: str, columns: Sequence[str], *, seal: SealRow | None = None) -> None:
        super().__init__(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ", columns, "")  # noqa: S608
        self.seal = seal


class Database:
    """A database of Workflow Kit. Thread-safe; a forked child has connections of its own (``store.forking``)."""

    def __init__(
        self, engine: sa.Engine, clock: Clock | None = None, *, sealing: Sealing | None = None, gate: Gate | None = None
    ) -> None:
        self.engine = engine
        self._gate = gate or Gate(engine)
        self.sealing = sealing
        #: Told after each commit in which channels there is something new.
        self.on_change: Callable[[Iterable[str]], None] | None = None
        self.is_postgresql = engine.dialect.name == "postgresql"
        self.clock: Clock = clock or (_PostgresqlClock(engine) if self.is_postgresql else SystemClock())
        self._reader = engine.execution_options(**{_READ_ONLY: True})
        driver: Any = engine.dialect.loaded_dbapi
        #: Raised where a row is there already.
        self.integrity_error: type[Exception] = driver.IntegrityError
        #: PostgreSQL's cursor for statements with numbered parameters.
        self._raw_cursor: Callable[[Any], Any] | None = driver.RawCursor if self.is_postgresql else None
        self._unavailable: tuple[type[Exception], ...] = (
            sa.exc.TimeoutError,  # every connection of the pool is in use
            *(
                getattr(module, name)
                for module in (sa.exc, driver)
                # InternalError: the server ended the session, for being idle in a transaction for example.
                for name in ("OperationalError", "InterfaceError", "InternalError")
            ),
        )

    @classmethod
    def open(
        cls, url: str, clock: Clock | None = None, *, pool_size: int = 10, sealing: Sealing | None = None
    ) -> Database:
        """Open ``sqlite:///file.db`` or ``postgresql://…``; nothing is connected until first used.

        ``sealing`` is what values are encrypted with.
        """
        return cls(_create_engine(sa.make_url(url), pool_size), clock, sealing=sealing)

    def view(self, sealing: Sealing | None) -> Database:
        """Return the same database, whose values are opened by ``sealing``, or seen as they are stored."""
        return Database(self.engine, self.clock, sealing=sealing, gate=self._gate)

    def close(self) -> None:
        """Close all idle connections."""
        self.engine.dispose()

    @contextmanager
    def transaction(self, name: str) -> Iterator[Transaction]:
        """Open the write transaction ``name`` (one of ``failpoints.TRANSACTIONS``); commit it unless the block raises.

        Raises ``StoreUnavailable`` where the database cannot be reached. What the block raises comes out unchanged.
        """
        with self._driver() as driver:
            process = forks.generation
            driver.execute(_BEGIN[self.is_postgresql])
            try:
                tx = self._transaction(self._runner(driver))
                yield tx
                failpoints.reach(name + ".before_commit")
                if process != forks.generation:
                    raise StoreUnavailable("this transaction is the parent's: the process was forked in it")
                driver.execute("COMMIT")
            except BaseException:
                if process == forks.generation:
                    driver.rollback()
                raise
        failpoints.reach(name + ".after_commit")
        self._tell(tx)

    @contextmanager
    def statement(self, name: str) -> Iterator[Transaction]:
        """Open the write transaction ``name`` for exactly one writing statement, which PostgreSQL commits by itself.

        That saves the round trips of BEGIN and COMMIT. On PostgreSQL, reads before it do not hold until then.
        """
        if not self.is_postgresql:
            with self.transaction(name) as tx:
                yield tx
            return
        failpoints.reach(name + ".before_commit")
        with self._driver() as driver:
            tx = self._transaction(self._runner(driver))
            yield tx
        failpoints.reach(name + ".after_commit")
        self._tell(tx)

    def _tell(self, tx: Transaction) -> None:
        if tx.changed and self.on_change is not None:
            self.on_change(tx.changed)
        for follow in tx.followers:
            follow()

    @contextmanager
    def read(self) -> Iterator[Reading]:
        """Open a connection for queries. Raises ``StoreUnavailable``."""
        self.clock.now_ms()
        try:
            with self._gate, self._reader.connect() as connection:
                yield Reading(
                    connection, self.carried_ms, is_postgresql=self.is_postgresql, sealing=self.sealing
                )  # fmt: skip
        except self._unavailable as error:
            _raise_of_statement(error)
            raise _unavailable(error) from error

    def join(self, connection: sa.Connection) -> Transaction:
        """Return a view on a transaction that the caller opened and will end.

        Its statements go through SQLAlchemy, which must know that the transaction has begun.
        """
        self.clock.now_ms()
        return self._transaction(connection.exec_driver_sql)

    def _runner(self, driver: Any) -> Callable[..., Any]:
        """Return what executes text on a connection of a driver."""
        cursor = self._raw_cursor
        if cursor is None:
            execute: Callable[..., Any] = driver.execute
            return execute

        def run(text: str, parameters: Any = ()) -> Any:
            query, names = _numbered(text)
            values = [parameters[name] for name in names] if isinstance(parameters, dict) else parameters
            return cursor(driver).execute(query, values)

        return run

    def _transaction(self, run: Callable[..., Any]) -> Transaction:
        return Transaction(
            run, self.carried_ms, is_postgresql=self.is_postgresql, sealing=self.sealing,
            is_server_time=isinstance(self.clock, _PostgresqlClock),
        )  # fmt: skip

    def now_ms(self) -> int:
        """Return the database's time. May ask the server. Raises ``StoreUnavailable``."""
        return self.clock.now_ms()

    def carried_ms(self) -> int:
        """Return the time without asking the server: whoever holds a connection must not need another one."""
        return self.clock.carried_ms() if isinstance(self.clock, _PostgresqlClock) else self.clock.now_ms()

    @contextmanager
    def _driver(self) -> Iterator[Any]:
        """Lend a driver's connection from the pool. Raises ``StoreUnavailable`` where it turns out to be dead."""
        self.clock.now_ms()  # may ask the server, on a connection of its own: before this one is taken
        with self._gate:
            yield from self._lent()

    def _lent(self) -> Iterator[Any]:
        try:
            lent = self.engine.raw_connection()
        except self._unavailable as error:
            raise _unavailable(error) from error
        driver: Any = lent.driver_connection
        process = forks.generation
        try:
            yield driver
        except self._unavailable as error:
            _raise_of_statement(error)
            if getattr(driver, "closed", False):
                # The server is gone, and with it every connection of the pool: ask for new ones from now on.
                lent.invalidate()
                self.engine.dispose()
            raise _unavailable(error) from error
        except EngineInterrupt:
            lent.invalidate()  # torn out of the driver's own code: nobody knows what state it is in
            raise
        finally:
            if process == forks.generation:
                lent.close()
            else:
                forks.abandon(lent)


class _PostgresqlClock:
    """The server's clock, read once a second and carried forward by the local stopwatch in between.

    SAFETY: I14 — leases and due times compare one clock, whatever the machines' own clocks say.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine.execution_options(**{_READ_ONLY: True})
        self._lock = forks.lock()
        # The server's time and the stopwatch's reading at that moment: one value, so that no thread sees half of it.
        self._reading = (0, float("-inf"))

    def now_ms(self) -> int:
        if self._is_old():
            with self._lock:
                if self._is_old():
                    self._reading = self._read_server()
        return self.carried_ms()

    def carried_ms(self) -> int:
        """Return the last reading, carried forward however old it is."""
        base_ms, read_at = self._reading
        return base_ms + int((monotonic_seconds() - read_at) * 1000)

    def _is_old(self) -> bool:
        return monotonic_seconds() - self._reading[1] > CLOCK_SYNC_SECONDS

    def _read_server(self) -> tuple[int, float]:
        try:
            with self._engine.connect() as connection:
                row = connection.exec_driver_sql("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint").one()
        except (sa.exc.OperationalError, sa.exc.TimeoutError) as error:
            raise _unavailable(error) from error
        return int(row[0]), monotonic_seconds()


def _raise_of_statement(error: Exception) -> None:
    """Raise an error that is the statement's own, and would be each time.

    PostgreSQL's class 54, such as a text that is too long for an index; drivers count it among what may pass by itself.
    """
    found = getattr(error, "orig", error)
    if (getattr(found, "sqlstate", None) or "").startswith("54"):
        raise found


def _unavailable(error: Exception) -> StoreUnavailable:
    return StoreUnavailable("the database is not available", driver_message=str(error))


def _create_engine(url: sa.URL, pool_size: int) -> sa.Engine:
    is_sqlite = url.get_backend_name() == "sqlite"
    engine = _create_sqlite_engine(url, pool_size) if is_sqlite else _create_postgresql_engine(url, pool_size)

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # The drivers commit each statement by themselves unless BEGIN was said, by us.
        if not connection.get_execution_options().get(_READ_ONLY):
            connection.exec_driver_sql(_BEGIN[not is_sqlite])

    return engine


def _create_postgresql_engine(url: sa.URL, pool_size: int) -> sa.Engine:
    options = {
        "statement_timeout": STATEMENT_TIMEOUT_MS,
        "lock_timeout": LOCK_TIMEOUT_MS,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_TIMEOUT_MS,
        # To compile a statement takes longer than any of ours; where estimates are high the server would.
        "jit": "off",
    }
    return sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        isolation_level="AUTOCOMMIT",
        pool_size=pool_size,
        max_overflow=pool_size,
        # The connection used last has the statements prepared, and its server process is warm.
        pool_use_lifo=True,
        pool_recycle=1800,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "prepare_threshold": 1,
            "tcp_user_timeout": TCP_USER_TIMEOUT_MS,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
        },
    )


def _create_sqlite_engine(url: sa.URL, pool_size: int) -> sa.Engine:
    engine = sa.create_engine(
        url, pool_size=pool_size, max_overflow=pool_size, poolclass=sa.pool.QueuePool,
        connect_args={"timeout": LOCK_TIMEOUT_MS / 1000, "check_same_thread": False},
    )  # fmt: skip

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        # NORMAL survives a killed process; a power cut may lose the last commits (docs/guarantees.md).
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")

    return engine
