"""``send(..., session=...)``: sessions of all kinds, and what cannot be one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from runtimes import Harness, a_runtime
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from sqlalchemy.pool import StaticPool

from workflowkit import Settings, WorkflowKit
from workflowkit.base.errors import InvalidInput
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.facade.joined import send_joined

EVENT = {"name": "test/happened", "data": {}}


@pytest.fixture
def harness(database_url: str) -> Iterator[Harness]:
    with a_runtime(database_url) as made:
        yield made


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    """An engine of the host's own."""
    made = sa.create_engine(_url(database_url))
    yield made
    made.dispose()


def _url(url: str, driver: str = "psycopg") -> str:
    return url.replace("postgresql://", f"postgresql+{driver}://")


def _send(harness: Harness, session: Any) -> None:
    send_joined(harness.runtime.intake, session, DEFAULT_SCOPE, [EVENT])


def _events(harness: Harness) -> int:
    return len(harness.rows("SELECT id FROM events"))


def test_a_scoped_session_leaves_no_listeners_behind(harness: Harness, engine: sa.Engine) -> None:
    """Such as Flask-SQLAlchemy's ``db.session``: one session for each request, and a class for all of them."""
    sessions = scoped_session(sessionmaker(engine))
    for _ in range(5):
        _send(harness, sessions)
        sessions.commit()
        sessions.remove()
    assert _events(harness) == 5
    assert [*sessions().dispatch.after_commit] == []
    assert [*sessions().dispatch.after_rollback] == []


def test_a_commit_of_another_request_takes_no_hints_away(harness: Harness, engine: sa.Engine) -> None:
    sessions = scoped_session(sessionmaker(engine))
    _send(harness, sessions)

    def another_request() -> None:
        sessions.execute(sa.text("SELECT 1"))
        sessions.commit()
        sessions.remove()

    thread = threading.Thread(target=another_request)
    thread.start()
    thread.join(60)
    assert not harness.dispatcher.waiting
    sessions.commit()
    assert len(harness.dispatcher.waiting) == 1
    sessions.remove()


def test_two_applications_in_one_session_hint_their_own_events(harness: Harness, engine: sa.Engine) -> None:
    other = harness.new_process()
    hinted: list[str] = []
    other.intake.hint = lambda accepted: hinted.extend(each.id for each in accepted)  # type: ignore[method-assign]
    with Session(engine) as session:
        _send(harness, session)
        (theirs,) = send_joined(other.intake, session, DEFAULT_SCOPE, [EVENT])
        session.commit()
    assert hinted == [theirs.id]
    assert len(harness.dispatcher.waiting) == 1


@pytest.mark.parametrize("begin", [True, False])
def test_a_connection_that_commits_each_statement_is_refused(harness: Harness, engine: sa.Engine, begin: bool) -> None:
    autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
    with Session(autocommit) as session, pytest.raises(InvalidInput, match="AUTOCOMMIT"):
        _send(harness, session)
    with autocommit.connect() as connection:
        if begin:
            connection.begin()
        with pytest.raises(InvalidInput, match="AUTOCOMMIT"):
            _send(harness, connection)
        assert connection.in_transaction() is begin
    assert _events(harness) == 0


def test_what_makes_sessions_is_no_session(harness: Harness, engine: sa.Engine) -> None:
    for wrong in (engine, sessionmaker(engine), Session, "session", None):
        with pytest.raises(InvalidInput, match="must be a session or a connection of SQLAlchemy"):
            _send(harness, wrong)
    assert _events(harness) == 0


def test_a_session_to_another_kind_of_database_is_refused(postgres_url: str) -> None:
    engine = sa.create_engine("sqlite://")
    expected = pytest.raises(InvalidInput, match="it is one to sqlite, and the events are in postgresql")
    with a_runtime(postgres_url) as harness, Session(engine) as session, expected:
        _send(harness, session)
    engine.dispose()


def test_a_session_to_another_database_is_refused_each_time(harness: Harness, tmp_path: Path) -> None:
    if harness.runtime.database.is_postgresql:
        url = harness.runtime.database.engine.url.set(database="postgres", drivername="postgresql+psycopg")
    else:
        url = sa.make_url(f"sqlite:///{tmp_path}/other.db")
    engine = sa.create_engine(url, poolclass=StaticPool)
    with Session(engine) as session:
        for _ in range(2):
            with pytest.raises(InvalidInput, match="another database"):
                _send(harness, session)
    engine.dispose()


def test_another_schema_is_another_place(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        engine = sa.create_engine(_url(postgres_url), connect_args={"options": "-csearch_path=pg_catalog"})
        with Session(engine) as session, pytest.raises(InvalidInput, match="no table of ours"):
            _send(harness, session)
        engine.dispose()


def test_the_same_file_under_another_name_is_the_same(sqlite_url: str, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(sqlite_url.removeprefix("sqlite:///"))
    engine = sa.create_engine(f"sqlite:///{link}")
    with a_runtime(sqlite_url) as harness, Session(engine) as session:
        _send(harness, session)
        session.commit()
        assert _events(harness) == 1
    engine.dispose()


def test_async_sessions_send_where_they_may_wait(postgres_url: str) -> None:
    async def go(harness: Harness) -> None:
        engine = create_async_engine(_url(postgres_url))
        async with AsyncSession(engine) as session:
            with pytest.raises(InvalidInput, match="run_sync"):
                _send(harness, session)
            await session.run_sync(lambda own: _send(harness, own))
            assert not harness.dispatcher.waiting
            await session.commit()
        async with engine.connect() as connection:
            with pytest.raises(InvalidInput, match="run_sync"):
                _send(harness, connection)
        autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
        async with AsyncSession(autocommit) as session:
            with pytest.raises(InvalidInput, match="AUTOCOMMIT"):
                await session.run_sync(lambda own: _send(harness, own))
        await engine.dispose()

    with a_runtime(postgres_url) as harness:
        asyncio.run(go(harness))
        assert _events(harness) == 1
        assert len(harness.dispatcher.waiting) == 1


def test_other_drivers_are_refused(harness: Harness, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(engine.dialect), "driver", "pg8000")
    with Session(engine) as session, pytest.raises(InvalidInput, match="its driver is pg8000: connect with"):
        _send(harness, session)


def test_the_application_takes_a_scoped_session(sqlite_url: str) -> None:
    wk = WorkflowKit("test", settings=Settings(database_url=sqlite_url))
    engine = sa.create_engine(sqlite_url)
    sessions = scoped_session(sessionmaker(engine))
    wk.send(EVENT, session=sessions)
    sessions.rollback()
    wk.send(EVENT, session=sessions)
    sessions.commit()
    sessions.remove()
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM events")).scalar_one() == 1
    engine.dispose()
    wk.stop()
