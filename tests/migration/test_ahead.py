"""A process whose database a newer version has migrated further."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from workflowkit import Settings, WorkflowKit
from workflowkit.assets import asset_dir
from workflowkit.base.errors import Conflict
from workflowkit.cli.root import cli
from workflowkit.runtime.readiness import is_migrated
from workflowkit.store import migrate, versions
from workflowkit.store.database import Database

NEWER = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "{revision}", "{before}", None, None
{more}

def upgrade() -> None:
    op.add_column("runs", sa.Column("of_{revision}", sa.Text()))
"""
Newer = Callable[..., None]


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of this version."""
    sqlite = f"sqlite:///{tmp_path / 'shop.db'}"
    url = sqlite if request.param == "sqlite" else request.getfixturevalue("empty_postgres_url")
    migrate.upgrade(url)
    opened = Database.open(url)
    yield opened
    opened.close()


def _url(database: Database) -> str:
    return database.engine.url.set(drivername=database.engine.dialect.name).render_as_string(hide_password=False)


@pytest.fixture
def newer(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Newer:
    """Migrate as a newer version, which has one migration more."""
    folder = tmp_path / "migrations"
    shutil.copytree(asset_dir("migrations"), folder)
    added = [migrate.head_revision()]

    def upgrade(name: str, more: str = "") -> None:
        revision = name.partition("_")[0]
        text = NEWER.format(revision=revision, before=added[-1], more=more)
        (folder / "versions" / f"{name}.py").write_text(text)
        added.append(revision)
        with monkeypatch.context() as patch:
            for module in (migrate, versions):
                patch.setattr(module, "asset_dir", lambda _: folder)
            migrate.upgrade(_url(database))
            assert migrate.trouble(database) is None

    return upgrade


def _ready(database: Database) -> tuple[int, str]:
    wk = WorkflowKit("shop", settings=Settings(database_url=_url(database)))
    answer = wk.api().test_client().get("/api/health/ready")
    wk.stop()
    return answer.status_code, answer.get_json().get("code", "")


def test_migrations_of_the_kind_pre_leave_older_processes_ready(
    database: Database, newer: Newer, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer("9001_pre_more")
    assert migrate.current_revision(database) == "9001"
    assert is_migrated(database)
    assert _ready(database) == (200, "")
    migrate.upgrade(_url(database))
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", _url(database))
    for arguments in (["migrate"], ["migrate", "--check"]):
        told = CliRunner().invoke(cli, arguments)
        assert (told.exit_code, "by a newer version" in told.output) == (0, True)
    wk = WorkflowKit("shop", settings=Settings(database_url=_url(database)))
    assert wk.send({"name": "shop/hello", "data": {}})
    wk.stop()


def test_a_migration_of_the_kind_post_ends_code_that_is_older_than_it_says(
    database: Database, newer: Newer, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = migrate.head_revision()
    newer("9001_post_fits_us", f'oldest_code = "{head}"')
    newer("9002_pre_more")
    assert _ready(database) == (200, "")
    newer("9003_post_less", 'oldest_code = "9002"')
    newer("9004_post_other", f'oldest_code = "{head}"')
    assert not is_migrated(database)
    trouble = f"at 9004, made for versions from 9002 on, and this one is of {head}: run a newer version"
    assert migrate.trouble(database) == trouble
    assert _ready(database) == (503, "outgrown")
    with pytest.raises(Conflict, match="made for versions from 9002 on"):
        migrate.upgrade(_url(database))
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", _url(database))
    told = CliRunner().invoke(cli, ["migrate", "--check"])
    assert (told.exit_code, told.output) == (1, f"for newer versions only: {trouble}\n")


def test_a_migration_of_the_kind_post_that_says_nothing_ends_all_older_code(database: Database, newer: Newer) -> None:
    newer("9001_post_less")
    assert _ready(database) == (503, "outgrown")
