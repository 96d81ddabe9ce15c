"""The lock files agree with pyproject.toml and with each other, and install only what their hashes name."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ("requirements-run.lock", "requirements-test.lock", "requirements-web.lock")
RENEW = "pyproject.toml and the lock files differ: run ./wk lock"


def entries(lock: str) -> Iterator[tuple[Requirement, str]]:
    """Yield each locked requirement with the lines that belong to it."""
    for block in re.split(r"^(?=\S)", (ROOT / lock).read_text(), flags=re.MULTILINE):
        if block.strip():
            yield Requirement(block.partition("\\")[0].strip()), block


def locked(lock: str) -> dict[str, set[str]]:
    versions: dict[str, set[str]] = {}
    for requirement, _ in entries(lock):
        (pin,) = requirement.specifier
        versions.setdefault(canonicalize_name(requirement.name), set()).add(pin.version)
    return versions


def wanted(lock: str) -> list[str]:
    groups = PROJECT["dependency-groups"]
    if "web" in lock:
        return list(groups["web"])
    extras = PROJECT["project"]["optional-dependencies"]
    wants = [*PROJECT["project"]["dependencies"], *extras["postgres"], *extras["connect"]]
    return [*wants, *groups["build"], *(groups["test"] if "test" in lock else [])]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_locked_to_versions_it_allows(lock: str) -> None:
    versions = locked(lock)
    for text in wanted(lock):
        requirement = Requirement(text)
        found = versions.get(canonicalize_name(requirement.name), set())
        assert found, f"{text} is not in {lock}. {RENEW}"
        assert all(requirement.specifier.contains(version) for version in found), f"{text}: {found}. {RENEW}"


def test_tests_run_with_the_versions_that_are_shipped() -> None:
    run, test = (locked(lock) for lock in LOCKS[:2])
    assert {name: test.get(name) for name in run} == run


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_hashes_and_no_address(lock: str) -> None:
    for requirement, block in entries(lock):
        assert "--hash=sha256:" in block, requirement
        assert requirement.url is None, requirement
    assert "://" not in (ROOT / lock).read_text()
