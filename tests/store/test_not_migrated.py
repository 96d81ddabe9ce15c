"""A database without tables, and one that cannot be reached: both are told in words that help."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from functions import Code, happen
from runtimes import everything
from sqlalchemy.orm import Session

from workflowkit import Settings, StepContext, WorkflowKit
from workflowkit.base.errors import StoreUnavailable
from workflowkit.base.jsonvalue import loads
from workflowkit.cli.root import cli
from workflowkit.store import database as database_module
from workflowkit.store import migrate
from workflowkit.store.database import Database
from workflowkit.store.outages import unavailable
from workflowkit.store.versions import NO_TABLES

EVENT = {"name": "test/happened", "data": {}}


HALFWAY = "0040"
HALF_MIGRATED = f"at {HALFWAY}, needs {migrate.head_revision()}: run `workflowkit migrate`"


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/bare.db"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


def test_what_needs_tables_says_that_they_are_missing(bare_url: str) -> None:
    wk = WorkflowKit("test", settings=Settings(database_url=bare_url))
    engine = sa.create_engine(bare_url.replace("postgresql://", "postgresql+psycopg://"))
    for write in (lambda: wk.send(EVENT), lambda: wk.send({**EVENT, "id": "1"}), lambda: wk.invoke("f", {})):
        with pytest.raises(StoreUnavailable) as caught:
            write()
        assert str(caught.value) == caught.value.message == NO_TABLES
    with Session(engine) as session, pytest.raises(StoreUnavailable, match="workflowkit migrate"):
        wk.send(EVENT, session=session)
    engine.dispose()
    wk.stop()


def test_the_command_line_says_so_too(bare_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", bare_url)
    if bare_url.startswith("sqlite"):
        Path(bare_url.removeprefix("sqlite:///")).touch()
    result = CliRunner().invoke(cli, ["send", "test/happened"])
    assert result.exit_code == 1
    assert result.stderr.strip() == f"error: {NO_TABLES}"


def test_a_half_migrated_database_takes_nothing_and_says_so(
    bare_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    migrate.upgrade(bare_url, HALFWAY)
    wk = WorkflowKit("test", settings=Settings(database_url=bare_url))
    engine = sa.create_engine(bare_url.replace("postgresql://", "postgresql+psycopg://"))
    for write in (lambda: wk.send(EVENT), lambda: wk.send({**EVENT, "id": "1"}), lambda: wk.invoke("f", {})):
        with pytest.raises(StoreUnavailable) as caught:
            write()
        assert str(caught.value) == HALF_MIGRATED
    with Session(engine) as session, pytest.raises(StoreUnavailable, match="workflowkit migrate"):
        wk.send(EVENT, session=session)
    engine.dispose()
    http = wk.api(dev_mode=True).test_client()
    assert http.post("/e/anything", json=EVENT).status_code == 503
    assert HALF_MIGRATED in caplog.text
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", bare_url)
    told = CliRunner().invoke(cli, ["send", "test/happened"])
    assert (told.exit_code, told.stderr.strip()) == (1, f"error: {HALF_MIGRATED}")
    # It is there at once for what was running all the time.
    migrate.upgrade(bare_url)
    assert http.post("/e/anything", json=EVENT).status_code == 200
    assert wk.send(EVENT)
    wk.stop()


def test_a_query_that_fails_on_a_half_migrated_database_says_so(bare_url: str) -> None:
    migrate.upgrade(bare_url, HALFWAY)
    wk = WorkflowKit("test", settings=Settings(database_url=bare_url))
    with wk.runtime.database.read() as tx:
        tx.connection.execute(sa.text("SELECT id FROM runs"))
    with pytest.raises(StoreUnavailable, match=HALF_MIGRATED), wk.runtime.database.read() as tx:
        tx.connection.execute(sa.text("SELECT rerun_by FROM runs"))
    wk.stop()


def test_a_page_of_a_half_migrated_database_says_so(bare_url: str, caplog: pytest.LogCaptureFixture) -> None:
    migrate.upgrade(bare_url, HALFWAY)
    wk = WorkflowKit("test", settings=Settings(database_url=bare_url))
    http = wk.api(dev_mode=True).test_client()
    assert http.get("/api/runs").status_code == 503
    assert HALF_MIGRATED in caplog.text
    migrate.upgrade(bare_url)
    assert http.get("/api/runs").status_code == 200
    wk.stop()


def test_which_tables_there_are_is_asked_once(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[sa.Connection] = []
    monkeypatch.setattr(database_module, "unfit", asked.append)
    wk = WorkflowKit("test", settings=Settings(database_url=sqlite_url))
    for number in range(3):
        wk.send({**EVENT, "id": str(number)})
    assert len(asked) == 1
    wk.stop()


def test_why_the_database_is_away_is_told_and_no_password() -> None:
    wk = WorkflowKit("test", settings=Settings(database_url="postgresql://u:hidden@127.0.0.1:1/db"))
    with pytest.raises(StoreUnavailable) as caught:
        wk.send(EVENT)
    assert caught.value.message == "the database is not available"
    assert str(caught.value).startswith("the database is not available: connection ")
    assert "refused" in str(caught.value)
    assert "hidden" not in str(caught.value)
    wk.stop()


def test_who_sees_a_run_is_told_that_the_database_was_away_and_not_where_it_is(sqlite_url: str) -> None:
    away = WorkflowKit("away", settings=Settings(database_url="postgresql://u:hidden@127.0.0.1:1/db"))
    code = Code()

    @code.function(retries=0)
    def fn(ctx: StepContext) -> None:
        away.send(EVENT)

    with code.running(sqlite_url) as harness:
        happen(harness)
        error = loads(harness.run()["error"])
        assert (error["code"], error["message"]) == ("store-unavailable", "the database is not available")
        assert "127.0.0.1" not in everything(harness)
    away.stop()


@pytest.mark.parametrize("said", ["cannot use postgresql://u:hidden@h/db", "no: host=h password=hidden user=u"])
def test_a_password_that_a_driver_repeats_is_left_out(said: str) -> None:
    told = str(unavailable(OSError(said)))
    assert "hidden" not in told
    assert "***" in told


def test_other_errors_of_statements_stay_what_they_are(empty_postgres_url: str) -> None:
    database = Database.open(empty_postgres_url)
    with pytest.raises(sa.exc.ProgrammingError), database.read() as tx:
        tx.connection.execute(sa.text("SELECT nothing"))
    database.close()
