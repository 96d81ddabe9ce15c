"""Applications named on the command line, and what is said when they cannot be loaded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from workflowkit.cli.loading import load_app, load_settings

APP = """
from workflowkit import WorkflowKit
from neighbour import NAME

wk = WorkflowKit(NAME)
wk.action("own")(lambda: None)
other = 5

def make():
    return wk
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with an application, which is the current one; what is imported from it is forgotten again."""
    (tmp_path / "shop_app.py").write_text(APP)
    (tmp_path / "neighbour.py").write_text('NAME = "the shop"\n')
    monkeypatch.chdir(tmp_path)
    path, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@pytest.mark.parametrize(
    "name", ["shop_app:wk", "shop_app", "shop_app:make", "shop_app.py:wk", "shop_app.py", "./shop_app.py:make"]
)
def test_an_application_is_a_module_or_a_file_and_an_attribute(project: Path, name: str) -> None:
    wk = load_app(name)
    assert wk.app_id == "the shop"
    assert "own" in wk.registry


def test_a_directory_of_actions_will_do(project: Path) -> None:
    (project / "kinds").mkdir()
    (project / "kinds/greet.py").write_text(
        "from workflowkit import action\n\n@action('greet')\ndef greet() -> None: ...\n"
    )
    assert "greet" in load_app("kinds").registry


def test_without_a_name_there_are_the_built_in_actions() -> None:
    assert "builtin:if" in load_app(None).registry


def test_a_file_never_takes_the_place_of_a_module_that_is_loaded(project: Path) -> None:
    (project / "json.py").write_text("from workflowkit import WorkflowKit\nwk = WorkflowKit('mine')\n")
    before = sys.modules["json"]
    assert load_app("json.py:wk").app_id == "mine"
    assert sys.modules["json"] is before


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nowhere:wk", "nowhere:wk: ModuleNotFoundError: No module named 'nowhere'"),
        ("nowhere.py:wk", "there is no file nowhere.py"),
        ("shop_app:missing", "shop_app has no 'missing'"),
        ("shop_app:other", "shop_app:other is int, not a WorkflowKit"),
        ("bad_syntax.py", "bad_syntax.py:2: SyntaxError"),
        ("bad_import.py", "bad_import.py:2: ZeroDivisionError: division by zero"),
        ("bad_action.py", "bad_action.py:4: "),
    ],
)
def test_what_is_wrong_with_an_application_is_told_with_its_place(project: Path, name: str, told: str) -> None:
    (project / "bad_syntax.py").write_text("x = 1\ndef\n")
    (project / "bad_import.py").write_text("x = 1\ny = x / 0\n")
    (project / "bad_action.py").write_text(
        "from workflowkit import WorkflowKit\nwk = WorkflowKit()\n\n@wk.action('a', retries=-1)\ndef a(): ...\n"
    )
    with pytest.raises(click.ClickException) as caught:
        load_app(name)
    assert told in caught.value.message
    assert caught.value.exit_code == 2


def test_a_malformed_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKFLOWKIT_LEASE_SECONDS", "soon")
    with pytest.raises(click.ClickException, match="WORKFLOWKIT_LEASE_SECONDS"):
        load_settings()
    with pytest.raises(click.ClickException, match="WORKFLOWKIT_LEASE_SECONDS"):
        load_app(None)
