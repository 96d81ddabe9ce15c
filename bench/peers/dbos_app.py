"""DBOS on PostgreSQL: the workflows under measurement, and how a process launches."""

# DBOS is installed in its own environment only; where it is missing, its names have no types.
# mypy: disable-error-code="import-not-found, untyped-decorator, no-any-return"

import asyncio
import os
from typing import Any

from dbos import DBOS, DBOSConfig

QUEUE = "bench"
DATABASE_URL = os.environ["BENCH_DATABASE_URL"]


@DBOS.step()
def noop() -> int:
    return 1


@DBOS.step()
async def noop_async() -> int:
    return 1


@DBOS.workflow()
def three_steps() -> int:
    return noop() + noop() + noop()


@DBOS.workflow()
def sequence(steps: int) -> int:
    return sum(noop() for _ in range(steps))


@DBOS.workflow()
async def fan_out(width: int) -> int:
    outputs = await asyncio.gather(*[noop_async() for _ in range(width)])
    return sum(outputs)


@DBOS.workflow()
def handle_event(event: dict[str, Any]) -> int:
    return noop()


def launch(executor_id: str) -> None:
    """Start DBOS in this process with its default pools; runs its migrations the first time."""
    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": DATABASE_URL,
        "log_level": "ERROR",
        "application_version": "1",
        "executor_id": executor_id,
    }
    DBOS(config=config)
    DBOS.launch()
