"""Histories that Hypothesis makes up over the real repositories: faults, databases without a row, and no chance."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from workflowkit.base import failpoints, ids
from workflowkit.base.errors import EngineInterrupt


class Died(EngineInterrupt):
    """Stands for SIGKILL: nothing in the process reacts to it, and no handler's code can catch it."""


@contextmanager
def failing(name: str, error: BaseException, *, nth: int = 1, once: bool = True) -> Iterator[None]:
    """Raise ``error`` at the failpoint ``name`` when it is reached for the ``nth`` time; then too unless ``once``."""
    reached_count = 0

    def strike(reached: str) -> None:
        nonlocal reached_count
        if reached != name:
            return
        reached_count += 1
        if reached_count == nth or (reached_count > nth and not once):
            raise error

    stop = failpoints.listen(strike)
    try:
        yield
    finally:
        stop()


@contextmanager
def meanwhile(name: str, happen: Callable[[], None], *, nth: int = 1) -> Iterator[None]:
    """Let something happen at the failpoint ``name``, once, when it is reached for the ``nth`` time."""
    reached_count = 0

    def look(reached: str) -> None:
        nonlocal reached_count
        if reached == name:
            reached_count += 1
            if reached_count == nth:
                happen()

    stop = failpoints.listen(look)
    try:
        yield
    finally:
        stop()


class CountingOs:
    """Gives ids that grow in the order in which they were made."""

    count = 0

    @classmethod
    def urandom(cls, size_bytes: int) -> bytes:
        cls.count += 1
        return cls.count.to_bytes(size_bytes)


class HistoryMachine(RuleBasedStateMachine):
    """``open_database`` returns the URL of a migrated database without any row.

    Each history begins with the same ids: what depends on them, such as the order of branches, repeats with it.
    """

    open_database: Callable[[], str]

    def __init__(self) -> None:
        super().__init__()
        CountingOs.count = 0
        ids._count = itertools.count()


def check_histories(
    machine: type[HistoryMachine], open_database: Callable[[], str], *, examples: int, steps: int
) -> None:
    """Let a machine live through so many histories of so many steps."""
    run_state_machine_as_test(
        type("Machine", (machine,), {"open_database": staticmethod(open_database)}),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


def fresh_sqlite(migrated_url: str, directory: Path) -> Callable[[], str]:
    """Return what opens a copy of a migrated database."""

    def open_database() -> str:
        path = directory / "machine.db"
        for old in directory.glob("machine.db*"):
            old.unlink()
        shutil.copyfile(migrated_url.removeprefix("sqlite:///"), path)
        return f"sqlite:///{path}"

    return open_database


@contextmanager
def fresh_postgresql(migrated_url: str) -> Iterator[Callable[[], str]]:
    """Give what opens a migrated database after it was emptied."""
    engine = sa.create_engine(migrated_url.replace("postgresql://", "postgresql+psycopg://"))

    def open_database() -> str:
        with engine.begin() as connection:
            tables = sa.inspect(connection).get_table_names()
            names = ", ".join(f'"{name}"' for name in tables if name != "workflowkit_version")
            connection.execute(sa.text(f"TRUNCATE {names}"))
        return migrated_url

    try:
        yield open_database
    finally:
        engine.dispose()
