"""What fails beside all other tests is executed once more, alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import check

SOMETIMES = """
from pathlib import Path

def test_well():
    pass

def test_once():
    was_there = Path("seen").exists()
    Path("seen").touch()
    assert was_there

def test_never():
    assert Path("mended").exists()
"""


@pytest.fixture
def tests(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The paths of some tests in a place of their own."""
    monkeypatch.setenv("PYTHONPATH", str(check.ROOT))
    monkeypatch.setattr(check, "ROOT", tmp_path)
    (tmp_path / "test_sometimes.py").write_text(SOMETIMES)
    return ["test_sometimes.py"]


def _failed(paths: list[str]) -> tuple[bool, list[str]]:
    with check.Beside.tests("some", paths) as some:
        return some.has_passed(), some.failed


def test_those_that_failed_are_known_and_pass_alone_if_they_do(tests: list[str], tmp_path: Path) -> None:
    once, never = "test_sometimes.py::test_once", "test_sometimes.py::test_never"
    assert _failed(tests) == (False, [once, never])
    (tmp_path / "mended").touch()
    assert _failed([once, never]) == (True, [])


def test_where_more_than_tests_failed_none_is_named(tests: list[str], tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text("import nothing_of_that_name\n")
    assert _failed([*tests, "test_other.py"]) == (False, [])


@pytest.mark.parametrize(
    ("failed", "expected"),
    [
        ([], False),
        (["tests/store/test_a.py::test_b[c d]"], True),
        (["tests/store/test_a.py::test_b", "tests/crash/test_a.py::test_b"], False),
        (["tests/properties/test_a.py::test_b"], False),
        ([f"tests/store/test_a.py::test_{number}" for number in range(check.AGAIN_AT_MOST + 1)], False),
    ],
)
def test_few_and_none_of_those_that_look_for_what_is_rare(failed: list[str], expected: bool) -> None:
    assert check.may_be_starved(failed) is expected
