"""The one way to the database: named transactions and queries, on the connections of one engine.

Every write goes through ``Database.transaction(name)``: one transaction, with a failpoint on either side of its commit.
SQLAlchemy makes, pools and resets the connections. Hot statements are text that goes straight to the driver
(``Transaction.rows``, ``one``, ``run``); cold paths use SQLAlchemy Core on ``Reading.connection``.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import sqlalchemy as sa

from workflowkit.base import failpoints, forks
from workflowkit.base.clock import Clock, SystemClock
from workflowkit.base.errors import EngineInterrupt, StoreUnavailable
from workflowkit.base.sealing import Sealing
from workflowkit.store.engines import BEGIN, READ_ONLY, create_engine
from workflowkit.store.forking import Gate
from workflowkit.store.outages import raise_of_statement, unavailable
from workflowkit.store.serverclock import ServerClock
from workflowkit.store.statements import numbered
from workflowkit.store.transactions import Reading, Transaction
from workflowkit.store.versions import unfit

_OF_TABLES = {True: ("ProgrammingError",), False: ()}


class Database:
    """A database of Workflow Kit. Thread-safe; a forked child has connections of its own (``store.forking``)."""

    def __init__(
        self,
        engine: sa.Engine,
        clock: Clock | None = None,
        *,
        sealing: Sealing | None = None,
        gate: Gate | None = None,
        schema: str | None = None,
        is_for_work: bool = False,
    ) -> None:
        self.engine = engine
        self._is_unsure = is_for_work
        self._gate = gate or Gate(engine)
        self.sealing = sealing
        #: Told after each commit in which channels there is something new.
        self.on_change: Callable[[Iterable[str]], None] | None = None
        #: The pools of the host's connections of which it is known that they are to this database (``store.joining``).
        self.joined: weakref.WeakSet[sa.Pool] = weakref.WeakSet()
        self.is_postgresql = engine.dialect.name == "postgresql"
        #: The schema of PostgreSQL in which our tables are, if it was said.
        self.schema = schema if self.is_postgresql else None
        self.clock: Clock = clock or (ServerClock(engine) if self.is_postgresql else SystemClock())
        self._reader = engine.execution_options(**{READ_ONLY: True})
        driver: Any = engine.dialect.loaded_dbapi
        #: Raised where a row is there already.
        self.integrity_error: type[Exception] = driver.IntegrityError
        #: PostgreSQL's cursor for statements with numbered parameters.
        self._raw_cursor: Callable[[Any], Any] | None = driver.RawCursor if self.is_postgresql else None
        self._failed_statement: type[Exception] = sa.exc.ProgrammingError if self.is_postgresql else StoreUnavailable
        self._unavailable: tuple[type[Exception], ...] = (
            sa.exc.TimeoutError,  # every connection of the pool is in use
            *(
                getattr(module, name)
                for module in (sa.exc, driver)
                # InternalError: the server ended the session, for being idle in a transaction for example.
                # ProgrammingError: PostgreSQL's word for a table that is not there (``outages.raise_of_statement``).
                for name in ("OperationalError", "InterfaceError", "InternalError", *_OF_TABLES[self.is_postgresql])
            ),
        )

    @classmethod
    def open(
        cls,
        url: str,
        clock: Clock | None = None,
        *,
        pool_size: int = 10,
        sealing: Sealing | None = None,
        schema: str | None = None,
        is_for_work: bool = False,
    ) -> Database:
        """Open ``sqlite:///file.db`` or ``postgresql://…``; nothing is connected until first used.

        ``sealing`` is what values are encrypted with. ``schema`` is where our tables are; SQLite has none. With
        ``is_for_work`` nothing is written before the tables are those that this version needs (``require_tables``).
        """
        engine = create_engine(sa.make_url(url), pool_size, schema)
        return cls(engine, clock, sealing=sealing, schema=schema, is_for_work=is_for_work)

    def view(self, sealing: Sealing | None) -> Database:
        """Return the same database, whose values are opened by ``sealing``, or seen as they are stored."""
        return Database(
            self.engine, self.clock, sealing=sealing, gate=self._gate, schema=self.schema, is_for_work=self._is_unsure
        )  # fmt: skip

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
            driver.execute(BEGIN[self.is_postgresql])
            try:
                tx = self._transaction(self._runner(driver))
                yield tx
                failpoints.reach(name + ".before_commit")
                if process != forks.generation:
                    raise StoreUnavailable("this transaction is the parent's: the process was forked in it")
                driver.execute("COMMIT")
            except BaseException:
                if process == forks.generation:
                    with suppress(*self._unavailable):  # a connection that is lost: what it said of that comes out
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

    def require_tables(self) -> None:
        """Raise ``StoreUnavailable`` unless the tables are those that this version can work with.

        Asked until they are, and never again: it costs a process some queries once, and later writes nothing.
        """
        if not self._is_unsure:
            return
        try:
            with self._look() as tx:
                reason = unfit(tx.connection)
        except StoreUnavailable:
            raise
        except Exception:
            reason = None  # a user who may not read this, perhaps: whoever does the work says what is wrong
        if reason is not None:
            raise StoreUnavailable(reason)
        self._is_unsure = False

    @contextmanager
    def read(self) -> Iterator[Reading]:
        """Open a connection for queries. Raises ``StoreUnavailable``."""
        try:
            with self._look() as tx:
                yield tx
        except self._failed_statement:
            self.require_tables()  # a column that is missing, perhaps
            raise

    @contextmanager
    def _look(self) -> Iterator[Reading]:
        self.clock.now_ms()
        try:
            with self._gate, self._reader.connect() as connection:
                yield Reading(
                    connection, self.carried_ms, is_postgresql=self.is_postgresql, sealing=self.sealing
                )  # fmt: skip
        except self._unavailable as error:
            raise_of_statement(error)
            raise unavailable(error) from error

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
            query, names = numbered(text)
            values = [parameters[name] for name in names] if isinstance(parameters, dict) else parameters
            return cursor(driver).execute(query, values)

        return run

    def _transaction(self, run: Callable[..., Any]) -> Transaction:
        return Transaction(
            run, self.carried_ms, is_postgresql=self.is_postgresql, sealing=self.sealing,
            is_server_time=isinstance(self.clock, ServerClock),
        )  # fmt: skip

    def now_ms(self) -> int:
        """Return the database's time. May ask the server. Raises ``StoreUnavailable``."""
        return self.clock.now_ms()

    def carried_ms(self) -> int:
        """Return the time without asking the server: whoever holds a connection must not need another one."""
        return self.clock.carried_ms() if isinstance(self.clock, ServerClock) else self.clock.now_ms()

    @contextmanager
    def _driver(self) -> Iterator[Any]:
        """Lend a driver's connection from the pool. Raises ``StoreUnavailable`` where it turns out to be dead."""
        self.require_tables()
        self.clock.now_ms()  # may ask the server, on a connection of its own: before this one is taken
        with self._gate:
            yield from self._lent()

    def _lent(self) -> Iterator[Any]:
        try:
            lent = self.engine.raw_connection()
        except self._unavailable as error:
            raise unavailable(error) from error
        driver: Any = lent.driver_connection
        process = forks.generation
        try:
            yield driver
        except self._unavailable as error:
            raise_of_statement(error)
            if getattr(driver, "closed", False):
                # The server is gone, and with it every connection of the pool: ask for new ones from now on.
                lent.invalidate()
                self.engine.dispose()
            raise unavailable(error) from error
        except EngineInterrupt:
            lent.invalidate()  # torn out of the driver's own code: nobody knows what state it is in
            raise
        finally:
            if process == forks.generation:
                lent.close()
            else:
                forks.abandon(lent)
