"""URLs of databases: which there are, and what they may say."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from workflowkit.base.errors import InvalidInput
from workflowkit.store import migrate
from workflowkit.store.database import Database


@pytest.mark.parametrize("url", ["mysql://root:secret@h/d", "mysql+pymysql://h/d", "oracle://h/d", "cockroachdb://h/d"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="must begin with postgresql:// or sqlite:///") as refused:
        Database.open(url)
    assert "secret" not in str(refused.value)
    with pytest.raises(InvalidInput):
        migrate.upgrade(url)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2"])
def test_all_ways_to_write_postgresql_are_one(scheme: str, postgres_url: str) -> None:
    database = Database.open(scheme + "://" + postgres_url.partition("://")[2])
    assert database.is_postgresql
    assert migrate.trouble(database) is None
    database.close()


def test_options_of_the_url_hold_beside_our_own(empty_postgres_url: str) -> None:
    database = Database.open(empty_postgres_url)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA own")
        connection.exec_driver_sql("CREATE TABLE users (id INTEGER PRIMARY KEY)")
    url = sa.make_url(empty_postgres_url).update_query_dict({"options": "-csearch_path=own -c statement_timeout=1"})
    text = url.render_as_string(hide_password=False)
    migrate.upgrade(text)
    within = Database.open(text)
    with within.read() as tx:
        assert tx.connection.exec_driver_sql("SHOW search_path").scalar() == "own"
        assert tx.connection.exec_driver_sql("SHOW statement_timeout").scalar() == "1min"
        assert sa.inspect(tx.connection).has_table("events", schema="own")
    within.close()
    assert sa.inspect(database.engine).get_table_names() == ["users"]
    database.close()
