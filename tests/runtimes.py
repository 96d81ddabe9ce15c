"""A whole runtime in one test thread: real repositories, a clock that moves when told, hints that a test delivers."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from workflowkit.base.clock import FakeClock
from workflowkit.base.netguard import NetworkPolicy
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.base.settings import Settings
from workflowkit.composition import Runtime
from workflowkit.engine.context import ActionConfig
from workflowkit.engine.extensions import Extensions
from workflowkit.registry import Registry, load_builtin_actions
from workflowkit.runtime.hints import StepHint
from workflowkit.runtime.matching import Matched
from workflowkit.runtime.position import Claim
from workflowkit.store.database import Database
from workflowkit.store.schema import metadata

NEVER_SECONDS = 86_400.0


class InlineDispatcher:
    """Keeps hints until the test delivers them; counts what a broker would have carried."""

    def __init__(self) -> None:
        self.waiting: deque[list[str] | list[StepHint]] = deque()
        self.message_count = 0

    def match(self, event_ids: Sequence[str]) -> None:
        self.waiting.append(list(event_ids))
        self.message_count += 1

    def execute(self, hints: Sequence[StepHint]) -> None:
        for hint in hints:
            self.waiting.append([hint])
            self.message_count += 1

    def queued(self, queue: str = "default") -> int:
        return 0


class Harness:
    """Drives one or several runtimes ("processes") over one database."""

    def __init__(
        self, database_url: str, registry: Registry, *, extensions: Extensions | None = None, **settings: Any
    ) -> None:
        self.clock = FakeClock()
        self.dispatcher = InlineDispatcher()
        self.registry = registry
        self.extensions = extensions or Extensions()
        # However slow the machine is, one thread goes on: nothing is handed on to others.
        patient = {"inline_seconds": NEVER_SECONDS, "spill_seconds": NEVER_SECONDS}
        self._settings = Settings(database_url=database_url, **{**patient, **settings})
        self.runtimes: list[Runtime] = []
        #: What else is done at the end.
        self.at_end = ExitStack()
        self.runtime = self.new_process()

    def new_process(self, *, extensions: Extensions | None = None, **settings: Any) -> Runtime:
        """Return a further runtime on the same database, clock and hints."""
        runtime = Runtime(
            replace(self._settings, **settings), self.registry, self.clock, self.dispatcher, jitter=lambda: 0.0,
            extensions=extensions or self.extensions,
        )  # fmt: skip
        self.runtimes.append(runtime)
        return runtime

    def close(self) -> None:
        with self.at_end:
            for runtime in self.runtimes:
                runtime.close()

    def permit(self, host: str) -> None:
        """Let actions reach a host, such as a server on this machine."""
        network = NetworkPolicy(allowed_hosts=frozenset({host}))
        self.runtime.worker.performer.config = ActionConfig(network=network)

    def deploy(self, document: dict[str, Any], workflow_id: str = "test", scope: Scope = DEFAULT_SCOPE) -> None:
        self.runtime.authoring.deploy(scope, workflow_id, document)

    def send(self, name: str, data: Any = None, *, scope: Scope = DEFAULT_SCOPE, **fields: Any) -> str:
        event = {"name": name, "data": data or {}, **fields}
        return self.runtime.intake.send(scope, [event])[0].id

    def deliver(self, runtime: Runtime | None = None) -> bool:
        """Deliver the oldest hint; tell whether there was one."""
        if not self.dispatcher.waiting:
            return False
        message = self.dispatcher.waiting.popleft()
        worker = (runtime or self.runtime).worker
        if message and isinstance(message[0], StepHint):
            worker.execute([hint for hint in message if isinstance(hint, StepHint)])
        else:
            worker.match([event_id for event_id in message if isinstance(event_id, str)])
        return True

    def match(self, runtime: Runtime | None = None) -> Matched:
        """Match the oldest hint's events as a worker would, but leave what it claimed alone."""
        event_ids = [event_id for event_id in self.dispatcher.waiting.popleft() if isinstance(event_id, str)]
        return (runtime or self.runtime).worker._matching.match(event_ids)

    def claim(self) -> Claim:
        """Match the oldest hint's events and return the claim on the first step of their run."""
        claim = self.match().claim
        assert claim is not None
        return claim

    def drain(self) -> None:
        """Deliver hints until there are none."""
        while self.deliver():
            pass

    def skip(self, seconds: float) -> None:
        """Let time pass, let the relay look, and deliver what it found."""
        self.clock.advance(seconds=seconds)
        self.runtime.relay.tick()
        self.drain()

    def rows(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        """Return what a query says, as dicts."""
        with self.runtime.database.read() as tx:
            return [dict(row) for row in tx.connection.execute(sa.text(sql), parameters).mappings()]

    def column(self, sql: str, **parameters: Any) -> list[Any]:
        """Return the first column of what a query says."""
        with self.runtime.database.read() as tx:
            return list(tx.connection.execute(sa.text(sql), parameters).scalars())

    def run(self) -> dict[str, Any]:
        """Return the only run's row."""
        (row,) = self.rows("SELECT * FROM runs")
        return row

    def journal(self, kind: str | None = None) -> list[tuple[str, str]]:
        """Return (kind, step) of all facts in order, or of one kind."""
        rows = self.rows("SELECT kind, step_key FROM journal ORDER BY run_id, revision, ordinal")
        return [(row["kind"], row["step_key"]) for row in rows if kind is None or row["kind"] == kind]

    def steps(self) -> dict[str, str]:
        """Return the status of each scheduled step."""
        return {row["step_key"]: row["status"] for row in self.rows("SELECT step_key, status FROM steps")}


def everything(harness: Harness) -> str:
    """Return all that is stored in the database, as one text."""
    harness.runtime.logs.flush()
    found = []
    with harness.runtime.database.read() as tx:
        for table in metadata.sorted_tables:
            found += [repr(tuple(row)) for row in tx.connection.execute(sa.select(table))]
    return "\n".join(found)


@contextmanager
def a_runtime(database_url: str, registry: Registry | None = None, **settings: Any) -> Iterator[Harness]:
    """Open a harness over a migrated database."""
    harness = Harness(database_url, registry or a_registry(), **settings)
    try:
        yield harness
    finally:
        harness.close()


def a_registry() -> Registry:
    """Return a registry with the built-in actions, ``noop`` (returns its input ``value``) and ``boom`` (raises)."""
    registry = Registry()
    load_builtin_actions(registry)

    @registry.action("noop")
    def noop(value: Any = None) -> Any:
        return value

    @registry.action("boom")
    def boom(message: str = "boom") -> None:
        raise RuntimeError(message)

    return registry


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Call all of them at the same moment; return what they returned or raised."""
    barrier, outcomes = threading.Barrier(len(calls)), []

    def run(call: Callable[[], Any]) -> None:
        barrier.wait(20)
        try:
            outcomes.append(call())
        except Exception as error:
            outcomes.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes


def rows_read(database: Database, sql: str, parameters: Mapping[str, Any] | Sequence[Any]) -> int:
    """Return how many rows of tables PostgreSQL reads for a statement, also in functions; it changes nothing."""
    read = "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables"
    with database.engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        before = connection.exec_driver_sql(read).scalar_one()
        connection.exec_driver_sql(sql, dict(parameters) if isinstance(parameters, Mapping) else tuple(parameters))
        found = connection.exec_driver_sql(read).scalar_one() - before
        connection.exec_driver_sql("ROLLBACK")
        return int(found)
