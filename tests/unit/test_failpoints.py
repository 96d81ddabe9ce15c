"""Every commit has its failpoints, and they do what they say."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from workflowkit.base import failpoints

PACKAGE = Path(failpoints.__file__).parents[1]


def _transaction_names() -> set[str]:
    """Return the argument of every ``….transaction("name")`` and ``….statement("name")`` in the package."""
    names: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("transaction", "statement"):
                if path.name == "database.py":
                    continue
                (argument,) = node.args
                assert isinstance(argument, ast.Constant), f"{path}: a transaction needs a literal name"
                names.add(str(argument.value))
    return names


def test_the_list_of_transactions_is_that_of_the_code() -> None:
    assert _transaction_names() == set(failpoints.TRANSACTIONS)


def test_only_the_database_module_commits() -> None:
    users = [
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if any(word in path.read_text() for word in (".commit()", ".begin()", '"COMMIT"'))
    ]
    # The outbox is a table of the application, in a database that need not be ours. Joining begins what is the
    # application's to end.
    assert sorted(users) == ["contrib/outbox.py", "store/database.py", "store/joining.py", "store/migrate.py"]


def test_a_failpoint_acts_on_the_hit_it_was_told_and_only_there(tmp_path: Path) -> None:
    failpoints.arm(f"record.before_commit:raise:2:{tmp_path / 'hits'}")
    try:
        failpoints.reach("record.before_commit")
        failpoints.reach("claim.before_commit")
        with pytest.raises(failpoints.FailpointReached):
            failpoints.reach("record.before_commit")
        failpoints.reach("record.before_commit")
    finally:
        failpoints.arm("")


def test_an_unknown_failpoint_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown failpoint"):
        failpoints.arm("nowhere.before_commit:kill:1:/tmp/x")


@pytest.mark.parametrize(("action", "expected"), [("kill", -9)])
def test_a_process_dies_at_its_failpoint(tmp_path: Path, action: Any, expected: Any) -> None:
    code = "from workflowkit.base import failpoints; failpoints.reach('claim.after_commit'); print('alive')"
    environment = {"WORKFLOWKIT_FAILPOINT": f"claim.after_commit:{action}:1:{tmp_path / 'hits'}", "PATH": "/usr/bin"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False)
    assert done.returncode == expected
    assert done.stdout == b""
