"""A server that was restarted: what lay in the pool is gone, and nobody is told that the database is not available."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import psycopg
import pytest
import sqlalchemy as sa

from workflowkit.base.errors import StoreUnavailable
from workflowkit.store.database import Database
from workflowkit.store.statements import Sql
from workflowkit.store.transactions import Transaction

OPEN = 3
_MINE = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'stale'"


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    """A database of whose pool the server has closed all connections."""
    database = Database.open(f"{postgres_url}?application_name=stale")
    with ExitStack() as held:
        for _ in range(OPEN):
            held.enter_context(database.engine.connect())
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        mine = [pid for (pid,) in connection.execute(_MINE)]
        assert len(mine) == OPEN
        for pid in mine:
            assert connection.execute("SELECT pg_terminate_backend(%s, 20000)", [pid]).fetchone() == (True,)
    yield database
    database.close()


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda database: database.now_ms(), id="clock"),
        pytest.param(lambda database: _select(database), id="read"),
        pytest.param(lambda database: _write(database), id="write"),
    ],
)  # fmt: skip
def test_whoever_comes_first_after_a_restart_gets_a_new_connection(
    database: Database, use: Callable[[Database], object]
) -> None:
    use(database)


def test_all_of_them_are_left(database: Database) -> None:
    with ExitStack() as held:
        for _ in range(OPEN):
            connection = held.enter_context(database.engine.connect())
            assert connection.exec_driver_sql("SELECT 1").scalar() == 1


def test_what_the_server_said_when_it_ended_a_transaction_is_told(postgres_url: str) -> None:
    nothing: dict[str, str] = {}

    def in_an_ended(database: Database, then: Callable[[Transaction], object]) -> None:
        with database.transaction("test") as tx:
            ((mine,),) = tx.rows(Sql("SELECT pg_backend_pid()"))
            with psycopg.connect(postgres_url, autocommit=True) as connection:
                assert connection.execute("SELECT pg_terminate_backend(%s, 20000)", [mine]).fetchone() == (True,)
            then(tx)

    with closing(Database.open(postgres_url)) as database:
        with pytest.raises(StoreUnavailable, match="administrator command"):
            in_an_ended(database, lambda tx: tx.rows(Sql("SELECT 1")))
        with pytest.raises(KeyError, match="mine"):
            in_an_ended(database, lambda tx: nothing["mine"])
        _write(database)


def _select(database: Database) -> None:
    with database.read() as tx:
        assert tx.connection.execute(sa.text("SELECT 1")).scalar() == 1


def _write(database: Database) -> None:
    with database.transaction("test"):
        pass
